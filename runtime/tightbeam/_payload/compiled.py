"""Compile a topic: its validator, and what dumps, encodes and loads its payloads.

A topic is compiled at its first use. Each part is built only when something needs it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel

from tightbeam._forks import fork_safe_lock
from tightbeam._payload.building import deep_recursion, own_adapter
from tightbeam._payload.core_schema import Node, alternatives, definitions_of
from tightbeam._payload.dump import Dump, dump_of, has_typed_values, holds_plain_data, leaves_unset_out
from tightbeam._payload.encoders import Encoder, direct_encoder, dumping_encoder
from tightbeam._payload.exact import ExactTypes
from tightbeam._payload.schemas import Bundle, TopicSchema, bundle, outdated_topic

if TYPE_CHECKING:
    from pydantic_core import SchemaSerializer, SchemaValidator

    from tightbeam._payload.tolerant import Shape

__all__ = ["CompiledTopic", "compile_topic", "compiling"]

Kind: TypeAlias = Literal["topic", "event"]
compiling = fork_safe_lock()
"""Held while anything of a topic is built, so that it is built once."""


class CompiledTopic:
    """What it takes to publish and load the payloads of one topic, or of one event."""

    def __init__(
        self, payload_type: object, schema: TopicSchema, schemas: Bundle, kind: Kind = "topic"
    ) -> None:
        self.payload_type = payload_type
        self.kind: Kind = kind
        """What it is, for messages."""
        self.schema = schema
        self.bundle = schemas
        self.is_valid: Callable[[object], bool] = schemas.topic_validator(schema).is_valid
        self.may_hold_nonfinite: bool = schema.may_hold_nonfinite
        self.encoders: dict[type, Encoder] = {}
        """The encoders of the model classes that were published so far."""

    @functools.cached_property
    def model(self) -> type[BaseModel] | None:
        """The payload type when it is a model class."""
        kind = self.payload_type
        return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None

    @functools.cached_property
    def adapter(self) -> tuple[SchemaValidator, SchemaSerializer, Any]:
        """Validator, serializer and core schema of the payload type."""
        with compiling:
            if (model := self.model) is not None:
                model.model_rebuild()
                validator = model.__pydantic_validator__
                serializer, core = model.__pydantic_serializer__, model.__pydantic_core_schema__
                return cast("SchemaValidator", validator), serializer, core  # a plugin's has the same methods
            from pydantic import TypeAdapter  # not at import: it costs more than the rest of this module

            annotated: Any = Annotated
            with deep_recursion(), own_adapter():
                adapter: TypeAdapter[Any] = TypeAdapter(annotated[self.payload_type, ExactTypes])
            return cast("SchemaValidator", adapter.validator), adapter.serializer, adapter.core_schema

    @functools.cached_property
    def validator(self) -> SchemaValidator:
        """Loads JSON as the payload type."""
        from tightbeam._payload.unions.narrowing import MESSAGES, narrowed  # not needed to publish

        with compiling:
            return narrowed(self.adapter[2], MESSAGES) or self.adapter[0]

    @functools.cached_property
    def branch_validator(self) -> SchemaValidator | None:
        """Loads JSON, where only the schemas tell which class a value is; else None."""
        if not self.bundle.branches:
            return None
        from tightbeam._payload.unions.branches import branch_validator  # few payloads need it

        with compiling:
            return branch_validator(self.adapter[2], self.bundle)

    @functools.cached_property
    def shape(self) -> Shape:
        """The declared properties of the payload type."""
        from tightbeam._payload.tolerant import Shape  # few messages need it

        return Shape(self.adapter[2])

    @functools.cached_property
    def classes(self) -> tuple[type[BaseModel], ...]:
        """The model classes that a payload may be of."""
        if self.model is not None:
            return (self.model,)
        if self.payload_type is Any:
            return (BaseModel,)
        return tuple(dict.fromkeys(node["cls"] for node in self._alternatives() if _is_model(node)))

    @functools.cached_property
    def takes_maps(self) -> bool:
        """Whether a payload that is of no model class may be a dictionary: a map is one."""
        return self.model is None and any(node["type"] == "dict" for node in self._alternatives())

    def _alternatives(self) -> Iterator[Node]:
        core = self.adapter[2]
        return alternatives([core], definitions_of(core), _is_model, form="python_schema")

    @functools.cached_property
    def dump_typed(self) -> Dump | None:
        """Dumps payloads that aren't models but hold models or typed formats; else None.

        It raises what Pydantic raises for a value that isn't exactly of the payload type.
        """
        if self.model is not None or not has_typed_values(self.adapter[2]):
            return None
        # The serializer takes any model with the right fields; strict validation only one of the right class.
        from tightbeam._payload.unions.narrowing import PUBLISHED, narrowed

        validator, serializer, core = self.adapter
        validate, dump = (narrowed(core, PUBLISHED) or validator).validate_python, dump_of(serializer, core)
        return lambda data: dump(validate(data, strict=True))

    def dump_for(self, kind: type) -> Dump | None:
        """Return what dumps an instance of a class, and note the class's encoder for later publishes.

        Returns:
            The dump, or None if the topic takes no such instance, or takes it as it is.
        """
        if not issubclass(kind, BaseModel):
            return self.dump_typed
        if not issubclass(kind, self.classes):
            return None
        with compiling:
            kind.model_rebuild()
            serializer, core = kind.__pydantic_serializer__, cast("Node", kind.__pydantic_core_schema__)
            dump = dump_of(serializer, core)
            if holds_plain_data(core) and not leaves_unset_out(core):
                encoder = direct_encoder(serializer, self.is_valid, self.may_hold_nonfinite)
            else:
                encoder = dumping_encoder(dump, self.is_valid, self.may_hold_nonfinite)
            self.encoders[kind] = encoder
        return dump


def _is_model(node: Node) -> bool:
    return bool(node["type"] == "model")


def compile_topic(name: str, payload_type: object, module: str, *, kind: Kind = "topic") -> CompiledTopic:
    """Compile a topic, or an event.

    Args:
        name: of the topic, on the wire.
        payload_type: its Python type.
        module: absolute name of the generated module that holds its schema.
        kind: what it is.

    Raises:
        OutdatedBindings: the schema is missing or can't be compiled.
    """
    schemas = bundle(module)
    if (schema := schemas.topics.get(name)) is None:
        raise outdated_topic(module, name, kind)
    return CompiledTopic(payload_type, schema, schemas, kind)
