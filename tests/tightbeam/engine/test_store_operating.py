"""What a store promises to people who operate runs: cancelling, retrying, resuming and reading them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.engine.test_store import CHANNEL, HOUR, KEEPS, NEW, Opened, done
from tightbeam import NoSuchRun, NotRegistered, RunStateError, StepMisuse
from tightbeam._engine import details, trimming
from tightbeam._engine.records import Failure, Memo, NewRun, Publish, RunError
from tightbeam._engine.requests import (
    AddRuns,
    BeginInvoke,
    BeginSleep,
    BeginWait,
    CancelRun,
    EndRun,
    FindOutcome,
    FindRun,
    ListRuns,
    MemoizePublish,
    MemoizeSend,
    MemoizeStep,
    ParkRun,
    PutBack,
    PutBackAll,
    ReadRun,
    Recover,
    RetryFrom,
    RetryRun,
    ScanRuns,
    SendEvent,
    Unpark,
)
from tightbeam._engine.store import Request
from tightbeam._message import now_us

pytestmark = pytest.mark.quick_in_memory

ERROR = RunError("ValueError", "text", "trace")


@pytest.fixture
async def opened(storage: Storage) -> AsyncIterator[Opened]:
    opened = Opened(storage)
    opened.ask(Recover(frozenset({"work", "other"}), HOUR))
    yield opened
    await opened.store.close(10)


@pytest.fixture
def trims_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)


# -- cancelling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["ready", "running", "sleeping", "parked"])
async def test_a_run_that_has_not_ended_can_be_cancelled(opened: Opened, state: str) -> None:
    opened.ask(AddRuns((NewRun("a", "work", metadata=b"{}"),), "app/work", b"{}"))
    if state != "ready":
        (run,) = opened.claim()
        opened.publish(run, 1)
    if state == "sleeping":
        opened.ask(BeginSleep("a", "nap", now_us() + HOUR, now_us(), NEW, alone=True))
    if state == "parked":
        opened.ask(ParkRun("a", "NotJson", "doesn't fit", ()))
    assert opened.state("a") == state
    cancelled = opened.ask(CancelRun("a"))
    channels = frozenset() if state == "ready" else frozenset({CHANNEL})
    assert cancelled == ("work", "app/work", 0, channels, b"{}", False)
    found = opened.ask(FindRun("a"))
    assert found.summary.state == "cancelled"
    assert found.summary.ended_at is not None
    opened.ask(PutBackAll())
    assert opened.claim(unpark=("work",)) == []
    again = await opened.again()
    again.ask(Recover(frozenset({"work"}), HOUR))
    assert (again.claim(unpark=("work",)), again.state("a")) == ([], "cancelled")
    if channels:
        assert again.ask(FindOutcome(CHANNEL))[:3] == ("a", "cancelled", None)
    await again.store.close(10)


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
async def test_a_run_that_has_ended_cannot_be_cancelled(opened: Opened, state: str) -> None:
    opened.started("a")
    if state == "cancelled":
        opened.ask(CancelRun("a"))
    else:
        opened.ask(EndRun("a", b"1", ERROR if state == "failed" else None, ()))
    before = opened.ask(FindRun("a"))
    with pytest.raises(RunStateError, match=f"^run a is {state}: only a run that hasn't ended") as caught:
        opened.ask(CancelRun("a"))
    assert (caught.value.run_id, caught.value.state) == ("a", state)
    assert opened.ask(FindRun("a")) == before


async def test_a_cancelled_run_begins_nothing_and_does_not_end_again(opened: Opened) -> None:
    """Its handler may go on: what that was doing is remembered, for a retry; nothing follows."""
    run = opened.started("a")
    opened.ask(CancelRun("a", (Failure("flaky", "step.run", None, None, 1, 2, "KeyError", "x"),)))
    publish = Publish(run.number, "a", "p", 0, CHANNEL, "tick", b"1", now_us())
    for request in (
        MemoizePublish(publish, "p", NEW),
        BeginSleep("a", "nap", now_us() + HOUR, now_us(), NEW, alone=True),
    ):
        with pytest.raises(StepMisuse, match="run a has ended"):
            opened.ask(request)
    assert opened.outlet.messages == []
    opened.ask(MemoizeStep("a", "was in flight", done(b"1"), now_us(), NEW))
    for request in (
        EndRun("a", b"1", None, ()),
        EndRun("a", None, ERROR, ()),
        RetryRun("a", 1, 0, ERROR, ()),
        ParkRun("a", "NotJson", "doesn't fit", ()),
        PutBack(("a",)),
    ):
        opened.ask(request)
        assert opened.state("a") == "cancelled"
    found = opened.ask(ReadRun("a"))
    assert (found.result, found.summary.failures, found.traceback) == (None, 0, None)
    assert {(step.id, step.state) for step in opened.ask(FindRun("a")).steps} == {
        ("flaky", "failing"),
        ("was in flight", "done"),
    }


async def test_a_run_that_has_ended_starts_and_awaits_nothing_more(opened: Opened) -> None:
    """Its handler may go on, and what it had under way may be stored again after the disk had failed."""
    opened.ask(AddRuns((NewRun("a", "work"), NewRun("b", "work")), "app/work", b"{}"))
    opened.claim()
    opened.ask(CancelRun("a"))
    late = now_us() + HOUR
    send = SendEvent("app/work", (NewRun("sent", "work"),), b"{}")
    requests: list[Request[Any]] = [
        BeginInvoke(
            "a", "step", NewRun("child", "other"), "app/other", b"{}", late, now_us(), NEW, alone=True
        ),
        BeginWait("a", "step", "app/answer", None, late, now_us(), NEW, alone=True),
        MemoizeSend("a", "step", now_us(), NEW, send),
    ]
    for request in requests:
        with pytest.raises(StepMisuse):
            opened.ask(request)
    assert not opened.ask(FindRun("a")).steps
    assert {run.id for run in opened.ask(ListRuns(99))} == {"a", "b"}


# -- retrying ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
async def test_a_retried_run_remembers_what_it_has_finished(opened: Opened, ended: str) -> None:
    opened.ask(AddRuns((NewRun("a", "work", key="k", metadata=b"{}"),), "app/work", b"{}"))
    (run,) = opened.claim()
    opened.ask(RetryRun("a", 1, 0, ERROR, ()))
    opened.claim()
    opened.ask(MemoizeStep("a", "one", done(b"1"), now_us(), NEW))
    opened.publish(run, 2)
    opened.ask(BeginSleep("a", "nap", 5, now_us(), NEW, alone=False))
    failed = Memo("step.run", None, None, "failed", None, None, "KeyError", "x")
    opened.ask(MemoizeStep("a", "broken", failed, now_us(), NEW))
    failure = Failure("flaky", "step.run", None, None, 1, 2, "KeyError", "x")
    if ended == "failed":
        opened.ask(EndRun("a", None, ERROR, (failure,)))
    else:
        opened.ask(CancelRun("a", (failure,)))
    opened.ask(RetryFrom("a", frozenset({"work"})))
    summary = opened.ask(FindRun("a")).summary
    assert (summary.state, summary.attempts, summary.failures, summary.error_type) == ("ready", 0, 0, None)
    assert (summary.started_at, summary.ended_at) == (None, None)
    (again,) = opened.claim()
    assert (again.attempt, again.deaths, again.metadata, again.number) == (0, 0, b"{}", run.number)
    assert {step_id: memo.state for step_id, memo in again.memos.items()} == {
        "one": "done",
        "p2": "done",
        "nap": "sleeping",
        "broken": "failing",
        "flaky": "failing",
    }
    opened.ask(MemoizeStep("a", "broken", done(b"2"), now_us(), NEW._replace(failed=True)))
    opened.publish(again, 3)
    opened.ask(EndRun("a", b'"done"', None, ()))
    found = opened.ask(ReadRun("a"))
    assert (found.summary.state, found.summary.attempts, found.result) == ("done", 1, b'"done"')


@pytest.mark.parametrize("state", ["ready", "running", "sleeping", "parked", "done"])
async def test_only_what_failed_or_was_cancelled_is_retried(opened: Opened, state: str) -> None:
    opened.add("a")
    if state != "ready":
        opened.claim()
    if state == "sleeping":
        opened.ask(BeginSleep("a", "nap", now_us() + HOUR, now_us(), NEW, alone=True))
    if state == "parked":
        opened.ask(ParkRun("a", "NotJson", "doesn't fit", ()))
    if state == "done":
        opened.ask(EndRun("a", b"1", None, ()))
    with pytest.raises(
        RunStateError, match=f"^run a is {state}: only a run that has failed or was cancelled"
    ):
        opened.ask(RetryFrom("a"))
    assert opened.state("a") == state


async def test_a_run_that_is_retried_is_retained(storage: Storage, trims_often: None) -> None:
    """It hasn't ended any more; once it has, it goes at its time."""
    opened = Opened(storage, KEEPS._replace(age_us=HOUR))
    for run_id in ("a", "b"):
        opened.started(run_id)
        opened.ask(CancelRun(run_id))
    opened.ask(RetryFrom("a"))
    await opened.store.close(10)
    opened = Opened(storage, KEEPS._replace(age_us=0))
    while opened.ask(FindRun("b")) is not None:
        opened.ask(PutBack(()))
    for _ in range(3):
        opened.ask(PutBack(()))
    assert [run.id for run in opened.claim()] == ["a"]
    assert opened.state("a") == "running"
    opened.ask(EndRun("a", b"1", None, ()))
    while opened.ask(FindRun("a")) is not None:
        opened.ask(PutBack(()))
    await opened.store.close(10)


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
async def test_what_was_published_is_remembered_though_the_message_is_gone(
    storage: Storage, trims_often: None, ended: str
) -> None:
    opened = Opened(storage, KEEPS._replace(messages=1))
    run = opened.started("a")
    opened.publish(run, 1)
    opened.ask(EndRun("a", None, ERROR, ()) if ended == "failed" else CancelRun("a"))
    (other,) = (opened.started("b"),)
    opened.publish(other, 2)
    while len(opened.ask(FindRun("a")).messages) > 0:
        opened.ask(PutBack(()))
    opened.ask(RetryFrom("a"))
    (again,) = opened.claim()
    assert again.memos["p1"].result == b'{"n":1}'
    await opened.store.close(10)


