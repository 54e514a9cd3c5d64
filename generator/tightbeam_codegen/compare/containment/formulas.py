"""Demands on a value of one JSON type, joined by "and" and "or".

A formula is a tuple. Atoms, by what they begin with, for the types that they are about:

* any type: ``in`` and ``notin`` with texts of values (`values.text_of`); ``unknown`` with a reason
* number: ``least`` and ``most`` (bound, whether it is exclusive), ``multiple`` and ``nomultiple``, ``spelt``
  and ``notspelt`` (as an integer, which draft 4 asks for)
* string: ``minlen``, ``maxlen``, ``match``, ``nomatch``, ``format``, ``noformat`` (name, draft)
* array: ``minitems``, ``maxitems``, ``items`` (start, end, literal: all of them), ``someitem`` (one of
  them), ``contains`` and ``fewer`` (literal, count), ``unique``, ``repeated``
* object: ``has``, ``lacks``, ``property`` (if it is there), ``all`` and ``some`` (a set of keys, a literal
  for their values), ``keys`` and ``somekey`` (likewise, for the keys), ``minprops`` and ``maxprops`` (a
  count, a set of keys), and marks of what a writer's class declares: ``declares``, ``open``
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from tightbeam_codegen.compare.containment.nodes import Node

__all__ = [
    "EVERY_KEY",
    "FALSE",
    "TRUE",
    "Formula",
    "KeySet",
    "Literal",
    "Visible",
    "all_of",
    "any_of",
    "has_marks",
    "negation",
    "unknown",
]

Formula: TypeAlias = tuple[Any, ...]
TRUE: Formula = ("and", ())
FALSE: Formula = ("or", ())


class Literal(NamedTuple):
    """A value fits a schema, or it doesn't."""

    node: Node
    is_positive: bool = True
    view: Any = None
    """Whose schema it is: None as it stands, `publishing.SAID`, or a `reading.Place`."""

    def negated(self) -> Literal:
        """Return the opposite."""
        return Literal(self.node, not self.is_positive, self.view)


class Visible(NamedTuple):
    """The keys that a tolerant reader doesn't pass over."""

    names: frozenset[str]
    patterns: tuple[str, ...] = ()


class KeySet(NamedTuple):
    """Some keys of an object."""

    without: frozenset[str] = frozenset()
    no_match: tuple[str, ...] = ()
    """Regular expressions that a key must not match."""
    match: tuple[str, ...] = ()
    """Regular expressions that a key must match."""
    visible: Visible | None = None


EVERY_KEY = KeySet()

_PAIRS = {
    "in": "notin",
    "multiple": "nomultiple",
    "spelt": "notspelt",
    "match": "nomatch",
    "format": "noformat",
    "unique": "repeated",
    "has": "lacks",
}
_OPPOSITES = _PAIRS | {opposite: kind for kind, opposite in _PAIRS.items()}
_EVERY = {"items": "someitem", "all": "some", "keys": "somekey"}
_QUANTIFIED = _EVERY | {opposite: kind for kind, opposite in _EVERY.items()}
_COUNTS = {"minlen": "maxlen", "minitems": "maxitems", "minprops": "maxprops"}
_FROM_COUNTS = {most: least for least, most in _COUNTS.items()}


def unknown(reason: str) -> Formula:
    """Return an atom of which it isn't known whether it holds."""
    return ("unknown", reason)


def all_of(formulas: Iterable[Formula]) -> Formula:
    """Return the formula that all of some formulas hold."""
    parts: list[Formula] = []
    for formula in formulas:
        if formula == FALSE:
            return FALSE
        if formula[0] == "and":
            parts.extend(formula[1])
        else:
            parts.append(formula)
    return parts[0] if len(parts) == 1 else ("and", tuple(parts))


def any_of(formulas: Iterable[Formula]) -> Formula:
    """Return the formula that one of some formulas holds."""
    parts: list[Formula] = []
    for formula in formulas:
        if formula == TRUE:
            return TRUE
        if formula[0] == "or":
            parts.extend(formula[1])
        else:
            parts.append(formula)
    return parts[0] if len(parts) == 1 else ("or", tuple(parts))


def negation(formula: Formula) -> Formula:
    """Return the formula that a formula doesn't hold."""
    match formula:
        case ("and", parts):
            return any_of(map(negation, parts))
        case ("or", parts):
            return all_of(map(negation, parts))
        case ("unknown", _):
            return formula
        case (kind, *rest) if kind in _OPPOSITES:
            return (_OPPOSITES[kind], *rest)
        case (kind, *keys, literal) if kind in _QUANTIFIED:
            return (_QUANTIFIED[kind], *keys, literal.negated())
        case ("property", name, literal):
            return ("and", (("has", name), ("property", name, literal.negated())))
        case ("least", bound, is_exclusive):
            return ("most", bound, not is_exclusive)
        case ("most", bound, is_exclusive):
            return ("least", bound, not is_exclusive)
        case ("contains", literal, count):
            return ("fewer", literal, count)
        case ("fewer", literal, count):
            return ("contains", literal, count)
        case (kind, count, *rest) if kind in _COUNTS:
            return (_COUNTS[kind], count - 1, *rest)
        case (kind, count, *rest) if kind in _FROM_COUNTS:
            return (_FROM_COUNTS[kind], count + 1, *rest)
        case _:
            raise AssertionError(formula[0])


def has_marks(formula: Formula) -> bool:
    """Return whether a formula says anywhere what a writer's class declares."""
    if formula[0] in ("and", "or"):
        return any(map(has_marks, formula[1]))
    return formula[0] in ("declares", "open")
