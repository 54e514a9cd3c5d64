"""What durable publishes over Postgres are measured beside, each in the fastest form it has."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from contextlib import AsyncExitStack

import orjson
import psycopg

from benchmarks.bindings import MEDIUM
from benchmarks.journals import seconds_together

__all__ = ["connection_each", "notifications"]

_TABLE = """
CREATE TABLE IF NOT EXISTS peer_message (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), seq bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL, topic text NOT NULL, run text NOT NULL, step text NOT NULL, data bytea NOT NULL,
    PRIMARY KEY (xid, seq), UNIQUE (run, step)
)
"""
_INSERT = "INSERT INTO peer_message (channel, topic, run, step, data) VALUES ('c', 't', %s, %s, %b)"
_NOTIFYING = f"WITH stored AS ({_INSERT} RETURNING 1) SELECT pg_notify('peer', '') FROM stored"
_DATA = orjson.dumps(MEDIUM)
_runs = itertools.count()


def connection_each(address: str, callers: int, count: int, *, notify: bool) -> float:
    """Return the seconds for `count` messages by callers with a connection of its own each.

    A message and its memo are one row and one statement, which commits by itself.

    Args:
        address: of the server.
        callers: how many publish together.
        count: of all together.
        notify: wake readers in the transaction of each message.
    """
    return asyncio.run(_connection_each(address, callers, count, _NOTIFYING if notify else _INSERT))


async def _connection_each(address: str, callers: int, count: int, statement: str) -> float:
    run = f"run-{next(_runs)}"
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(address, autocommit=True))
            for _ in range(callers)
        ]
        await connections[0].execute(_TABLE)

        async def publish(number: int, step: int) -> None:
            await connections[number].execute(statement, (f"{run}-{number}", f"{step}", _DATA), prepare=True)

        return await seconds_together(callers, count, publish)


def notifications(address: str, count: int) -> float:
    """Return how many messages a second reach one connection that another one sends with NOTIFY, in batches.

    Args:
        address: of the server.
        count: how many are sent, 100 in each payload.
    """
    batch = "x" * 7_900
    with (
        psycopg.connect(address, autocommit=True) as sender,
        psycopg.connect(address, autocommit=True) as receiver,
    ):
        receiver.execute("LISTEN peer_live")
        sender.execute("SET synchronous_commit = off")

        def send() -> None:
            for _ in range(count // 100):
                sender.execute("SELECT pg_notify('peer_live', %s)", (batch,), prepare=True)

        sending = threading.Thread(target=send)
        start = time.perf_counter()
        sending.start()
        for _, _ in zip(range(count // 100), receiver.notifies(timeout=60), strict=False):
            pass
        took = time.perf_counter() - start
        sending.join()
        return count / took
