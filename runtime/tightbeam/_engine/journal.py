"""What commands do with a journal from outside: read, check, copy, and operate its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tightbeam._engine.store import Answer, Query

__all__ = ["Checkup", "Copied", "Journal"]


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in a journal that can be read."""

    format: int
    """The format that its tables have."""
    damage: tuple[str, ...]
    """What the database says is wrong; empty if it is sound."""
    size: int
    """Bytes of the file and its log."""
    log_size: int
    log_is_stuck: bool
    """Whether the log is so large that something must keep it from being moved into the file."""
    free: int
    """Bytes left on the disk."""
    mode: int
    """The file's permissions."""
    holder: int | None
    """The process that has it open, 0 where that can't be known; None if none has."""
    states: Mapping[str, int]
    """Runs by state; this and what follows is empty where the journal is damaged."""
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


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was checked and is on the disk."""

    size: int
    """Bytes."""
    runs: int
    messages: int
    aside: str | None = None
    """The name that the file it replaced has now."""


class Journal(Protocol):
    """A journal. A client of another process may have it open meanwhile, unless a method says otherwise."""

    def read(self, query: Query[Answer], /) -> Answer:
        """Answer a query, from one consistent view.

        Raises:
            JournalRefused: it isn't a journal that this version can read.
        """
        ...

    def check_up(self) -> Checkup:
        """Examine it; every page is read.

        Raises:
            JournalRefused: it isn't there, or isn't a journal that this version can read.
        """
        ...

    def cancel(self, run_id: str, /) -> None:
        """End a run that hasn't ended.

        Raises:
            JournalRefused: a client has it open, or it isn't a journal that this version can open.
            NoSuchRun: there is no such run.
            RunStateError: it has ended.
            JournalFailed: it couldn't be stored.
        """
        ...

    def retry(self, run_id: str, /) -> None:
        """Let a run that failed or was cancelled go on when a client is entered next: see `RetryFrom`.

        Raises:
            JournalRefused: as `cancel`.
            NoSuchRun: as `cancel`.
            RunStateError: it has neither failed nor was it cancelled.
            JournalFailed: as `cancel`.
        """
        ...

    def resume(self, run_id: str, /) -> None:
        """Let a parked run be tried again when a client is entered next.

        Raises:
            JournalRefused: as `cancel`.
            NoSuchRun: as `cancel`.
            RunStateError: it isn't parked.
            JournalFailed: as `cancel`.
        """
        ...

    def back_up(self, target: Path, /, *, overwrite: bool = False) -> Copied:
        """Copy all that was committed when this began.

        Args:
            target: the copy, which is there whole or not at all, readable by its owner only.
            overwrite: whether it may replace an earlier copy.

        Raises:
            JournalRefused: the journal can't be read; the target is there already, or can't be written.
        """
        ...

    def restore(self, backup: Path, /, *, replace: bool = False) -> Copied:
        """Put a backup in the journal's place; what it replaces is kept under another name, with its log.

        Args:
            backup: the copy, which stays.
            replace: whether there may be a journal already.

        Raises:
            JournalRefused: the backup can't be read; the journal is in use, there already or not writable.
        """
        ...
