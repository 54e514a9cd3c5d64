"""What stores of one journal tell each other: live messages, the log, runs; as 2 and 4 processes do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import psycopg
import pytest

from tests.postgres.opened import Heard, open_store, publish_of
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context
from tightbeam._engine.observing import ReadEnds
from tightbeam._engine.postgres import chores, sending
from tightbeam._engine.postgres.chores import Heart, drop_live_rows
from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.listening import Listener
from tightbeam._engine.postgres.live import LiveGate
from tightbeam._engine.postgres.notifications import LiveBatch, Notice
from tightbeam._engine.postgres.reading import Reader
from tightbeam._engine.postgres.sending import Sender
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import EndedRun, FunctionLimit, NewRun, Publish, Replaced
from tightbeam._engine.requests import AddRuns, CancelRun, Claim, CountRuns, EndRun, MemoizePublish
from tightbeam._hub.hub import Loops
from tightbeam._message import Envelope, now_us

pytestmark = pytest.mark.slow


class Process:
    """A store, and what it has heard."""

    def __init__(self, address: str, lease: float) -> None:
        self.heard = Heard()
        self.store: PostgresStore = open_store(address, lease=lease, outlet=self.heard)

    def live(self, text: str, **more: str) -> None:
        self.store.publish_live(live(text, **more))

    def has(self, *texts: str) -> None:
        """Wait for messages, and check that there are no others and that they are in this order."""
        self.heard.wait_for(lambda: len(self.heard.messages) >= len(texts))
        assert self.texts == list(texts)

    @property
    def texts(self) -> list[str]:
        return [message.data.decode() for message in self.heard.messages]


def live(text: str, *, run_id: str | None = None, metadata: str | None = None) -> Envelope:
    beside = None if metadata is None else metadata.encode()
    return Envelope("ch", "topic", text.encode(), run_id, None, 1, metadata=beside)


@contextlib.asynccontextmanager
async def processes(address: str, count: int, *, lease: float = 15.0) -> AsyncIterator[list[Process]]:
    opened = [await asyncio.to_thread(Process, address, lease) for _ in range(count)]
    try:
        yield opened
    finally:
        for process in opened:
            await process.store.close(10)


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a commit nor a live message gives up waiting for what comes before it, whatever stands still.

    No transaction of a chore can hold the log back, which a live message waits for.
    """
    monkeypatch.setattr("tightbeam._engine.postgres.bus._FLUSH", 60.0)
    monkeypatch.setattr(Heart, "beat", lambda *_: None)
    monkeypatch.setattr(Reader, "keep_house", lambda *_: None)


async def claim(address: str, process: Process, run_id: str = "run1") -> None:
    """Have a process execute a run, so that it may publish."""
    number = process.store.member.number
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "INSERT INTO tightbeam.run (id, function, event, data, state, due_at, created_at, owner, claim) "
            "VALUES (%s, 'f', 'e', '', 'running', 0, 0, %s, 1) RETURNING number",
            (run_id, number),
        ).fetchone()
    assert row is not None
    process.store.member.claims[run_id] = Held(row[0], "f", limited=False)


@pytest.mark.parametrize("count", [2, 4])
async def test_live_messages_reach_all_processes_once_and_in_the_order_of_their_publisher(
    address: str, count: int
) -> None:
    async with processes(address, count) as all_of_them:
        for number in range(1_000):
            all_of_them[0].live(f"{number}")
        for process in all_of_them:
            process.has(*map(str, range(1_000)))


async def test_live_messages_come_as_they_were_published(address: str) -> None:
    texts = [
        '"\\u0000\\ud83d\\ude00 \\" \\\\ \x7f ü 🎉"',
        '{"a": 1.0, "b": [1e400, 12345678901234567890123], "a": 2}',
        "{}",
        f'"{"x" * 7_700}"',  # with its frame it fits
        f'"{"ü" * 7_700}"',
        f'"{"y" * 500_000}"',
        '"{}{0}%s%(a)s"',
    ]
    async with processes(address, 2) as (one, other):
        for text in texts:
            one.live(text, run_id="R", metadata='{"x": "\\n"}')
        one.live('"last"')
        other.has(*texts, '"last"')
        assert other.heard.messages[:-1] == [
            live(text, run_id="R", metadata='{"x": "\\n"}') for text in texts
        ]
        assert other.heard.messages[-1] == live('"last"')
        one.has(*texts, '"last"')
        assert one.heard.messages == other.heard.messages


