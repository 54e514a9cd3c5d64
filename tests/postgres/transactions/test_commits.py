"""A message, or a run, is there if and only if the transaction that it is part of commits."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import orjson
import psycopg
import pytest
from sqlalchemy import Integer, create_engine
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

import tightbeam
from tests.postgres.opened import open_store
from tests.postgres.transactions.conftest import execute
from tests.postgres.transactions.kinds import ASYNC_KINDS, KINDS, Taken, by_driver
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.events.samples import ping_event, upload_event
from tightbeam._transactions.on_asyncpg import AsyncpgExecutor
from tightbeam._transactions.work import Rows, Statement

pytestmark = pytest.mark.slow

CH = job_channel(job_id="j1")
TRANSACTIONS = 1_000
"""How many are committed, and how many rolled back, over all kinds."""
_UNGRANTED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def published(address: str) -> list[int]:
    """The numbers of the messages that are there, in order."""
    rows = execute(address, "SELECT data FROM tightbeam.message ORDER BY xid, seq")
    return [orjson.loads(data)["n"] for (data,) in rows]


def ordered(address: str) -> list[int]:
    """The numbers of the orders that are there."""
    return [number for (number,) in execute(address, 'SELECT number FROM "order" ORDER BY number')]


async def test_a_thousand_commits_and_a_thousand_rollbacks(
    client: tightbeam.Client, journal: str, taken: Taken
) -> None:
    """Of all kinds together: each has its share, and does something of its own beside each message."""
    share = TRANSACTIONS // len(KINDS)
    fates = [True, False] * share
    random.Random(20).shuffle(fates)
    for number, commits in enumerate(fates):
        await taken.execute(f'INSERT INTO "order" VALUES ({number})')
        await taken.publish(client, CH.tick, {"n": number})
        await taken.send(client, upload_event, {"uploadId": f"u{number}"})
        await (taken.commit() if commits else taken.rollback())
    kept = [number for number, commits in enumerate(fates) if commits]
    assert len(kept) == share
    assert published(journal) == kept == ordered(journal)
    runs = execute(journal, "SELECT data FROM tightbeam.run WHERE state = 'ready' ORDER BY number")
    assert [orjson.loads(data)["uploadId"] for (data,) in runs] == [f"u{number}" for number in kept]
    assert execute(journal, "SELECT count(*) FROM tightbeam.sent") == [(share,)]


async def test_savepoints(client: tightbeam.Client, journal: str, taken: Taken) -> None:
    for outer in (True, False):
        await taken.publish(client, CH.tick, {"n": 0})
        async with taken.savepoint(keep=True):
            await taken.publish(client, CH.tick, {"n": 1})
        async with taken.savepoint(keep=False):
            await taken.publish(client, CH.tick, {"n": 2})
            await taken.send(client, upload_event, {"uploadId": "u2"})
        async with taken.savepoint(keep=True):
            await taken.send(client, upload_event, {"uploadId": "u3"})
        await taken.publish(client, CH.tick, {"n": 4})
        await (taken.commit() if outer else taken.rollback())
    assert published(journal) == [0, 1, 4]
    assert execute(journal, "SELECT convert_from(data, 'utf8') FROM tightbeam.run") == [
        ('{"uploadId":"u3"}',)
    ]


async def test_a_failed_statement_that_a_savepoint_has_undone(
    client: tightbeam.Client, journal: str, taken: Taken
) -> None:
    with pytest.raises(Exception, match="division by zero"):
        async with taken.savepoint(keep=False):
            await taken.execute("SELECT 1/0")
    await taken.rollback()
    await taken.publish(client, CH.tick, {"n": 1})
    await taken.commit()
    assert published(journal) == [1]


@pytest.mark.parametrize("kind", ASYNC_KINDS)
async def test_concurrent_transactions(client: tightbeam.Client, journal: str, kind: str) -> None:
    numbers = itertools.count()
    kept: list[int] = []

    async def place(commits: bool) -> None:
        async with ASYNC_KINDS[kind](journal) as mine:
            for _ in range(5):
                number = next(numbers)
                await mine.publish(client, CH.tick, {"n": number})
                await asyncio.sleep(0)
                await (mine.commit() if commits else mine.rollback())
                if commits:
                    kept.append(number)

    await asyncio.gather(*(place(number % 2 == 0) for number in range(6)))
    assert sorted(published(journal)) == sorted(kept)
    assert len(kept) == 15


async def test_two_transactions_in_one_another(client: tightbeam.Client, journal: str, taken: Taken) -> None:
    async with ASYNC_KINDS["AsyncSession over psycopg"](journal) as other:
        await taken.publish(client, CH.tick, {"n": 1})
        await other.publish(client, CH.tick, {"n": 2})
        await taken.rollback()
        await taken.publish(client, CH.tick, {"n": 3})
        await other.commit()
        assert published(journal) == [2]
        await taken.commit()
    assert sorted(published(journal)) == [2, 3]


async def test_a_connection_that_is_closed_before_the_commit(client: tightbeam.Client, journal: str) -> None:
    for kind in KINDS.values():
        async with kind(journal) as mine:
            await mine.publish(client, CH.tick, {"n": 1})
            await mine.send(client, upload_event, {"uploadId": "u1"})
    assert published(journal) == []
    assert execute(journal, "SELECT count(*) FROM tightbeam.run") == [(0,)]


async def test_an_id_starts_one_run(client: tightbeam.Client, journal: str, taken: Taken) -> None:
    first = await taken.send(client, upload_event, {"uploadId": "u1"}, id="k")
    assert await taken.send(client, upload_event, {"uploadId": "u2"}, id="k") == first
    await taken.commit()
    assert await taken.send(client, upload_event, {"uploadId": "u3"}, id="k") == first
    await taken.commit()
    assert execute(journal, "SELECT id, key FROM tightbeam.run") == [(first[0], "k")]


@pytest.mark.parametrize("commits", [True, False])
async def test_an_id_that_another_transaction_has_just_used(
    client: tightbeam.Client, journal: str, commits: bool
) -> None:
    async with KINDS["psycopg"](journal) as first, KINDS["AsyncSession over asyncpg"](journal) as second:
        ids = await first.send(client, upload_event, {"uploadId": "u1"}, id="k")
        waiting = asyncio.ensure_future(second.send(client, upload_event, {"uploadId": "u2"}, id="k"))
        await waits_for_a_lock(journal)
        assert not waiting.done()
        await (first.commit() if commits else first.rollback())
        async with asyncio.timeout(30):
            others = await waiting
        await second.commit()
    assert (others == ids) is commits
    assert execute(journal, "SELECT id FROM tightbeam.run") == [(others[0],)]


async def waits_for_a_lock(address: str) -> None:
    """Return once a connection waits for another one's transaction."""
    async with asyncio.timeout(30):
        while execute(address, _UNGRANTED) == [(0,)]:  # noqa: ASYNC110 - the server tells of no such event
            await asyncio.sleep(0.01)


