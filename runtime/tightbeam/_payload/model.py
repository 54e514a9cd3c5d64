"""The base class of generated payload models, and loading a payload from JSON.

Pydantic alone differs from JSON Schema in two places that a field's own declaration can't mend: an optional
field that is not nullable would load an explicit null, and ``Literal[1]`` takes ``true`` and ``1.0``. Both
are mended once, in the core schema, when a class is built; validation itself stays in Rust.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from tightbeam._payload.building import build_schema
from tightbeam._payload.texts import take_text
from tightbeam.errors import InvalidPayload, Issue

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from tightbeam._channels.refs import TopicRef
    from tightbeam._payload.compiled import CompiledTopic

__all__ = [
    "BY_NAME",
    "NOT_SCHEMA",
    "ExactTypes",
    "Payload",
    "core_nodes",
    "is_absent",
    "is_null_by_default",
    "load",
]

Data = TypeVar("Data")

NOT_SCHEMA = frozenset({"cls", "config", "default", "expected", "metadata", "ref", "serialization"})
"""Keys of core schema nodes below which there is no schema."""

BY_NAME = frozenset({"choices", "fields"})
"""Keys of core schema nodes whose value maps free names to schemas."""


class Payload(BaseModel):
    """Base class of generated payload models.

    Frozen and strict: a value of the wrong type is refused, not converted. Fields go by their Python name or
    by the name on the wire. An optional field that is None is absent and isn't sent, unless the schema allows
    null there.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,
        protected_namespaces=(),
    )

    if not TYPE_CHECKING:  # checkers are to see a frozen model, and no more

        def __setattr__(self, name: str, value: object) -> None:
            """Refused; Pydantic's own error shows the value, whatever the settings."""
            try:
                super().__setattr__(name, value)
            except ValidationError as error:
                refused = {"type": error.errors(include_input=False)[0]["type"], "loc": (name,)}
            else:
                return
            raise ValidationError.from_exception_data(type(self).__name__, [refused], hide_input=True)

        def __tightbeam_extras__(self, _context: object) -> None:
            """Count an extra that is called like a field as itself alone: the field wasn't set."""
            for name in (self.__pydantic_extra__ or {}).keys() & type(self).model_fields.keys():
                if self.__dict__[name] is None:
                    self.__pydantic_fields_set__.discard(name)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Defer the class's own build, but not what others build around it: FastAPI's would warn."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.model_config["defer_build"] = False

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Pydantic's own schema with nulls and literals as JSON Schema has them."""
        return build_schema(cls, source, handler, lambda schema: _exact(schema, handler, cls))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> dict[str, Any]:
        """Pydantic's own JSON Schema with bounds and optional properties as they are meant."""
        from tightbeam._payload.described import describe  # only for who asks

        schema = handler(core_schema)
        describe(handler.resolve_ref_schema(schema), cls.model_fields)
        return schema


class ExactTypes:
    """Annotation that does for any other payload type what `Payload` does for its fields."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """The annotated type's schema with literals compared by type and value."""
        return _exact(handler(source), handler)


def is_absent(value: object) -> bool:
    """Whether an optional, not nullable field is absent: its ``exclude_if``, by which null is refused."""
    return value is None


