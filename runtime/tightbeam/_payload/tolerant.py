"""Take undeclared properties, which a publisher of another version added, out of JSON that doesn't load.

The rest then loads as strictly as ever. Only properties that no class at that place declares are taken
out, so which class of a union a value becomes is decided by the same rules as before. An extra of an open
class is data and stays.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tightbeam._payload.core_schema import Node, alternatives, choices_of, definitions_of
from tightbeam._payload.unions.class_node import ClassNode

__all__ = ["Shape", "readings"]

_INTEGRAL = re.compile(rb"[0-9](?:[.][0-9]|[eE])")
"""Matches in every number that is written as a float; in most text it doesn't match."""


class _Class(NamedTuple):
    """A class as far as it matters here."""

    is_closed: bool
    """Whether undeclared properties are refused."""
    fields: Mapping[str, Node]
    """The nodes of the fields, by every name that they may go by."""


class Shape:
    """The declared properties of a type, by its core schema."""

    def __init__(self, core: object, *, by_name: bool = False) -> None:
        """Set the schema.

        Args:
            core: the core schema.
            by_name: whether fields may go by their Python names, too.
        """
        self._root: Any = core
        self._by_name = by_name
        self._definitions = definitions_of(core)
        self._classes: dict[int, _Class] = {}
        """The classes that were met so far, by the ids of their nodes."""

    def pruned(self, value: object, *, spare_open: bool) -> object:
        """Return the value without undeclared properties.

        Args:
            value: decoded JSON; it isn't changed.
            spare_open: keep properties that an open class beside a closed one may have taken.
        """
        return self._prune(value, [self._root], spare_open)

    def _prune(self, value: object, nodes: list[Node], spare_open: bool) -> object:
        if isinstance(value, dict):
            return self._prune_object(value, self._alternatives(nodes), spare_open)
        if isinstance(value, list):
            lists = [node["items_schema"] for node in self._alternatives(nodes) if _has_items(node)]
            return [self._prune(item, lists, spare_open) for item in value] if lists else value
        return value

    def _prune_object(self, value: dict[str, Any], nodes: list[Node], spare_open: bool) -> dict[str, Any]:
        classes = _tagged([self._class(node) for node in nodes if _has_fields(node)], value)
        maps = [node["values_schema"] for node in nodes if node["type"] == "dict" and "values_schema" in node]
        is_open = any(node["type"] in ("any", "dict") for node in nodes) or any(
            not each.is_closed for each in classes
        )
        if not classes and not maps:
            return value
        drops = any(each.is_closed for each in classes) and not (is_open and spare_open)
        kept: dict[str, Any] = {}
        for name, item in value.items():
            inner = [each.fields[name] for each in classes if name in each.fields]
            if inner or maps:
                kept[name] = self._prune(item, [*inner, *maps], spare_open)
            elif not drops:
                kept[name] = item
        return kept

    def _class(self, node: Node) -> _Class:
        if (known := self._classes.get(id(node))) is None:
            of_node = ClassNode(node, node)
            fields = of_node.names if self._by_name else of_node.wire_names
            inner = {name: field["schema"] for name, field in fields.items()}
            known = self._classes[id(node)] = _Class(of_node.is_closed, inner)
        return known

    def _alternatives(self, nodes: list[Node]) -> list[Node]:
        return list(alternatives(nodes, self._definitions, _has_fields))


def _has_fields(node: Node) -> bool:
    if node["type"] == "typed-dict":
        return True
    inner = node
    while inner["type"] in ("model", "function-after", "function-before", "function-wrap"):
        if not isinstance(inner := inner.get("schema", {"type": "any"}), dict):
            return False
    return bool(inner["type"] == "model-fields" and node["type"] == "model")


def _has_items(node: Node) -> bool:
    return node["type"] == "list" and "items_schema" in node


def _tagged(classes: list[_Class], value: dict[str, Any]) -> list[_Class]:
    """Return the classes that a tag leaves: a property that each of them pins to values of its own."""
    if len(classes) > 1:
        for name in classes[0].fields:
            pinned = [_literals(each.fields[name]) if name in each.fields else set() for each in classes]
            if all(pinned) and len(set[object]().union(*pinned)) == sum(map(len, pinned)) and name in value:
                tag = _typed(value[name])
                return [each for each, literals in zip(classes, pinned, strict=True) if tag in literals]
    return classes


def _typed(value: object) -> tuple[type, object]:
    """Make a value comparable by type too: in Python ``True == 1 == 1.0``."""
    return type(value), value if isinstance(value, (str, int, float)) else None


def _literals(node: Node) -> set[tuple[type, object]]:
    """Return the values that a field is pinned to; an empty set if it isn't pinned."""
    kind = node["type"]
    if kind == "literal":
        return {_typed(value) for value in node["expected"]}
    if kind == "chain":
        return _literals(node["steps"][-1])
    if kind == "union":
        each = [_literals(choice) for choice in choices_of(node) if choice["type"] != "missing-sentinel"]
        return set[tuple[type, object]]().union(*each) if all(each) else set()
    inner = node.get("json_schema") if kind == "json-or-python" else node.get("schema")
    return _literals(inner) if isinstance(inner, dict) and kind != "model" else set()


def readings(shape: Shape, raw: bytes | str) -> Iterator[str]:
    """Yield other readings of JSON that didn't load, the strictest first.

    JSON Schema counts ``1.0`` and ``1e300`` as integers, so such numbers become integers in each reading.
    Then undeclared properties are taken out: first those that are undeclared beyond doubt. Text that isn't
    JSON has no readings.

    Args:
        shape: the declared properties.
        raw: the JSON.
    """
    changed = False

    def number(text: str) -> float | int:
        nonlocal changed
        value = float(text)
        if math.isfinite(value) and value.is_integer():
            changed = True
            return int(value)
        return value

    encoded = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    try:
        value = json.loads(raw, parse_float=number if _INTEGRAL.search(encoded) else None)
        if changed:
            yield json.dumps(value)
        for spare_open in (True, False):
            pruned = shape.pruned(value, spare_open=spare_open)
            if pruned != value:
                yield json.dumps(pruned)
                value = pruned
    except (ValueError, RecursionError):
        return