async def test_what_a_message_carries(journal: str, taken: Taken) -> None:
    class Stamp(tightbeam.Hook):
        @contextmanager
        def publish(self, publish: tightbeam.hooks.PublishInfo) -> Iterator[None]:
            publish.metadata["trace"] = [publish.durable, publish.in_transaction, publish.step_id]
            yield
            seen.append(publish.message)

    seen: list[tightbeam.hooks.MessageInfo | None] = []
    client = tightbeam.Client(journal, hooks=[Stamp()])
    before = execute(journal, "SELECT extract(epoch FROM clock_timestamp()) * 1e6")[0][0]
    await taken.publish(client, CH.status, {"message": "Grüße\n€ ' \" \\ : $1 %s %(x)s :p1"})
    await taken.commit()
    after = execute(journal, "SELECT extract(epoch FROM clock_timestamp()) * 1e6")[0][0]
    columns = "channel, topic, run, run_id, step, number, data, metadata, id, created_at"
    ((channel, topic, *none, data, metadata, message_id, created),) = execute(
        journal, f"SELECT {columns} FROM tightbeam.message"
    )
    assert (channel, topic) == ("job:j1", "status")
    assert orjson.loads(metadata) == {"trace": [True, True, None]}
    assert [each and (each.id, each.durable) for each in seen] == [(message_id, True)]
    assert none == [None] * 4
    assert orjson.loads(data) == {"message": "Grüße\n€ ' \" \\ : $1 %s %(x)s :p1"}
    assert len(message_id) == 26
    assert before <= created <= after


async def test_several_functions_and_options(journal: str, taken: Taken) -> None:
    client = tightbeam.Client(journal)

    @client.function("one", on=ping_event, concurrency=(1, lambda event: "key"))
    async def one(ctx: tightbeam.Context) -> None: ...

    @client.function("two", on=ping_event)
    async def two(ctx: tightbeam.Context) -> None: ...

    due = tightbeam_time(journal)
    ids = await taken.send(client, ping_event, at=due)
    await taken.commit()
    rows = execute(
        journal,
        "SELECT id, function, event, concurrency_key, dated, due_at, owner, claim FROM tightbeam.run "
        "ORDER BY number",
    )
    micros = int(due.timestamp()) * 1_000_000
    assert rows == [
        (ids[0], "one", "app/ping", '"key"', True, micros, None, 0),
        (ids[1], "two", "app/ping", None, True, micros, None, 0),
    ]