async def test_equal_live_messages_are_all_delivered(address: str) -> None:
    async with processes(address, 2) as (one, other):
        for _ in range(500):
            one.live('"same"')
        other.has(*['"same"'] * 500)


@pytest.mark.usefixtures("in_order")
@pytest.mark.parametrize("count", [2, 4])
async def test_a_live_message_comes_behind_what_its_publisher_has_stored_before(
    address: str, count: int
) -> None:
    async with processes(address, count) as all_of_them:
        one = all_of_them[0]
        await claim(address, one)
        expected: list[str] = []
        for number in range(100):
            await one.store.submit(publish_of(number))
            one.live(f"{number}")
            expected += ["{}", f"{number}"]
        for process in all_of_them:
            process.has(*expected)


async def test_a_live_message_comes_behind_what_was_stored_before_its_run_began(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam._engine.postgres.live._PATIENCE", 60.0)  # longer than is waited below
    limit = FunctionLimit("f", 9, on_thread=False)
    async with processes(address, 3) as (one, other, reader):
        await claim(address, one)
        with psycopg.connect(address) as holding:
            holding.execute("SELECT pg_current_xact_id()")
            await one.store.submit(publish_of(0))
            await one.store.submit(AddRuns((NewRun("r1", "f"),), "e", b"{}"))
            await other.store.submit(Claim((), (limit,), 9, 9, frozenset()))
            other.live("1")
            assert other.texts == []
        for process in (one, other, reader):
            process.has("{}", "1")


@pytest.mark.usefixtures("in_order")
async def test_a_transaction_that_holds_the_log_back_holds_up_live_messages_for_a_second(
    address: str,
) -> None:
    async with processes(address, 2) as (one, other):
        await claim(address, one)
        with psycopg.connect(address) as holding:
            holding.execute("SELECT pg_current_xact_id()")
            await one.store.submit(publish_of(0))
            one.live("1")
            one.live("2")
            for process in (one, other):
                process.has("1", "2")
        one.live("3")
        for process in (one, other):
            process.has("1", "2", "{}", "3")


async def test_live_messages_that_wait_for_a_transaction_are_handed_on_before_a_store_is_closed(
    address: str,
) -> None:
    async with processes(address, 1) as (one,):
        with psycopg.connect(address, autocommit=True) as holding:
            holding.execute("BEGIN")
            holding.execute("SELECT pg_current_xact_id()")
            one.store.call(AddRuns((NewRun("a", "work"),), "app/work", b"{}"))
            one.store.call(Claim((), (FunctionLimit("work", 1, on_thread=False),), 1, 1, frozenset()))
            one.live("first")
            one.live("second")
            await one.store.close(30)
            assert one.texts == ["first", "second"]


@pytest.mark.usefixtures("in_order")
async def test_a_process_that_stands_still_gets_live_messages_behind_what_was_stored_before_them(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = LiveGate.receive

    def stands_still(gate: LiveGate, batch: LiveBatch, messages: Sequence[Envelope]) -> Loops | None:
        pressed = receive(gate, batch, messages)
        time.sleep(1.1)  # longer than a transaction may hold live messages up; no transaction does
        return pressed

    async with processes(address, 2) as (one, other):
        await claim(address, one)
        monkeypatch.setattr(LiveGate, "receive", stands_still)
        expected: list[str] = []
        for number in range(3):
            await one.store.submit(publish_of(number))
            one.live(f"{number}")
            expected += ["{}", f"{number}"]
        other.has(*expected)


async def test_what_becomes_of_runs_is_told_to_others(address: str) -> None:
    limit = FunctionLimit("f", 9, on_thread=False)
    async with processes(address, 2) as (one, other):
        await one.store.submit(AddRuns((NewRun("r1", "f"), NewRun("r2", "f")), "e", b"{}"))
        claimed = await other.store.submit(Claim((), (limit,), 9, 9, frozenset()))
        assert [run.id for run in claimed.runs] == ["r1", "r2"]
        await other.store.submit(EndRun("r1", b"1", None, ()))
        one.heard.wait_for(lambda: one.heard.ends == ["r1"])
        await one.store.submit(CancelRun("r2"))
        other.heard.wait_for(lambda: other.heard.ends == ["r2"])
        assert other.heard.cancellations == ["r2"]
        assert one.heard.cancellations == []


async def test_a_run_that_was_retried_and_claimed_again_isnt_ended_by_a_late_notice(address: str) -> None:
    limit = FunctionLimit("f", 9, on_thread=False)
    async with processes(address, 2) as (one, other):
        await one.store.submit(AddRuns((NewRun("r1", "f"), NewRun("r2", "f")), "e", b"{}"))
        await other.store.submit(Claim((), (limit,), 9, 9, frozenset()))
        # What "one" says when it cancels both, though "other" has claimed the first of them again by then.
        await other.store.submit(CancelRun("r2"))
        one.heard.wait_for(lambda: "r2" in one.heard.ends)
        one.store._bus._sender.tell(Notice(one.store._bus._origin, cancelled=["r1", "r2"]))
        other.heard.wait_for(lambda: bool(other.heard.cancellations))
        assert other.heard.cancellations == ["r2"]


async def test_what_was_said_while_the_connection_was_cut_is_looked_for(address: str) -> None:
    async with processes(address, 2) as (one, other):
        await claim(address, one)
        with psycopg.connect(address, autocommit=True) as connection:
            cut = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name LIKE 'tightbeam %listener' AND datname = current_database()"
            ).fetchone()
        assert cut == (2,)
        await one.store.submit(publish_of(0))
        other.heard.wait_for(lambda: other.heard.times_cut_off == 1)
        other.has("{}")
        one.live("1")
        other.has("{}", "1")


async def test_a_process_that_does_nothing_asks_at_most_twice_a_second(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = psycopg.conninfo.conninfo_to_dict(address)["dbname"]
    execute = psycopg.Connection.execute
    asked: list[object] = []

    def noted(connection: psycopg.Connection[Any], query: Any, *values: Any, **options: Any) -> Any:
        if connection.info.dbname == database:
            asked.append(query)
        return execute(connection, query, *values, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", noted)
    async with processes(address, 1) as (one,):
        async with asyncio.timeout(60):
            while chores._DROP not in asked:  # noqa: ASYNC110 - it is behind all other chores
                await asyncio.sleep(0.01)
            # Behind the connecting, and the first look at what is to be dropped: both are done once.
            await one.store.submit(CountRuns())
        began, first = time.monotonic(), len(asked)
        await asyncio.sleep(2)
        queries, seconds = len(asked) - first, time.monotonic() - began
        assert queries <= 2 * (seconds + 1.5)


async def test_large_live_messages_are_not_kept(address: str) -> None:
    async with processes(address, 1) as (one,):
        one.live(f'"{"x" * 9_000}"')
        one.live('"behind"')
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SET search_path TO tightbeam")
            async with asyncio.timeout(60):
                while connection.execute("SELECT count(*) FROM live").fetchone() != (1,):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            drop_live_rows(connection)
            assert connection.execute("SELECT count(*) FROM live").fetchone() == (1,)
            connection.execute("UPDATE live SET at = at - interval '2 minutes'")
            drop_live_rows(connection)
            assert connection.execute("SELECT count(*) FROM live").fetchone() == (0,)


async def test_those_who_show_a_run_hear_of_its_end_behind_its_messages(address: str) -> None:
    limit = FunctionLimit("f", 9, on_thread=False)
    began = now_us()
    async with processes(address, 2) as (one, other):
        await one.store.submit(AddRuns((NewRun("r1", "f"),), "e", b"{}"))
        (run,) = (await one.store.submit(Claim((), (limit,), 9, 9, frozenset()))).runs
        with psycopg.connect(address) as holding:
            holding.execute("SELECT pg_current_xact_id()")
            publish = Publish(run.number, run.id, "s", 0, "ch", "topic", b"{}", 0)
            await one.store.submit(MemoizePublish(publish, "s", Replaced(failed=False, counted=False)))
            await one.store.submit(EndRun("r1", b"1", None, ()))
            other.heard.wait_for(lambda: other.heard.ends == ["r1"])  # those who wait hear at once
            assert [process.heard.settlements for process in (one, other)] == [[], []]
        for process in (one, other):
            process.heard.wait_for(lambda process=process: len(process.heard.settlements) == 1)  # type: ignore[misc]
            ended = process.heard.settlements[0]
            assert began <= ended.ended_us <= now_us()
            assert ended == EndedRun("r1", "done", b"1", frozenset({"ch"}), ended.ended_us)
            process.has("{}")


async def test_the_end_of_a_run_is_told_behind_a_burst_of_its_live_messages(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which a transaction takes only a part."""
    limit = FunctionLimit("f", 9, on_thread=False)
    send, goes_on = Sender._send, threading.Event()

    def send_late(sender: Sender, connection: psycopg.Connection[Any]) -> None:
        assert goes_on.wait(60)
        send(sender, connection)

    monkeypatch.setattr(sending, "_MESSAGES", 2)
    before: list[int] = []
    async with processes(address, 2) as (one, other):
        settled = other.heard.settled

        def note(runs: Collection[str] | None, read: ReadEnds) -> None:
            if runs is not None:
                before.append(len(other.heard.messages))
            settled(runs, read)

        monkeypatch.setattr(other.heard, "settled", note)
        await one.store.submit(AddRuns((NewRun("r1", "f"),), "e", b"{}"))
        await one.store.submit(Claim((), (limit,), 9, 9, frozenset()))
        monkeypatch.setattr(Sender, "_send", send_late)
        for number in range(9):
            one.live(f"{number}", run_id="r1")
        await one.store.submit(EndRun("r1", b"1", None, ()))
        goes_on.set()
        other.heard.wait_for(lambda: len(other.heard.settlements) == 1)
        other.has(*map(str, range(9)))
        assert before == [9]
        assert other.heard.ends == ["r1"]


async def test_relayed_messages_are_told_from_those_of_runs(address: str) -> None:
    async with processes(address, 2) as (one, other):
        for number in range(6):
            one.store.publish_live(live(f"{number}"), relayed=number % 3 == 0)
        one.store.publish_live(live(f'"{"x" * 9_000}"'), relayed=True)
        for process in (one, other):
            process.heard.wait_for(lambda process=process: len(process.heard.messages) == 7)  # type: ignore[misc]
            assert [len(one) for one in process.heard.relayed] == [1, 1, len("x" * 9_002)]
            assert [message.data for message in process.heard.messages[:6]] == [b"%d" % n for n in range(6)]


async def test_a_reader_that_begins_gets_nothing_that_was_published_before(address: str) -> None:
    client, ch = Client(address), job_channel(job_id="j1")

    @client.function("publish")
    async def publish(ctx: Context) -> None:
        n = ctx.event.data["n"]
        await ctx.step.realtime.publish("p", ch.tick, {"n": n})

    async with asyncio.timeout(60), client:
        for n in range(0, 40, 2):
            await client.run(publish, {"n": n})
            async with client.realtime.subscribe(ch.tick) as ticks:
                await client.run(publish, {"n": n + 1})
                assert (await anext(ticks)).data.n == n + 1


def test_a_channel_whose_name_cant_be_sent_stops_nothing(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = Process(address, 15.0), Process(address, 15.0)
    one.store.publish_live(live("1")._replace(channel="\ud800"))
    one.live("2")
    other.has("2")
    assert "a live message can't be sent to other processes" in caplog.text
    for process in (one, other):
        process.store.close_at_exit(10)


@pytest.mark.usefixtures("in_order")
async def test_a_page_of_the_log_is_handed_on_once_where_the_end_of_a_run_cant_be_read(address: str) -> None:
    limit = FunctionLimit("f", 9, on_thread=False)
    async with processes(address, 1) as (one,):
        failures = [psycopg.OperationalError(), ValueError()]

        def fails(runs: Collection[str] | None, read: ReadEnds, /) -> None:
            if runs is not None and failures:
                raise failures.pop()

        one.heard.settled = fails  # type: ignore[method-assign]
        await one.store.submit(AddRuns((NewRun("r1", "f"), NewRun("r2", "f")), "e", b"{}"))
        runs = (await one.store.submit(Claim((), (limit,), 9, 9, frozenset()))).runs
        with psycopg.connect(address) as holding:
            holding.execute("SELECT pg_current_xact_id()")
            for run in runs:
                publish = Publish(run.number, run.id, "s", 0, "ch", "topic", f'"{run.id}"'.encode(), 0)
                await one.store.submit(MemoizePublish(publish, "s", Replaced(failed=False, counted=False)))
                await one.store.submit(EndRun(run.id, b"1", None, ()))
        one.heard.wait_for(lambda: len(one.heard.messages) >= 2)
        one.live('"behind"')
        one.has('"r1"', '"r2"', '"behind"')
        assert not failures


async def test_a_byte_that_comes_late_keeps_the_listener_from_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    hear = Listener._hear

    def counted(listener: Listener, connection: psycopg.Connection[Any]) -> None:
        nonlocal looks
        looks += 1
        hear(listener, connection)

    async with processes(address, 1) as (one,):
        await asyncio.sleep(0.2)
        monkeypatch.setattr(Listener, "_hear", counted)
        # As a thread that was stopped between the flag and the byte, which another look has answered.
        one.store._bus._listener._waking.send(b"\0")
        await asyncio.sleep(0.5)
        assert looks < 20
