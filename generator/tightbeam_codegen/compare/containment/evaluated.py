"""What other keywords leave to `unevaluatedProperties` and `unevaluatedItems`, case by case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tightbeam_codegen.compare.containment.nodes import Node, UnsupportedError

__all__ = ["EvaluatedCase", "evaluated_cases"]

_MAX_CASES = 64
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class EvaluatedCase:
    """A case, which other cases exclude, and what is evaluated in it."""

    conditions: tuple[tuple[Node, bool], ...] = ()
    """Schemas that the value fits, or doesn't."""
    present: tuple[tuple[str, bool], ...] = ()
    """Properties that are there, or aren't."""
    everything: bool = False
    names: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    items: int = 0
    """How many of the first items are evaluated."""
    contains: tuple[Node, ...] = ()
    """Schemas of `contains`: items that fit one are evaluated."""

    def joined(self, other: EvaluatedCase) -> EvaluatedCase:
        """Return the case that both cases are given."""
        return EvaluatedCase(
            (*self.conditions, *other.conditions),
            (*self.present, *other.present),
            self.everything or other.everything,
            self.names | other.names,
            tuple(dict.fromkeys((*self.patterns, *other.patterns))),
            max(self.items, other.items),
            (*self.contains, *other.contains),
        )


def evaluated_cases(node: Node, keyword: str) -> list[EvaluatedCase]:
    """Return the cases of a schema with such a keyword, which together are all there are.

    Raises:
        UnsupportedError: there are too many.
    """
    return _cases(node, keyword, is_top=True, depth=0)


def _cases(node: Node, keyword: str, *, is_top: bool, depth: int) -> list[EvaluatedCase]:
    keywords, year = node.keywords, node.year
    if depth > _MAX_DEPTH:
        raise UnsupportedError(f"{keyword} beside a reference to itself can't be compared")
    own = _own_properties(node) if keyword == "unevaluatedProperties" else _own_items(node)
    if not is_top and keyword in keywords and year >= 2019:
        own = replace(own, everything=True)
    cases = [own]

    def inside(child: Node) -> list[EvaluatedCase]:
        return _cases(child, keyword, is_top=False, depth=depth + 1)

    for reference, since in (("$ref", 4), ("$dynamicRef", 2020), ("$recursiveRef", 2019)):
        is_known = year >= since and (reference != "$recursiveRef" or year == 2019)
        if is_known and isinstance(keywords.get(reference), str):
            cases = _product(cases, inside(node.target(reference)), keyword)
    for index in range(len(keywords.get("allOf", ()))):
        cases = _product(cases, inside(node.child("allOf", index)), keyword)
    for group in ("anyOf", "oneOf"):
        for index in range(len(keywords.get(group, ()))):
            child = node.child(group, index)
            cases = _product(cases, _conditional(child, inside(child)), keyword)
    if "if" in keywords and year >= 7:
        cases = _product(cases, _if_cases(node, inside), keyword)
    for name, schema in keywords.get("dependentSchemas", {}).items() if year >= 2019 else ():
        if isinstance(schema, dict):
            there = EvaluatedCase(present=((name, True),))
            options = [there.joined(case) for case in inside(node.child("dependentSchemas", name))]
            cases = _product(cases, [*options, EvaluatedCase(present=((name, False),))], keyword)
    return cases


def _conditional(child: Node, inner: list[EvaluatedCase]) -> list[EvaluatedCase]:
    if all(case == EvaluatedCase(case.conditions, case.present) for case in inner):
        return [EvaluatedCase()]  # it evaluates nothing
    holds = EvaluatedCase(conditions=((child, True),))
    return [*(holds.joined(case) for case in inner), EvaluatedCase(conditions=((child, False),))]


def _if_cases(node: Node, inside: Callable[[Node], list[EvaluatedCase]]) -> list[EvaluatedCase]:
    condition = node.child("if")
    holds = inside(condition)
    if "then" in node.keywords:
        then = inside(node.child("then"))
        holds = [first.joined(second) for first in holds for second in then]
    fails = inside(node.child("else")) if "else" in node.keywords else [EvaluatedCase()]
    return [
        *(EvaluatedCase(conditions=((condition, True),)).joined(case) for case in holds),
        *(EvaluatedCase(conditions=((condition, False),)).joined(case) for case in fails),
    ]


def _product(first: list[EvaluatedCase], second: list[EvaluatedCase], keyword: str) -> list[EvaluatedCase]:
    if len(first) * len(second) > _MAX_CASES:
        raise UnsupportedError(f"{keyword} beside so many alternatives can't be compared")
    return [one.joined(other) for one in first for other in second]


def _own_properties(node: Node) -> EvaluatedCase:
    keywords = node.keywords
    return EvaluatedCase(
        everything="additionalProperties" in keywords,
        names=frozenset(keywords.get("properties", ())),
        patterns=tuple(keywords.get("patternProperties", ())),
    )


def _own_items(node: Node) -> EvaluatedCase:
    keywords = node.keywords
    # The validator counts what fits `contains` as evaluated in 2019-09 too.
    contains = (node.child("contains"),) if "contains" in keywords else ()
    items = keywords.get("items")
    if node.year >= 2020:
        return EvaluatedCase(
            everything=items is not None, items=len(keywords.get("prefixItems", ())), contains=contains
        )
    if isinstance(items, list):
        return EvaluatedCase(everything="additionalItems" in keywords, items=len(items), contains=contains)
    return EvaluatedCase(everything=items is not None, contains=contains)
