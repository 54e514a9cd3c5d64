"""Epochs: which opening of the journal wrote a message, and so whose positions a journal can resume from.

A position is ``epoch:seq``: the epoch of the opening that wrote the message, and the message's place. Each
opening that publishes durably has an epoch of its own, drawn at random. An older copy of the file has never
heard of epochs that began after it was made, and its own last epoch ends where it continues. So a position
that was handed out in the meantime is recognised as one of another history, however the copy was made.
"""

from __future__ import annotations

import os
import sqlite3
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Epochs", "forget", "load", "name_at", "new_epoch", "place_of", "position_at", "record"]

Execute = Callable[..., sqlite3.Cursor]

_MOST = 10_000
"""Openings that are kept apart; of more the older half is merged, and positions of those are lost."""
_FIRST, _BEHIND = "opening:", "opening;"
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs of a journal, in the order of their messages."""

    starts: tuple[int, ...]
    """Of each epoch the last place before its first message; -1 for the epoch that the file was made with."""
    names: tuple[str, ...]

    def position(self, seq: int) -> str:
        """Return the position of the message at a place."""
        return f"{self.names[bisect_left(self.starts, seq) - 1]}:{seq}"

    def followed_by(self, name: str, start: int) -> Epochs:
        """Return these epochs and a new one, whose messages come after a place."""
        return Epochs((*self.starts, start), (*self.names, name))


def new_epoch() -> str:
    """Draw the name of an epoch."""
    return os.urandom(6).hex()


def load(connection: sqlite3.Connection) -> Epochs:
    """Read the epochs of a journal that is open for writing, merging the oldest of very many."""
    query = "SELECT name, value FROM meta WHERE name >= ? AND name < ? ORDER BY name"
    rows = connection.execute(query, (_FIRST, _BEHIND)).fetchall()
    if len(rows) > _MOST:
        merged = rows[: len(rows) // 2]
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM meta WHERE name >= ? AND name <= ?", (_FIRST, merged[-1][0]))
        # A new name: positions of the merged epochs are lost, instead of taken for others.
        connection.execute("INSERT INTO meta VALUES (?, ?)", (merged[0][0], new_epoch()))
        connection.execute("COMMIT")
        rows = connection.execute(query, (_FIRST, _BEHIND)).fetchall()
    starts = (int(name.removeprefix(_FIRST)) for name, _ in rows)
    return Epochs((-1, *starts), (_base(connection.execute), *(value for _, value in rows)))


def record(execute: Execute, name: str, start: int) -> None:
    """Store that the messages after a place are of an epoch, in the transaction of the first of them."""
    execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_key(start), name))


def forget(execute: Execute, trimmed: int) -> None:
    """Drop epochs that no message and no position can be of any more."""
    execute(
        "DELETE FROM meta WHERE name >= ? AND name < "
        "(SELECT max(name) FROM meta WHERE name >= ? AND name < ?)",
        (_FIRST, _FIRST, _key(trimmed)),
    )


def name_at(execute: Execute, seq: int) -> str:
    """Return the epoch of the message at a place."""
    row = execute(
        "SELECT value FROM meta WHERE name >= ? AND name < ? ORDER BY name DESC LIMIT 1", (_FIRST, _key(seq))
    ).fetchone()
    return _base(execute) if row is None else str(row[0])


def position_at(execute: Execute, seq: int) -> str:
    """Return the position of the message at a place."""
    return f"{name_at(execute, seq)}:{seq}"


def place_of(execute: Execute, position: str) -> int | None:
    """Return the place of a position; None if it isn't one that this journal, in its history, handed out.

    The place may be behind the last message: the journal is an older copy then, which has not gone on yet.
    """
    name, _, digits = position.partition(":")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return None
    seq = int(digits)
    return seq if seq < 1 << 63 and name_at(execute, seq) == name else None


def _key(seq: int) -> str:
    return f"{_FIRST}{seq:0{_MAX_DIGITS}d}"


def _base(execute: Execute) -> Any:
    return execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
