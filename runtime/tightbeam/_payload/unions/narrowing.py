"""Build validators that choose the branch of a union at once, where trying all of them would multiply.

Each object is loaded as the class that Pydantic's smart mode gives it. Where branches pin a required property
to texts or integers of their own, this tag chooses the branch inside of Pydantic. Else a function does
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
from tightbeam._payload.unions.choosing import ALL, Chooser, Loading
from tightbeam._payload.unions.class_node import ClassNode, Literals
from tightbeam._payload.unions.multiplied import multiplied_nodes

__all__ = ["MESSAGES", "PUBLISHED", "Loading", "Tests", "narrowed"]

MESSAGES = Loading(from_json=True, strict=True, by_alias=True, by_name=False)
"""The form of messages."""

PUBLISHED = Loading(from_json=False, strict=True)
"""The form of values that are published."""

Tests = Mapping[type[BaseModel], list[Callable[[object], bool]]]
"""By class, functions that its values must pass besides its fields."""

_PLAIN = (CORE_TYPES - {"lax-or-strict"}) | {
    *("bool", "chain", "enum", "float", "int", "json-or-python", "list", "literal"),
    *("missing-sentinel", "none", "str", "time", "timedelta", "tuple"),
}
"""Types of nodes that take no object if the nodes inside of them don't."""

_Group = tuple[Literals, list[int]]

_ARRAYS = frozenset({"list", "tuple"})
_OWN_HOOKS = frozenset({None, "__tightbeam_extras__"})
_UNION_KEYS = frozenset({"choices", "metadata", "mode", "ref", "serialization", "type"})


def narrowed(core: Node, loading: Loading, tests: Tests | None = None) -> SchemaValidator | None:
    """Build a validator of a core schema that chooses branches instead of trying them.

    Args:
        core: the core schema.
        loading: the form of the values.
        tests: by class, functions that its values must pass besides its fields.

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
        copied = self._copy(self._core)
        if not self._added:
            return copied
        if copied["type"] != "definitions":
            copied = {"type": "definitions", "schema": copied, "definitions": []}
        return {**copied, "definitions": [*copied["definitions"], *self._added.values()]}

    def _copy(self, node: Node) -> Node:
        if node.get("type") == "union" and id(node) in self._multiplied:
            return self._union(node)
        return copy_node(node, self._copy)

    def _union(self, node: Node) -> Node:
        branches = self._branches(node)
        if branches is None or len(branches[0]) < 2:
            return copy_node(node, self._copy)
        classes, others = branches
        objects = self._narrow(classes)
        union = {"type": "union", "choices": [objects, *map(self._copy, others)]} if others else objects
        return {**union, "ref": node["ref"]} if "ref" in node else union

    def _branches(self, union: Node) -> tuple[list[ClassNode], list[Node]] | None:
        """Return the classes in a union, and its other choices; None where their order matters."""
        classes: list[ClassNode] = []
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
            elif (branch := self._class(choice)) is not None:
                if is_over:
                    return None
                classes.append(branch)
            else:
                others.append(choice)
                # A choice that takes objects too, such as a map, is compared to the best class before it.
                if not self._is_plain(choice):
                    if not classes:
                        return None
                    is_over = True
        return classes, others

    def _resolved(self, node: Node) -> Node:
        while node["type"] == "definition-ref":
            node = self._definitions[node["schema_ref"]]
        return node

    def _class(self, choice: Node) -> ClassNode | None:
        node = self._resolved(choice)
        tests: list[Callable[[object], bool]] | None = []
        while node["type"] == "function-after":
            inner = self._resolved(node["schema"])
            is_own = inner["type"] == "model" and inner["cls"] in self._tests
            tests = self._tests[inner["cls"]] if is_own and tests is not None else None
            node = inner
        if node["type"] == "typed-dict":
            return ClassNode(choice, node, tests)
        if node["type"] == "dataclass" and node["schema"]["type"] == "dataclass-args":
            return ClassNode(choice, node, None)
        if node["type"] != "model" or node["schema"]["type"] != "model-fields":
            return None
        if node.get("custom_init") or node.get("root_model"):
            return None
        return ClassNode(choice, node, tests if node.get("post_init") in _OWN_HOOKS else None)

    def _is_plain(self, node: Node) -> bool:
        if node["type"] in _ARRAYS or node.get("metadata", {}).get("text"):
            return True
        if node["type"] not in _PLAIN:
            return False
        inner: Iterable[object] = [node.get(key) for key in ("schema", "json_schema")] + node.get("steps", [])
        return all(self._is_plain(each) for each in inner if isinstance(each, dict))

    def _narrow(self, classes: list[ClassNode]) -> Node:
        """Return a node that loads an object as the right one of several classes."""
        if len(classes) == 1:
            return self._reference(classes[0])
        tag = max(_tags(classes), key=lambda tag: len(tag[1]), default=None)
        if tag is None:
            choose = Chooser(classes, self._definitions, self._multiplied, self._loading).choose
            references = [self._reference(branch) for branch in classes]
            every = {"type": "union", "choices": references}
            choices: dict[object, Node] = dict(enumerate(references))
            return {"type": "tagged-union", "discriminator": choose, "choices": {**choices, ALL: every}}
        names, groups = tag
        choices = {}
        for literals, indexes in groups:
            choices |= dict.fromkeys(literals, self._narrow([classes[i] for i in sorted(indexes)]))
        return {"type": "tagged-union", "discriminator": [[name] for name in names], "choices": choices}

    def _reference(self, branch: ClassNode) -> Node:
        """Return a reference to a class, which may be used several times in the copy."""
        node = branch.node
        if node["type"] == "definition-ref":
            return node
        if (known := self._moved.get(id(node))) is None:
            ref = node.get("ref", f"tightbeam:{len(self._moved)}")
            known = self._moved[id(node)] = {"type": "definition-ref", "schema_ref": ref}
            if ref not in self._added:
                self._added[ref] = {}  # the class may be inside of itself
                self._added[ref] = {**self._copy(node), "ref": ref}
        return known


def _tags(classes: list[ClassNode]) -> Iterator[tuple[list[str], list[_Group]]]:
    """Yield the properties that tell classes apart by their values.

    Each comes with the names that it goes by, and with the groups of classes that have values of their own.
    """
    by_wire = [
        {field.get("validation_alias", name): name for name, field in branch.fields.items()}
        for branch in classes
        if not branch.has_paths
    ]
    if len(by_wire) < len(classes):
        return
    for wire in by_wire[0]:
        names = [own[wire] for own in by_wire if wire in own]
        if len(names) < len(classes) or not all(map(ClassNode.is_required, classes, names)):
            continue
        pinned = list(filter(None, map(ClassNode.pinned, classes, names)))
        groups = _groups(pinned) if len(pinned) == len(classes) else []
        if len(groups) > 1:
            yield list(dict.fromkeys([wire, *names])), groups


def _groups(pinned: list[Literals]) -> list[_Group]:
    """Group the indexes of the classes that have a literal in common."""
    groups: list[_Group] = []
    for index, literals in enumerate(pinned):
        together = [group for group in groups if group[0] & literals]
        groups = [group for group in groups if group not in together]
        values = literals.union(*(group[0] for group in together))
        groups.append((values, [*(i for group in together for i in group[1]), index]))
    return groups
