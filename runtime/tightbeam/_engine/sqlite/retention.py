"""Retention: what is too old or too much leaves the journal, in slices, between other work."""

from __future__ import annotations

from tightbeam._engine import trimming
from tightbeam._engine.doubt import Doubt
from tightbeam._engine.settings import Retention
from tightbeam._engine.sqlite import epochs
from tightbeam._engine.sqlite.messages import bounds, meta, set_meta
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.sqlite.wal import LogSize
from tightbeam._message import now_us

__all__ = ["Kept", "Trimmer"]

_DOUBTED = "clock_doubted"


class Trimmer:
    """Called after every batch of the store; seldom does anything.

    Callers have just got their answers and want the interpreter, so that even a question to the journal would
    cost them more than it takes.
    """

    def __init__(self, retention: Retention, log_size: LogSize, trimmed_us: int = 0) -> None:
        """Begin without having looked.

        Args:
            retention: what is kept.
            log_size: watches the log beside the file.
            trimmed_us: the time of the latest message that was trimmed before.
        """
        self.trimmed_us = trimmed_us
        """The time of the latest message that was trimmed; read by any thread."""
        self._retention = retention
        self._log_size = log_size
        self._doubt = Doubt()
        self._pace = trimming.Pace(retention.size)

    def __call__(self, tx: Transaction, written: int) -> None:
        """Trim a slice, in a transaction of its own, if it is time to look.

        Args:
            tx: begins and commits it.
            written: the bytes of data that the batch stored.
        """
        if not self._pace.is_time(written):
            return
        self._log_size.check()
        tx.execute("BEGIN IMMEDIATE")
        kept, now = Kept(tx), now_us()
        is_too_large = trimming.shrink(kept, self._retention.size)
        is_doubted = self._is_doubted(tx, kept, now)
        self._pace.has_more = trimming.trim(kept, self._retention, 0 if is_doubted else now) or is_too_large
        trimmed_us = meta(tx, "trimmed_created_at")
        tx.execute("COMMIT")
        self.trimmed_us = trimmed_us

    def _is_doubted(self, tx: Transaction, kept: Kept, now: int) -> bool:
        """Return whether the time is doubted; when that began is stored, so that restarts don't end it."""
        before = meta(tx, _DOUBTED)
        since = self._doubt.since(kept, now, now - self._retention.age_us, before)
        if since and since != before:
            set_meta(tx, _DOUBTED, since)
        elif before and not since:
            tx.execute("DELETE FROM meta WHERE name = ?", (_DOUBTED,))
        return since > 0


class Kept:
    """What is in the journal: see `Trimmable` and `Stored`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.trimmed, self.last = bounds(tx)

    def size(self) -> int:
        """Return what the journal takes, without the pages that are free."""
        pages, free, size = (
            self._tx.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def older_than(self, time_us: int, most: int, /) -> int:
        """See `Trimmable`."""
        place = 0
        rows = self._tx.execute("SELECT seq, created_at FROM message ORDER BY seq LIMIT ?", (most,))
        for seq, created in rows:
            if created >= time_us:
                break
            place = seq
        return place

    def begun_before(self, place: int, /) -> int:
        """See `Trimmable`."""
        begun: int = self._tx.execute(
            "SELECT coalesce(run.created_at, message.created_at) FROM message LEFT JOIN run "
            "ON run.number = message.run WHERE seq > ? ORDER BY seq LIMIT 1",
            (place,),
        ).fetchone()[0]
        return begun

    def drop_messages(self, upto: int, /) -> None:
        """See `Trimmable`."""
        tx = self._tx
        newest = tx.execute("SELECT max(created_at) FROM message WHERE seq <= ?", (upto,)).fetchone()[0]
        # A message is the memo of its publish too: without it an unfinished run would publish it once more.
        tx.execute(
            "INSERT INTO step "
            "(run_id, id, kind, channel, topic, state, attempts, started_at, ended_at, result) "
            "SELECT run_id, step_id, 'step.realtime.publish', channel, topic, 'done', 1, message.started_at, "
            "message.ended_at, iif(run.state = 'done', NULL, message.data) "
            "FROM message JOIN run ON run.number = message.run WHERE seq <= ? ON CONFLICT DO NOTHING",
            (upto,),
        )
        tx.execute("DELETE FROM message WHERE seq <= ?", (upto,))
        set_meta(tx, "trimmed", upto)
        self.trimmed = upto
        epochs.forget(tx.execute, upto)
        if newest is not None:
            set_meta(tx, "trimmed_created_at", max(newest, meta(tx, "trimmed_created_at")))

    def drop_runs(self, before: int, most: int, /) -> int:
        """See `Trimmable`."""
        tx = self._tx
        ended = tx.execute(
            "SELECT id FROM run WHERE ended_at < ? ORDER BY ended_at LIMIT ?", (before, most)
        ).fetchall()
        for run in ended:
            tx.execute("DELETE FROM step WHERE run_id = ?", run)
            tx.execute("DELETE FROM run WHERE id = ?", run)
        return len(ended)

    def oldest(self) -> int | None:
        """See `Stored`."""
        times = self._tx.execute(
            "SELECT (SELECT created_at FROM message ORDER BY seq LIMIT 1), "
            "(SELECT min(ended_at) FROM run WHERE ended_at IS NOT NULL)"
        ).fetchone()
        return min((time for time in times if time is not None), default=None)

    def newest(self) -> int:
        """See `Stored`."""
        last, ended = self._tx.execute(
            "SELECT (SELECT created_at FROM message ORDER BY seq DESC LIMIT 1), "
            "(SELECT max(ended_at) FROM run WHERE ended_at IS NOT NULL)"
        ).fetchone()
        return max(last or 0, ended or 0)
