"""What commands do with a journal in a Postgres database: check it, and fill it from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tightbeam._engine.journal import Journal, RunsCheckup
from tightbeam._engine.moving import Contents, Moved

__all__ = ["HorizonHolder", "ServerCheckup", "ServerJournal", "ServerProcess"]


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
class HorizonHolder:
    """The oldest transaction that writes: messages committed after it began wait for its end."""

    pid: int | None
    """Of the server's process; None for a transaction that is prepared."""
    name: str
    """What it calls itself: its application's name, or the prepared transaction's."""
    role: str
    age_us: int | None
    """How long ago it began; None where this role can't see that."""


@dataclass(frozen=True, slots=True)
class ServerCheckup:
    """What was found in a database."""

    server: str
    """The version of PostgreSQL."""
    format: int
    """The format that the tables have."""
    size: int
    """Bytes of the schema's tables and indexes."""
    role: str
    missing: tuple[str, ...]
    """Rights that the role lacks, as they are granted: ``INSERT ON run``."""
    connections: int
    """Of all programs."""
    own_connections: int
    """Of Tightbeam's processes on this database."""
    most_connections: int
    """How many the server takes."""
    ahead_us: int
    """How far the server's clock is ahead of this machine's."""
    waiting: int
    """Messages that are committed, and that no reader gets before an older transaction has ended."""
    holder: HorizonHolder | None
    """Whose transaction that is, or would be if a message were published now; None if nobody writes."""
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
