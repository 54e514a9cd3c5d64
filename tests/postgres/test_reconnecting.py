"""A server that goes away, connections that are cut, processes that were taken for dead: nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from tests.postgres.opened import Heard, open_store, publish_of
from tests.postgres.proxy import Cut, Proxy
from tests.postgres.server import Server
from tightbeam._engine.postgres.batches import Attempt, is_committed
from tightbeam._engine.postgres.chores import Heart
from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.outage import Outage
from tightbeam._engine.postgres.processes import bury_dead
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import ClaimLost, NewRun
from tightbeam._engine.requests import AddRuns, CountRuns, PutBack
from tightbeam._engine.store import Answer, Request
from tightbeam.errors import JournalFailed

pytestmark = pytest.mark.slow
_END_WRITER = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'tightbeam .* writer' "
    "AND datname = current_database()"
)
_UNGRANTED = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest_asyncio.fixture
async def store(address: str) -> AsyncIterator[PostgresStore]:
    """A store that has claimed ``run1``."""
    opened = open_store(address)
    claim(opened, address)
    yield opened
    await opened.close(30)


def claim(store: PostgresStore, address: str) -> None:
    """Have a store execute ``run1``."""
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO tightbeam.run (id, function, event, data, state, due_at, created_at, owner, claim) "
            "VALUES ('run1', 'f', 'e', '', 'running', 0, 0, %s, 1)",
            (store.member.number,),
        )
    store.member.claims["run1"] = Held(1, "f", limited=False)


def add(number: int) -> AddRuns:
    """Return a request that isn't the same if it is carried out twice."""
    return AddRuns((NewRun(f"added{number}", "f"),), "e", b"{}")


async def asked(store: PostgresStore, *requests: Request[Answer]) -> list[Answer]:
    async with asyncio.timeout(60):
        return await asyncio.gather(*(store.submit(request) for request in requests))


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


def rows(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address) as connection:
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("kind", ["publishes", "runs"])
async def test_a_commit_that_is_cut_off_is_carried_out_once(
    postgres_server: Server, kind: str, cut: Cut
) -> None:
    database = postgres_server.database()
    direct = postgres_server.address(database)
    proxy = Proxy(f"{postgres_server.folder}/.s.PGSQL.{postgres_server.port}")
    store = open_store(f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}")
    claim(store, direct)
    await asked(store, add(0))  # so that the writer is connected
    await asked(store, publish_of(0))  # so that the server knows the statement
    await asked(store, publish_of(1), publish_of(2), publish_of(3))

    if kind == "runs":
        proxy.cut_commit(cut)
        await asked(store, add(1), add(2))
    else:
        proxy.cut_commit(cut, b"")
        await asked(store, publish_of(4), publish_of(5), publish_of(6))

    assert proxy.cuts == 1
    added = 3 if kind == "runs" else 1
    assert rows(direct, "SELECT count(*) FROM tightbeam.run WHERE id LIKE 'added%'") == [(added,)]
    numbers = range(4) if kind == "runs" else range(7)
    sent = "SELECT number FROM tightbeam.message ORDER BY xid, seq"
    assert rows(direct, sent) == [(number,) for number in numbers]
    await store.close(30)
    proxy.close()


async def test_a_commit_that_a_crash_forgets_is_carried_out_although_its_id_is_anothers() -> None:
    """What wasn't flushed is gone, and the server gives the transaction's id out once more."""
    server = Server({"wal_writer_delay": "10s"})
    server.start()
    database = server.database()
    proxy = Proxy(f"{server.folder}/.s.PGSQL.{server.port}")
    store = open_store(f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}")
    await asked(store, add(0))

    def crash() -> None:
        server.stop("immediate")
        server.start()
        for _ in range(100):
            server.execute("SELECT pg_current_xact_id()", database)

    proxy.at_cut = crash
    proxy.cut_commit("before")
    await asked(store, add(1))
    assert proxy.cuts == 1
    added = rows(server.address(database), "SELECT id FROM tightbeam.run WHERE id LIKE 'added%' ORDER BY id")
    assert added == [("added0",), ("added1",)]
    await store.close(30)
    proxy.close()
    server.remove()


