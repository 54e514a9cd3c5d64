"""What commands do with a journal that is a file: check it, copy it, put a copy back."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tightbeam._engine.journal import Journal, RunsCheckup
from tightbeam._engine.moving import Contents

__all__ = ["Copied", "FileCheckup", "FileJournal"]


@dataclass(frozen=True, slots=True)
class FileCheckup:
    """What was found in a journal's file that can be read."""

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
    runs: RunsCheckup
    """Empty where the journal is damaged."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was checked and is on the disk."""

    size: int
    """Bytes."""
    runs: int
    messages: int
    aside: str | None = None
    """The name that the file it replaced has now."""


class FileJournal(Journal, Protocol):
    """A journal that is a file."""

    def check_up(self) -> FileCheckup:
        """Examine it; every page is read.

        Raises:
            JournalRefused: it isn't there, or isn't a journal that this version can read.
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

    def contents(self) -> AbstractContextManager[Contents]:
        """Open all that it holds, for another journal, and keep clients out meanwhile.

        Raises:
            JournalRefused: it isn't a sound journal that this version can read, or a client has it open.
        """
        ...