# -- resuming ---------------------------------------------------------------------------------------------


async def test_only_a_parked_run_is_resumed(opened: Opened) -> None:
    opened.started("a")
    with pytest.raises(RunStateError, match=r"^run a is running: only a parked run can be resumed$"):
        opened.ask(Unpark("a"))
    opened.ask(ParkRun("a", "NotJson", "doesn't fit", ()))
    opened.ask(Unpark("a", frozenset({"work"})))
    assert opened.ask(FindRun("a")).summary.error_type is None
    assert [run.id for run in opened.claim()] == ["a"]


async def test_a_run_of_a_function_that_is_not_registered_is_left_alone(opened: Opened) -> None:
    """It would be ready for ever; it can be cancelled."""
    opened.started("a")
    opened.ask(ParkRun("a", "NotJson", "doesn't fit", ()))
    opened.ask(Recover(frozenset({"other"}), HOUR))  # no process has it any more
    for request in (Unpark("a", frozenset({"other"})), RetryFrom("a", frozenset({"other"}))):
        with pytest.raises(NotRegistered, match='run a is of function "work", which isn\'t registered here'):
            opened.ask(request)
    assert opened.state("a") == "parked"
    opened.ask(CancelRun("a"))


async def test_there_must_be_such_a_run(opened: Opened) -> None:
    for request in (CancelRun("x"), RetryFrom("x"), RetryFrom("x", frozenset()), Unpark("x")):
        with pytest.raises(NoSuchRun, match=r"^there is no run x: it was never started, or") as caught:
            opened.ask(request)
        assert caught.value.run_id == "x"
    assert opened.ask(ReadRun("x")) is None


