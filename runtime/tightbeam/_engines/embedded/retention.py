"""Retention: what is too old or too much leaves the journal, in slices, between other work."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tightbeam._engines.embedded.messages import bounds, meta, set_meta
from tightbeam._engines.embedded.writer import Transaction

__all__ = ["Retention", "Trimmer"]

_TRIM_ROWS = 1_000
_BATCHES = 64
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much the journal keeps: messages by number and age, ended runs by age."""

    messages: int
    age_us: int


class Trimmer:
    """Called after every batch of the writer; seldom does anything."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._batches = 0
        self._next = 0.0
        self._more = False

    def __call__(self, tx: Transaction) -> None:
        """Trim a slice, in a transaction of its own, if it is time to look."""
        self._batches += 1
        now = time.monotonic()
        if not self._more and self._batches < _BATCHES and now < self._next:
            return
        self._batches = 0
        self._next = now + _SECONDS
        tx.execute("BEGIN IMMEDIATE")
        self._more = _trim(tx, self._retention, time.time_ns() // 1000)
        tx.execute("COMMIT")


def _trim(tx: Transaction, retention: Retention, now: int) -> bool:
    """Delete a slice of what is no longer retained; whether there is more to do."""
    there = bounds(tx)
    horizon = now - retention.age_us
    upto = max(there.trimmed, there.last - retention.messages, _last_older_than(tx, horizon))
    upto = min(upto, there.last - 1)  # the last one stays: numbers are given after the highest there is
    slice_end = min(upto, there.trimmed + _TRIM_ROWS)
    if slice_end > there.trimmed:
        newest = tx.execute("SELECT max(created_at) FROM message WHERE seq <= ?", (slice_end,)).fetchone()[0]
        tx.execute("DELETE FROM message WHERE seq <= ?", (slice_end,))
        set_meta(tx, "trimmed", slice_end)
        if newest is not None:
            set_meta(tx, "trimmed_created_at", max(newest, meta(tx, "trimmed_created_at")))
    ended = tx.execute("SELECT id FROM run WHERE ended_at < ? LIMIT ?", (horizon, _TRIM_ROWS)).fetchall()
    for (run_id,) in ended:
        tx.execute("DELETE FROM step WHERE run_id = ?", (run_id,))
        tx.execute("DELETE FROM run WHERE id = ?", (run_id,))
    return slice_end < upto or len(ended) == _TRIM_ROWS


def _last_older_than(tx: Transaction, horizon: int) -> int:
    """The last of the oldest messages, a slice of them at most, that are older; 0 if none is."""
    found = 0
    for seq, created in tx.execute("SELECT seq, created_at FROM message ORDER BY seq LIMIT ?", (_TRIM_ROWS,)):
        if created >= horizon:
            break
        found = seq
    return found
