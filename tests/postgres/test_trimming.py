"""Retention on a server: by one process at a time, exact where numbers have gaps, and never unnoticed."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest

from tests.postgres.opened import KEEPS
from tests.postgres.written import Process, connector_of, journal, placed, processes, write
from tightbeam._clock import now_us
from tightbeam._engine import trimming
from tightbeam._engine.postgres import retention
from tightbeam._engine.postgres.retention import Kept, Trimmer
from tightbeam._engine.requests import ReadPage
from tightbeam.errors import PositionLost

pytestmark = pytest.mark.slow
TICK = ("ch", "tick")


def trim(process: Process, **kept: int) -> None:
    """Trim as a process does, until there is nothing more to drop."""
    trimmer = Trimmer(process.log, KEEPS._replace(**kept))
    while trimmer(process.connection):
        pass


async def test_so_many_messages_stay_whatever_their_numbers_are(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        written = [write(process.connection)]
        for _ in range(20):
            other.execute("BEGIN")
            write(other)
            other.execute("ROLLBACK")
            written.append(write(process.connection))
        process.follow()
        trim(process, messages=15)
        assert placed(other) == written[-15:]
        trim(process, messages=15)
        written.append(write(process.connection))
        process.follow()
        trim(process, messages=15)
        assert placed(other) == written[-15:]
        assert process.log.trimmed_us >= process.heard.messages[-16].created_us


async def test_what_is_not_followed_yet_is_neither_counted_nor_dropped(address: str) -> None:
    await journal(address)
    with processes(address, 1) as (process,), connector_of(address).connect("test") as other:
        first = [write(process.connection) for _ in range(3)]
        process.follow()
        other.execute("BEGIN")
        held = write(other)
        behind = [write(process.connection) for _ in range(9)]
        trim(process, messages=2)
        other.execute("COMMIT")
        assert placed(other) == [*first[-2:], held, *behind]
        assert process.follow() == [*first, held, *behind]
        trim(process, messages=2)
        assert placed(other) == behind[-2:]


async def test_counting_goes_on_where_another_process_has_ended_it(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_COUNTED", 4)  # several statements
    await journal(address)
    with processes(address, 2) as (one, other):
        written = [write(one.connection, data=b"x" * 100) for _ in range(11)]
        one.follow()
        assert Kept(one.connection, one.log).last == 11
        written += [write(one.connection, data=b"x" * 100) for _ in range(6)]
        one.follow()
        trim(one, messages=12)
        trim(other, messages=12)  # behind: it follows what was counted first
        assert other.fanned_out == written[-12:]
        kept = Kept(other.connection, other.log)
        assert (kept.last, kept.size()) == (12, 12 * 500)
        trim(other, messages=5)
        assert placed(one.connection) == written[-5:]


async def test_many_new_messages_are_counted_a_part_at_a_time(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_COUNTED", 4)
    await journal(address)
    with processes(address, 1) as (process,):
        written = [write(process.connection) for _ in range(50)]
        process.follow()
        trimmer = Trimmer(process.log, KEEPS._replace(messages=3))
        assert trimmer(process.connection)
        assert placed(process.connection) == written[17:]
        trim(process, messages=3)
        assert placed(process.connection) == written[-3:]


async def test_one_process_trims_at_a_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await journal(address)
    with processes(address, 2) as (one, other):
        for _ in range(5):
            write(one.connection)
        one.follow()
        other.follow()
        entered, go_on = threading.Event(), threading.Event()
        whole = trimming.trim

        def slowly(*arguments: object) -> bool:
            entered.set()
            assert go_on.wait(30)
            return whole(*arguments)  # type: ignore[arg-type]  # passed on as they come

        monkeypatch.setattr(trimming, "trim", slowly)
        trimming_now = threading.Thread(target=trim, args=(one,), kwargs={"messages": 2})
        trimming_now.start()
        assert entered.wait(30)
        monkeypatch.undo()
        trim(other, messages=1)
        assert len(placed(other.connection)) == 5
        go_on.set()
        trimming_now.join()
        assert len(placed(other.connection)) == 2
        trim(other, messages=1)
        assert len(placed(other.connection)) == 1


async def test_what_is_old_by_the_servers_clock_goes_but_the_last(address: str) -> None:
    await journal(address)
    hour = timedelta(hours=1) // timedelta(microseconds=1)
    with processes(address, 1) as (process,):
        old = [write(process.connection, at=now_us() - 2 * hour) for _ in range(3)]
        process.follow()
        trim(process, age_us=hour)
        assert placed(process.connection) == old[-1:]
        young = write(process.connection)
        process.follow()
        trim(process, age_us=hour)
        assert placed(process.connection) == [young]


async def test_a_process_that_stood_still_for_too_long_knows_that_it_lost_messages(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "tightbeam")
    await journal(address)
    with processes(address, 2) as (lively, still):
        first = write(lively.connection)
        lively.follow()
        still.follow()
        written = [write(lively.connection) for _ in range(6)]
        lively.follow()
        trim(lively, messages=2)
        with pytest.raises(PositionLost, match="no longer retained"):
            still.ask(ReadPage((TICK,), first))
        assert still.follow() == [first, *written[-2:]]
        assert still.heard.gaps == [first]
        assert "dropped by retention before this process read them" in caplog.text
        trim(lively, messages=2)
        written.append(write(lively.connection))
        assert still.follow() == [first, *written[-3:]]
        assert still.heard.gaps == [first]


async def test_the_size_of_many_runs_is_taken_from_samples(address: str) -> None:
    await journal(address)
    add = (
        "INSERT INTO run (id, function, event, data, state, due_at, created_at) "
        "SELECT 'r' || n, 'f', 'e', %s, 'ready', 0, 0 FROM generate_series(1, %s) AS n"
    )
    with processes(address, 1) as (process,):
        process.connection.execute(add, (b"x" * 200, 9_000))
        size = Kept(process.connection, process.log).size()
        assert 9_000 * 1_000 * 0.95 < size < 9_000 * 1_000 * 1.05
        process.connection.execute("DELETE FROM run WHERE number > 100")
        assert Kept(process.connection, process.log).size() == 100 * 1_000
