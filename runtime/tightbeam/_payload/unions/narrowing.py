"""A validator that goes to the right branch of a union at once, where trying all of them would multiply.

Each object is loaded as the class that Pydantic's smart mode gives it. A tag chooses the branch inside of
Pydantic, where branches pin a required property to texts or integers of their own; else a function does
(`Chooser`). All other unions stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from tightbeam._payload.building import deep_recursion
from tightbeam._payload.core_schema import Node, build_validator, choices_of, copy_node, definitions_of
from tightbeam._payload.formats import CORE_TYPES
from tightbeam._payload.unions.choosing import ALL, Chooser, Class, Literals, Loading
from tightbeam._payload.unions.multiplied import multiplied_nodes

__all__ = ["MESSAGES", "PUBLISHED", "Loading", "Tests", "narrowed"]

MESSAGES = Loading(from_json=True, strict=True, by_alias=True, by_name=False)
"""How messages come."""

PUBLISHED = Loading(from_json=False, strict=True)
"""How values to be published come."""

Tests = Mapping[type[BaseModel], list[Callable[[object], bool]]]
"""What decides on values of a class apart from its fields, where its validator asks that."""

_PLAIN = (CORE_TYPES - {"lax-or-strict"}) | {
    *("bool", "chain", "enum", "float", "int", "json-or-python", "list", "literal"),
    *("missing-sentinel", "none", "str", "time", "timedelta", "tuple"),
}
"""Kinds of nodes that take no object, if what is inside of them takes none either."""

_Group = tuple[Literals, list[int]]

_ARRAYS = frozenset({"list", "tuple"})
_OWN_HOOKS = frozenset({None, "__tightbeam_extras__"})
_UNION_KEYS = frozenset({"choices", "metadata", "mode", "ref", "serialization", "type"})


def narrowed(core: Node, loading: Loading, tests: Tests | None = None) -> SchemaValidator | None:
    """Return a validator like a core schema's that tries no branch of a union in vain.

    Args:
        core: the core schema.
        loading: how values come.
        tests: what decides on classes apart from their fields.

    Returns:
        The validator, or None where trying all branches costs little.
    """
    multiplied = multiplied_nodes(core)
    if not multiplied:
        return None
    with deep_recursion():
        schema = _Narrowing(core, multiplied, loading, tests or {}).schema()
        return build_validator(schema)


class _Narrowing:
    """A copy of one core schema."""

    def __init__(self, core: Node, multiplied: set[int], loading: Loading, tests: Tests) -> None:
        self._core = core
        self._multiplied = multiplied
        self._loading = loading
        self._tests = tests
        self._definitions = definitions_of(core)
        self._moved: dict[int, Node] = {}
        """References to classes that stood in a union, by the ids of their nodes."""
        self._added: dict[str, Node] = {}

    def schema(self) -> Any:
        """Return the copy."""
        made = self._copy(self._core)
        if not self._added:
            return made
        if made["type"] != "definitions":
            made = {"type": "definitions", "schema": made, "definitions": []}
        return {**made, "definitions": [*made["definitions"], *self._added.values()]}

    def _copy(self, node: Node) -> Node:
        if node.get("type") == "union" and id(node) in self._multiplied:
            return self._union(node)
        return copy_node(node, self._copy)

    def _union(self, node: Node) -> Node:
        found = self._branches(node)
        if found is None or len(found[0]) < 2:
            return copy_node(node, self._copy)
        classes, others = found
        objects = self._narrow(classes)
        made = {"type": "union", "choices": [objects, *map(self._copy, others)]} if others else objects
        return {**made, "ref": node["ref"]} if "ref" in node else made

    def _branches(self, union: Node) -> tuple[list[Class], list[Node]] | None:
        """Return the classes in a union and its other choices; None where the order of all of them counts."""
        classes: list[Class] = []
        others: list[Node] = []
        stack, seen = [union], set[int]()
        is_over = False
        while stack:
            choice = stack.pop()
            node = self._resolved(choice)
            kind = node["type"]
            if kind == "union" and node.keys() <= _UNION_KEYS and node.get("mode", "smart") == "smart":
                if id(node) not in seen:
                    stack += reversed(choices_of(node))
                seen.add(id(node))
            elif kind == "nullable":
                stack += [{"type": "none"}, node["schema"]]
            elif (one := self._class(choice)) is not None:
                if is_over:
                    return None
                classes.append(one)
            else:
                others.append(choice)
                # What takes objects too, such as a map, is compared to the best of the classes before it.
                if not self._is_plain(choice):
                    if not classes:
                        return None
                    is_over = True
        return classes, others

    def _resolved(self, node: Node) -> Node:
        while node["type"] == "definition-ref":
            node = self._definitions[node["schema_ref"]]
        return node

    def _class(self, choice: Node) -> Class | None:
        node = self._resolved(choice)
        tests: list[Callable[[object], bool]] | None = []
        while node["type"] == "function-after":
            inner = self._resolved(node["schema"])
            is_own = inner["type"] == "model" and inner["cls"] in self._tests
            tests = self._tests[inner["cls"]] if is_own and tests is not None else None
            node = inner
        if node["type"] == "typed-dict":
            return Class(choice, node, tests)
        if node["type"] == "dataclass" and node["schema"]["type"] == "dataclass-args":
            return Class(choice, node, None)
        if node["type"] != "model" or node["schema"]["type"] != "model-fields":
            return None
        if node.get("custom_init") or node.get("root_model"):
            return None
        return Class(choice, node, tests if node.get("post_init") in _OWN_HOOKS else None)

    def _is_plain(self, node: Node) -> bool:
        if node["type"] in _ARRAYS or node.get("metadata", {}).get("text"):
            return True
        if node["type"] not in _PLAIN:
            return False
        inner: Iterable[object] = [node.get(key) for key in ("schema", "json_schema")] + node.get("steps", [])
        return all(self._is_plain(each) for each in inner if isinstance(each, dict))

    def _narrow(self, classes: list[Class]) -> Node:
        """Return what takes an object as the right one of several classes."""
        if len(classes) == 1:
            return self._place(classes[0])
        tag = max(_tags(classes), key=lambda tag: len(tag[1]), default=None)
        if tag is None:
            choose = Chooser(classes, self._definitions, self._multiplied, self._loading).choose
            every = {"type": "union", "choices": [self._place(one) for one in classes]}
            choices: dict[object, Node] = {i: self._place(one) for i, one in enumerate(classes)}
            return {"type": "tagged-union", "discriminator": choose, "choices": {**choices, ALL: every}}
        names, groups = tag
        choices = {}
        for literals, indexes in groups:
            choices |= dict.fromkeys(literals, self._narrow([classes[i] for i in sorted(indexes)]))
        return {"type": "tagged-union", "discriminator": [[name] for name in names], "choices": choices}

    def _place(self, one: Class) -> Node:
        """Return a reference to a class, which may stand in several places of the copy."""
        if one.node["type"] == "definition-ref":
            return one.node
        if (known := self._moved.get(id(one.node))) is None:
            ref = one.node.get("ref", f"tightbeam:{len(self._moved)}")
            known = self._moved[id(one.node)] = {"type": "definition-ref", "schema_ref": ref}
            if ref not in self._added:
                self._added[ref] = {}  # it may be inside of itself
                self._added[ref] = {**self._copy(one.node), "ref": ref}
        return known


def _tags(classes: list[Class]) -> Iterator[tuple[list[str], list[_Group]]]:
    """Yield the properties that tell classes apart by their values.

    Each with the names that it goes by, and with the groups of classes that have values of their own.
    """
    by_wire = [
        {field.get("validation_alias", name): name for name, field in one.fields.items()}
        for one in classes
        if not one.has_paths
    ]
    if len(by_wire) < len(classes):
        return
    for wire in by_wire[0]:
        names = [own[wire] for own in by_wire if wire in own]
        if len(names) < len(classes) or not all(map(Class.is_required, classes, names)):
            continue
        pinned = list(filter(None, map(Class.pinned, classes, names)))
        groups = _groups(pinned) if len(pinned) == len(classes) else []
        if len(groups) > 1:
            yield list(dict.fromkeys([wire, *names])), groups


def _groups(pinned: list[Literals]) -> list[_Group]:
    """Put together what has a value in common, by index."""
    groups: list[_Group] = []
    for index, literals in enumerate(pinned):
        together = [group for group in groups if group[0] & literals]
        groups = [group for group in groups if group not in together]
        values = literals.union(*(group[0] for group in together))
        groups.append((values, [*(i for group in together for i in group[1]), index]))
    return groups
