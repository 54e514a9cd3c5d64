"""What commands do with a journal from outside, wherever it is: read it, and operate its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tightbeam._engine.store import Answer, Query

__all__ = ["Journal", "RunsCheckup"]


@dataclass(frozen=True, slots=True)
class RunsCheckup:
    """What a journal's runs wait for, and what became of them."""

    states: Mapping[str, int]
    """Runs by state."""
    overdue: Mapping[str, int]
    """Functions whose runs are due and wait, with the age of the oldest in microseconds."""
    dying: tuple[str, ...]
    """The first few runs under which the process has died, and that haven't made progress since."""
    failed: tuple[tuple[str, str, str], ...]
    """The last runs that failed: id, function, type of the error."""
    parked: tuple[tuple[str, str, int], ...]
    """Why runs are parked: function, type of the error, and how many."""
    delayed: tuple[int, int | None]
    """How many runs haven't begun since their time is still to come, and the latest of these times."""
    schedules: tuple[tuple[str, str, str, int], ...]
    """What the clock starts: function, expression, time zone, and the time of the last start."""


class Journal(Protocol):
    """A journal. Clients of other processes may have it open meanwhile, unless a method says otherwise."""

    @property
    def name(self) -> str:
        """What messages for people call it, without a password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether its runs may be changed while clients have it open: not so in a file."""
        ...

    def read(self, query: Query[Answer], /) -> Answer:
        """Answer a query, from one consistent view.

        Raises:
            JournalRefused: it isn't a journal that this version can read.
        """
        ...

    def cancel(self, run_id: str, /) -> None:
        """End a run that hasn't ended.

        Raises:
            JournalRefused: it isn't a journal that this version can open; or a client has the file open.
            NoSuchRun: there is no such run.
            RunStateError: it has ended.
            JournalFailed: it couldn't be stored.
        """
        ...

    def retry(self, run_id: str, /) -> None:
        """Let a run that failed or was cancelled go on: see `RetryFrom`. In a file, when a client is entered.

        Raises:
            JournalRefused: as `cancel`.
            NoSuchRun: as `cancel`.
            RunStateError: it has neither failed nor was it cancelled.
            JournalFailed: as `cancel`.
        """
        ...

    def resume(self, run_id: str, /) -> None:
        """Let a parked run be tried again. In a file, when a client is entered.

        Raises:
            JournalRefused: as `cancel`.
            NoSuchRun: as `cancel`.
            RunStateError: it isn't parked.
            JournalFailed: as `cancel`.
        """
        ...

    def close(self) -> None:
        """Let go of what changing runs may have opened. It may be used again."""
        ...