async def test_a_connection_that_the_server_ends_is_opened_again(store: PostgresStore, address: str) -> None:
    await asked(store, add(0), publish_of(0))
    assert rows(address, _END_WRITER) == [(True,)]
    await asked(store, add(1), publish_of(1))
    assert not store.is_lost
    assert rows(address, "SELECT count(*) FROM tightbeam.run WHERE id LIKE 'added%'") == [(2,)]


@pytest.mark.parametrize("spoil", ["pipeline", "idle"])
async def test_a_connection_that_is_of_no_use_any_more_is_opened_again(
    store: PostgresStore, address: str, spoil: str
) -> None:
    """One whose last answers were never read, and one whose transaction stood still for too long."""
    await store.submit(AddRuns((NewRun("run2", "g"),), "e", b""))
    connection = store._writer._line.connection  # pyright: ignore[reportPrivateUsage]  # to spoil it
    if spoil == "pipeline":
        connection.pgconn.enter_pipeline_mode()
        connection.pgconn.send_query_params(b"SELECT 1", [])
    else:
        connection.execute("SET idle_in_transaction_session_timeout = 1")
        connection.execute("BEGIN")
        with psycopg.connect(address, autocommit=True) as watching:
            ended = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s"
            while watching.execute(ended, (connection.info.backend_pid,)).fetchone() != (True,):  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.01)
    await store.submit(AddRuns((NewRun("run3", "g"),), "e", b""))
    assert connection.closed
    await store.submit(publish_of(0))


