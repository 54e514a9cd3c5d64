"""Candidates for strings and numbers, by what schemas demand of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from tightbeam_codegen.examples.hints import FORMAT_TEXTS, numbers_for, texts_for
from tightbeam_codegen.examples.patterns import texts_matching

__all__ = ["number_candidates", "text_candidates"]

_Value = TypeVar("_Value")

_LONGEST = 10_000
_SHAPES = (
    "12.50",
    "2026-01-31T09:30:00Z",
    "2026-01-31T09:30:00",
    "2026-01-31",
    "09:30:00",
    "PT1H30M",
)
"""What a pattern of digits may stand for: its shortest text could be a month 56."""
_TAKES_WORDS = re.compile(r"\[\^|\\[wWDSPp]|[aA]-[zZfF]|(?<!\\)\.")
_FILLER = " and some more text to make it as long as it has to be"


def text_candidates(
    schemas: Sequence[dict[str, Any]],
    name: str,
    variant: int,
    fits: Callable[[str], bool],
) -> Iterator[str]:
    """Yield texts that each of some schemas may take, the most human one first.

    Args:
        schemas: all must hold.
        name: of the property that holds the text.
        variant: a number that makes it another text.
        fits: whether a text fits the schemas as far as they speak of strings.
    """
    least = max((_count(schema.get("minLength"), 0) for schema in schemas), default=0)
    most = min((_count(schema.get("maxLength"), _LONGEST) for schema in schemas), default=_LONGEST)
    if least > most:
        return
    raw = _texts(schemas, name, variant)
    sized = (sized for text in raw for sized in _sized(text, least, most))
    yield from _fitting(sized, fits)


def _texts(schemas: Sequence[dict[str, Any]], name: str, variant: int) -> Iterator[str]:
    formats = [schema["format"] for schema in schemas if isinstance(schema.get("format"), str)]
    yield from (FORMAT_TEXTS[each](variant) for each in formats if each in FORMAT_TEXTS)
    yield from texts_for(name, variant)
    for schema in schemas:
        if isinstance(pattern := schema.get("pattern"), str):
            if variant == 0 and pattern[:1] == "^" and not _TAKES_WORDS.search(pattern):
                yield from _SHAPES
            yield from texts_matching(pattern, variant)


def _sized(text: str, least: int, most: int) -> Iterator[str]:
    if least <= len(text) <= most:
        yield text
    elif len(text) > most:
        # Whole words first: a cut word looks like a mistake.
        yield text[:most].rpartition(" ")[0] or text[:most]
        yield text[:most].strip().ljust(least, "x")
    else:
        longer = (text + _FILLER * (least // len(_FILLER) + 1))[:least]
        yield longer.strip().ljust(least, ".")
        yield (text or "a") * (least // max(1, len(text)) + 1)
        yield ((text or "a") * (least // max(1, len(text)) + 1))[:least]


def number_candidates(
    schemas: Sequence[dict[str, Any]], name: str, variant: int, *, is_integer: bool
) -> Iterator[int | float]:
    """Yield numbers that each of some schemas may take, the most human one first.

    Args:
        schemas: all must hold.
        name: of the property that holds the number.
        variant: a number that makes it another one.
        is_integer: whether it must be an integer.
    """
    steps = [
        step for schema in schemas if (step := schema.get("multipleOf")) and _is_number(step) and step > 0
    ]
    bounds = [bound for schema in schemas for bound in _bounds(schema)]
    exact = [Fraction(str(step)) for step in steps]
    if is_integer:
        exact.append(Fraction(1))

    def fits(number: int | float) -> bool:
        value = Fraction(str(number))
        return all((value / step).denominator == 1 for step in exact) and all(
            (value > limit if sign > 0 else value < limit) or (value == limit and not exclusive)
            for limit, sign, exclusive in bounds
        )

    def candidates() -> Iterator[int | float]:
        yield from (number + variant for number in numbers_for(name))
        for distance in (0, 1, Fraction(1, 2), 10, Fraction(1, 1000)):
            yield from (_plain(limit + sign * (distance + variant)) for limit, sign, _ in bounds)
        for step in exact:
            near = [limit for limit, _, _ in bounds] or [Fraction(0)]
            for limit in near:
                base = limit // step
                yield from (_plain(step * (base + offset + variant)) for offset in (1, 0, 2, -1))
        if len(bounds) > 1:
            middle = (bounds[0][0] + bounds[1][0]) / 2
            yield _plain(middle)
            yield _plain(Fraction(round(middle)))

    yield from _fitting(candidates(), fits)


def _bounds(schema: dict[str, Any]) -> Iterator[tuple[Fraction, int, bool]]:
    """Yield each bound, with the direction away from it, and whether it is itself left out."""
    for keyword, exclusive, sign in (
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ):
        limit, stated = schema.get(keyword), schema.get(exclusive)
        if _is_number(limit):
            yield Fraction(str(limit)), sign, stated is True
        if _is_number(stated):
            yield Fraction(str(stated)), sign, True


def _fitting(candidates: Iterable[_Value], fits: Callable[[_Value], bool]) -> Iterator[_Value]:
    """Yield the candidates that fit, each once."""
    known: set[_Value] = set()
    for candidate in candidates:
        if candidate not in known and fits(candidate):
            known.add(candidate)
            yield candidate


def _plain(value: Fraction) -> int | float:
    try:
        return int(value) if value.denominator == 1 else float(value)
    except OverflowError:
        return 0


def _count(value: object, otherwise: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
