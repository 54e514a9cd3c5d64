"""What is no transaction to publish in is refused by name, and nothing is stored."""

from __future__ import annotations

import contextlib
import inspect
import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import asyncpg
import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import tightbeam
from tests.postgres.server import Server
from tests.postgres.transactions.conftest import execute
from tests.postgres.transactions.kinds import ASYNC_KINDS, KINDS, Taken, by_driver
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.events.samples import upload_event

pytestmark = pytest.mark.slow

CH = job_channel(job_id="j1")
SECRET = "a-value-of-the-payload"


async def refused(call: Callable[[], Any], kind: type[Exception] = tightbeam.EngineError) -> str:
    """Return the text of the error that a call ends in; it holds no value of the payload."""
    with pytest.raises(kind) as caught:
        await call()
    assert not getattr(caught.value, "retryable", False)
    assert SECRET not in str(caught.value)
    return str(caught.value)


async def made(call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Make a call, and await what it returns if it is a coroutine."""
    returned = call(*arguments, **options)
    if inspect.isawaitable(returned):
        await returned


async def both_refused(client: tightbeam.Client, taken: Taken) -> str:
    """Return the text with which publishing and sending are refused."""
    texts = {
        await refused(lambda: taken.publish(client, CH.status, {"message": SECRET})),
        await refused(lambda: taken.send(client, upload_event, {"uploadId": SECRET})),
    }
    assert len(texts) == 1
    return texts.pop()


@pytest.fixture(autouse=True)
def nothing_is_stored(journal: str) -> Any:
    """No test here stores anything."""
    yield
    count = "SELECT (SELECT count(*) FROM tightbeam.{}) + (SELECT count(*) FROM tightbeam.run)"
    assert execute(journal, count.format("message")) == [(0,)]
    assert execute(journal, count.format("sent")) == [(0,)]


# -- payloads: before anything is sent to the server --------------------------------------------------------


async def test_payloads(client: tightbeam.Client, journal: str, taken: Taken) -> None:
    publish, send = taken.publish, taken.send
    await refused(lambda: publish(client, CH.status, {"mesage": SECRET}), tightbeam.InvalidPayload)
    await refused(lambda: publish(client, CH.token, "x" * 600_000), tightbeam.PayloadTooLarge)
    await refused(lambda: publish(client, CH.status), TypeError)
    await refused(lambda: publish(client, CH.status, {"message": "a"}, {"message": "b"}), TypeError)
    await refused(lambda: send(client, upload_event, {"uploadId": 5}), tightbeam.InvalidPayload)
    await refused(lambda: send(client, upload_event), TypeError)
    await refused(lambda: send(client, "app/x", {"a": {1}}), tightbeam.NotJson)
    await refused(lambda: send(client, upload_event, {"uploadId": "u"}, delay=5), TypeError)
    await refused(lambda: send(client, "app/\0", {}), tightbeam.NotStorable)
    await taken.execute("SELECT 1")  # the transaction goes on
    await taken.commit()


# -- states of connections ----------------------------------------------------------------------------------


async def test_a_failed_transaction(client: tightbeam.Client, taken: Taken) -> None:
    with pytest.raises(Exception, match="division by zero"):
        await taken.execute("SELECT 1/0")
    assert "the transaction has failed: only a rollback is left" in await both_refused(client, taken)
    await taken.rollback()


async def test_a_read_only_transaction(client: tightbeam.Client, taken: Taken) -> None:
    await taken.execute("SET TRANSACTION READ ONLY")
    text = await refused(lambda: taken.publish(client, CH.status, {"message": SECRET}))
    assert text == "nothing was stored: the transaction is read only"
    await taken.rollback()


async def test_closed_connections(client: tightbeam.Client, journal: str) -> None:
    for name, kind in KINDS.items():
        if "Session" in name:
            continue  # a closed one begins anew
        async with kind(journal) as mine:
            given = mine.given
        try:
            mine.given = given
            text = await both_refused(client, mine)
        except TypeError as error:
            pytest.fail(f"{name}: {error}")
        assert "closed" in text or "given back to its pool" in text, (name, text)


async def test_autocommit(client: tightbeam.Client, journal: str) -> None:
    async with await psycopg.AsyncConnection.connect(journal, autocommit=True) as connection:
        text = await both_refused(client, Taken(connection))
        assert text.startswith("nothing was stored: the connection is in autocommit mode, and no transaction")
        async with connection.pipeline():
            assert await both_refused(client, Taken(connection)) == text
    connection = await asyncpg.connect(journal)
    assert "no transaction is open" in await both_refused(client, Taken(connection))
    await connection.close()
    for driver in ("psycopg", "asyncpg"):
        engine = create_async_engine(by_driver(journal, driver), isolation_level="AUTOCOMMIT")
        async with engine.connect() as on_engine, AsyncSession(engine) as session:
            assert "AUTOCOMMIT" in await both_refused(client, Taken(on_engine))
            assert "AUTOCOMMIT" in await both_refused(client, Taken(session))
        await engine.dispose()
        engine = create_async_engine(by_driver(journal, driver))
        async with engine.connect() as on_connection:
            await on_connection.execution_options(isolation_level="AUTOCOMMIT")
            assert "AUTOCOMMIT" in await both_refused(client, Taken(on_connection))
        await engine.dispose()


async def test_sessions_that_cant_be_used(client: tightbeam.Client, journal: str) -> None:
    engine = create_async_engine(by_driver(journal, "asyncpg"))
    async with AsyncSession(engine, autobegin=False) as session:
        assert "hasn't begun" in await both_refused(client, Taken(session))
    session = AsyncSession(engine, close_resets_only=False)
    await session.close()
    assert "closed" in await both_refused(client, Taken(session))
    async with AsyncSession() as session:
        assert "session.connection" in await both_refused(client, Taken(session))
    await engine.dispose()


async def test_two_phases(client: tightbeam.Client, journal: str) -> None:
    engine = create_engine(by_driver(journal, "psycopg"))
    with (
        engine.connect() as connection,
        connection.begin_twophase(),
        Session(engine, twophase=True) as session,
        psycopg.connect(journal) as plain,
    ):
        plain.tpc_begin("x")
        for given in (connection, session, plain):
            with pytest.raises(tightbeam.EngineError, match="prepares no transaction that notifies"):
                client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=given)
        plain.tpc_rollback()
    engine.dispose()


async def test_another_database_of_sqlalchemy(client: tightbeam.Client) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection, Session(engine) as session:
        for given in (connection, session):
            with pytest.raises(tightbeam.EngineError, match="by psycopg or asyncpg, not by sqlite"):
                client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=given)
    engine.dispose()


# -- databases ----------------------------------------------------------------------------------------------


async def test_a_database_without_a_journal(client: tightbeam.Client, postgres_server: Server) -> None:
    elsewhere = postgres_server.new()
    for kind in KINDS.values():
        async with kind(elsewhere) as mine:
            text = await refused(lambda mine=mine: mine.publish(client, CH.status, {"message": SECRET}))
            assert 'has no schema "tightbeam" that this version can write to' in text
            await mine.rollback()
            text = await refused(lambda mine=mine: mine.send(client, upload_event, {"uploadId": SECRET}))
            assert "is it another database" in text
            await mine.rollback()


@pytest_asyncio.fixture
async def stranger(journal: str, postgres_server: Server) -> AsyncIterator[str]:
    """The address of the journal's database for a role without rights."""
    with contextlib.suppress(psycopg.errors.DuplicateObject):
        execute(journal, "CREATE ROLE stranger LOGIN")
    yield journal.replace("postgres@", "stranger@")
    execute(journal, "REVOKE ALL ON ALL TABLES IN SCHEMA tightbeam FROM stranger")
    execute(journal, "REVOKE ALL ON SCHEMA tightbeam FROM stranger")


async def test_a_role_without_rights(client: tightbeam.Client, stranger: str) -> None:
    for kind in KINDS.values():
        async with kind(stranger) as mine:
            text = await refused(lambda mine=mine: mine.publish(client, CH.status, {"message": SECRET}))
            assert "grant it USAGE" in text
            await mine.rollback()


async def test_the_rights_that_are_named_are_enough(
    client: tightbeam.Client, journal: str, stranger: str
) -> None:
    execute(journal, "GRANT USAGE ON SCHEMA tightbeam TO stranger")
    execute(journal, "GRANT INSERT ON tightbeam.message, tightbeam.run, tightbeam.sent TO stranger")
    execute(journal, "GRANT SELECT ON tightbeam.run, tightbeam.step TO stranger")
    for kind in KINDS.values():
        async with kind(stranger) as mine:
            await mine.publish(client, CH.status, {"message": "x"})
            await mine.send(client, upload_event, {"uploadId": "u1"}, id="k")
            await mine.send(client, upload_event, {"uploadId": "u1"}, id="k")
            with pytest.raises(tightbeam.NotRegistered):
                await mine.send(client, "app/unheard", {})
            await mine.rollback()


async def test_errors_of_drivers_reach_the_caller_without_the_payload(
    client: tightbeam.Client, journal: str
) -> None:
    execute(journal, "ALTER TABLE tightbeam.message ADD CONSTRAINT never CHECK (topic <> 'status')")
    try:
        for kind in ("AsyncConnection over psycopg", "AsyncSession over asyncpg"):
            async with ASYNC_KINDS[kind](journal) as mine:
                with pytest.raises(Exception, match="never") as caught:
                    await mine.publish(client, CH.status, {"message": SECRET})
                assert "sqlalchemy.exc" in type(caught.value).__module__ + type(caught.value).__name__
                assert "parameters hidden" in str(caught.value)
                assert SECRET not in str(caught.value).replace("Failing row", "")
    finally:
        execute(journal, "ALTER TABLE tightbeam.message DROP CONSTRAINT never")


# -- other objects ------------------------------------------------------------------------------------------


async def test_other_objects(client: tightbeam.Client, journal: str) -> None:
    engine, async_engine = (
        create_engine(by_driver(journal, "psycopg")),
        create_async_engine("postgresql+asyncpg://x"),
    )
    async with (
        await psycopg.AsyncConnection.connect(journal) as connection,
        asyncpg.create_pool(journal, min_size=1) as pool,
        pool.acquire() as pooled,
    ):
        others = {
            "sqlalchemy.Engine": engine,
            "sqlalchemy.AsyncEngine": async_engine,
            "psycopg.AsyncCursor": connection.cursor(),
            "asyncpg.Transaction": pooled.transaction(),
            "asyncpg.Pool": pool,
            "sqlite3.Connection": sqlite3.connect(":memory:"),
            "int": 5,
            "str": "postgresql://",
            "NoneType": None,
            "type": AsyncSession,
        }
        for name, given in others.items():
            for call in (client.realtime.publish, client.realtime.publish_sync):
                text = await refused(partial(made, call, CH.tick, {"n": 1}, transaction=given), TypeError)
                assert text.endswith(f", not {name}"), text
            for call in (client.send, client.send_sync):
                text = await refused(
                    partial(made, call, upload_event, {"uploadId": "u"}, transaction=given), TypeError
                )
                assert text.endswith(f", not {name}"), text
        others["sqlite3.Connection"].close()


async def test_with_and_without_await(client: tightbeam.Client, journal: str) -> None:
    for name, kind in KINDS.items():
        async with kind(journal) as mine:
            if name in ASYNC_KINDS:
                with pytest.raises(TypeError, match=r"^publish_sync awaits nothing: .* goes with publish$"):
                    client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=mine.given)
                with pytest.raises(TypeError, match=r"^send_sync awaits nothing: .* goes with send$"):
                    client.send_sync(upload_event, {"uploadId": "u"}, transaction=mine.given)
            else:
                with pytest.raises(
                    TypeError, match=r"^publish is for coroutines: .* goes with publish_sync$"
                ):
                    await client.realtime.publish(CH.tick, {"n": 1}, transaction=mine.given)
                with pytest.raises(TypeError, match=r"^send is for coroutines: .* goes with send_sync$"):
                    await client.send(upload_event, {"uploadId": "u"}, transaction=mine.given)
