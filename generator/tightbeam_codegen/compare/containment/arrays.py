"""Find an array that fits lengths, demands on items, and uniqueness."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tightbeam_codegen.compare.containment.formulas import Formula, Literal
from tightbeam_codegen.compare.containment.goals import Goals
from tightbeam_codegen.compare.containment.outcomes import NOTHING, Found, Outcome, Unknown
from tightbeam_codegen.compare.containment.values import text_of
from tightbeam_codegen.read.load import JsonValue

__all__ = ["find_array"]

_MAX_LENGTH = 2_000
_MAX_PLANS = 300
_MAX_UNIQUE = 100


@dataclass(slots=True)
class _Demands:
    least: int = 0
    most: int | None = None
    items: list[tuple[int, int | None, Literal]] = field(default_factory=list)
    some: list[tuple[int, int | None, Literal]] = field(default_factory=list)
    contains: list[tuple[Literal, int]] = field(default_factory=list)
    fewer: list[tuple[Literal, int]] = field(default_factory=list)
    is_unique: bool = False
    is_repeated: bool = False
    excluded: set[str] = field(default_factory=set)

    def add(self, atom: Formula) -> None:
        """Add what an atom demands."""
        match atom:
            case ("minitems", count):
                self.least = max(self.least, count)
            case ("maxitems", count):
                self.most = count if self.most is None else min(self.most, count)
            case ("items", start, end, literal):
                self.items.append((start, end, literal))
            case ("someitem", start, end, literal):
                self.some.append((start, end, literal))
            case ("contains", literal, count):
                self.contains.append((literal, count))
            case ("fewer", literal, count):
                self.fewer.append((literal, count))
            case ("unique",):
                self.is_unique = True
            case ("repeated",):
                self.is_repeated = True
            case ("notin", texts):
                self.excluded.update(texts)
            case _:
                pass

    def at(self, index: int) -> frozenset[Literal]:
        """Return what an item must fit."""
        return frozenset(
            literal for start, end, literal in self.items if start <= index and (end is None or index < end)
        )

    @property
    def apart(self) -> int:
        """The index from which on items are alike."""
        bounds = [bound for start, end, _ in (*self.items, *self.some) for bound in (start, end) if bound]
        return max(bounds, default=0)

    @property
    def enough(self) -> int:
        """How long an array is at most that has nothing to spare."""
        needed = len(self.some) + sum(count for _, count in self.contains) + 2 * self.is_repeated
        return max(self.least, self.apart + needed + min(len(self.excluded), 8))


def find_array(atoms: Iterable[Formula], solver: Goals) -> Outcome:
    """Find an array of which some atoms hold.

    Args:
        atoms: the atoms.
        solver: finds items.
    """
    demands = _Demands()
    for atom in atoms:
        demands.add(atom)
    if demands.most is not None and demands.most < demands.least:
        return NOTHING
    if demands.is_unique and demands.is_repeated:
        return NOTHING
    if (
        demands.least > _MAX_LENGTH
        or demands.apart > _MAX_LENGTH
        or demands.enough > demands.least + _MAX_LENGTH
    ):
        return Unknown("arrays are too long to be compared")
    longest = demands.enough if demands.most is None else min(demands.enough, demands.most)
    doubt: Outcome = NOTHING
    plans = _Plans(demands, solver)
    for length in range(demands.least, longest + 1):
        base = [demands.at(index) for index in range(min(length, demands.apart + 1))]
        base += base[-1:] * (length - len(base))
        for plan in plans.of(base):
            outcome = _fill(demands, plan, solver)
            if isinstance(outcome, Found) and not outcome.doubt:
                return outcome
            if outcome is not NOTHING and not isinstance(doubt, Found):
                doubt = outcome
    if doubt is NOTHING and not plans.are_complete:
        return Unknown("arrays have too many forms")
    return doubt


class _Plan(list[frozenset[Literal]]):
    """What each item is to fit; two items may be meant to be equal."""

    equal: tuple[int, int] | None = None


class _Plans:
    """Which items meet which demands.

    Args:
        demands: the demands.
        solver: counts what is tried.
    """

    def __init__(self, demands: _Demands, solver: Goals) -> None:
        self._demands = demands
        self._solver = solver
        self._count = 0
        self.are_complete = True
        """Whether no plan was left out so far."""

    def of(self, base: list[frozenset[Literal]]) -> Iterator[_Plan]:
        """Yield the plans for as many items, in every way that differs.

        Args:
            base: what each item is to fit in any case.
        """
        demands, length = self._demands, len(base)
        counted = [(literal, count) for literal, count in demands.contains]
        # All but so many items don't fit it; which of them do is left open.
        counted += [
            (each.negated(), max(length - count + 1, 0)) for each, count in demands.fewer if count > 0
        ]
        if any(count <= 0 for _, count in demands.fewer) or any(count > length for _, count in counted):
            return
        if self._is_contradictory():
            return
        choices = [self._chosen(length, count, index) for index, (_, count) in enumerate(counted)]
        literals = [literal for literal, _ in counted]
        for start, end, literal in demands.some:
            last = length if end is None else min(end, length)
            choices.append([(index,) for index in range(start, last)])
            literals.append(literal)
        pairs = itertools.combinations(range(length), 2) if demands.is_repeated else [None]
        seen: set[object] = set()
        # Not a product of the product, which would be made as a whole before the first plan.
        for pair, chosen in ((pair, chosen) for pair in pairs for chosen in itertools.product(*choices)):
            self._solver.spend()
            plan = _Plan(base)
            for indexes, literal in zip(chosen, literals, strict=True):
                for index in indexes:
                    plan[index] = plan[index] | {literal}
            plan.equal = pair
            key = (tuple(plan[: demands.apart]), frozenset(Counter(plan[demands.apart :]).items()), pair)
            if key not in seen:
                seen.add(key)
                self._count += 1
                if self._count > _MAX_PLANS:
                    self.are_complete = False
                    return
                yield plan

    def _is_contradictory(self) -> bool:
        return any(
            literal == other and count >= limit
            for literal, count in self._demands.contains
            for other, limit in self._demands.fewer
        )

    def _chosen(self, length: int, count: int, index: int) -> list[tuple[int, ...]]:
        """Return which items may be chosen to meet a demand of so many.

        The items after the first ones are alike, so that of the first demand only their number matters.
        """
        first = min(length, self._demands.apart)
        if index == 0 and not self._demands.is_repeated:
            chosen = [
                (*some, *range(first, first + count - taken))
                for taken in range(max(0, count - (length - first)), min(first, count) + 1)
                for some in itertools.islice(itertools.combinations(range(first), taken), _MAX_PLANS + 1)
            ]
        else:
            chosen = list(itertools.islice(itertools.combinations(range(length), count), _MAX_PLANS + 1))
        if len(chosen) > _MAX_PLANS:
            self.are_complete = False
        return chosen[:_MAX_PLANS]


def _fill(demands: _Demands, plan: _Plan, solver: Goals) -> Outcome:
    """Find the items of a plan."""
    items: list[Found | None] = [None] * len(plan)
    if plan.equal is not None:
        first, second = plan.equal
        outcome = solver.solve(plan[first] | plan[second])
        if not isinstance(outcome, Found):
            return outcome
        items[first] = items[second] = outcome
    used: set[str] = set()
    for index, literals in enumerate(plan):
        if items[index] is None:
            goal = literals
            if demands.is_unique and used:
                goal |= {solver.none_of(frozenset(used))}
            outcome = solver.solve(goal)
            if outcome is NOTHING:
                is_proof = not used or not demands.is_unique or len(set(plan)) == 1
                return (
                    NOTHING
                    if is_proof or solver.solve(literals) is NOTHING
                    else Unknown("items have to differ")
                )
            if isinstance(outcome, Unknown):
                return outcome
            items[index] = outcome if isinstance(outcome, Found) else None
        found = items[index]
        if demands.is_unique and found is not None:
            used.add(text_of(found.value))
    values = [found.value for found in items if found is not None]
    doubts = [found.doubt for found in items if found is not None and found.doubt]
    if text_of(values) in demands.excluded:
        return _other(demands, plan, values, solver)
    return Found(values, doubts[0] if doubts else "")


def _other(demands: _Demands, plan: _Plan, values: Sequence[JsonValue], solver: Goals) -> Outcome:
    """Find another array where the first one is excluded: with another item at one index."""
    for index in range(len(plan)):
        goal = plan[index] | {solver.none_of(frozenset(map(text_of, values)))}
        outcome = solver.solve(goal)
        if isinstance(outcome, Found) and plan.equal is None:
            other = [*values[:index], outcome.value, *values[index + 1 :]]
            if text_of(other) not in demands.excluded:
                return Found(other, outcome.doubt)
    return Unknown("an array is excluded") if plan else NOTHING
