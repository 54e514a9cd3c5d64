"""A class in one of Pydantic's core schemas: its fields, their names, and what a value of it must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, cast

from tightbeam._payload.core_schema import Node

__all__ = ["ClassNode", "Literals", "fields_node"]

Literals = frozenset[str | int]


@dataclass(eq=False)
class ClassNode:
    """A class in a core schema: a model, a typed dictionary or a dataclass."""

    node: Node
    """The node that stands for the class, such as a reference to it."""
    schema: Node
    """The class's own node."""
    tests: list[Callable[[object], bool]] | None = None
    """Functions that a value of the class must pass besides its fields; None if there are unknown ones."""

    @cached_property
    def fields(self) -> dict[str, Node]:
        """The fields, by Python name."""
        fields = fields_node(self.schema)["fields"]
        if isinstance(fields, list):  # a dataclass's
            return {field["name"]: field for field in fields}
        return cast("dict[str, Node]", fields)

    @cached_property
    def names(self) -> dict[str, Node]:
        """The fields, by every name that they go by."""
        return self.fields | self.wire_names

    @cached_property
    def wire_names(self) -> dict[str, Node]:
        """The fields, by their names in JSON, without those that have several or lie deeper."""
        wire = ((field.get("validation_alias", name), field) for name, field in self.fields.items())
        return {name: field for name, field in wire if isinstance(name, str)}

    @cached_property
    def has_paths(self) -> bool:
        """Whether a field has one of several names in JSON, or lies deeper."""
        return any(not isinstance(f.get("validation_alias", ""), str) for f in self.fields.values())

    @cached_property
    def is_closed(self) -> bool:
        """Whether undeclared properties are refused."""
        config: Mapping[str, object] = self.schema.get("config", {})
        behavior = fields_node(self.schema).get("extra_behavior") or config.get("extra_fields_behavior")
        return behavior == "forbid" and not self.has_paths

    def is_required(self, name: str) -> bool:
        """Return whether a value must have a field."""
        field = self.fields[name]
        if field["type"] == "typed-dict-field":
            return bool(field.get("required", fields_node(self.schema).get("total", True)))
        return bool(field["schema"]["type"] != "default" and field.get("init", True))

    def pinned(self, name: str) -> Literals | None:
        """Return the texts or integers that a field must be one of; None if it may be anything else."""
        node = self.fields[name]["schema"]
        while node["type"] == "chain":
            node = node["steps"][-1]
        if node["type"] == "literal" and all(type(value) in (str, int) for value in node["expected"]):
            return frozenset(node["expected"])
        return None

    @cached_property
    def _conditions(self) -> list[tuple[str, str, bool, Literals | None]]:
        """For each field its wire name, its Python name, whether it is required, and what it is pinned to."""
        return [
            (field.get("validation_alias", name), name, self.is_required(name), self.pinned(name))
            for name, field in self.fields.items()
            if isinstance(field.get("validation_alias", name), str)
        ]

    def may_be(self, value: dict[str, Any]) -> bool:
        """Return whether an object has all properties that are required, and none that is forbidden."""
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
    """Return whether a value may be one of some literals; numbers and enums are left to Pydantic."""
    if isinstance(value, (str, int)):
        return value in pinned
    return not isinstance(value, (dict, list, NoneType))


def fields_node(node: Node) -> Node:
    """Return the node that has a class's fields, which may stand behind functions that check them."""
    fields = (
        node if node["type"] == "typed-dict" else node["schema"]
    )  # a dataclass's own node has other fields
    while "fields" not in fields:
        fields = fields["schema"]
    return cast("Node", fields)
