"""Which branch of a union an object is loaded as, without loading what is nested in it.

For unions whose branches no tag tells apart. A branch is out where the object lacks a property that it
requires, has one that it forbids, or a value that its class refuses. Of several that are left, Pydantic's own
rule chooses: the one that sets most fields, then the first. What is nested counts for each of them alike
where they declare it alike; where they don't, all of them have to be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, to_json

from tightbeam._payload.core_schema import Node, build_validator, choices_of, nodes_of
from tightbeam._payload.unions.multiplied import OBJECTS

__all__ = ["ALL", "Chooser", "Class", "Literals", "Loading"]

Literals = frozenset[str | int]

ALL = "all"
"""The tag for trying every branch that there is."""

_OBJECT: Node = {"type": "typed-dict", "fields": {}, "extra_behavior": "ignore"}
"""Any object, taken as one exactly; `any` would count as taken for want of something better."""

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
    """How values come."""

    from_json: bool
    strict: bool | None = None
    by_alias: bool | None = None
    by_name: bool | None = None


@dataclass(eq=False)
class Class:
    """One branch of a union: a model, a typed dictionary or a dataclass."""

    node: Node
    """What stands in the union."""
    schema: Node
    """What is behind it, its fields included."""
    tests: list[Callable[[object], bool]] | None = None
    """What decides on a value apart from its fields; None for what can't be known."""

    @cached_property
    def fields(self) -> dict[str, Node]:
        """The fields, by Python name."""
        fields = _fields_node(self.schema)["fields"]
        if isinstance(fields, list):  # a dataclass's
            return {field["name"]: field for field in fields}
        return cast("dict[str, Node]", fields)

    @cached_property
    def names(self) -> dict[str, Node]:
        """The fields, by every name that they go by."""
        found: dict[str, Node] = {}
        for name, field in self.fields.items():
            for each in (name, field.get("validation_alias", name)):
                if isinstance(each, str):
                    found[each] = field
        return found

    @cached_property
    def has_paths(self) -> bool:
        """Whether a field goes by one of several names, or lies deeper."""
        return any(not isinstance(f.get("validation_alias", ""), str) for f in self.fields.values())

    @cached_property
    def is_closed(self) -> bool:
        """Whether undeclared properties are refused."""
        config: Mapping[str, object] = self.schema.get("config", {})
        behavior = _fields_node(self.schema).get("extra_behavior") or config.get("extra_fields_behavior")
        return behavior == "forbid" and not self.has_paths

    def is_required(self, name: str) -> bool:
        """Return whether a value has to have a field."""
        field = self.fields[name]
        if field["type"] == "typed-dict-field":
            return bool(field.get("required", _fields_node(self.schema).get("total", True)))
        return bool(field["schema"]["type"] != "default" and field.get("init", True))

    def pinned(self, name: str) -> Literals | None:
        """Return the texts or integers, one of which a field has to be; None if it may be anything else."""
        node = self.fields[name]["schema"]
        while node["type"] == "chain":
            node = node["steps"][-1]
        if node["type"] == "literal" and all(type(value) in (str, int) for value in node["expected"]):
            return frozenset(node["expected"])
        return None

    @cached_property
    def _conditions(self) -> list[tuple[str, str, bool, Literals | None]]:
        """Wire name and Python name of fields, whether they are required, and what they are pinned to."""
        return [
            (field.get("validation_alias", name), name, self.is_required(name), self.pinned(name))
            for name, field in self.fields.items()
            if isinstance(field.get("validation_alias", name), str)
        ]

    def may_be(self, value: dict[str, Any]) -> bool:
        """Return whether an object has all required properties and none that is forbidden."""
        if self.is_closed and not value.keys() <= self.names.keys():
            return False
        for wire, name, is_required, pinned in self._conditions:
            if wire not in value:
                if is_required and name not in value:
                    return False
            elif pinned is not None and not _is_among(value[wire], pinned):
                return False
        return True


def _is_among(value: object, pinned: Literals) -> bool:
    """Return whether a value may be one of those: numbers and enums are left to Pydantic."""
    if isinstance(value, (str, int)):
        return value in pinned
    return not isinstance(value, (dict, list, NoneType))


def _fields_node(node: Node) -> Node:
    return node if node["type"] == "typed-dict" else node["schema"]


