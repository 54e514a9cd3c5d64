"""One topic made ready for use: its validator, how its models are dumped, how its payloads are loaded.

Made at the topic's first use and kept on the topic; each part is built only when something needs it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import MISSING

from tightbeam._payload.building import deep_recursion
from tightbeam._payload.encoders import Encoder, encoder_by, encoder_of
from tightbeam._payload.model import ExactTypes, core_nodes, is_null_by_default
from tightbeam._payload.schemas import Bundle, TopicSchema, bundle, outdated_topic

if TYPE_CHECKING:
    from pydantic_core import SchemaSerializer, SchemaValidator

    from tightbeam._channels.refs import Topic, TopicRef
    from tightbeam._payload.tolerant import Shape

__all__ = ["CompiledTopic", "Dump", "compiled_topic", "dump_of", "leaves_unset_out"]

Dump = Callable[[Any], object]

_TYPED_NODES = frozenset({"date", "datetime", "lax-or-strict", "model", "uuid"})
"""Core schema nodes whose Python values aren't JSON's own (``lax-or-strict`` is an ``ipv4``)."""

_JSON_NODES = frozenset(
    {
        *("any", "bool", "chain", "default", "definition-ref", "definitions", "dict", "float"),
        *("function-after", "int", "json-or-python", "list", "literal", "missing-sentinel", "model"),
        *("model-field", "model-fields", "no-info", "none", "nullable", "str", "tagged-union", "union"),
    }
)
"""Core schema nodes whose Python values are JSON's own, or models of such."""

_WRAPPERS = {
    "default": "schema",
    "definitions": "schema",
    "nullable": "schema",
    "json-or-python": "python_schema",
}

_TYPED = frozenset({date, datetime, IPv4Address, UUID})
"""Their Python values."""

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child in which a thread that isn't there holds it would wait for ever
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class CompiledTopic:
    """What publishing and loading need of one topic."""

    def __init__(self, payload_type: object, schema: TopicSchema, schemas: Bundle) -> None:
        self.payload_type = payload_type
        self.schema = schema
        self.bundle = schemas
        self.is_valid: Callable[[object], bool] = schemas.topic_validator(schema).is_valid
        self.may_hold_nonfinite: bool = schema.may_hold_nonfinite
        self.encoders: dict[type, Encoder] = {}
        """How to encode instances of the classes that were published so far."""

    @functools.cached_property
    def model(self) -> type[BaseModel] | None:
        """The payload type when it is a model class."""
        kind = self.payload_type
        return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None

    @functools.cached_property
    def adapter(self) -> tuple[SchemaValidator, SchemaSerializer, Any]:
        """Validator, serializer and core schema of the payload type."""
        with _lock:
            if (model := self.model) is not None:
                model.model_rebuild()
                validator = model.__pydantic_validator__
                serializer, core = model.__pydantic_serializer__, model.__pydantic_core_schema__
                return cast("SchemaValidator", validator), serializer, core  # or a plugin's, called alike
            from pydantic import TypeAdapter  # not at import: it costs more than the rest of this module

            annotated: Any = Annotated
            with deep_recursion():
                adapter: TypeAdapter[Any] = TypeAdapter(annotated[self.payload_type, ExactTypes])
            return cast("SchemaValidator", adapter.validator), adapter.serializer, adapter.core_schema

    @functools.cached_property
    def validator(self) -> SchemaValidator:
        """Loads JSON as the payload type."""
        from tightbeam._payload.narrowing import (
            MESSAGES,
            narrowed,
        )  # not at import: who only sends needs none

        with _lock:
            return narrowed(self.adapter[2], MESSAGES) or self.adapter[0]

    @functools.cached_property
    def branch_validator(self) -> SchemaValidator | None:
        """Loads JSON likewise, where values tell by their schemas which class they are; else None."""
        if not self.bundle.branches:
            return None
        from tightbeam._payload.branches import branch_validator  # few payloads need it

        with _lock:
            return branch_validator(self.adapter[2], self.bundle)

    @functools.cached_property
    def shape(self) -> Shape:
        """The declared properties of the payload type."""
        from tightbeam._payload.tolerant import Shape  # few messages need it

        return Shape(self.adapter[2])

    @functools.cached_property
    def classes(self) -> tuple[type[BaseModel], ...]:
        """The models one of which the payload can be."""
        if self.model is not None:
            return (self.model,)
        if self.payload_type is Any:
            return (BaseModel,)
        core = self.adapter[2]
        definitions = {node["ref"]: node for node in core_nodes(core) if "ref" in node}
        found: list[type[BaseModel]] = []
        stack, seen = [core], set[int]()
        while stack:
            node = stack.pop(0)
            if id(node) in seen:
                continue
            seen.add(id(node))
            kind = node["type"]
            if kind == "model":
                found.append(node["cls"])
            elif kind == "definition-ref":
                stack.append(definitions[node["schema_ref"]])
            elif kind == "union":
                stack.extend(choice[0] if isinstance(choice, tuple) else choice for choice in node["choices"])
            elif kind == "tagged-union":
                stack.extend(node["choices"].values())
            elif kind in _WRAPPERS:
                stack.append(node[_WRAPPERS[kind]])
        return tuple(found)

    @functools.cached_property
    def dump_typed(self) -> Dump | None:
        """Dumps what `load` gives when it is no model but holds models or typed formats; else None.

        Raises for anything that isn't exactly of the payload type.
        """
        if self.model is not None or not any(
            node["type"] in _TYPED_NODES for node in core_nodes(self.adapter[2])
        ):
            return None
        # The serializer takes any model with the right fields; strict validation only one of the right class.
        from tightbeam._payload.narrowing import PUBLISHED, narrowed

        validator, serializer, core = self.adapter
        validate, dump = (narrowed(core, PUBLISHED) or validator).validate_python, dump_of(serializer, core)
        return lambda data: dump(validate(data, strict=True))

    def dump_for(self, kind: type) -> Dump | None:
        """How to dump an instance of this class, or None when the topic takes no such instance."""
        if not issubclass(kind, BaseModel):
            return self.dump_typed
        if not issubclass(kind, self.classes):
            return None
        with _lock:
            kind.model_rebuild()
            serializer, core = kind.__pydantic_serializer__, kind.__pydantic_core_schema__
            dump = dump_of(serializer, core)
            if _is_plain(core) and not leaves_unset_out(core):
                encoder = encoder_of(serializer, self.is_valid, self.may_hold_nonfinite)
            else:
                encoder = encoder_by(dump, self.is_valid, self.may_hold_nonfinite)
            self.encoders[kind] = encoder
        return dump


