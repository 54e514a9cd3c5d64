"""`anyOf` and `oneOf`: when they become a union of shapes, and of which schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.json_schema.keywords import SHAPING
from tightbeam_codegen.json_schema.uris import pointer_key
from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.places import are_distinct, branch_suffixes
from tightbeam_codegen.read.normalise.shapes import ANY, Shape
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["MAX_BRANCHES", "Branch", "Group", "distribute", "within_limit"]

MAX_BRANCHES = 256
"""Of one union, all its groups multiplied. Further groups are left to the validator."""


@dataclass(frozen=True, slots=True)
class Branch:
    """An alternative: all schemas that must hold in it, and its part of a class name."""

    parts: tuple[Part, ...]
    suffix: str


@dataclass(frozen=True, slots=True)
class Group:
    """The alternatives of a keyword of a schema."""

    node: Node
    keyword: str
    branches: tuple[Branch, ...]


def distribute(
    store: SchemaStore,
    flattener: Flattener,
    parts: Sequence[Part],
    budget: int,
    too_large: Callable[[Node, str, int], None],
) -> Group | None:
    """Return the alternatives of the first group that tells types apart, each with all else that must hold.

    Args:
        store: resolves references.
        flattener: opens them.
        parts: what must hold.
        budget: how many branches the union may still grow to.
        too_large: takes each group that has more: its schema, its keyword and its number of branches.

    Returns:
        None where no group does: the shape is then that of the other keywords.
    """
    for index, part in enumerate(parts):
        for keyword in ("anyOf", "oneOf"):
            schemas = part.get(keyword)
            if not isinstance(schemas, list) or not schemas:
                continue  # not a list of schemas: reported where forms are checked
            nodes = [store.child(part.node, schema) for schema in schemas]
            if not all(_says_something(flattener, node) for node in nodes):
                continue
            if len(schemas) > budget:
                too_large(part.node, keyword, len(schemas))
                continue
            rest = Part(part.node, part.without | {keyword})
            base = [_kept_open(part) for part in (*parts[:index], rest, *parts[index + 1 :])]
            base = [part for part in base if part.asserts]
            suffixes = branch_suffixes(schemas)
            if base:
                suffixes = _all_named(schemas, suffixes)
            named = zip(nodes, suffixes, strict=True)
            branches = tuple(Branch((*base, Part(node)), suffix) for node, suffix in named)
            return Group(part.node, keyword, branches)
    return None


def within_limit(shapes: Iterable[Shape], width: Callable[[Shape], int]) -> list[Shape]:
    """Return the shapes of as many branches as a union may have, anything instead of all others.

    Args:
        shapes: the branches.
        width: says how many branches there are in one of them.
    """
    kept: list[Shape] = []
    total = 0
    for shape in shapes:
        total += width(shape)
        kept.append(shape if total <= MAX_BRANCHES else ANY)
    return kept


def _all_named(schemas: list[Any], suffixes: list[str]) -> list[str]:
    """Name branches by what they refer to, where several go without a suffix.

    Alone they would have the name of what they refer to. Beside other keywords each becomes a class of this
    place.
    """
    bare = [
        index
        for index, schema in enumerate(schemas)
        if not suffixes[index] and isinstance(schema, dict) and schema.get("type") != "null"
    ]
    if len(bare) <= 1:
        return suffixes
    targets = {index: _last_word(schemas[index].get("$ref")) for index in bare}
    named = [targets.get(index, suffix) for index, suffix in enumerate(suffixes)]
    if not all(targets.values()) or not are_distinct(named):
        named = [str(index) if index in targets else suffix for index, suffix in enumerate(suffixes)]
    return named


def _last_word(reference: Any) -> str:
    """Return the name of the definition or the file that a reference leads to."""
    if not isinstance(reference, str):
        return ""
    path, _, fragment = reference.partition("#")
    word = fragment.rpartition("/")[2] or path.rpartition("/")[2].partition(".")[0]
    return pointer_key(word)


def _kept_open(part: Part) -> Part:
    """Leave out `unevaluatedProperties`: properties of another branch that fits are evaluated too."""
    if "unevaluatedProperties" not in part.asserts:
        return part
    return Part(part.node, part.without | {"unevaluatedProperties"})


def _says_something(flattener: Flattener, node: Node) -> bool:
    parts = flattener.flatten([Part(node)])
    return parts is None or any(part.asserts & SHAPING for part in parts)
