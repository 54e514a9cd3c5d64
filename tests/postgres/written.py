"""Messages as other processes write them, by SQL, and processes that follow the log when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from tests.postgres.opened import Heard, open_store
from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres.answers import ANSWERS
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.following import Follower
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.places import place_at
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.store import Answer, Request

__all__ = ["Process", "connector_of", "journal", "placed", "processes", "write"]

_INSERT = """
INSERT INTO tightbeam.message (channel, topic, number, started_at, ended_at, created_at, data, id)
VALUES (
    %s, %s, 0, 0, 0, coalesce(%s::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint), %s, %s
)
RETURNING xid::text::bigint, seq
"""
_ALL = "SELECT xid::text::bigint, seq FROM tightbeam.message ORDER BY message.xid, seq"


async def journal(address: str) -> None:
    """Make the tables."""
    await open_store(address).close(30)


def connector_of(address: str) -> Connector:
    """Return what opens connections as those of a store."""
    return Connector(Address(address), "tightbeam", 15.0)


def write(
    connection: psycopg.Connection[Any],
    channel: str = "ch",
    topic: str = "tick",
    *,
    at: int | None = None,
    data: bytes = b"1",
) -> int:
    """Insert a message, and return its place."""
    row = connection.execute(_INSERT, (channel, topic, at, data, uuid4().hex)).fetchone()
    assert row is not None
    return place_at(*row)


def placed(connection: psycopg.Connection[Any]) -> list[int]:
    """Return the places of all messages that are committed, in the order of the log."""
    return [place_at(*row) for row in connection.execute(_ALL).fetchall()]


class Process:
    """One of several that follow the log; it reads when the test, or one of its readers, says so."""

    def __init__(self, address: str) -> None:
        self.connection = connector_of(address).connect("test")
        self.heard = Heard()
        self.log = Log.of(self.connection)
        self.follower = Follower(self.log, self.heard)
        self.log.wake = self._follow_soon
        self._following = connector_of(address).connect("test")
        self._one_at_a_time = threading.Lock()
        self._woken: list[threading.Thread] = []

    def follow(self) -> list[int]:
        """Follow the log to its end, and return the places of all messages that were fanned out so far."""
        with self._one_at_a_time:
            while self.follower.follow(self._following):
                pass
        return self.fanned_out

    @property
    def fanned_out(self) -> list[int]:
        """The places of all messages so far."""
        return [message.seq or 0 for message in self.heard.messages]

    def ask(self, request: Request[Answer]) -> Answer:
        """Carry out a request as a store's reader does."""
        tx = Transaction(self.connection)
        tx.log = self.log
        answer: Answer = ANSWERS[type(request)](tx, request)
        return answer

    def _follow_soon(self) -> None:
        thread = threading.Thread(target=self.follow)
        self._woken.append(thread)
        thread.start()

    def close(self) -> None:
        """Let the connections go, once what was woken has ended."""
        for thread in self._woken:
            thread.join()
        self.connection.close()
        self._following.close()


@contextmanager
def processes(address: str, count: int) -> Iterator[list[Process]]:
    """Begin so many processes, and end them."""
    begun = [Process(address) for _ in range(count)]
    try:
        yield begun
    finally:
        for process in begun:
            process.close()
