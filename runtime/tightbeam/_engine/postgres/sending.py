"""The thread that tells other processes: live messages, and what was committed, off the way of commits.

Its transactions wait for no disk. What it says is never all that a process relies on: the log, due runs and
the ends of runs are looked at now and then by all processes.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.notifications import (
    LIMIT,
    LiveBatch,
    Notice,
    channel_of,
    encoded,
    live_batch,
    notices,
)
from tightbeam._message import Envelope
from tightbeam.errors import JournalFailed

__all__ = ["Sender"]

_log = logging.getLogger("tightbeam")
_BETWEEN_NOTICES = 0.01
"""Seconds: what is committed meanwhile is told together."""
_MESSAGES, _BYTES = 2_048, 256 * 1024
"""Live messages, and bytes of their data, after which a transaction takes no more."""
_MOST, _MOST_BYTES = 262_144, 64 * 1024 * 1024
"""Live messages that wait to be sent; older ones are dropped."""
_ROOM = LIMIT - 100
"""Bytes of messages in one text."""
_PAUSE = 1.0
"""Seconds before the next try, where the server refuses what is sent."""
_NOTIFY = b"SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text"
_KEEP = b"INSERT INTO live (data) VALUES (%b) RETURNING id"


class _Live(NamedTuple):
    after: int
    relayed: bool
    envelope: Envelope


class _Batch(NamedTuple):
    after: int
    relayed: bool
    messages: bytes
    """Joined by commas; one message if it is large."""

    @property
    def is_large(self) -> bool:
        return len(self.messages) > _ROOM


class Sender:
    """Owns the connection that notifies."""

    def __init__(self, member: Member, origin: int) -> None:
        """Start the thread, which connects when there is something to say.

        Args:
            member: the store's part in the journal.
            origin: by which this process knows its own notices.
        """
        self._line = Line(member.connector, member.outage, f"{member.number} sender", durable=False)
        self._origin = origin
        self._channel = channel_of(member.connector.schema)
        self._lock = threading.Lock()
        self._live: deque[_Live] = deque()
        self._bytes = 0
        self._queued = self._sent = 0
        """How many live messages there were, and how many of them are sent, or dropped."""
        self._progress = threading.Condition(self._lock)
        self._notice: Notice | None = None
        self._ends: deque[tuple[int, list[str]]] = deque()
        """Runs that have ended, and behind how many live messages others are told so: theirs come first."""
        self._dropped = 0
        self._something = threading.Event()
        self._urgent = threading.Event()
        """Set where something waits that isn't to be sent together with what comes next."""
        self._ending = False
        self._ended = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=self._work, name="tightbeam-sender", daemon=True)
        self._thread.start()

    def tell(self, notice: Notice) -> None:
        """Tell others what was committed, soon and together with what else is."""
        with self._lock:
            if notice.ended:
                self._ends.append((self._queued, notice.ended))
                notice = replace(notice, ended=[])
            if self._notice is None:
                self._notice = Notice(self._origin)
            self._notice.add(notice)
        self._something.set()

    def publish(self, envelope: Envelope, after: int, relayed: bool) -> None:
        """Send a live message to others.

        Args:
            envelope: the message.
            after: the last transaction with a message that this process has committed before.
            relayed: see `Outlet.live`.
        """
        with self._lock:
            self._live.append(_Live(after, relayed, envelope))
            self._queued += 1
            self._bytes += len(envelope.data)
            while len(self._live) > _MOST or (self._bytes > _MOST_BYTES and len(self._live) > 1):
                self._bytes -= len(self._live.popleft().envelope.data)
                self._dropped += 1
                self._sent += 1
        if not self._urgent.is_set():
            self._urgent.set()
            self._something.set()

    def flush(self, within: float) -> None:
        """Wait until the live messages are sent that there are by now.

        Args:
            within: seconds after which it returns in any case.
        """
        if self._sent == self._queued:
            return
        with self._progress:
            queued = self._queued
            self._progress.wait_for(lambda: self._sent >= queued, within)

    def end(self, within: float) -> None:
        """Send what is left, and end the thread; after so many seconds it ends by itself."""
        self._ending = True
        self._urgent.set()
        self._something.set()
        self._ended.set()
        self._thread.join(within)

    def _work(self) -> None:
        last = 0.0
        while True:
            self._something.wait()
            self._something.clear()
            if not self._live and not self._ending:
                # A notice alone may wait a little; a live message that comes meanwhile takes it along.
                self._urgent.wait(max(last + _BETWEEN_NOTICES - time.monotonic(), 0.0))
            self._urgent.clear()
            try:
                if self._notice is not None:
                    self._send(self._line.connection)  # waits for a server that is away
                while self._live:
                    self._send(self._line.connection)
            except psycopg.Error as error:
                if not self._line.is_broken(error):
                    _log.error("other processes can't be told what happens here: %s", type(error).__name__)
                    self._ended.wait(_PAUSE)
                self._something.set()
            except JournalFailed:  # the store is being closed, and the server is away
                break
            except Exception:  # noqa: BLE001 - without this thread others would hear nothing
                _log.exception("the thread that tells other processes has failed, and goes on")
                self._line.close()
                self._ended.wait(_PAUSE)
            last = time.monotonic()
            if self._ending and not self._live and self._notice is None and not self._ends:
                break
        self._line.close()

    def _send(self, connection: Connection[Any]) -> None:
        """Send one transaction of what waits; live messages of one that fails may have gone out."""
        with self._lock:
            taken = self._take()
            notice = self._take_notice()
            dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d live messages were dropped for other processes: the server is too slow", dropped)
        try:
            self._notify(connection, _batches(taken), notice)
        except BaseException:
            if notice is not None:
                self.tell(notice)
            raise
        finally:
            with self._progress:
                self._sent += len(taken)
                self._progress.notify_all()

    def _take(self) -> list[_Live]:
        taken: list[_Live] = []
        size = 0
        while self._live and len(taken) < _MESSAGES and size < _BYTES:
            taken.append(self._live.popleft())
            size += len(taken[-1].envelope.data)
        self._bytes -= size
        return taken

    def _take_notice(self) -> Notice | None:
        """Take what others are told: of ends, those behind all live messages that are taken or dropped."""
        notice, self._notice = self._notice, None
        gone = self._queued - len(self._live)
        while self._ends and self._ends[0][0] <= gone:
            _, ended = self._ends.popleft()
            if notice is None:
                notice = Notice(self._origin)
            notice.ended += ended
        return notice

    def _notify(self, connection: Connection[Any], batches: list[_Batch], notice: Notice | None) -> None:
        """Send batches of live messages, and a notice behind them, in one transaction."""
        texts: list[str] = []
        large = any(batch.is_large for batch in batches)
        with connection.transaction() if large else contextlib.nullcontext():
            for batch in batches:
                said = LiveBatch(self._origin, batch.after, [], None, batch.relayed)
                if batch.is_large:
                    row = connection.execute(_KEEP, (batch.messages,), prepare=True).fetchone()
                    assert row is not None  # noqa: S101 - one was inserted; for the checker
                    said = said._replace(row=row[0])
                self._number += 1
                texts.append(live_batch(said, self._number, batch.messages))
            if notice is not None:
                texts += notices(notice)
            connection.execute(_NOTIFY, (self._channel, texts), prepare=True)


def _batches(taken: list[_Live]) -> list[_Batch]:
    """Divide live messages so that each part fits into one text, or is a single message."""
    batches: list[_Batch] = []
    parts: list[bytes] = []
    size = 0
    before: _Live | None = None
    for live in taken:
        try:
            part = encoded(live.envelope)
        except (TypeError, ValueError) as error:  # its channel's name isn't text that can be sent
            _log.error("a live message can't be sent to other processes: %s", type(error).__name__)
            continue
        if before is not None and (size + len(part) > _ROOM or live.relayed != before.relayed):
            batches.append(_Batch(before.after, before.relayed, b",".join(parts)))
            parts, size = [], 0
        before = live
        parts.append(part)
        size += len(part) + 1
    if before is not None:
        batches.append(_Batch(before.after, before.relayed, b",".join(parts)))
    return batches