async def test_requests_wait_for_a_server_that_is_away(
    own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    address = own_server.new()
    store = open_store(address)
    claim(store, address)
    await asked(store, add(0))
    await asked(store, CountRuns())
    caplog.set_level(logging.WARNING, "tightbeam")
    own_server.stop("immediate")

    async with asyncio.timeout(60):
        writes = [store.submit(add(number)) for number in (1, 2)]
        read = store.submit(CountRuns())
        await until(lambda: store.is_lost)
        own_server.start()
        await asyncio.gather(*writes)
        counted = await read
    assert {each.function for each in counted} == {"f"}
    assert not store.is_lost
    assert rows(address, "SELECT count(*) FROM tightbeam.run WHERE id LIKE 'added%'") == [(3,)]
    said = [record.getMessage() for record in caplog.records if record.name == "tightbeam"]
    assert [("is away" in text, "is back after" in text) for text in said] == [(True, False), (False, True)]
    await store.close(30)


def test_that_the_server_is_back_is_said_behind_that_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though another thread connects before the one that can't has said so."""
    away = Outage("the database")
    other = threading.Thread(target=away.end)
    said: list[str] = []

    def warning(text: str, *values: object) -> None:
        if "is away" in text:
            other.start()
            other.join(0.2)  # it ends at once, unless it waits for this line
        said.append(text % values)

    monkeypatch.setattr(logging.getLogger("tightbeam"), "warning", warning)
    away.begin("starting up", away.ends)
    other.join(30)
    assert [("is away" in text, "is back after" in text) for text in said] == [(True, False), (False, True)]


async def test_an_attempt_that_failed_before_another_thread_connected_says_nothing_of_the_server(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connector, outage = store.member.connector, store.member.outage
    late, other = Line(connector, outage, "late"), Line(connector, outage, "other")
    connect = Connector.connect
    failures = [psycopg.OperationalError("starting up")]

    def connects(connector: Connector, task: str, **more: bool) -> psycopg.Connection[Any]:
        if task == "late" and failures:
            assert not other.connection.closed  # meanwhile the server is back, and this thread is told late
            raise failures.pop()
        return connect(connector, task, **more)

    monkeypatch.setattr(Connector, "connect", connects)
    caplog.set_level(logging.WARNING, "tightbeam")
    assert not late.connection.closed
    assert not failures
    assert caplog.messages == []
    late.close()
    other.close()


async def test_leaving_while_the_server_is_away_takes_no_longer_than_it_may(own_server: Server) -> None:
    store = open_store(own_server.new())
    await asked(store, add(0))
    own_server.stop("immediate")
    waiting = store.submit(add(1))
    await until(lambda: store.is_lost)
    async with asyncio.timeout(30):
        await store.close(0.2)
        with pytest.raises(JournalFailed, match="is away"):
            await waiting
        await store.close(30)


async def test_a_process_that_was_taken_for_dead_goes_on_as_another_without_its_claims(address: str) -> None:
    heard = Heard()
    store = open_store(address, outlet=heard)
    claim(store, address)
    await asked(store, publish_of(0))
    before = store.member.number
    with psycopg.connect(address) as connection:
        connection.execute("DELETE FROM tightbeam.process")
        connection.execute("UPDATE tightbeam.run SET owner = NULL, state = 'ready'")

    await asked(store, add(1))
    assert heard.losses == ["run1"]
    assert store.member.number > before
    assert rows(address, "SELECT number FROM tightbeam.process") == [(store.member.number,)]
    with pytest.raises(ClaimLost):
        await store.submit(publish_of(1))
    assert rows(address, "SELECT number FROM tightbeam.message") == [(0,)]
    await store.close(30)


async def test_a_publish_of_a_claim_that_another_process_has_by_now_is_refused(address: str) -> None:
    heard = Heard()
    store = open_store(address, outlet=heard)
    claim(store, address)
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE tightbeam.run SET owner = owner + 1, claim = claim + 1")
    with pytest.raises(ClaimLost):
        await store.submit(publish_of(0))
    assert heard.losses == ["run1"]
    assert rows(address, "SELECT number FROM tightbeam.message") == []
    await store.close(30)


async def test_a_process_that_stood_still_asks_for_its_runs_before_it_does_more(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heart, "beat", lambda *_: None)
    heard = Heard()
    store = open_store(address, outlet=heard)
    claim(store, address)
    assert store.doubted("run1") is None
    store.member.beaten_at -= 20  # longer than the lease
    confirmation = store.doubted("run1")
    assert confirmation is not None
    await store.submit(confirmation)
    assert store.doubted("run1") is None

    store.member.beaten_at -= 20
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE tightbeam.run SET owner = owner + 1, claim = claim + 1")
    with pytest.raises(ClaimLost):
        await store.submit(confirmation)
    assert heard.losses == ["run1"]
    await store.close(30)


async def test_the_message_of_another_process_isn_t_that_of_a_publish_that_was_cut_off(
    postgres_server: Server,
) -> None:
    """While the connection was cut, this process was taken for dead, and the run went on elsewhere."""
    database = postgres_server.database()
    direct = postgres_server.address(database)
    proxy = Proxy(f"{postgres_server.folder}/.s.PGSQL.{postgres_server.port}")
    store = open_store(f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}")
    claim(store, direct)
    await asked(store, publish_of(0))  # so that the server knows the statement

    def go_on_elsewhere() -> None:
        with psycopg.connect(direct) as connection:
            connection.execute("UPDATE tightbeam.run SET owner = owner + 1, claim = claim + 1")
            connection.execute(
                "INSERT INTO tightbeam.message "
                "(channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data) "
                "SELECT channel, topic, run, run_id, step, 1, started_at + 1, ended_at, created_at, 'other' "
                "FROM tightbeam.message"
            )

    proxy.at_cut = go_on_elsewhere
    proxy.cut_commit("before", b"")
    with pytest.raises(ClaimLost):
        await asked(store, publish_of(1))
    assert proxy.cuts == 1
    await store.close(30)
    proxy.close()


async def test_a_deadlock_with_another_process_ends_with_both_stored(address: str) -> None:
    store = open_store(address)
    number = store.member.number
    change = "UPDATE tightbeam.run SET failures = 7 WHERE id = "
    with (
        psycopg.connect(address, autocommit=True) as other,
        psycopg.connect(address, autocommit=True) as third,
    ):
        # Who looks for a deadlock first ends it by failing: that is to be the store.
        other.execute("SET deadlock_timeout TO '60s'")
        other.execute(
            "INSERT INTO tightbeam.run (id, function, event, data, state, due_at, created_at, owner, claim) "
            "SELECT each, 'f', 'e', '', 'running', 0, 0, %s, 1 FROM unnest(ARRAY['a', 'b', 'c']) AS each",
            (number,),
        )
        store.member.claims.update({each: Held(1, "f", limited=False) for each in "abc"})
        for connection, run in ((third, "'b'"), (other, "'c'")):
            connection.execute("BEGIN")
            connection.execute(f"{change}{run}".encode())
        waiting = store.submit(PutBack(("a", "b", "c")))  # has a, and waits for b
        async with asyncio.timeout(30):
            await until(lambda: len(rows(address, _UNGRANTED)) == 1)
            crossing = asyncio.ensure_future(asyncio.to_thread(other.execute, f"{change}'a'".encode()))
            await until(lambda: len(rows(address, _UNGRANTED)) == 2)
            third.execute("ROLLBACK")  # now the store has b, too, and waits for c
            await crossing
            other.execute("COMMIT")
            await waiting
    stored = rows(address, "SELECT state, failures FROM tightbeam.run ORDER BY id")
    assert stored == [("ready", 7), ("ready", 0), ("ready", 7)]
    await store.close(30)


def test_the_thread_of_a_store_that_is_closed_is_gone(address: str) -> None:
    before = set(threading.enumerate())
    store = open_store(address)
    store.call(add(0))
    asyncio.run(store.close(30))
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert "tightbeam-writer" not in left
    assert "tightbeam-reader" not in left


async def test_leaving_puts_back_what_is_claimed_and_takes_the_process_off(
    store: PostgresStore, address: str
) -> None:
    await store.close(30)
    assert rows(address, "SELECT state, owner, deaths FROM tightbeam.run") == [("ready", None, 0)]
    assert rows(address, "SELECT * FROM tightbeam.process") == []


async def test_leaving_after_having_been_taken_for_dead_changes_nothing(
    store: PostgresStore, address: str
) -> None:
    with psycopg.connect(address) as connection:
        connection.execute("DELETE FROM tightbeam.process")
        connection.execute("UPDATE tightbeam.run SET owner = 4711")
    await store.close(30)
    assert rows(address, "SELECT state, owner FROM tightbeam.run") == [("running", 4711)]
    assert rows(address, "SELECT * FROM tightbeam.process") == []


def test_a_program_that_ends_without_leaving_is_taken_off_too(address: str) -> None:
    program = (
        "import sys\n"
        "from tests.postgres.opened import open_store\n"
        "store = open_store(sys.argv[1])\n"
        "import atexit; atexit.register(store.close_at_exit, 20)\n"
    )
    subprocess.run([sys.executable, "-c", program, address], check=True, timeout=60)
    assert rows(address, "SELECT * FROM tightbeam.process") == []


async def test_the_last_batch_of_a_process_that_was_declared_dead_is_known(
    store: PostgresStore, address: str
) -> None:
    await asked(store, add(1))
    number = store.member.number
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET search_path TO tightbeam")
        (batch,) = connection.execute("SELECT batch FROM process").fetchone() or (0,)
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        attempts = [Attempt(batch=each, number=number, xid=row[0]) for each in (batch, batch + 1)]
        assert [is_committed(connection, attempt) for attempt in attempts] == [True, False]

        connection.execute("UPDATE process SET lease = '0', beat_at = beat_at - interval '1 s'")
        assert bury_dead(connection, 0).processes == (number,)
        assert [is_committed(connection, attempt) for attempt in attempts] == [True, False]
