"""Readers that replay: a page holds what its process has fanned out, and positions hold for all processes."""

from __future__ import annotations

import threading

import pytest

from tests.postgres.written import connector_of, journal, placed, processes, write
from tightbeam._engine.requests import (
    FindLatest,
    FindStart,
    ReadPage,
    ReadPlaces,
    RecentMessages,
    SeenUntil,
    TimeOf,
)
from tightbeam.errors import PositionLost

pytestmark = pytest.mark.slow
TICK = ("ch", "tick")


async def test_a_page_ends_where_the_process_has_followed(address: str) -> None:
    """A message behind that would reach the reader twice: in the page, and in its mailbox."""
    await journal(address)
    with processes(address, 1) as (process,):
        first = write(process.connection)
        process.follow()
        second = write(process.connection)
        page = process.ask(ReadPage((TICK,), "start"))
        assert [message.seq for message in page.messages] == [first]
        assert page.upto == first
        assert [one.seq for one in process.ask(RecentMessages(None, 9)).messages] == [first]
        assert process.ask(FindLatest((TICK,))) == ([second], second)  # it has the log looked at first
        assert process.fanned_out == [first, second]
        page = process.ask(ReadPage((TICK,), page.upto))
        assert ([message.seq for message in page.messages], page.upto) == ([second], second)


async def test_a_position_of_a_process_that_is_ahead_is_waited_for(address: str) -> None:
    await journal(address)
    with processes(address, 2) as (ahead, behind):
        first, second = write(ahead.connection), write(ahead.connection)
        ahead.follow()
        position = ahead.log.position(first)
        assert behind.log.followed < first
        page = behind.ask(ReadPage((TICK,), position))
        assert [message.seq for message in page.messages] == [second]
        assert page.upto == second == behind.log.followed
        assert behind.fanned_out == [first, second]
        third = write(ahead.connection)
        ahead.follow()
        assert behind.ask(FindStart(ahead.log.position(third))) == third
        assert behind.ask(TimeOf(ahead.log.position(third))) == ahead.heard.messages[-1].created_us


@pytest.mark.parametrize("held", [False, True])
async def test_a_position_that_nobody_has_followed_is_none(address: str, held: bool) -> None:
    """Of a message that is committed behind a transaction which goes on, too: no reader has seen it."""
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        if held:
            other.execute("BEGIN")
            write(other)
        last = write(process.connection)
        position = process.log.position(last if held else last + 1)
        for request in (FindStart(position), ReadPage((TICK,), position), TimeOf(position)):
            with pytest.raises(PositionLost, match="not of this journal"):
                process.ask(request)
        other.rollback()


async def test_pages_of_many_addresses_are_in_the_order_of_the_log(address: str) -> None:
    await journal(address)
    addresses = [(f"ch:{n}", topic) for n in range(20) for topic in ("tick", "token")]
    with processes(address, 1) as (process,):
        for n in range(200):
            write(process.connection, *addresses[n * 7 % 40], data=b"x" * (n % 50 + 1))
        written = process.follow()
        got: list[int] = []
        after: int | str = "start"
        while True:
            page = process.ask(ReadPage(tuple(addresses), after, messages=16, size=300))
            if not page.messages:
                break
            assert len(page.messages) <= 16
            assert sum(len(one.data) for one in page.messages[:-1]) < 300
            got += [message.seq or 0 for message in page.messages]
            after = page.upto
        assert got == written == placed(process.connection)
        some = tuple(written[::3])
        read, count = process.ask(ReadPlaces(some, messages=10))
        assert ([one.seq for one in read], count) == (list(some[:10]), 10)
        read, count = process.ask(ReadPlaces(some, size=1))
        assert ([one.seq for one in read], count) == (list(some[:1]), 1)


async def test_a_time_whose_order_differs_from_the_logs_means_the_earliest_place(address: str) -> None:
    """A transaction that took long stores messages with later times at an earlier place."""
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        other.execute("BEGIN")
        long_one = write(other, at=5_000_000)
        short = [write(process.connection, at=at) for at in (3_000_000, 4_000_000, 6_000_000)]
        other.execute("COMMIT")
        assert process.follow() == [long_one, *short]
        seen = process.ask(SeenUntil("ch", 4_000))
        assert (seen.exact, seen.place) == (short[1], short[1])
        between = process.ask(SeenUntil("ch", 4_500))
        assert (between.exact, between.following, between.place) == (None, long_one, 0)
        last = process.ask(SeenUntil("ch", 6_000))
        assert last == (short[2], 6_000_000, short[2], None, short[2])


async def test_of_a_time_that_several_messages_have_it_is_the_earliest(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,):
        one, other = (write(process.connection, at=at) for at in (7_000_900, 7_000_100))
        process.follow()
        assert process.ask(SeenUntil("ch", 7_000)).place == one < other


async def test_a_time_that_was_seen_in_a_process_ahead_is_waited_for(address: str) -> None:
    await journal(address)
    with processes(address, 2) as (ahead, behind):
        first = write(ahead.connection, at=1_000_000)
        second = write(ahead.connection, at=2_000_000)
        ahead.follow()
        assert behind.ask(SeenUntil("ch", 1_000)) == (first, 2_000_000, first, second, second)
        assert behind.fanned_out == [first, second]


async def test_a_wait_for_a_place_ends_with_it_or_with_its_time(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        other.execute("BEGIN")
        write(other)
        last = write(process.connection)
        assert not process.log.wait_for(last, 0.01)
        reached: list[bool] = []

        def wait() -> None:
            reached.append(process.log.wait_for(last, 30))

        waiting = threading.Thread(target=wait)
        waiting.start()
        other.execute("COMMIT")
        waiting.join(60)
        assert reached == [True]