def core_nodes(
    schema: object, handler: GetCoreSchemaHandler | None = None, own: type[BaseModel] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield every node of a core schema.

    Args:
        schema: the core schema.
        handler: finds what is behind references; without it these aren't followed.
        own: the one class that is followed so; others have hooks of their own.
    """
    stack, seen = [schema], set[str]()
    while stack:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(node)
        elif isinstance(node, dict) and isinstance(kind := node.get("type"), str):
            if kind == "definition-ref" and handler is not None and node["schema_ref"] not in seen:
                seen.add(node["schema_ref"])
                # One that is still being built can't be resolved yet; its own hook sees it.
                with contextlib.suppress(LookupError):
                    found = handler.resolve_ref_schema(cast("CoreSchema", node))
                    if found["type"] != "model" or found["cls"] is own:
                        stack.append(found)
            yield node
            for key, value in node.items():
                if key in BY_NAME and isinstance(value, dict):
                    stack.extend(value.values())
                elif key not in NOT_SCHEMA:
                    stack.append(value)


def _exact(
    schema: CoreSchema, handler: GetCoreSchemaHandler, own: type[BaseModel] | None = None
) -> CoreSchema:
    for node in core_nodes(schema, handler, own):
        take_text(node)
        if node["type"] == "literal":
            _compare_by_type(node)
        elif node.get("serialization_exclude_if") is is_absent:
            _refuse_json_null(node)
        elif node["type"] == "model" and _confuses_extras(node):
            node.setdefault("post_init", "__tightbeam_extras__")
    return schema


def _confuses_extras(model: dict[str, Any]) -> bool:
    """Return whether an extra may be called like a field of which it counts that it was set."""
    fields = model["schema"].get("fields", {}) if issubclass(model["cls"], Payload) else {}
    return model["cls"].model_config.get("extra") == "allow" and any(
        is_null_by_default(field) and field.get("validation_alias", name) != name
        for name, field in fields.items()
    )


def is_null_by_default(field: dict[str, Any]) -> bool:
    """Return whether a field that may be null is null when it isn't set, by the core schema of the field."""
    inner = field["schema"]
    is_null = inner["type"] == "default" and inner.get("default", inner) is None
    return is_null and field.get("serialization_exclude_if") is not is_absent


def _refuse_json_null(field: dict[str, Any]) -> None:
    node = field["schema"]
    while node["type"] != "nullable":
        if "schema" not in node:
            return  # done already, or never null
        node = node["schema"]  # the default, and checks of the value
    python = dict(node)
    node.clear()
    node.update(type="json-or-python", json_schema=python["schema"], python_schema=python)


def _compare_by_type(node: dict[str, Any]) -> None:
    """Put a type check before each number in a literal: only in Python is ``True == 1 == 1.0``."""
    expected = node["expected"]
    numbers: dict[str, list[object]] = {}
    for value in expected:
        if isinstance(value, (bool, int)):
            numbers.setdefault("bool" if isinstance(value, bool) else "int", []).append(value)
    if not numbers or node.get("metadata", {}).get("exact"):
        return
    rest = [value for value in expected if not isinstance(value, (bool, int))]
    choices: list[dict[str, Any]] = [
        {
            "type": "chain",
            "steps": [
                {"type": kind, "strict": True},
                {"type": "literal", "expected": values, "metadata": {"exact": True}},
            ],
        }
        for kind, values in numbers.items()
    ]
    if rest:
        choices.append({"type": "literal", "expected": rest})
    node.clear()
    node.update(choices[0] if len(choices) == 1 else {"type": "union", "choices": choices})


def load(ref: TopicRef[..., str, Data], raw: bytes | str) -> Data:
    """Load JSON text as the topic's Python type: strictly, by wire names only.

    What doesn't fit is loaded once more with ``1.0`` for the integer that it is in JSON Schema, and then with
    undeclared properties passed over, which a publisher of another version may have added.

    Args:
        ref: the topic.
        raw: a message's data, or the memo of a publish.

    Raises:
        InvalidPayload: it isn't JSON, or doesn't fit the topic's type.
    """
    topic = ref.__topic__.compiled or _first_use(ref)
    try:
        validator = topic.branch_validator or topic.validator
        return cast("Data", validator.validate_json(raw, strict=True, by_alias=True, by_name=False))
    except ValidationError as error:
        return cast("Data", _load_otherwise(ref, topic, raw, error))


def _first_use(ref: TopicRef[..., str, Any]) -> CompiledTopic:
    from tightbeam._payload.compiled import compiled_topic  # not at import: generated modules import this one

    return compiled_topic(ref)


def _load_otherwise(
    ref: TopicRef[..., str, Any], topic: CompiledTopic, raw: bytes | str, error: ValidationError
) -> object:
    """Load what isn't exactly of the topic's type: from a publisher of another version, or from elsewhere."""
    from tightbeam._payload.tolerant import readings  # few messages need it

    texts: list[bytes | str] = [raw, *readings(topic.shape, raw)]
    # What fits the schema of no branch, which only data from elsewhere can, is the model that fits best.
    validators = [one for one in (topic.branch_validator, topic.validator) if one is not None]
    for validator in validators:
        for text in texts:
            try:
                return validator.validate_json(text, strict=True, by_alias=True, by_name=False)
            except ValidationError as failed:
                error = failed  # in the end the last reading's, with the fewest issues
    raise _not_loadable(ref, topic, texts[-1], error) from None


def _not_loadable(
    ref: TopicRef[..., str, Any], topic: CompiledTopic, text: bytes | str, error: ValidationError
) -> InvalidPayload:
    """Explain in a publisher's words; in Pydantic's codes only where the schema has no objection."""
    from tightbeam._payload.explain import breaks  # only on failure
    from tightbeam._payload.plain import pointer_token

    if (broken := breaks(ref, topic, text)) is not None:
        return broken
    declared = topic.bundle.places.declared_names
    details = error.errors(include_url=False, include_context=False, include_input=False)
    issues = [
        Issue(
            "".join(
                f"/{part if isinstance(part, int) else pointer_token(part) if part in declared else '*'}"
                for part in detail["loc"]
            ),
            f"can't be loaded as the topic's type ({detail['type']})",
        )
        for detail in details[:10]
    ]
    return InvalidPayload(ref.topic, issues, channel=ref.channel, more=max(0, len(details) - 10))
