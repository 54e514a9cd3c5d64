"""Make Pydantic tell values apart as JSON Schema does: absent from null, and ``1`` from ``true`` and ``1.0``.

Pydantic alone differs in two places that a field's own declaration can't mend: an optional field that is not
nullable would load an explicit null, and ``Literal[1]`` takes ``true`` and ``1.0``. Both are mended once, in
the core schema, when a class is built. Validation itself stays in Rust.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from tightbeam._payload.core_schema import Node, nodes_of
from tightbeam._payload.texts import take_text

if TYPE_CHECKING:
    from pydantic import BaseModel, GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["ExactTypes", "is_absent", "is_null_by_default", "make_exact"]


class ExactTypes:
    """Annotation that does for any other payload type what `Payload` does for its fields."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Return the annotated type's schema, made exact."""
        return make_exact(handler(source), handler)


def is_absent(value: object) -> bool:
    """Return whether a value stands for "absent"; as ``exclude_if`` it marks fields that aren't nullable."""
    return value is None


def make_exact(
    schema: CoreSchema, handler: GetCoreSchemaHandler, own: type[BaseModel] | None = None
) -> CoreSchema:
    """Change a core schema in place, and return it.

    Args:
        schema: the core schema.
        handler: finds what is behind references.
        own: the one class that is followed by reference; others have hooks of their own.
    """

    def follow(node: Node) -> Node | None:
        # One that is still being built can't be resolved yet; its own hook sees it.
        with contextlib.suppress(LookupError):
            target: Any = handler.resolve_ref_schema(cast("CoreSchema", node))
            if target["type"] != "model" or target["cls"] is own:
                return cast("Node", target)
        return None

    for node in nodes_of(schema, follow):
        take_text(node)
        if node["type"] == "literal":
            _compare_by_type(node)
        elif node.get("serialization_exclude_if") is is_absent:
            _refuse_json_null(node)
        elif node["type"] == "model" and _confuses_extras(node):
            node.setdefault("post_init", "__tightbeam_extras__")
    return schema


def is_null_by_default(field: Node) -> bool:
    """Return whether a field that may be null is null when it isn't set, by the core schema of the field."""
    inner = field["schema"]
    is_null = inner["type"] == "default" and inner.get("default", inner) is None
    return is_null and field.get("serialization_exclude_if") is not is_absent


def _confuses_extras(model: Node) -> bool:
    """Return whether an extra may be called like a field of which it counts that it was set."""
    cls = model["cls"]
    fields = model["schema"].get("fields", {}) if hasattr(cls, "__tightbeam_extras__") else {}
    return cls.model_config.get("extra") == "allow" and any(
        is_null_by_default(field) and field.get("validation_alias", name) != name
        for name, field in fields.items()
    )


def _refuse_json_null(field: Node) -> None:
    node = field["schema"]
    while node["type"] != "nullable":
        if "schema" not in node:
            return  # done already, or never null
        node = node["schema"]  # the default, and checks of the value
    python = dict(node)
    node.clear()
    node.update(type="json-or-python", json_schema=python["schema"], python_schema=python)


def _compare_by_type(node: Node) -> None:
    """Put a type check before each number in a literal: only in Python is ``True == 1 == 1.0``."""
    expected = node["expected"]
    numbers: dict[str, list[object]] = {}
    for value in expected:
        if isinstance(value, (bool, int)):
            numbers.setdefault("bool" if isinstance(value, bool) else "int", []).append(value)
    if not numbers or node.get("metadata", {}).get("exact"):
        return
    rest = [value for value in expected if not isinstance(value, (bool, int))]
    choices: list[Node] = [
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