class Chooser:
    """Chooses among the branches of one union."""

    def __init__(
        self, classes: list[Class], definitions: Mapping[str, Node], multiplied: set[int], loading: Loading
    ) -> None:
        """Note what the branches are.

        Args:
            classes: the branches.
            definitions: what references refer to.
            multiplied: ids of the nodes that are too costly to be loaded just to choose.
            loading: how values come.
        """
        self._classes = classes
        self._definitions = definitions
        self._multiplied = multiplied
        self._loading = loading
        self._form = "json_schema" if loading.from_json else "python_schema"
        self._validators: dict[tuple[int, ...], list[SchemaValidator]] = {}
        self._alike: dict[tuple[int, int, str], bool] = {}

    def choose(self, value: object) -> int | str | None:
        """Return the index of the branch, `ALL` if only trying tells, None if none is left."""
        if type(value) is not dict:
            return ALL  # each branch refuses it at once, or takes the instance as it is
        left = [i for i, one in enumerate(self._classes) if one.may_be(value)]
        if len(left) < 2:
            return left[0] if left else None
        if any(self._classes[i].schema["type"] == "dataclass" for i in left):
            return ALL
        shown = to_json(value) if self._loading.from_json else value
        if not self._are_alike(left, value):
            left = [i for i in left if self._best([i], shown) == {i}]
            if len(left) > 1 and not self._are_alike(left, value):
                return ALL
        return self._best_of(left, value, shown)

    def _best_of(self, left: list[int], value: object, shown: Any) -> int | str | None:
        while len(left) > 1:
            found = self._best(left, shown)
            best = found.pop()
            if found:
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
        """Return which of some branches Pydantic takes, and with what is nested taken less exactly."""
        indexes = tuple(left)
        if (validators := self._validators.get(indexes)) is None:
            if len(self._validators) >= _MAX_KNOWN + len(self._classes):
                self._validators.clear()
            ways = (True,) if len(indexes) == 1 else (True, False)
            validators = self._validators[indexes] = [self._validator(indexes, way) for way in ways]
        return {self._taken(validator, value) for validator in validators}

    def _taken(self, validator: SchemaValidator, value: Any) -> int | None:
        load = validator.validate_json if self._loading.from_json else validator.validate_python
        how = self._loading
        try:
            index: int = load(value, strict=how.strict, by_alias=how.by_alias, by_name=how.by_name)
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
        made = {key: value for key, value in own.items() if key not in ("post_init", "ref")}
        inner = dict(_fields_node(own))
        inner["fields"] = {
            name: {**field, "schema": self._shallow(field["schema"], is_exact)}
            for name, field in inner["fields"].items()
        }
        if isinstance(extras := inner.get("extras_schema"), dict):
            inner["extras_schema"] = self._shallow(extras, is_exact)
        made = {**made, "cls": _Stub, "schema": inner} if own["type"] == "model" else {**made, **inner}
        made.pop("ref", None)
        function = {"type": "no-info", "function": lambda _value: index}
        return {"type": "function-after", "function": function, "schema": made}

    def _shallow(self, node: Node, is_exact: bool, seen: frozenset[int] = frozenset()) -> Node:
        """Return a node in which what is too costly to load is any value of its JSON type, or any at all."""
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
        """Return whether branches declare alike what is too costly to load of a value."""
        if any(self._classes[i].has_paths for i in indexes):
            return False
        first, *others = indexes
        return all(self._is_alike(first, other, name) for name in value for other in others)

    def _is_alike(self, one: int, other: int, name: str) -> bool:
        key = (one, other, name)
        if (known := self._alike.get(key)) is None:
            nodes = [self._nested(self._classes[index], name) for index in (one, other)]
            known = nodes[0] == nodes[1]
            if name in self._classes[one].names or name in self._classes[other].names:
                self._alike[key] = known
        return known

    def _nested(self, one: Class, name: str) -> Node | None:
        """Return what a class says of a property, if that is too costly to load."""
        field = one.names.get(name)
        node = _fields_node(one.schema).get("extras_schema") if field is None else field["schema"]
        if not isinstance(node, dict) or id(node) not in self._multiplied:
            return None
        while node["type"] in _WRAPPERS or node["type"] == "json-or-python":
            node = node["schema" if node["type"] in _WRAPPERS else self._form]
        return node