def dump_of(serializer: SchemaSerializer, core: object) -> Dump:
    """How to dump values of a type.

    Where everything is JSON's own already, nothing is converted, so that a value of a wrong type reaches the
    validator as it is. Elsewhere Pydantic converts, and complains of what it didn't expect; but where a type
    is open it expects everything, and would make null of NaN and text of bytes.
    """
    to_python, unset = serializer.to_python, leaves_unset_out(core)

    def as_is(data: object) -> object:  # functions, since a `partial` with keywords takes 0.2 µs more
        return to_python(data, mode="python", by_alias=True, exclude_unset=unset, warnings=False)

    def converted(data: object) -> object:
        return to_python(data, mode="json", by_alias=True, exclude_unset=unset, warnings="error")

    if _is_plain(core):
        return as_is
    if any(map(_is_open, core_nodes(core))):
        return lambda data: _only_typed(as_is(data), converted(data))
    return converted


def leaves_unset_out(core: object) -> bool:
    """Return whether a dump leaves out what wasn't set.

    That alone tells an absent property whose default is null from one that is null. A class of the user's own
    that adds a field with another default is dumped as a whole.
    """
    found = False
    for node in core_nodes(core):
        if node["type"] == "model-field" and (field := node["schema"])["type"] == "default":
            default = field.get("default", field)
            if default is not None and default is not MISSING:
                return False
            found = found or is_null_by_default(node)
    return found


def _is_plain(core: object) -> bool:
    """Whether everything is JSON's own already."""
    return all(node["type"] in _JSON_NODES for node in core_nodes(core))


def _is_open(node: dict[str, Any]) -> bool:
    config: Mapping[str, object] = node.get("config", {})
    return node["type"] == "any" or config.get("extra_fields_behavior") == "allow"


def _only_typed(value: Any, converted: Any) -> object:
    """A dump in which nothing was converted but values of the typed formats."""
    kind = type(value)
    if kind in _TYPED:
        return converted
    if kind is dict and isinstance(converted, dict) and value.keys() == converted.keys():
        return {key: _only_typed(item, converted[key]) for key, item in value.items()}
    if kind in (list, tuple) and isinstance(converted, list) and len(value) == len(converted):
        return [_only_typed(*pair) for pair in zip(value, converted, strict=True)]
    return value


def compiled_topic(ref: TopicRef[..., str, Any]) -> CompiledTopic:
    """The topic of a reference, made ready.

    Raises:
        OutdatedBindings: its schema is missing or can't be compiled.
    """
    return ref.__topic__.compiled or _compile(ref.__topic__, ref.__channel_class__.__tightbeam__.schemas)


def _compile(topic: Topic, module: str) -> CompiledTopic:
    with _lock:
        if topic.compiled is None:
            schemas = bundle(module)
            if (schema := schemas.topics.get(topic.name)) is None:
                raise outdated_topic(module, topic.name)
            topic.compiled = CompiledTopic(topic.payload_type, schema, schemas)
        return topic.compiled
