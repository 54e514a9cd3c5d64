"""One order of the log for all processes: nobody loses a message that was committed late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.postgres.opened import Heard
from tests.postgres.written import Process, connector_of, journal, placed, processes, write
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context

pytestmark = pytest.mark.slow
_NAIVE = "SELECT seq FROM tightbeam.message WHERE seq > %s ORDER BY seq"


async def test_a_message_that_is_committed_late_comes_first_and_is_not_lost(address: str) -> None:
    """Its number is lower than that of one which was committed, and read, before it."""
    await journal(address)
    with processes(address, 2) as (early, late), connector_of(address).connect("test") as other:
        with early.connection.transaction():
            first = write(early.connection)
            second = write(other)
            assert first & 0xFFFF < second & 0xFFFF
            naive = [seq for (seq,) in other.execute(_NAIVE, (0,)).fetchall()]
            assert early.follow() == late.follow() == []
        naive += [seq for (seq,) in other.execute(_NAIVE, (naive[-1],)).fetchall()]
        assert naive == [second & 0xFFFF]  # who reads on from the last number never sees the first
        assert early.follow() == late.follow() == [first, second] == placed(other)


async def test_what_is_rolled_back_holds_nothing_up_and_is_not_seen(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        other.execute("BEGIN")
        write(other)
        after = write(process.connection)
        assert process.follow() == []
        other.execute("ROLLBACK")
        assert process.follow() == [after]


async def test_within_a_transaction_messages_keep_their_order(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,):
        with process.connection.transaction():
            written = [write(process.connection) for _ in range(5)]
        assert process.follow() == written == sorted(written)


async def test_a_transaction_that_only_reads_holds_nothing_up(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        placed(other)
        written = write(process.connection)
        assert process.follow() == [written]
        other.execute("ROLLBACK")


async def test_many_messages_come_in_pages_and_large_ones_in_smaller_pages(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,):
        with process.connection.transaction():
            written = [write(process.connection) for _ in range(300)]
        pages = 1
        while process.follower.follow(process.connection):
            pages += 1
        assert process.fanned_out == written
        assert 1 < pages < 10
        with process.connection.transaction():
            written += [write(process.connection, data=b"x" * 400_000) for _ in range(64)]
        before = process.follower._count
        assert process.follow() == written
        assert process.follower._count < before


async def test_who_begins_later_begins_at_the_end_of_what_is_settled(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (first,), connector_of(address).connect("test") as other:
        old = write(first.connection)
        other.execute("BEGIN")
        held = write(other)
        behind = write(first.connection)
        late = Process(address)
        assert late.log.followed == old
        other.execute("COMMIT")
        assert late.follow() == [held, behind]
        assert late.follower.horizon > behind >> 64
        late.close()


async def test_a_look_that_finds_nothing_tells_how_far_the_log_is_settled(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,):
        process.follow()
        (xid,) = process.connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
        assert process.follower.horizon <= xid
        process.follow()
        assert process.follower.horizon > xid


async def test_live_messages_are_dated_before_all_messages_to_come(address: str) -> None:
    """A reader that resumes by the time of the last live message has seen all durable ones up to it."""
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        process.follow()
        process.follow()
        settled = process.heard.dated_before
        assert settled > 0
        other.execute("BEGIN")
        write(other)
        (began,) = other.execute("SELECT created_at FROM tightbeam.message").fetchone() or (0,)
        for _ in range(5):
            write(process.connection)
            process.follow()
        assert settled <= process.heard.dated_before <= began
        other.execute("COMMIT")
        process.follow()
        last = max(one.created_us for one in process.heard.messages)
        for _ in range(10_000):  # the sessions are looked at now and then
            if process.heard.dated_before > last:
                break
            process.follow()
        assert process.heard.dated_before > last


async def test_where_nobody_reads_no_message_is_fetched(address: str) -> None:
    """Who begins to read gets what is committed from then on."""
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        process.heard.is_read = False
        passed_over = [write(other) for _ in range(3)]
        other.execute("BEGIN")
        held = write(other)
        behind = write(process.connection)
        assert process.follow() == []
        assert process.heard.skipped == passed_over[-1:]
        assert process.log.followed == passed_over[-1]

        process.heard.is_read = True
        other.execute("COMMIT")
        assert process.follow() == [held, behind]


async def test_who_begins_to_read_while_messages_are_passed_over_gets_them(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,):
        begun = iter([False, True])
        process.follower._outlet = BeginsToRead(process.heard, begun)
        written = [write(process.connection) for _ in range(3)]
        assert process.follow() == written
        assert process.heard.skipped == []


class BeginsToRead:
    """An outlet that somebody reads between one look at that and the next."""

    def __init__(self, heard: Heard, answers: Iterator[bool]) -> None:
        self._answers = answers
        self.skip = heard.skip
        self.fan_out = heard.fan_out
        self.missed = heard.missed
        self.date_live_before = heard.date_live_before

    @property
    def is_read(self) -> bool:
        return next(self._answers, True)


async def test_a_process_without_readers_loses_nothing_for_those_that_come(address: str) -> None:
    ch = job_channel(job_id="j1")
    writer, reader = Client(address), Client(address, run_functions=False)

    @writer.function("publish", on="app/publish")
    async def publish(ctx: Context) -> None:
        for n in range(ctx.event.data["first"], ctx.event.data["last"]):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    async with asyncio.timeout(60), writer, reader:
        await writer.run(publish, {"first": 0, "last": 50})
        stored = reader.realtime.subscribe(ch.tick, after="start")
        got = [await anext(stored) for _ in range(50)]
        async with reader.realtime.subscribe(ch.tick) as live:
            await writer.run(publish, {"first": 50, "last": 100})
            assert [(await anext(live)).data.n for _ in range(50)] == list(range(50, 100))
        stored.close()
        await writer.run(publish, {"first": 100, "last": 150})
        resumed = reader.realtime.subscribe(ch.tick, after=got[-1].position)
        assert [(await anext(resumed)).data.n for _ in range(100)] == list(range(50, 150))
