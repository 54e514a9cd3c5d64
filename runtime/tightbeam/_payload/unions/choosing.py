"""Choose the branch of a union that an object loads as, without loading what is nested in it.

This is for unions whose branches no tag tells apart. A branch is out where the object lacks a property that
it requires, has one that it forbids, or has a value that its class refuses. Of several that are left,
Pydantic's own rule chooses: the one that sets most fields, then the first. Nested values count alike for
branches that declare them alike. Where branches declare them differently, all have to be tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, to_json

from tightbeam._payload.core_schema import Node, build_validator, choices_of, nodes_of
from tightbeam._payload.unions.class_node import ClassNode, fields_node
from tightbeam._payload.unions.multiplied import OBJECTS

__all__ = ["ALL", "Chooser", "Loading"]

ALL = "all"
"""The answer that every branch has to be tried."""

_OBJECT: Node = {"type": "typed-dict", "fields": {}, "extra_behavior": "ignore"}
"""Takes any object as an exact fit, which `any` would not be."""

_EXACT: Node = {
    "type": "union",
    "choices": [
        _OBJECT,
        {"type": "list"},
        *({"type": kind} for kind in ("str", "int", "float", "bool", "none")),
    ],
}
_WRAPPERS = frozenset({"default", "missing-sentinel", "nullable"})
_MAX_KNOWN = 64


class _Stub(BaseModel):
    pass


@dataclass(frozen=True, slots=True)
class Loading:
    """The form in which values are loaded."""

    from_json: bool
    strict: bool | None = None
    by_alias: bool | None = None
    by_name: bool | None = None


class Chooser:
    """Chooses among the branches of one union."""

    def __init__(
        self,
        classes: list[ClassNode],
        definitions: Mapping[str, Node],
        multiplied: set[int],
        loading: Loading,
    ) -> None:
        """Set the union.

        Args:
            classes: its branches.
            definitions: the nodes that references refer to.
            multiplied: ids of the nodes that are too costly to be loaded just to choose.
            loading: the form of the values.
        """
        self._classes = classes
        self._definitions = definitions
        self._multiplied = multiplied
        self._loading = loading
        self._form = "json_schema" if loading.from_json else "python_schema"
        self._validators: dict[tuple[int, ...], list[SchemaValidator]] = {}
        self._alike: dict[tuple[int, int, str], bool] = {}

    def choose(self, value: object) -> int | str | None:
        """Choose the branch for a value.

        Returns:
            The branch's index, `ALL` if only trying tells, or None if no branch takes the value.
        """
        if type(value) is not dict:
            return ALL  # each branch refuses it at once, or takes the instance as it is
        left = [i for i, branch in enumerate(self._classes) if branch.may_be(value)]
        if len(left) < 2:
            return left[0] if left else None
        if any(self._classes[i].schema["type"] == "dataclass" for i in left):
            return ALL
        raw = to_json(value) if self._loading.from_json else value
        if not self._are_alike(left, value):
            left = [i for i in left if self._best([i], raw) == {i}]
            if len(left) > 1 and not self._are_alike(left, value):
                return ALL
        return self._best_of(left, value, raw)

    def _best_of(self, left: list[int], value: object, raw: Any) -> int | str | None:
        while len(left) > 1:
            candidates = self._best(left, raw)
            best = candidates.pop()
            if candidates:
                return ALL
            if best is None:
                return None
            if self._classes[best].tests is None:
                return ALL
            if self._passes(best, value):
                return best
            left = [i for i in left if self._passes(i, value)]
        return left[0] if left else None

    def _passes(self, index: int, value: object) -> bool:
        return all(test(value) for test in self._classes[index].tests or ())

    def _best(self, left: list[int], value: Any) -> set[int | None]:
        """Return which of some branches Pydantic takes, whether nested values fit exactly or not."""
        indexes = tuple(left)
        if (validators := self._validators.get(indexes)) is None:
            if len(self._validators) >= _MAX_KNOWN + len(self._classes):
                self._validators.clear()
            exactness = (True,) if len(indexes) == 1 else (True, False)
            validators = self._validators[indexes] = [self._validator(indexes, exact) for exact in exactness]
        return {self._taken(validator, value) for validator in validators}

    def _taken(self, validator: SchemaValidator, value: Any) -> int | None:
        form = self._loading
        load = validator.validate_json if form.from_json else validator.validate_python
        try:
            index: int = load(value, strict=form.strict, by_alias=form.by_alias, by_name=form.by_name)
        except (ValidationError, RecursionError):
            return None
        return index

    def _validator(self, indexes: tuple[int, ...], is_exact: bool) -> SchemaValidator:
        choices = [self._shallow_class(index, is_exact) for index in indexes]
        needed: dict[str, Node] = {}
        stack = list(choices)
        while stack:
            for node in nodes_of(stack.pop()):
                if node["type"] == "definition-ref" and node["schema_ref"] not in needed:
                    needed[node["schema_ref"]] = self._definitions[node["schema_ref"]]
                    stack.append(needed[node["schema_ref"]])
        schema: Any = choices[0] if len(choices) == 1 else {"type": "union", "choices": choices}
        if needed:
            schema = {"type": "definitions", "schema": schema, "definitions": list(needed.values())}
        return build_validator(schema)

    def _shallow_class(self, index: int, is_exact: bool) -> Node:
        own = self._classes[index].schema
        copied = {key: value for key, value in own.items() if key not in ("post_init", "ref")}
        inner = dict(fields_node(own))
        inner["fields"] = {
            name: {**field, "schema": self._shallow(field["schema"], is_exact)}
            for name, field in inner["fields"].items()
        }
        if isinstance(extras := inner.get("extras_schema"), dict):
            inner["extras_schema"] = self._shallow(extras, is_exact)
        shallow = {**copied, "cls": _Stub, "schema": inner} if own["type"] == "model" else {**copied, **inner}
        shallow.pop("ref", None)
        function = {"type": "no-info", "function": lambda _value: index}
        return {"type": "function-after", "function": function, "schema": shallow}

    def _shallow(self, node: Node, is_exact: bool, seen: frozenset[int] = frozenset()) -> Node:
        """Return a copy of a node in which costly nodes take any value of their JSON type, or any at all."""
        if id(node) not in self._multiplied:
            return node
        kind = node["type"]
        if id(node) in seen or (kind != "default" and not is_exact):
            return _EXACT if is_exact else {"type": "any"}
        inside = seen | {id(node)}
        if kind == "definition-ref":
            return self._shallow(self._definitions[node["schema_ref"]], is_exact, inside)
        if kind in OBJECTS:
            return _OBJECT
        without = {key: value for key, value in node.items() if key != "ref"}
        if kind == "union":
            choices = [self._shallow(choice, is_exact, inside) for choice in choices_of(node)]
            return {**without, "choices": list({id(choice): choice for choice in choices}.values())}
        if kind == "json-or-python":
            return self._shallow(node[self._form], is_exact, inside)
        for key in ("schema", "items_schema", "values_schema"):
            if (key != "schema" or kind in _WRAPPERS) and isinstance(node.get(key), dict):
                return {**without, key: self._shallow(node[key], is_exact, inside)}
        return _EXACT

    def _are_alike(self, indexes: list[int], value: dict[str, Any]) -> bool:
        """Return whether branches declare alike those properties of a value that are too costly to load."""
        if any(self._classes[i].has_paths for i in indexes):
            return False
        first, *others = indexes
        return all(self._is_alike(first, other, name) for name in value for other in others)

    def _is_alike(self, first: int, second: int, name: str) -> bool:
        key = (first, second, name)
        if (known := self._alike.get(key)) is None:
            nodes = [self._nested(self._classes[index], name) for index in (first, second)]
            known = nodes[0] == nodes[1]
            if name in self._classes[first].names or name in self._classes[second].names:
                self._alike[key] = known
        return known

    def _nested(self, branch: ClassNode, name: str) -> Node | None:
        """Return the node of a class's property, if it is too costly to load."""
        field = branch.names.get(name)
        node = fields_node(branch.schema).get("extras_schema") if field is None else field["schema"]
        if not isinstance(node, dict) or id(node) not in self._multiplied:
            return None
        while node["type"] in _WRAPPERS or node["type"] == "json-or-python":
            node = node["schema" if node["type"] in _WRAPPERS else self._form]
        return node
