"""Retention, written once for all stores: what is too old or too much leaves a journal, in slices."""

from __future__ import annotations

import time
from typing import Protocol

from tightbeam._engine.settings import Retention
from tightbeam._message import now_us

__all__ = ["Pace", "Trimmable", "shrink", "trim"]

_ROWS = 1_000
"""Messages, and runs, of a slice."""
_BATCHES, _BATCHES_ON_SERVER = 64, 1_024
"""After so many it is time to look in any case."""
_SECONDS = 30.0
_LEAST_ROWS, _MOST_ROWS = 16, 256
_SLICES = 32
"""What may go after a batch outnumbers the 512 requests that it is at most."""
_MARGIN = 32
"""A journal that is too large shrinks by this part more, so that it isn't trimmed after every batch."""


class Trimmable(Protocol):
    """A journal that things can be dropped from; places are those of its messages."""

    @property
    def last(self) -> int:
        """Return the place of the last message."""
        ...

    @property
    def trimmed(self) -> int:
        """Return the place of the last message that was dropped."""
        ...

    def size(self) -> int:
        """Return how many bytes the journal takes."""
        ...

    def older_than(self, time_us: int, most: int, /) -> int:
        """Return the place of the last of the oldest messages that are all older than a time; 0 if none is.

        Args:
            time_us: the time.
            most: how many messages are looked at.
        """
        ...

    def begun_before(self, place: int, /) -> int:
        """Return when the run began that published the first message after a place."""
        ...

    def drop_messages(self, upto: int, /) -> None:
        """Drop the messages up to a place; memos of runs that may still be executed stay."""
        ...

    def drop_runs(self, before: int, most: int, /) -> int:
        """Drop the runs that ended first, before a time and so many at most; return how many were dropped."""
        ...


class Pace:
    """Says when it is time to trim: seldom, since requests wait meanwhile."""

    def __init__(self, size: int, *, on_server: bool = False) -> None:
        """Begin; trim after the first batch.

        Args:
            size: the bytes that the journal may take.
            on_server: whether each look at the journal asks a server a dozen questions.
        """
        self._bytes = size // _MARGIN
        self._is_on_server = on_server
        self._batches = 0
        self._written = 0
        self._next = 0.0
        self.has_more = False
        """Whether there is more to drop than the last slices."""

    def is_time(self, written: int) -> bool:
        """Count a batch; return whether to trim after it.

        That is after some time, some batches, or so many bytes of data that the size may matter by now.

        Args:
            written: the bytes of data that the batch stored.
        """
        self._batches += 1
        self._written += written
        if not (
            self.has_more
            or self._batches >= (_BATCHES_ON_SERVER if self._is_on_server else _BATCHES)
            or self._written >= self._bytes
            or time.monotonic() >= self._next
        ):
            return False
        self._batches = self._written = 0
        self._next = time.monotonic() + _SECONDS
        self.has_more = True  # if trimming fails, it is tried again after the next batch
        return True


def shrink(journal: Trimmable, size: int) -> bool:
    """Drop the oldest of a journal that is too large, until it is well below its size.

    Returns:
        Whether there is more to drop.
    """
    if journal.size() <= size:
        return False
    for _ in range(_SLICES):
        if journal.size() <= size - size // _MARGIN or not _drop_oldest(journal):
            return False
    return True


def _drop_oldest(journal: Trimmable) -> bool:
    """Drop a slice of the oldest messages, after the runs that ended before them.

    Returns:
        Whether there was anything to drop.
    """
    count = min(max((journal.last - journal.trimmed) // _MARGIN, _LEAST_ROWS), _MOST_ROWS)
    upto = min(journal.trimmed + count, journal.last - 1)
    has_messages = upto > journal.trimmed
    # Times of messages may be ahead of the clock, those of runs aren't.
    horizon = journal.begun_before(upto) if has_messages else now_us()
    ended = journal.drop_runs(horizon, _MOST_ROWS)
    if ended < _MOST_ROWS and has_messages:
        journal.drop_messages(upto)
    return ended > 0 or has_messages


def trim(journal: Trimmable, retention: Retention, now: int) -> bool:
    """Drop a slice of what is no longer retained by number or age.

    Args:
        journal: what to drop from.
        retention: what is kept.
        now: the time; 0 where nothing is to be dropped for its age.

    Returns:
        Whether there is more to drop.
    """
    horizon = now - retention.age_us
    trimmed, last = journal.trimmed, journal.last
    upto = max(trimmed, last - retention.messages, journal.older_than(horizon, _ROWS))
    upto = min(upto, last - 1)  # the last message stays, since places are counted on from it
    slice_end = min(upto, trimmed + _ROWS)
    if slice_end > trimmed:
        journal.drop_messages(slice_end)
    ended = journal.drop_runs(horizon, _ROWS)
    return slice_end < upto or ended == _ROWS
