"""Evaluate formulas on a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, TypeAlias

from tightbeam_codegen.compare.containment.formulas import Formula, KeySet, Literal
from tightbeam_codegen.compare.containment.matching import fits_format, matches
from tightbeam_codegen.compare.containment.objects import has_key
from tightbeam_codegen.compare.containment.values import text_of

__all__ = ["Holds", "classes_said", "evaluate"]

Holds = Callable[[Literal, Any], bool | None]
"""Tells whether a literal holds of a value; None if that isn't known."""


def evaluate(formula: Formula, value: Any, holds: Holds) -> bool | None:
    """Return whether a formula holds of a value of its type; None if that isn't known.

    What a publisher's classes declare isn't asked for.

    Args:
        formula: the formula.
        value: the value.
        holds: evaluates literals on what is inside.
    """
    match formula[0]:
        case "and":
            return _every(evaluate(part, value, holds) for part in formula[1])
        case "or":
            return _any(evaluate(part, value, holds) for part in formula[1])
        case "unknown":
            return None
        case "declares" | "open":
            return True
        case "in":
            return text_of(value) in formula[1]
        case "notin":
            return text_of(value) not in formula[1]
        case _:
            pass
    match value:
        case str():
            return _of_text(formula, value)
        case list():
            return _of_array(formula, value, holds)
        case dict():
            return _of_object(formula, value, holds)
        case _:
            return _of_number(formula, value)


def classes_said(formula: Formula, value: Any, holds: Holds) -> set[frozenset[str] | None] | None:
    """Return what the classes declare by which a publisher can say an object.

    Args:
        formula: what the publisher's schema demands of an object.
        value: the object.
        holds: evaluates literals on what is inside.

    Returns:
        For each way to fit the formula the properties that are declared; None for a way in which all are
        open. None instead of all if it isn't known whether the formula holds.
    """
    ways = _ways(formula, value, holds)
    if ways is None:
        return None
    return {names if is_limited and not is_open else None for is_limited, names, is_open in ways}


_Way: TypeAlias = tuple[bool, frozenset[str], bool]
"""Whether anything is declared, what is, and whether the rest is left open."""


def _ways(formula: Formula, value: Any, holds: Holds) -> set[_Way] | None:
    match formula:
        case ("and", parts):
            ways: set[_Way] = {(False, frozenset(), False)}
            for part in parts:
                inner = _ways(part, value, holds)
                if not inner:
                    return inner
                ways = {_joined(one, other) for one in ways for other in inner}
            return ways
        case ("or", parts):
            found = [_ways(part, value, holds) for part in parts]
            known = set[_Way]().union(*filter(None, found))
            return known or (None if None in found else known)
        case ("declares", names):
            return {(True, names, False)}
        case ("open",):
            return {(False, frozenset(), True)}
        case _:
            held = evaluate(formula, value, holds)
            return None if held is None else {(False, frozenset(), False)} if held else set()


def _joined(one: _Way, other: _Way) -> _Way:
    return one[0] or other[0], one[1] | other[1], one[2] or other[2]


def _every(results: Iterable[bool | None]) -> bool | None:
    known: bool | None = True
    for result in results:
        if result is False:
            return False
        known = known if result else None
    return known


def _any(results: Iterable[bool | None]) -> bool | None:
    known: bool | None = False
    for result in results:
        if result:
            return True
        known = known if result is False else None
    return known


def _not(result: bool | None) -> bool | None:
    return None if result is None else not result


def _of_number(atom: Formula, value: float) -> bool:
    exact = Fraction(str(value))
    match atom:
        case ("least", bound, is_out):
            return bool(exact > bound or (exact == bound and not is_out))
        case ("most", bound, is_out):
            return bool(exact < bound or (exact == bound and not is_out))
        case ("multiple", factor):
            return bool((exact / factor).denominator == 1)
        case ("nomultiple", factor):
            return bool((exact / factor).denominator != 1)
        case ("spelt",):
            return isinstance(value, int)
        case _:
            return not isinstance(value, int)


def _of_text(atom: Formula, value: str) -> bool:
    match atom:
        case ("minlen", count):
            return bool(len(value) >= count)
        case ("maxlen", count):
            return bool(len(value) <= count)
        case ("match", pattern):
            return matches(pattern, value)
        case ("nomatch", pattern):
            return not matches(pattern, value)
        case ("format", name, year):
            return fits_format(name, year, value)
        case (_, name, year):
            return not fits_format(name, year, value)
        case _:
            raise AssertionError(atom[0])


def _of_array(atom: Formula, value: list[Any], holds: Holds) -> bool | None:
    match atom:
        case ("minitems", count):
            return bool(len(value) >= count)
        case ("maxitems", count):
            return bool(len(value) <= count)
        case ("items", start, end, literal):
            return _every(holds(literal, item) for item in value[start:end])
        case ("someitem", start, end, literal):
            return _any(holds(literal, item) for item in value[start:end])
        case ("contains", literal, count):
            return _at_least(count, [holds(literal, item) for item in value])
        case ("fewer", literal, count):
            return _not(_at_least(count, [holds(literal, item) for item in value]))
        case (kind,):
            is_unique = len(set(map(text_of, value))) == len(value)
            return is_unique is (kind == "unique")
        case _:
            raise AssertionError(atom[0])


def _at_least(count: int, results: list[bool | None]) -> bool | None:
    if sum(result is True for result in results) >= count:
        return True
    return False if sum(result is not False for result in results) < count else None


def _of_object(atom: Formula, value: dict[str, Any], holds: Holds) -> bool | None:
    def chosen(keys: KeySet) -> list[str]:
        return [name for name in value if has_key(keys, name)]

    match atom:
        case ("has", name):
            return name in value
        case ("lacks", name):
            return name not in value
        case ("property", name, literal):
            return name not in value or holds(literal, value[name])
        case ("all", keys, literal):
            return _every(holds(literal, value[name]) for name in chosen(keys))
        case ("some", keys, literal):
            return _any(holds(literal, value[name]) for name in chosen(keys))
        case ("keys", keys, literal):
            return _every(holds(literal, name) for name in chosen(keys))
        case ("somekey", keys, literal):
            return _any(holds(literal, name) for name in chosen(keys))
        case ("minprops", count, keys):
            return bool(len(chosen(keys)) >= count)
        case ("maxprops", count, keys):
            return bool(len(chosen(keys)) <= count)
        case _:
            raise AssertionError(atom[0])
