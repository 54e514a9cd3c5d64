"""The choices that lead to one example: each may be taken otherwise in the next attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

__all__ = ["Choice", "Choices", "DeadEnd", "Site", "Way"]

_Result = TypeVar("_Result")

_MOST_CANDIDATES = 4
"""Candidates for one value that are tried."""

Way: TypeAlias = tuple[str | int, ...]
"""The keys and indexes on the way to a value of the example."""

Site: TypeAlias = tuple[Way, str]
"""Where something is chosen: the way to a value, and what is chosen about the value."""


class DeadEnd(Exception):
    """No value can be made along the choices that were taken."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of an attempt."""

    site: Site
    taken: int
    count: int
    """How many options there were."""


class Choices:
    """Takes the first option everywhere, unless another one is asked for or the first is a dead end.

    Args:
        overrides: the options to begin with, by site.
        fuel: how many values and schemas the attempt may look at.
    """

    def __init__(self, overrides: Mapping[Site, int], fuel: int) -> None:
        self._overrides = overrides
        self.fuel = fuel
        """What is left of it."""
        self.made: dict[Site, Choice] = {}
        """The choices of the attempt, in their order."""

    def spend(self) -> None:
        """Count one step of the attempt.

        Raises:
            DeadEnd: the attempt has taken too many.
        """
        self.fuel -= 1
        if self.fuel < 0:
            raise DeadEnd

    def take(self, way: Way, what: str, options: Sequence[Callable[[], _Result]]) -> _Result:
        """Return what the chosen option gives, or the first one after it that is no dead end.

        Args:
            way: to the value.
            what: is chosen about the value.
            options: the options, the best one first.

        Raises:
            DeadEnd: every option is one.
        """
        site = (way, what)
        first = self._overrides.get(site, 0)
        for index in [*range(first, len(options)), *range(min(first, len(options)))]:
            known = dict(self.made)
            self.made[site] = Choice(site, index, len(options))
            try:
                result: _Result = options[index]()
            except DeadEnd:
                if self.fuel < 0:
                    raise
                self.made = known
            else:
                return result
        raise DeadEnd

    def pick(self, way: Way, candidates: Iterable[_Result]) -> _Result:
        """Return the chosen candidate for a value, or the last one if there are fewer.

        Most attempts take the first one, so that no other is worked out.

        Args:
            way: to the value.
            candidates: the candidates, the best one first.

        Raises:
            DeadEnd: there is none.
        """
        site = (way, "candidate")
        wanted = min(self._overrides.get(site, 0), _MOST_CANDIDATES - 1)
        found = list(islice(candidates, wanted + 1))
        if not found:
            raise DeadEnd
        self.made[site] = Choice(site, wanted, _MOST_CANDIDATES)
        return found[-1]
