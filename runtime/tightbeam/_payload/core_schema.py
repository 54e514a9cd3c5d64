"""Pydantic's core schemas: walk over their nodes, copy them, build validators of them.

A core schema is a tree of dictionaries with a ``type`` each. Some of what it takes to change one isn't public
in Pydantic: it stands here and in `building`, each part with a way to do without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic_core import SchemaValidator

from tightbeam._forks import fork_safe_lock

__all__ = [
    "Node",
    "alternatives",
    "build_validator",
    "children",
    "choices_of",
    "copy_node",
    "definitions_of",
    "nodes_of",
]

Node = dict[str, Any]

_NOT_SCHEMA = frozenset({"cls", "config", "default", "expected", "metadata", "ref", "serialization"})
"""Keys of nodes below which there is no node."""

_BY_NAME = frozenset({"choices", "fields"})
"""Keys of nodes whose value maps free names to nodes."""

_lock = fork_safe_lock()


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes right inside of a node. Those that it refers to by ``schema_ref`` aren't inside."""
    stack: list[object] = []
    for key, value in node.items():
        if key in _BY_NAME and isinstance(value, dict):
            stack.extend(value.values())
        elif key not in _NOT_SCHEMA:
            stack.append(value)
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple)):
            stack.extend(value)
        elif isinstance(value, dict) and isinstance(value.get("type"), str):
            yield value


def nodes_of(core: Any, follow: Callable[[Node], Node | None] | None = None) -> Iterator[Node]:
    """Yield every node of a core schema.

    A node may be changed when it is yielded: the nodes that it has inside afterwards are yielded next.

    Args:
        core: the core schema.
        follow: returns the node that a ``definition-ref`` node refers to, or None to leave it out. Without
            this function references aren't followed.
    """
    stack, seen = [core], set[str]()
    while stack:
        node = stack.pop()
        if follow is not None and node["type"] == "definition-ref" and node["schema_ref"] not in seen:
            seen.add(node["schema_ref"])
            if (target := follow(node)) is not None:
                stack.append(target)
        yield node
        stack.extend(children(node))


def definitions_of(core: Any) -> dict[str, Node]:
    """Return the nodes of a core schema that others refer to, by reference."""
    return {node["ref"]: node for node in nodes_of(core) if "ref" in node}


def choices_of(union: Node) -> list[Node]:
    """Return the choices of a union, tagged or not, without their labels."""
    choices = union["choices"]
    if isinstance(choices, dict):
        return list(choices.values())
    return [choice[0] if isinstance(choice, (list, tuple)) else choice for choice in choices]


def alternatives(
    nodes: Iterable[Node],
    definitions: Mapping[str, Node],
    is_last: Callable[[Node], bool],
    *,
    form: Literal["json_schema", "python_schema"] = "json_schema",
) -> Iterator[Node]:
    """Yield the nodes that describe a value itself, behind references, unions and wrappers, in order.

    Args:
        nodes: where to begin.
        definitions: the nodes that references refer to.
        is_last: returns whether a node describes the value itself, although it wraps another one.
        form: whether the value is JSON or a Python object, where that matters.
    """
    stack, seen = list(nodes)[::-1], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        kind = node["type"]
        if kind == "definition-ref":
            stack.append(definitions[node["schema_ref"]])
        elif kind in ("union", "tagged-union"):
            stack.extend(reversed(choices_of(node)))
        elif kind == "json-or-python":
            stack.append(node[form])
        elif not is_last(node) and isinstance(node.get("schema"), dict):
            stack.append(node["schema"])
        else:
            yield node


def copy_node(node: Node, copy: Callable[[Node], Node]) -> Node:
    """Return a copy of a node.

    Args:
        node: what to copy.
        copy: copies the nodes right inside of it.
    """

    def inside(value: Any) -> Any:
        if isinstance(value, dict):
            return copy(value)
        if isinstance(value, list):
            return [inside(item) for item in value]
        return tuple(inside(item) for item in value) if isinstance(value, tuple) else value

    copied: Node = {}
    for key, value in node.items():
        if key in _BY_NAME and isinstance(value, dict):
            copied[key] = {name: inside(each) for name, each in value.items()}
        else:
            copied[key] = value if key in _NOT_SCHEMA else inside(value)
    return copied


def build_validator(core: Any) -> SchemaValidator:
    """Build the validator of a core schema that was changed.

    For a nested class Pydantic by itself takes the validator that the class has, in which nothing is changed.
    An argument that isn't public turns this off. Where it is missing, the classes count as incomplete while
    the validator is built, since only a complete class lends its validator.
    """
    if _takes_use_prebuilt():
        return SchemaValidator(core, _use_prebuilt=False)
    classes = [node["cls"] for node in nodes_of(core) if node["type"] in ("model", "dataclass")]
    with _lock:
        complete = [cls for cls in dict.fromkeys(classes) if vars(cls).get("__pydantic_complete__")]
        try:
            for cls in complete:
                cls.__pydantic_complete__ = False
            return SchemaValidator(core)
        finally:
            for cls in complete:
                cls.__pydantic_complete__ = True


@functools.cache
def _takes_use_prebuilt() -> bool:
    try:
        SchemaValidator({"type": "any"}, _use_prebuilt=False)
    except TypeError:
        return False
    return True
