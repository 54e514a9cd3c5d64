"""Retention: what is too old or too much leaves the journal, in slices, between other work."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tightbeam._engine.records import Retention
from tightbeam._engine.sqlite import epochs
from tightbeam._engine.sqlite.doubt import Doubt
from tightbeam._engine.sqlite.messages import Bounds, bounds, meta, set_meta
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.sqlite.wal import LogSize

__all__ = ["Trimmer"]

_TRIM_ROWS = 1_000
_BATCHES = 64
_SECONDS = 30.0
_LEAST_ROWS, _MOST_ROWS = 16, 256
_SLICES = 32
"""What may go after a batch outnumbers the 512 requests that it is at most."""
_MARGIN = 32
"""It shrinks by this part, so that a journal that is full doesn't trim after every batch."""


class Trimmer:
    """Called after every batch of the writer; seldom does anything.

    Callers have just been told and want the interpreter, so that even a question to the journal would cost
    them more than it takes.
    """

    def __init__(self, retention: Retention, log_size: LogSize | None = None, trimmed_us: int = 0) -> None:
        """Nothing is looked at yet.

        Args:
            retention: what is kept.
            log_size: watches the log beside the file; None for a journal in memory.
            trimmed_us: the time of the latest message that was let go of before.
        """
        self.trimmed_us = trimmed_us
        """The time of the latest message that was let go of; read by any thread."""
        self._retention = retention
        self._log_size = log_size
        self._doubt = Doubt()
        self._batches = 0
        self._written = 0
        self._next = 0.0
        self._more = False

    def __call__(self, tx: Transaction, written: int) -> None:
        """Trim a slice, in transactions of its own, if it is time to look.

        That is after some time, some batches, or so many bytes of data that the size may matter by now.
        """
        self._batches += 1
        self._written += written
        if not (
            self._more
            or self._batches >= _BATCHES
            or self._written >= self._retention.size // _MARGIN
            or time.monotonic() >= self._next
        ):
            return
        self._batches = self._written = 0
        self._next = time.monotonic() + _SECONDS
        self._more = True  # if it fails, it is tried again after the next batch
        if self._log_size is not None:
            self._log_size.look()
        too_large = _shrink(tx, self._retention.size)
        tx.execute("BEGIN IMMEDIATE")
        now = time.time_ns() // 1000
        doubted = self._doubt.of(tx, now, now - self._retention.age_us)
        self._more = _trim(tx, self._retention, 0 if doubted else now) or too_large
        trimmed_us = meta(tx, "trimmed_created_at")
        tx.execute("COMMIT")
        self.trimmed_us = trimmed_us


def _shrink(tx: Transaction, size: int) -> bool:
    """If it is over its size, let the oldest go until it is well below; whether that takes more slices."""
    if _size(tx) <= size:
        return False
    tx.execute("BEGIN IMMEDIATE")
    more = True
    for _ in range(_SLICES):
        if _size(tx) <= size - size // _MARGIN or not _drop_oldest(tx):
            more = False
            break
    tx.execute("COMMIT")
    return more


def _size(tx: Transaction) -> int:
    """What the journal takes, without the pages that are free."""
    pages, free, size = (
        tx.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _drop_oldest(tx: Transaction) -> bool:
    """A slice of the oldest messages, after the runs that ended before them; whether there was anything."""
    there = bounds(tx)
    count = min(max((there.last - there.trimmed) // _MARGIN, _LEAST_ROWS), _MOST_ROWS)
    upto = min(there.trimmed + count, there.last - 1)
    horizon = time.time_ns() // 1000
    if upto > there.trimmed:
        # When the run of the first message that stays began: messages' times may be ahead of the clock.
        row = tx.execute(
            "SELECT coalesce(run.created_at, message.created_at) FROM message LEFT JOIN run "
            "ON run.number = message.run WHERE seq > ? ORDER BY seq LIMIT 1",
            (upto,),
        ).fetchone()
        horizon = row[0]
    ended = tx.execute(
        "SELECT id FROM run WHERE ended_at < ? ORDER BY ended_at LIMIT ?", (horizon, _MOST_ROWS)
    ).fetchall()
    _drop_runs(tx, [run_id for (run_id,) in ended])
    if len(ended) < _MOST_ROWS:
        _drop_messages(tx, upto, there)
    return bool(ended) or upto > there.trimmed


def _trim(tx: Transaction, retention: Retention, now: int) -> bool:
    """Delete a slice of what is no longer retained; whether there is more to do."""
    there = bounds(tx)
    horizon = now - retention.age_us
    upto = max(there.trimmed, there.last - retention.messages, _last_older_than(tx, horizon))
    upto = min(upto, there.last - 1)  # the last one stays: numbers are given after the highest there is
    slice_end = min(upto, there.trimmed + _TRIM_ROWS)
    _drop_messages(tx, slice_end, there)
    ended = tx.execute("SELECT id FROM run WHERE ended_at < ? LIMIT ?", (horizon, _TRIM_ROWS)).fetchall()
    _drop_runs(tx, [run_id for (run_id,) in ended])
    return slice_end < upto or len(ended) == _TRIM_ROWS


def _drop_messages(tx: Transaction, upto: int, there: Bounds) -> None:
    if upto <= there.trimmed:
        return
    newest = tx.execute("SELECT max(created_at) FROM message WHERE seq <= ?", (upto,)).fetchone()[0]
    # A message is the memo of its publish too: without it an unfinished run would publish it once more.
    tx.execute(
        "INSERT INTO step (run_id, id, kind, channel, topic, state, attempts, started_at, ended_at, result) "
        "SELECT run_id, step_id, 'step.realtime.publish', channel, topic, 'done', 1, message.started_at, "
        "message.ended_at, iif(run.ended_at IS NULL, message.data, NULL) "
        "FROM message JOIN run ON run.number = message.run WHERE seq <= ? ON CONFLICT DO NOTHING",
        (upto,),
    )
    tx.execute("DELETE FROM message WHERE seq <= ?", (upto,))
    set_meta(tx, "trimmed", upto)
    epochs.forget(tx.execute, upto)
    if newest is not None:
        set_meta(tx, "trimmed_created_at", max(newest, meta(tx, "trimmed_created_at")))


def _drop_runs(tx: Transaction, run_ids: Iterable[str]) -> None:
    for run_id in run_ids:
        tx.execute("DELETE FROM step WHERE run_id = ?", (run_id,))
        tx.execute("DELETE FROM run WHERE id = ?", (run_id,))


def _last_older_than(tx: Transaction, horizon: int) -> int:
    """The last of the oldest messages, a slice of them at most, that are older; 0 if none is."""
    found = 0
    for seq, created in tx.execute("SELECT seq, created_at FROM message ORDER BY seq LIMIT ?", (_TRIM_ROWS,)):
        if created >= horizon:
            break
        found = seq
    return found
