"""Find a number that fits bounds, multiples and what isn't to be a multiple."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tightbeam_codegen.compare.containment.formulas import Formula
from tightbeam_codegen.compare.containment.outcomes import NOTHING, Found, Outcome, Unknown
from tightbeam_codegen.compare.containment.values import text_of
from tightbeam_codegen.read.load import JsonValue

__all__ = ["find_number"]

_MAX_PERIOD = 5_000
_FRACTIONS = tuple(map(Fraction, ("1/2", "1/4", "1/8", "1/10", "1/100", "1/1000", "1/1000000")))


@dataclass(slots=True)
class _Demands:
    low: Fraction | None = None
    low_is_out: bool = False
    high: Fraction | None = None
    high_is_out: bool = False
    step: Fraction | None = None
    """All values are multiples of it."""
    not_multiples: list[Fraction] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    spelt: set[bool] = field(default_factory=set)
    """Whether a whole number is to be written as an integer, for draft 4."""

    def add(self, atom: Formula) -> None:
        """Add what an atom demands."""
        match atom:
            case ("least", bound, is_out):
                if self.low is None or (bound, is_out) > (self.low, self.low_is_out):
                    self.low, self.low_is_out = bound, is_out
            case ("most", bound, is_out):
                if self.high is None or (-bound, is_out) > (-self.high, self.high_is_out):
                    self.high, self.high_is_out = bound, is_out
            case ("multiple", factor):
                self.step = factor if self.step is None else _common(self.step, factor)
            case ("nomultiple", factor):
                self.not_multiples.append(factor)
            case ("spelt",):
                self.spelt.add(True)
                self.step = Fraction(1) if self.step is None else _common(self.step, Fraction(1))
            case ("notspelt",):
                self.spelt.add(False)
            case ("notin", texts):
                self.excluded.update(texts)
            case _:
                pass

    def is_within(self, value: Fraction) -> bool:
        """Return whether a value is within the bounds."""
        if self.low is not None and (value < self.low or (self.low_is_out and value == self.low)):
            return False
        return self.high is None or value < self.high or (value == self.high and not self.high_is_out)

    def fits(self, value: Fraction) -> bool:
        """Return whether a value is right."""
        return (
            self.is_within(value)
            and (self.step is None or (value / self.step).denominator == 1)
            and not any((value / factor).denominator == 1 for factor in self.not_multiples)
            and text_of(_as_json(value, set())) not in self.excluded
        )


def find_number(atoms: Iterable[Formula]) -> Outcome:
    """Find a number of which some atoms hold."""
    demands = _Demands()
    for atom in atoms:
        demands.add(atom)
    if len(demands.spelt) == 2 or _is_empty(demands):
        return NOTHING
    for value in _candidates(demands):
        if demands.fits(value):
            found = _as_json(value, demands.spelt)
            is_exact = Fraction(str(found)) == value
            return Found(found) if is_exact else Found(found, "a number has too many digits")
    return NOTHING if _is_complete(demands) else Unknown("no number was found within bounds and multiples")


def _is_empty(demands: _Demands) -> bool:
    low, high = demands.low, demands.high
    is_open = demands.low_is_out or demands.high_is_out
    if low is not None and high is not None and (low > high or (low == high and is_open)):
        return True
    return demands.step is not None and any(
        (demands.step / factor).denominator == 1 for factor in demands.not_multiples
    )


def _candidates(demands: _Demands) -> Iterator[Fraction]:
    if demands.step is not None:
        yield from _multiples(demands, demands.step)
        return
    near = [bound for bound in (demands.low, demands.high) if bound is not None]
    yield from (Fraction(value) for value in (0, 1, -1))
    for bound in near:
        yield bound
        whole = Fraction(round(bound))
        yield from (whole, whole + 1, whole - 1)
        for part in _FRACTIONS:
            yield from (bound + part, bound - part)
    if len(near) == 2:
        middle = (near[0] + near[1]) / 2
        yield from (middle, (middle + near[0]) / 2, (middle + near[1]) / 2)
    for base in (*near, Fraction(0)):
        for count in range(1, 4 + 2 * len(demands.excluded)):
            for part in _FRACTIONS[:4]:
                yield from (base + count * part, base - count * part)


def _multiples(demands: _Demands, step: Fraction) -> Iterator[Fraction]:
    """Yield multiples of a step within the bounds, from the one nearest to zero, as many as may differ."""
    start = 0
    if demands.low is not None and demands.low > 0:
        start = math.ceil(demands.low / step)
    elif demands.high is not None and demands.high < 0:
        start = math.floor(demands.high / step)
    for offset in range(_span(demands, step) + 1):
        yield (start + offset) * step
        if offset:
            yield (start - offset) * step


def _span(demands: _Demands, step: Fraction) -> int:
    """Return within how many multiples of the step one is right, if any is."""
    return min(_period(demands.not_multiples, step) * (2 + len(demands.excluded)) + 2, _MAX_PERIOD)


def _period(factors: Sequence[Fraction], step: Fraction) -> int:
    whole = Fraction(1)
    for factor in factors:
        ratio = _common(step, factor) / step
        whole = _common(whole, ratio)
    return int(whole)


def _is_complete(demands: _Demands) -> bool:
    """Return whether the candidates include a right one, if there is one."""
    if demands.step is not None:
        span = _span(demands, demands.step)
        if span < _MAX_PERIOD:
            return True
        if demands.low is None or demands.high is None:
            return False
        return (demands.high - demands.low) / demands.step < span
    # Between two different bounds there are endless many numbers: it is the candidates that are too few.
    return demands.low is not None and demands.low == demands.high


def _common(first: Fraction, second: Fraction) -> Fraction:
    """Return the smallest number that two numbers divide."""
    numerator = first.numerator * second.denominator
    other = second.numerator * first.denominator
    return Fraction(math.lcm(numerator, other), first.denominator * second.denominator)


def _as_json(value: Fraction, spelt: set[bool]) -> JsonValue:
    if value.denominator == 1 and spelt != {False}:
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return int(value)