def tightbeam_time(address: str) -> Any:
    """A time that is to come, in whole seconds."""
    ((moment,),) = execute(address, "SELECT date_trunc('second', now() + interval '1 day')")
    return moment


async def test_an_event_that_nothing_knows_is_refused_unless_a_step_waits(journal: str, taken: Taken) -> None:
    client = tightbeam.Client(journal)
    with pytest.raises(tightbeam.NotRegistered, match="app/unheard"):
        await taken.send(client, "app/unheard", {})
    await taken.rollback()
    execute(
        journal,
        "INSERT INTO tightbeam.step (run_id, id, kind, state, attempts, started_at, event) "
        "VALUES ('r', 's', 'step.wait_for_event', 'waiting', 1, 0, 'app/unheard')",
    )
    assert await taken.send(client, "app/unheard", {}) == []
    assert await taken.send(client, ping_event) == []
    await taken.commit()
    names = execute(journal, "SELECT name FROM tightbeam.sent ORDER BY number")
    assert names == [("app/unheard",), ("app/ping",)]


async def test_the_connection_is_left_as_it_was(client: tightbeam.Client, journal: str) -> None:
    settings = "SELECT current_setting('search_path'), current_setting('lock_timeout'), pg_backend_pid()"
    async with KINDS["psycopg"](journal) as mine:
        before = await (await mine.given.execute(settings)).fetchall()
        xid = await (await mine.given.execute("SELECT pg_current_xact_id()")).fetchall()
        await mine.publish(client, CH.tick, {"n": 1})
        assert await (await mine.given.execute(settings)).fetchall() == before
        assert await (await mine.given.execute("SELECT pg_current_xact_id()")).fetchall() == xid
        await mine.rollback()
        assert await (await mine.given.execute(settings)).fetchall() == before


@pytest.mark.parametrize("schema", ['odd "name": $1 %s', "Straße", "tightbeam"])
async def test_another_schema(address: str, schema: str) -> None:
    client = tightbeam.Client(address, postgres_schema=schema)
    quoted = '"' + schema.replace('"', '""') + '"'
    await open_store(address, schema=schema).close(30)
    for number, kind in enumerate(KINDS.values()):
        async with kind(address) as mine:
            await mine.publish(client, CH.tick, {"n": number})
            await mine.commit()
    assert execute(address, f"SELECT count(*) FROM {quoted}.message") == [(len(KINDS),)]


# -- what is particular to one library ----------------------------------------------------------------------


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "order"
    number: Mapped[int] = mapped_column(Integer, primary_key=True)


async def test_an_object_that_isnt_flushed_yet(client: tightbeam.Client, journal: str) -> None:
    for driver in ("psycopg", "asyncpg"):
        engine = create_async_engine(by_driver(journal, driver))
        for fails in (False, True):
            session = AsyncSession(engine)
            try:
                async with session.begin():
                    session.add(Order(number=1 if driver == "psycopg" else 2))
                    await client.realtime.publish(CH.tick, {"n": 1}, transaction=session)
                    if fails:
                        raise LookupError
            except LookupError:
                pass
            await session.close()
        await engine.dispose()
    assert published(journal) == [1, 1]
    assert ordered(journal) == [1, 2]


async def test_a_commit_that_fails_at_its_flush_publishes_nothing(
    client: tightbeam.Client, journal: str
) -> None:
    execute(journal, 'ALTER TABLE "order" ADD CONSTRAINT positive CHECK (number > 0)')
    engine = create_engine(by_driver(journal, "psycopg"))
    with Session(engine) as session:
        session.add(Order(number=-1))
        client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=session)
        with pytest.raises(Exception, match="positive"):
            session.commit()
    engine.dispose()
    assert published(journal) == []


async def test_a_deferred_constraint_that_fails_at_commit_publishes_nothing(
    client: tightbeam.Client, journal: str
) -> None:
    execute(journal, 'ALTER TABLE "order" ADD CONSTRAINT once UNIQUE (number) DEFERRABLE INITIALLY DEFERRED')
    async with KINDS["psycopg"](journal) as mine:
        await mine.execute('INSERT INTO "order" VALUES (1), (1)')
        await mine.publish(client, CH.tick, {"n": 1})
        with pytest.raises(psycopg.errors.UniqueViolation):
            await mine.commit()
    assert published(journal) == []


async def test_scoped_sessions(client: tightbeam.Client, journal: str) -> None:
    engine = create_engine(by_driver(journal, "psycopg"))
    scoped = scoped_session(sessionmaker(engine))
    for ends in (scoped.rollback, scoped.commit):
        scoped.add(Order(number=1))
        client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=scoped)
        ends()
    scoped.remove()
    engine.dispose()
    async_engine = create_async_engine(by_driver(journal, "asyncpg"))
    of_task = async_scoped_session(async_sessionmaker(async_engine), scopefunc=asyncio.current_task)
    await client.realtime.publish(CH.tick, {"n": 2}, transaction=of_task)
    await of_task.commit()
    await of_task.remove()
    await async_engine.dispose()
    assert published(journal) == [1, 2]


