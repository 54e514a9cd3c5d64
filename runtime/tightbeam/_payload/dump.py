"""Turn what models hold into plain data, without converting what is JSON's own already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import MISSING

from tightbeam._payload.core_schema import Node, nodes_of
from tightbeam._payload.exact import is_null_by_default
from tightbeam._payload.formats import CORE_TYPES, TYPED_FORMATS

if TYPE_CHECKING:
    from pydantic_core import SchemaSerializer

__all__ = ["Dump", "dump_of", "has_typed_values", "holds_plain_data", "leaves_unset_out"]

Dump = Callable[[Any], object]
"""Makes plain data of a value. Raises what Pydantic raises."""

_PLAIN_TYPES = frozenset(
    {
        *("any", "bool", "chain", "default", "definition-ref", "definitions", "dict", "float"),
        *("function-after", "int", "json-or-python", "list", "literal", "missing-sentinel", "model"),
        *("model-field", "model-fields", "no-info", "none", "nullable", "str", "tagged-union", "union"),
    }
)
"""Types of core schema nodes whose Python values are JSON's own, or models of such."""

_TYPED_VALUES = frozenset(typed.python_type for typed in TYPED_FORMATS.values())


def dump_of(serializer: SchemaSerializer, core: Node) -> Dump:
    """Return a function that dumps values of a type.

    Where everything is JSON's own already, nothing is converted, so that a value of a wrong type reaches the
    JSON Schema validator as it is. Elsewhere Pydantic converts, and complains of what it didn't expect. But
    where a type is open it expects everything, and would make null of NaN and text of bytes.

    Args:
        serializer: Pydantic's, of the type.
        core: the core schema of the type.
    """
    to_python, unset = serializer.to_python, leaves_unset_out(core)

    def as_is(data: object) -> object:  # functions, since a `partial` with keywords takes 0.2 µs more
        return to_python(data, mode="python", by_alias=True, exclude_unset=unset, warnings=False)

    def converted(data: object) -> object:
        return to_python(data, mode="json", by_alias=True, exclude_unset=unset, warnings="error")

    if holds_plain_data(core):
        return as_is
    if any(map(_is_open, nodes_of(core))):
        return lambda data: _only_typed(as_is(data), converted(data))
    return converted


def leaves_unset_out(core: Node) -> bool:
    """Return whether a dump leaves out what wasn't set.

    That alone tells an absent property whose default is null from one that is null. A class of the user's own
    that adds a field with another default is dumped as a whole.
    """
    has_null_default = False
    for node in nodes_of(core):
        if node["type"] == "model-field" and (field := node["schema"])["type"] == "default":
            default = field.get("default", field)
            if default is not None and default is not MISSING:
                return False
            has_null_default = has_null_default or is_null_by_default(node)
    return has_null_default


def holds_plain_data(core: Node) -> bool:
    """Return whether all values of a type are JSON's own already."""
    return all(node["type"] in _PLAIN_TYPES for node in nodes_of(core))


def has_typed_values(core: Node) -> bool:
    """Return whether values of a type may be models or of a typed format."""
    return any(node["type"] == "model" or node["type"] in CORE_TYPES for node in nodes_of(core))


def _is_open(node: Node) -> bool:
    config: Mapping[str, object] = node.get("config", {})
    return node["type"] == "any" or config.get("extra_fields_behavior") == "allow"


def _only_typed(value: Any, converted: Any) -> object:
    """Return a dump in which nothing was converted but values of the typed formats."""
    kind = type(value)
    if kind in _TYPED_VALUES:
        return converted
    if kind is dict and isinstance(converted, dict) and value.keys() == converted.keys():
        return {key: _only_typed(item, converted[key]) for key, item in value.items()}
    if kind in (list, tuple) and isinstance(converted, list) and len(value) == len(converted):
        return [_only_typed(*pair) for pair in zip(value, converted, strict=True)]
    return value
