"""What commands do with a journal in a Postgres database: check it, and fill it from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tightbeam._engine.journal import Journal, RunsCheckup
from tightbeam._engine.moving import Contents, Moved

__all__ = ["ServerCheckup", "ServerJournal", "ServerProcess"]


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A process that has entered a client on the journal."""

    number: int
    host: str
    pid: int
    version: str
    """Of Tightbeam."""
    functions: tuple[str, ...]
    """Those whose runs it executes."""
    silent_us: int
    """How long ago it has said that it lives."""
    is_alive: bool


@dataclass(frozen=True, slots=True)
class ServerCheckup:
    """What was found in a database."""

    server: str
    """The version of PostgreSQL."""
    is_standby: bool
    """Whether it takes no writes, so that clients are entered on another server."""
    format: int
    """The format that the tables have."""
    size: int
    """Bytes of the schema's tables and indexes."""
    role: str
    missing: tuple[str, ...]
    """Rights that the role lacks, as they are granted: ``INSERT ON run``."""
    grants: str
    """What gives them, and who may; empty if none is missing."""
    connections: int
    """Of all programs."""
    own_connections: int
    """Of Tightbeam's processes on this database."""
    most_connections: int
    """How many the server takes."""
    ahead_us: int
    """How far the server's clock is ahead of this machine's, at least; below 0 if it is behind."""
    held_back: float
    """For how many seconds the oldest message has waited that is committed and that no reader gets yet."""
    holder: str | None
    """Whose transaction it waits for; None if nothing waits, or this role can't see that."""
    processes: tuple[ServerProcess, ...]
    unserved: Mapping[str, int]
    """Functions of which runs are due and no living process has them, with how many."""
    runs: RunsCheckup


class ServerJournal(Journal, Protocol):
    """A journal in a Postgres database."""

    def check_up(self) -> ServerCheckup:
        """Examine it; nothing is changed.

        Raises:
            JournalRefused: it isn't there, or isn't a journal that this version can read.
        """
        ...

    def fill(self, contents: Contents, /) -> Moved:
        """Put another journal's contents into this one, made if it isn't there: all of them or nothing.

        Raises:
            JournalRefused: it holds something already, or a process has it open.
            JournalFailed: the server failed, or holds less than was given.
            NotStorable: a text holds what Postgres can't.
        """
        ...