async def test_a_session_inside_a_transaction_of_its_connection(
    client: tightbeam.Client, journal: str
) -> None:
    """As tests have it: the session commits, and all of it is rolled back at the end."""
    engine = create_engine(by_driver(journal, "psycopg"))
    for fate in ("rollback", "commit"):
        with engine.connect() as connection:
            outer = connection.begin()
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=session)
                session.commit()
                client.realtime.publish_sync(CH.tick, {"n": 2}, transaction=session)
                session.rollback()
                client.realtime.publish_sync(CH.tick, {"n": 3}, transaction=connection)
            getattr(outer, fate)()
    engine.dispose()
    assert published(journal) == [1, 3]


async def test_run_sync_of_an_async_session(client: tightbeam.Client, journal: str) -> None:
    for driver in ("psycopg", "asyncpg"):
        engine = create_async_engine(by_driver(journal, driver))

        def place(session: Session) -> None:
            client.realtime.publish_sync(CH.tick, {"n": 1}, transaction=session)

        async with AsyncSession(engine) as session, session.begin():
            await session.run_sync(place)
        await engine.dispose()
    assert published(journal) == [1, 1]


async def test_options_of_a_connection_of_sqlalchemy(client: tightbeam.Client, journal: str) -> None:
    for driver in ("psycopg", "asyncpg"):
        engine = create_async_engine(
            by_driver(journal, driver), execution_options={"stream_results": True, "yield_per": 10}
        )
        for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
            async with engine.connect() as connection:
                chosen = await connection.execution_options(isolation_level=level)
                async with chosen.begin():
                    await client.realtime.publish(CH.tick, {"n": 1}, transaction=chosen)
                    await client.send(upload_event, {"uploadId": "u1"}, id="k", transaction=chosen)
        await engine.dispose()
    assert published(journal) == [1] * 6


async def test_factories_and_modes_of_psycopg(client: tightbeam.Client, journal: str) -> None:
    connection = await psycopg.AsyncConnection.connect(
        journal,
        autocommit=True,
        row_factory=psycopg.rows.dict_row,
        cursor_factory=psycopg.AsyncClientCursor,
        prepare_threshold=None,
    )
    async with connection:
        async with connection.transaction():
            await client.realtime.publish(CH.tick, {"n": 1}, transaction=connection)
            assert await client.send(upload_event, {"uploadId": "u"}, transaction=connection)
        async with connection.pipeline(), connection.transaction():
            await client.realtime.publish(CH.tick, {"n": 2}, transaction=connection)
            assert await client.send(upload_event, {"uploadId": "u"}, transaction=connection)
    with psycopg.connect(journal, autocommit=True) as plain, plain.pipeline(), plain.transaction():
        client.realtime.publish_sync(CH.tick, {"n": 3}, transaction=plain)
    assert published(journal) == [1, 2, 3]


async def test_temporary_tables_with_the_names_of_types(
    client: tightbeam.Client, journal: str, taken: Taken
) -> None:
    """Temporary tables, and the types of their rows, are found before all others."""
    for name in ("text", "message", "run", "sent"):
        await taken.execute(f"CREATE TEMPORARY TABLE {name} (number int)")
    await taken.publish(client, CH.tick, {"n": 1})
    await taken.send(client, upload_event, {"uploadId": "u1"}, id="k1")
    await taken.send(client, upload_event, {"uploadId": "u1"}, id="k1")
    await taken.commit()
    assert execute(journal, "SELECT count(*) FROM tightbeam.message") == [(1,)]
    assert execute(journal, "SELECT count(*) FROM tightbeam.run") == [(1,)]


async def test_a_send_that_is_cancelled_is_stored_whole_or_not_at_all(
    client: tightbeam.Client, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind its first statement, in a transaction that is committed nevertheless."""
    execute_statement = AsyncpgExecutor.execute

    async def execute_and_be_cancelled(executor: AsyncpgExecutor, statement: Statement, /) -> Rows:
        await execute_statement(executor, statement)
        raise asyncio.CancelledError

    connection = await asyncpg.connect(journal)
    async with connection.transaction():
        with monkeypatch.context() as patched:
            patched.setattr(AsyncpgExecutor, "execute", execute_and_be_cancelled)
            with pytest.raises(asyncio.CancelledError):
                await client.send(upload_event, {"uploadId": "u1"}, transaction=connection)
    await connection.close()
    stored = "SELECT (SELECT count(*) FROM tightbeam.run), (SELECT count(*) FROM tightbeam.sent)"
    assert execute(journal, stored) == [(1, 1)]
