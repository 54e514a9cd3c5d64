"""The thread that tells other processes: live messages, and what was committed, off the way of commits.

Its transactions wait for no disk. What it says is never all that a process relies on: the log, due runs and
the ends of runs are looked at now and then by everybody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

import psycopg
from psycopg import Connection

from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.notifications import (
    LIMIT,
    Notice,
    channel_of,
    encoded,
    live_batch,
    notices,
)
from tightbeam._engine.postgres.outage import Outage
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


class Sender:
    """Owns the connection that notifies."""

    def __init__(self, connector: Connector, outage: Outage, origin: int) -> None:
        """Start the thread, which connects when there is something to say.

        Args:
            connector: opens the connection.
            outage: what all threads of the store know of the server.
            origin: by which this process knows its own notices.
        """
        self._line = Line(connector, outage, "sender", durable=False)
        self._origin = origin
        self._channel = channel_of(connector.schema)
        self._lock = threading.Lock()
        self._live: deque[tuple[int, Envelope]] = deque()
        self._bytes = 0
        self._queued = self._sent = 0
        """How many live messages there were, and how many of them are sent, or dropped."""
        self._progress = threading.Condition(self._lock)
        self._notice: Notice | None = None
        self._dropped = 0
        self._something = threading.Event()
        self._ending = False
        self._ended = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=self._work, name="tightbeam-sender", daemon=True)
        self._thread.start()

    def tell(self, notice: Notice) -> None:
        """Tell others what was committed, soon and together with what else is."""
        with self._lock:
            if self._notice is None:
                self._notice = Notice(self._origin)
            self._notice.add(notice)
        self._something.set()

    def publish(self, envelope: Envelope, after: int) -> None:
        """Send a live message to others.

        Args:
            envelope: the message.
            after: the last transaction with a message that this process has committed before.
        """
        with self._lock:
            self._live.append((after, envelope))
            self._queued += 1
            self._bytes += len(envelope.data)
            while len(self._live) > _MOST or (self._bytes > _MOST_BYTES and len(self._live) > 1):
                self._bytes -= len(self._live.popleft()[1].data)
                self._dropped += 1
                self._sent += 1
        if not self._something.is_set():
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
        self._something.set()
        self._ended.set()
        self._thread.join(within)

    def _work(self) -> None:
        last = 0.0
        while True:
            self._something.wait()
            self._something.clear()
            if not self._live and self._notice is not None and not self._ending:
                # Alone it may wait a little; a live message that comes meanwhile takes it along.
                self._something.wait(max(last + _BETWEEN_NOTICES - time.monotonic(), 0.0))
            try:
                while self._live or self._notice is not None:
                    self._send(self._line.connection)  # waits for a server that is away
            except psycopg.Error as error:
                if not self._line.is_broken(error):
                    _log.error("other processes can't be told what happens here: %s", type(error).__name__)
                    self._ended.wait(_PAUSE)
                self._something.set()
            except JournalFailed:  # the store is being closed, and the server is away
                break
            last = time.monotonic()
            if self._ending and not self._live and self._notice is None:
                break
        self._line.close()

    def _send(self, connection: Connection[Any]) -> None:
        """Send one transaction of what waits; live messages of one that fails may have gone out."""
        with self._lock:
            notice, self._notice = self._notice, None
            taken = self._take()
            dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d live messages were dropped for other processes: the server is too slow", dropped)
        try:
            texts, large = self._texts(taken)
            if notice is not None:
                texts += notices(notice)
            self._notify(connection, texts, large)
        except BaseException:
            if notice is not None:
                self.tell(notice)
            raise
        finally:
            with self._progress:
                self._sent += len(taken)
                self._progress.notify_all()

    def _take(self) -> list[tuple[int, Envelope]]:
        taken: list[tuple[int, Envelope]] = []
        size = 0
        while self._live and len(taken) < _MESSAGES and size < _BYTES:
            taken.append(self._live.popleft())
            size += len(taken[-1][1].data)
        self._bytes -= size
        return taken

    def _notify(
        self, connection: Connection[Any], texts: list[str], large: dict[int, tuple[int, bytes]]
    ) -> None:
        """Send texts in one transaction.

        Args:
            connection: to the server.
            texts: in order; empty ones are to name rows.
            large: by their places, what is kept in a row, and what it comes behind.
        """
        if not large:
            connection.execute(_NOTIFY, (self._channel, texts), prepare=True)
            return
        with connection.transaction():
            for place, (after, data) in large.items():
                row = connection.execute(_KEEP, (data,), prepare=True).fetchone()
                assert row is not None  # noqa: S101 - one was inserted; for the checker
                texts[place] = self._batch(after, row[0])
            connection.execute(_NOTIFY, (self._channel, texts), prepare=True)

    def _texts(self, taken: list[tuple[int, Envelope]]) -> tuple[list[str], dict[int, tuple[int, bytes]]]:
        """Return the texts of live messages, and the messages that are too large for one, by their places."""
        texts: list[str] = []
        large: dict[int, tuple[int, bytes]] = {}
        parts: list[bytes] = []
        size, last = 0, 0
        for after, envelope in taken:
            part = encoded(envelope)
            if parts and size + len(part) > _ROOM:
                texts.append(self._batch(last, b",".join(parts)))
                parts, size = [], 0
            last = after
            if len(part) > _ROOM:
                large[len(texts)] = after, part
                texts.append("")
                continue
            parts.append(part)
            size += len(part) + 1
        if parts:
            texts.append(self._batch(last, b",".join(parts)))
        return texts, large

    def _batch(self, after: int, messages: bytes | int) -> str:
        self._number += 1
        return live_batch(self._origin, self._number, after, messages)
