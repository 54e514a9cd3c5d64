"""Find the parts of a type that cost more than in proportion to a value, if all branches of unions are tried.

Pydantic tries every branch of a union, and each branch loads all of its fields, also those that refer to the
union again. So a value nested ten deep in a recursive union of eight classes is loaded 8¹⁰ times.
"""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam._payload.core_schema import Node, children, choices_of, nodes_of
from tightbeam._payload.formats import CORE_TYPES

__all__ = ["OBJECTS", "multiplied_nodes"]

_LIMIT = 1_000
"""How many classes may be tried for a value that has each property once."""

_TRANSPARENT = frozenset({"default", "function-after", "nullable"})
_SCALARS = frozenset({"any", "bool", "chain", "enum", "float", "int", "literal", "none", "str"}) | (
    CORE_TYPES - {"lax-or-strict"}
)
OBJECTS = frozenset({"dataclass", "model", "tagged-union", "typed-dict"})


def multiplied_nodes(core: Node) -> set[int]:
    """Return the ids of the nodes in which unions are tried again inside of their branches too often."""
    definitions: dict[str, Node] = {}
    has_unions = False
    for node in nodes_of(core):
        if "ref" in node:
            definitions[node["ref"]] = node
        has_unions = has_unions or _may_multiply(node)
    if not has_unions:
        return set()
    inner = _Inner(definitions)
    costs: dict[int, int] = {}
    for ring in _rings(core, inner):
        ids = {id(node) for node in ring}
        cost = sum(_own_cost(node, inner.of(node), costs) for node in ring)
        if len(ring) > 1 and any(_branches(node, ids, definitions) for node in ring):
            cost = _LIMIT + 1
        costs |= dict.fromkeys(ids, min(cost, _LIMIT + 1))
    return {key for key, cost in costs.items() if cost > _LIMIT}


def _may_multiply(node: Node) -> bool:
    return node["type"] == "union" and sum(each["type"] not in _SCALARS for each in choices_of(node)) > 1


def _own_cost(node: Node, inner: list[Node], costs: dict[int, int]) -> int:
    if node["type"] == "json-or-python":  # two forms of one type
        return max(costs.get(id(child), 0) for child in inner)
    return (node["type"] in OBJECTS) + sum(costs.get(id(child), 0) for child in inner)


def _branches(node: Node, ring: set[int], definitions: dict[str, Node]) -> bool:
    """Return whether a value of a union is tried by several of its choices that come back to it."""
    if node["type"] != "union":
        return False
    back, stack, seen = 0, choices_of(node), set[int]()
    while stack:
        choice = stack.pop()
        if choice["type"] == "definition-ref":
            choice = definitions[choice["schema_ref"]]
        if id(choice) in seen or id(choice) not in ring:
            continue
        seen.add(id(choice))
        if choice["type"] == "union":
            stack += choices_of(choice)
        elif choice["type"] in _TRANSPARENT:
            stack.append(choice["schema"])
        else:
            back += choice["type"] in OBJECTS
    return back > 1


class _Inner:
    """Finds the nodes right inside of others and those that they refer to, but no scalars."""

    def __init__(self, definitions: dict[str, Node]) -> None:
        self._definitions = definitions
        self._known: dict[int, list[Node]] = {}

    def of(self, node: Node) -> list[Node]:
        """Return the nodes right inside of a node."""
        if (known := self._known.get(id(node))) is None:
            known = self._known[id(node)] = list(self._found(node))
        return known

    def _found(self, node: Node) -> Iterator[Node]:
        if node["type"] == "definition-ref":
            yield self._definitions[node["schema_ref"]]
        elif node["type"] == "definitions":
            yield node["schema"]
        else:
            yield from (child for child in children(node) if child["type"] not in _SCALARS)


def _rings(root: Node, inner: _Inner) -> Iterator[list[Node]]:
    """Yield the nodes below one, grouped where they are inside of each other, the innermost first."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    done: set[int] = set()
    open_nodes: list[Node] = []
    stack = [(root, iter(inner.of(root)))]
    order[id(root)] = lowest[id(root)] = 0
    open_nodes.append(root)
    while stack:
        node, rest = stack[-1]
        key = id(node)
        for child in rest:
            if id(child) not in order:
                order[id(child)] = lowest[id(child)] = len(order)
                open_nodes.append(child)
                stack.append((child, iter(inner.of(child))))
                break
            if id(child) not in done:
                lowest[key] = min(lowest[key], order[id(child)])
        else:
            stack.pop()
            if stack:
                around = id(stack[-1][0])
                lowest[around] = min(lowest[around], lowest[key])
            if lowest[key] == order[key]:
                ring: list[Node] = []
                while not ring or ring[-1] is not node:
                    ring.append(open_nodes.pop())
                done.update(map(id, ring))
                yield ring
