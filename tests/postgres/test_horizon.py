"""What holds the log back is named: by a question, and once in the log of the process."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import psycopg
import pytest

from tests.postgres.server import Server
from tests.postgres.written import connector_of, journal, write
from tightbeam._engine.postgres import horizon
from tightbeam._engine.postgres.answers import ANSWERS
from tightbeam._engine.postgres.horizon import HorizonWatch, Lag, read_lag
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.requests import ReadLag
from tightbeam._engine.store import Answer, Request

pytestmark = pytest.mark.slow


def answer_of(connection: psycopg.Connection[Any], request: Request[Answer]) -> Answer:
    """Carry out a request on a connection."""
    answer: Answer = ANSWERS[type(request)](Transaction(connection), request)
    return answer


async def test_nothing_waits_and_so_nothing_is_held_back(address: str) -> None:
    await journal(address)
    with connector_of(address).connect("test") as connection, connector_of(address).connect("x") as other:
        assert read_lag(connection) == Lag(0.0)
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        assert read_lag(connection) == Lag(0.0)
        assert answer_of(connection, ReadLag()) == 0.0
        other.execute("ROLLBACK")


async def test_the_session_that_holds_messages_back_is_named(address: str) -> None:
    await journal(address)
    with (
        connector_of(address).connect("test") as connection,
        connector_of(address).connect("slow job") as other,
    ):
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        write(connection, at=(time.time_ns() // 1_000) - 90_000_000)
        lag = read_lag(connection)
        assert 80 < lag.seconds < 500
        assert 80 < answer_of(connection, ReadLag()) < 500
        assert lag.holder is not None
        assert lag.holder.name == f"session {other.info.backend_pid}"
        assert (lag.holder.user, lag.holder.database) == ("postgres", connection.info.dbname)
        assert (lag.holder.application, lag.holder.state) == ("tightbeam slow job", "idle in transaction")
        said = str(lag.holder)
        assert said.startswith(f'session {other.info.backend_pid} of user "postgres" in database "')
        assert re.search(r'\("tightbeam slow job"\) is idle in transaction since \d+ s', said)
        other.execute("COMMIT")
        assert read_lag(connection) == Lag(0.0)


async def test_a_transaction_of_another_database_holds_back_too(
    address: str, postgres_server: Server
) -> None:
    await journal(address)
    elsewhere = postgres_server.new()
    with connector_of(address).connect("test") as connection, connector_of(elsewhere).connect("x") as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        write(connection)
        holder = read_lag(connection).holder
        assert holder is not None
        assert holder.database == other.info.dbname != connection.info.dbname
        other.execute("ROLLBACK")


def test_a_prepared_transaction_holds_back_too() -> None:
    server = Server(settings={"max_prepared_transactions": "2"})
    server.start()
    try:
        address = server.new()
        with connector_of(address).connect("test") as connection:
            connection.execute("CREATE SCHEMA tightbeam")
            connection.execute(
                "CREATE TABLE tightbeam.message (xid xid8 DEFAULT pg_current_xact_id(), seq bigint)"
            )
            connection.execute("ALTER TABLE tightbeam.message ADD created_at bigint DEFAULT 1")
            connection.execute("BEGIN")
            connection.execute("SELECT pg_current_xact_id()")
            connection.execute("PREPARE TRANSACTION 'left behind'")
            connection.execute("INSERT INTO tightbeam.message (seq) VALUES (1)")
            holder = read_lag(connection).holder
            assert holder is not None
            assert (holder.name, holder.state) == ("prepared transaction left behind", "prepared")
    finally:
        server.remove()


async def test_it_is_logged_once_and_once_that_it_is_over(
    address: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal(address)
    caplog.set_level(logging.INFO, "tightbeam")
    watch = HorizonWatch()
    with connector_of(address).connect("test") as connection, connector_of(address).connect("x") as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        write(connection)
        watch.look(connection)
        assert caplog.messages == []
        monkeypatch.setattr(horizon, "_LONG", 0.0)
        for _ in range(3):
            assert watch.look(connection) == watch.lag
        (told,) = caplog.messages
        assert f"session {other.info.backend_pid} of user" in told
        assert "pg_terminate_backend" in told
        other.execute("COMMIT")
        monkeypatch.undo()
        for _ in range(3):
            watch.look(connection)
        assert caplog.messages[1:] == ["messages are no longer held back by a transaction"]
