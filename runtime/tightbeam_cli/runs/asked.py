"""Which runs a command is about, and where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

__all__ = ["MOST", "Selection", "Where"]

MOST = 1_000
"""Runs that are listed unless a limit is given, and searched for the beginning of an id."""


@dataclass(frozen=True, slots=True)
class Where:
    """The options that say where runs are."""

    url: str | None = None
    """The gateway's, or the address of a database; None where the first argument names a journal."""
    postgres_schema: str = "tightbeam"


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter: runs that fit all of it."""

    states: tuple[str, ...] = ()
    """In one of these states; in any if there is none."""
    function: str | None = None
    since: datetime | None = None
    """Created at this moment or later."""
    words: tuple[str, ...] = ()
    """With each of these in id, function, event or error."""
    limit: int = MOST
    """At most so many, the latest."""

    @property
    def is_all(self) -> bool:
        """Whether it leaves out nothing but what its limit does."""
        return replace(self, limit=MOST) == Selection()