# -- reading ----------------------------------------------------------------------------------------------


async def test_a_run_is_read_whole(opened: Opened) -> None:
    opened.started_with("a", b'{"n":1}')
    opened.ask(RetryRun("a", 1, 0, ERROR, ()))
    found = opened.ask(ReadRun("a"))
    assert found.summary == opened.ask(FindRun("a")).summary
    assert (found.data, found.result, found.traceback) == (b'{"n":1}', None, "trace")
    opened.claim()
    opened.ask(EndRun("a", b'"result"', None, ()))
    found = opened.ask(ReadRun("a"))
    assert (found.summary.state, found.result, found.traceback) == ("done", b'"result"', None)


async def test_runs_are_scanned_newest_first(opened: Opened) -> None:
    opened.add("a", "b")
    opened.add("c", "d", function="other")
    opened.claim(1)
    since = now_us()
    opened.add("e")

    def ids(request: ScanRuns) -> tuple[list[str], str | None]:
        page = opened.ask(request)
        return [run.id for run in page.runs], page.next

    assert ids(ScanRuns()) == (["e", "d", "c", "b", "a"], None)
    assert ids(ScanRuns(limit=2)) == (["e", "d"], "d")
    assert ids(ScanRuns(limit=2, before="d")) == (["c", "b"], "b")
    assert ids(ScanRuns(limit=2, before="b")) == (["a"], None)
    assert ids(ScanRuns(before="a")) == ([], None)
    assert ids(ScanRuns(before="cat")) == (["c", "b", "a"], None)  # it is gone
    assert ids(ScanRuns(before="A")) == ([], None)
    assert ids(ScanRuns(states=("running", "failed"))) == (["a"], None)
    assert ids(ScanRuns(function="other", limit=1)) == (["d"], "d")
    assert ids(ScanRuns(since_us=since)) == (["e"], None)
    assert ids(ScanRuns(words=("OTHER", "app"))) == (["d", "c"], None)


async def test_a_scan_looks_at_so_many_runs_and_says_where_it_stopped(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite.details", "memory.listing", "postgres.inspection"):
        monkeypatch.setattr(f"tightbeam._engine.{module}.SCANNED", 3)
    assert details.SCANNED == 2_000
    opened.add(*"abcdefg")
    opened.claim(1)
    found, before, pages = [], None, 0
    while pages == 0 or before is not None:
        page = opened.ask(replace(ScanRuns(states=("running",)), before=before))
        found += [run.id for run in page.runs]
        before, pages = page.next, pages + 1
    assert (found, pages) == (["a"], 3)
