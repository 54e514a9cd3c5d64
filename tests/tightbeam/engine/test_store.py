"""What a store promises, request by request: see `tightbeam._engine.store`."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.tightbeam.engine.stores import MemoryStorage, Storage
from tightbeam._engine import trimming
from tightbeam._engine.observing import ReadEnds
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import (
    Failure,
    FunctionLimit,
    Memo,
    MemoizedAlready,
    NewRun,
    Parent,
    Publish,
    Replaced,
    Run,
    RunError,
)
from tightbeam._engine.requests import (
    MAX_DEATHS,
    AddRuns,
    BeginSleep,
    Claim,
    CountRuns,
    EndRun,
    EndSleep,
    FindLatest,
    FindOutcome,
    FindRun,
    FindStart,
    LeaveMemory,
    ListFunctions,
    ListRuns,
    ListTopics,
    MarkAwake,
    MemoizePublish,
    MemoizeStep,
    ParkRun,
    PullBack,
    PutBack,
    PutBackAll,
    ReadLag,
    ReadMessage,
    ReadPage,
    ReadPart,
    ReadPlaces,
    RecentMessages,
    Recover,
    Rest,
    RetryRun,
    SeenUntil,
    TimeOf,
)
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Request, Store
from tightbeam._hooks.info import CommitInfo
from tightbeam._hub.hub import Loops
from tightbeam._message import Envelope, now_us
from tightbeam.errors import NotEntered, PositionLost

NEW = Replaced(failed=False, counted=False)
KEEPS = Retention(messages=1_000_000, age_us=30 * 24 * 3_600_000_000, size=1 << 30)
HOUR = 3_600_000_000
CHANNEL = "job:1"
TICK, TOKEN = (CHANNEL, "tick"), (CHANNEL, "token")


class Outlet:
    """Gives messages times, and notes what is handed on."""

    measures = True
    is_read = True

    def __init__(self) -> None:
        self.messages: list[Envelope] = []
        self.times: dict[str, int] = {}
        self.released = 0
        self.woken: list[str] = []
        self.commits: list[CommitInfo] = []
        self.something = threading.Condition()

    def committed(self, commit: CommitInfo, /) -> None:
        self.commits.append(commit)

    def reserve(self, channel: str, at_least: int, last: Callable[[], int], /) -> int:
        self.times[channel] = max(at_least, self.times.get(channel, last()) + 1_000)
        return self.times[channel]

    def release(self) -> None:
        self.released += 1

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        with self.something:
            self.messages += committed
            self.something.notify_all()

    def get(self, message_id: str) -> Envelope:
        """Return a message once it is handed on: on a server that is after it was stored."""

        def found() -> Envelope | None:
            return next((one for one in reversed(self.messages) if one.id == message_id), None)

        with self.something:
            message = self.something.wait_for(found, 30)
        assert message is not None
        return message

    def sent(self, committed: Sequence[Envelope], /) -> None: ...

    def settled(self, runs: Collection[str] | None, read: ReadEnds, /) -> None: ...

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> Loops | None:
        self.messages += envelopes
        return None

    def ended(self, runs: Collection[str] | None, /) -> None: ...

    def cancelled(self, runs: Collection[str], /) -> None: ...

    def skip(self, place: int, /) -> bool:
        raise AssertionError

    def missed(self, place: int, /) -> None: ...

    def date_live_before(self, time_us: int, /) -> None: ...

    def lost(self, runs: Collection[str], /) -> None: ...

    def wake(self, runs: Collection[str], /) -> None:
        self.woken += runs


class Opened:
    """An open store, and shorthands for what is asked of it."""

    def __init__(self, storage: Storage, retention: Retention = KEEPS) -> None:
        self.storage = storage
        self._open(retention)

    def _open(self, retention: Retention) -> None:
        self.outlet = Outlet()
        self.store: Store = self.storage.backend(retention).open(self.outlet)
        if isinstance(self.store, PostgresStore):
            self.store.begin()

    def ask(self, request: Request[Any]) -> Any:
        answer = self.store.call(request)
        if isinstance(request, MemoizePublish):
            publish = request.publish
            self.outlet.get(f"{publish.run_id}:{publish.step}:{publish.number}")
            self.store.call(FindLatest(()))  # once the log is followed up to it
        return answer

    def has_read(self, place: int | None) -> bool:
        """Wait until the store's last place is this one: a transaction elsewhere may hold it back."""
        deadline = time.monotonic() + 30
        while self.store.last_place != place and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.store.last_place == place

    @property
    def is_alone(self) -> bool:
        """Whether no other store can have the journal open: places have no gaps then."""
        return not self.store.carries_live

    async def again(self) -> Opened:
        """Open the journal again, as the next process does after this one has died."""
        await self.storage.kill(self.store)
        self._open(KEEPS)
        return self

    def add(self, *ids: str, function: str = "work", data: bytes = b"{}") -> None:
        self.ask(AddRuns(tuple(NewRun(one, function) for one in ids), "app/work", data))

    def claim(self, limit: int = 100, *functions: str, **more: Any) -> list[Run]:
        limits = tuple(FunctionLimit(one, limit, on_thread=False) for one in functions or ("work",))
        runs: list[Run] = self.ask(replace(Claim((), limits, 100, 100, frozenset()), **more)).runs
        return runs

    def started(self, id: str) -> Run:
        return self.started_with(id, b"{}")

    def started_with(self, id: str, data: bytes) -> Run:
        self.add(id, data=data)
        (run,) = self.claim()
        return run

    def publish(self, run: Run, n: int, topic: str = "tick", **more: Any) -> Envelope:
        data = b'{"n":%d}' % n
        values: dict[str, Any] = {"channel": CHANNEL, "started_at": now_us(), **more}
        if "started_at" in more:  # on a server it isn't the time of the message, unless that is told so
            earliest = more["started_at"] - 1_000
            self.outlet.times[values["channel"]] = max(earliest, self.outlet.times.get(values["channel"], 0))
        publish = Publish(
            run.number, run.id, f"p{n}", 0, values["channel"], topic, data, values["started_at"]
        )
        self.ask(MemoizePublish(publish, f"p{n}", NEW))
        return self.outlet.get(f"{run.id}:p{n}:0")

    def state(self, id: str) -> str:
        found: str = self.ask(FindRun(id)).summary.state
        return found


@pytest.fixture
async def opened(storage: Storage) -> AsyncIterator[Opened]:
    opened = Opened(storage)
    opened.ask(Recover(frozenset({"work", "other"}), HOUR))
    yield opened
    await opened.store.close(10)


# -- what measures ----------------------------------------------------------------------------------------


async def test_unfinished_runs_are_counted_by_function_and_state(opened: Opened) -> None:
    assert opened.ask(CountRuns()) == ()
    opened.add("a", "b", "c", "d", "e")
    opened.add("f", function="other")
    done, retried, parked, _ = opened.claim(4)
    opened.ask(EndRun(done.id, b"1", None, ()))
    opened.ask(RetryRun(retried.id, 1, now_us() + HOUR, RunError("E", "", None), ()))
    opened.ask(ParkRun(parked.id, "StepMismatch", "why", ()))
    counts = opened.ask(CountRuns())
    assert [count[:3] for count in counts] == [
        ("other", "ready", 1),
        ("work", "parked", 1),
        ("work", "ready", 1),
        ("work", "running", 1),
        ("work", "sleeping", 1),
    ]
    assert all((count.age > 0) == (count.state == "ready") for count in counts)


async def test_what_holds_messages_back_is_measured_where_anything_can(opened: Opened) -> None:
    assert opened.ask(ReadLag()) == (None if opened.is_alone else 0.0)


async def test_each_commit_is_measured_where_there_is_a_disk(opened: Opened, storage: Storage) -> None:
    before = len(opened.outlet.commits)
    opened.add("a")
    assert not any(commit.failed for commit in opened.outlet.commits)
    has_disk = not isinstance(storage, MemoryStorage)
    assert [commit.requests for commit in opened.outlet.commits[before:]] == ([1] if has_disk else [])


# -- scheduling -------------------------------------------------------------------------------------------


async def test_runs_are_claimed_in_the_order_in_which_they_are_due(opened: Opened) -> None:
    opened.add("a", "b", "c")
    first, second = opened.claim(2)
    assert (first.id, second.id, first.event, first.data, first.memos) == ("a", "b", "app/work", b"{}", {})
    assert first.number < second.number
    assert [run.id for run in opened.claim()] == ["c"]
    assert opened.claim() == []
    assert {opened.state(one) for one in "abc"} == {"running"}


async def test_limits_are_for_each_function_and_for_all(opened: Opened) -> None:
    opened.add("a", "b", "c")
    opened.add("d", "e", "f", function="other")
    both = ("other", "work")
    assert [run.id for run in opened.claim(2, *both, runs=3)] == ["d", "e", "a"]
    assert [run.id for run in opened.claim(2, *both, runs=0)] == []
    limits = (FunctionLimit("other", 9, on_thread=True), FunctionLimit("work", 9, on_thread=False))
    claimed = opened.ask(Claim((), limits, 9, 0, frozenset()))
    assert [run.id for run in claimed.runs] == ["b", "c"]
    assert opened.claim(9, "unknown") == []


async def test_what_is_busy_is_left_alone(opened: Opened) -> None:
    opened.add("a", "b")
    assert [run.id for run in opened.claim(1, busy=frozenset("a"))] == ["b"]
    assert opened.state("a") == "ready"
    assert [run.id for run in opened.claim(1)] == ["a"]


async def test_what_is_due_later_says_when(opened: Opened) -> None:
    run = opened.started("a")
    due = now_us() + HOUR
    opened.ask(RetryRun(run.id, 1, due, RunError("ValueError", "x", "trace"), ()))
    claimed = opened.ask(Claim((), (FunctionLimit("work", 1, on_thread=False),), 1, 1, frozenset()))
    assert claimed[:2] == ([], due)
    opened.ask(PullBack(2 * HOUR))
    (again,) = opened.claim()
    assert (again.id, again.attempt) == ("a", 1)
    opened.ask(RetryRun(run.id, 1, 0, RunError("JournalFailed", "", None), ()))  # not the run's fault
    assert opened.ask(FindRun("a")).summary.failures == 1


async def test_a_run_is_done_or_failed_for_good(opened: Opened) -> None:
    one, two = (opened.started(one) for one in "ab")
    opened.ask(EndRun(one.id, b'"result"', None, ()))
    failure = Failure("step", "step.run", None, None, 1, 2, "KeyError", "'x'")
    opened.ask(EndRun(two.id, None, RunError("ValueError", "text", "trace"), (failure,)))
    opened.ask(PutBackAll())
    opened.ask(PutBack(("a", "b", "nobody")))
    assert opened.claim() == []
    done, failed = opened.ask(FindRun("a")), opened.ask(FindRun("b"))
    assert (done.summary.state, done.summary.attempts, done.result_size) == ("done", 1, 8)
    assert (failed.summary.state, failed.summary.failures, failed.traceback) == ("failed", 1, "trace")
    assert (failed.summary.error_type, failed.summary.error_text) == ("ValueError", "text")
    assert [(step.id, step.state, step.error_text) for step in failed.steps] == [("step", "failing", "'x'")]
    assert opened.ask(FindRun("nobody")) is None


async def test_runs_that_are_put_back_have_no_attempt_and_no_death(opened: Opened) -> None:
    opened.started("a")
    opened.started("b")
    opened.ask(PutBack(("a",)))
    assert [(run.id, run.attempt, run.deaths) for run in opened.claim()] == [("a", 0, 0)]
    opened.ask(PutBackAll(frozenset("b")))
    assert [run.id for run in opened.claim()] == ["a"]
    assert opened.state("b") == "running"


async def test_a_run_is_parked_until_it_is_taken_up_again(opened: Opened) -> None:
    opened.started("a")
    opened.ask(ParkRun("a", "NotJson", "doesn't fit", ()))
    assert opened.claim() == []
    assert opened.ask(FindRun("a")).summary.error_text == "doesn't fit"
    assert [run.id for run in opened.claim(unpark=("other",))] == []
    assert [run.id for run in opened.claim(unpark=("work",))] == ["a"]
    assert opened.ask(FindRun("a")).summary.error_text is None


async def test_a_function_has_one_run_of_a_key(opened: Opened) -> None:
    """The ids of a request say which run it is; another function may use the same key."""

    def add(*runs: NewRun) -> tuple[str, ...]:
        ids: tuple[str, ...] = opened.ask(AddRuns(runs, "app/work", b"{}"))
        return ids

    assert add(NewRun("a", "work", key="k"), NewRun("b", "other", key="k")) == ("a", "b")
    assert add(NewRun("c", "work", key="k"), NewRun("d", "work", key="l"), NewRun("e", "work")) == (
        "a",
        "d",
        "e",
    )
    assert add(NewRun("f", "work", key="m"), NewRun("g", "work", key="m")) == ("f", "f")
    assert [run.id for run in opened.claim(9, "work", "other")] == ["a", "d", "e", "f", "b"]
    opened.ask(EndRun("a", b"1", None, ()))
    assert add(NewRun("h", "work", key="k")) == ("a",)


async def test_a_key_is_free_again_when_its_run_is_no_longer_retained(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)
    opened = Opened(storage, KEEPS._replace(age_us=0))
    request = AddRuns((NewRun("a", "work", key="k"),), "app/work", b"{}")
    assert opened.ask(request) == ("a",)
    opened.claim()
    opened.ask(EndRun("a", None, None, ()))
    while opened.ask(FindRun("a")) is not None:
        opened.ask(PutBack(()))
    assert opened.ask(replace(request, runs=(NewRun("b", "work", key="k"),))) == ("b",)
    await opened.store.close(10)


async def test_a_run_keeps_what_it_was_added_with(opened: Opened) -> None:
    parent = Parent("p", "call")
    new = NewRun("a", "work", metadata=b'{"trace":"1"}', concurrency_key="u1", parent=parent)
    opened.ask(AddRuns((new, NewRun("b", "work")), "app/work", b"{}"))
    one, two = opened.claim()
    assert (one.metadata, one.concurrency_key, one.parent) == (b'{"trace":"1"}', "u1", parent)
    assert (two.metadata, two.concurrency_key, two.parent) == (None, None, None)
    assert one.created_at <= one.started_at <= now_us()
    opened.ask(RetryRun("a", 1, 0, RunError("ValueError", "", None), ()))
    (again,) = opened.claim()
    assert again == replace(one, attempt=1)


async def test_a_run_begins_at_its_time(opened: Opened) -> None:
    """A process that takes over doesn't take a later beginning for a clock that was set back."""
    due = now_us() + 3 * HOUR
    opened.ask(AddRuns((NewRun("a", "work", due_at=due), NewRun("b", "work", due_at=1)), "app/work", b"{}"))
    assert [run.id for run in opened.claim()] == ["b"]
    again = await opened.again()
    again.ask(Recover(frozenset({"work"}), HOUR))
    claimed = again.ask(Claim((), (FunctionLimit("work", 9, on_thread=False),), 9, 9, frozenset()))
    assert ([run.id for run in claimed.runs], claimed.next_due) == (["b"], due)
    assert again.state("a") == "ready"
    again.ask(PullBack(3 * HOUR))
    assert [run.id for run in again.claim()] == ["a"]
    await again.store.close(10)


async def test_a_message_keeps_its_metadata(opened: Opened) -> None:
    run = opened.started("a")
    for n, metadata in enumerate((b'{"trace":"1"}', None)):
        publish = Publish(run.number, "a", f"p{n}", 0, CHANNEL, "tick", b"1", now_us(), metadata)
        opened.ask(MemoizePublish(publish, f"p{n}", NEW))
    kept = [b'{"trace":"1"}', None]
    assert [one.metadata for one in opened.outlet.messages] == kept
    assert [one.metadata for one in opened.ask(ReadPage((TICK,), "start")).messages] == kept
    places = tuple(one.seq or 0 for one in opened.outlet.messages)
    assert [one.metadata for one in opened.ask(ReadPlaces(places))[0]] == kept
    assert [one.metadata for one in opened.ask(RecentMessages(None, 9)).messages] == kept


# -- the next process -------------------------------------------------------------------------------------


async def test_the_next_process_takes_over(opened: Opened) -> None:
    for run_id in ("ran", "slept", "rested", "waits"):
        opened.started(run_id)
    later = now_us() + HOUR
    for run_id, alone in (("slept", True), ("rested", False)):
        opened.ask(BeginSleep(run_id, "nap", later, now_us(), NEW, alone))
    opened.ask(Rest("rested"))
    opened.ask(RetryRun("waits", 1, now_us() + 3 * HOUR, RunError("ValueError", "", None), ()))
    opened.add("of another", function="gone")
    again = await opened.again()
    recovered = again.ask(Recover(frozenset({"work"}), HOUR))
    shared = again.store.carries_live
    unknown = recovered.waiting if shared else recovered.unknown
    assert (recovered.given_up, dict(unknown)) == ([], {"gone": 1})
    claimed = again.claim()
    assert {(run.id, run.deaths) for run in claimed} == {("ran", 1), ("rested", 0), ("waits", 0)}
    assert next(run for run in claimed if run.id == "rested").memos["nap"].wake_at == later
    # What one process doesn't know another one may, where several have the journal open.
    assert (again.state("slept"), again.state("of another")) == ("sleeping", "ready" if shared else "parked")
    error = again.ask(FindRun("of another")).summary.error_type
    assert error == (None if shared else "NotRegistered")
    await again.store.close(10)


async def test_a_run_under_which_the_process_dies_again_and_again(opened: Opened) -> None:
    opened.started("a")
    for deaths in range(1, MAX_DEATHS):
        opened = await opened.again()
        assert opened.ask(Recover(frozenset({"work"}), HOUR)).given_up == []
        assert [run.deaths for run in opened.claim()] == [deaths]
    opened = await opened.again()
    assert opened.ask(Recover(frozenset({"work"}), HOUR)).given_up == [("a", "work", 0)]
    detail = opened.ask(FindRun("a"))
    assert (detail.summary.state, detail.summary.error_type, detail.deaths) == (
        "failed",
        "RunFailed",
        MAX_DEATHS,
    )
    await opened.store.close(10)


async def test_a_new_memo_starts_attempts_and_deaths_over(opened: Opened) -> None:
    opened.started("a")
    opened.ask(RetryRun("a", 1, 0, RunError("ValueError", "", None), ()))
    (run,) = opened.claim()
    counted = Replaced(failed=False, counted=True)
    opened.ask(MemoizeStep("a", "step", done(b"1"), now_us(), counted))
    opened.ask(PutBack(("a",)))
    (run,) = opened.claim()
    assert (run.attempt, run.deaths, run.memos["step"].result) == (0, 0, b"1")


# -- steps ------------------------------------------------------------------------------------------------


def done(result: bytes) -> Memo:
    return Memo("step.run", None, None, "done", None, result, None, None)


@pytest.mark.parametrize("failed", [False, True], ids=["", "failed before"])
async def test_of_two_outcomes_the_first_stays(opened: Opened, failed: bool) -> None:
    run = opened.started("a")
    replaced = Replaced(failed, counted=False)
    opened.ask(MemoizeStep("a", "p1", done(b"1"), now_us(), replaced))
    publish = Publish(run.number, "a", "p1", 0, CHANNEL, "tick", b"2", now_us())
    for request in (
        MemoizeStep("a", "p1", done(b"2"), now_us(), replaced),
        BeginSleep("a", "p1", 1, now_us(), replaced, alone=False),
        MemoizePublish(publish, "p1", replaced),
    ):
        with pytest.raises(MemoizedAlready, match='step "p1" of run a is memoized already'):
            opened.ask(request)
    opened.publish(run, 2)
    with pytest.raises(MemoizedAlready):
        opened.publish(run, 2)
    opened.ask(PutBack(("a",)))
    (run,) = opened.claim()
    assert {step_id: memo.result for step_id, memo in run.memos.items()} == {"p1": b"1", "p2": b'{"n":2}'}
    assert len(opened.outlet.messages) == 1
    assert opened.outlet.released >= 2 or not opened.is_alone  # else when the message is handed on


@pytest.mark.parametrize("number", [0, 1])
async def test_a_message_is_the_memo_of_its_step(storage: Storage, number: int) -> None:
    """Nothing takes its place, also not by failing later; and it stays one when the message goes."""
    opened = Opened(storage, KEEPS._replace(messages=1))
    run = opened.started("a")
    step_id = f"p:{number}" if number else "p"
    publish = Publish(run.number, "a", "p", number, CHANNEL, "tick", b"1", now_us())
    opened.ask(MemoizePublish(publish, step_id, NEW))
    for failed in (False, True):
        replaced = Replaced(failed, counted=False)
        for request in (
            MemoizeStep("a", step_id, done(b"2"), now_us(), replaced),
            BeginSleep("a", step_id, 1, now_us(), replaced, alone=True),
        ):
            with pytest.raises(MemoizedAlready):
                opened.ask(request)
    failure = Failure(step_id, "step.realtime.publish", CHANNEL, "tick", 1, 2, "KeyError", "x")
    opened.ask(RetryRun("a", 1, 0, RunError("KeyError", "", None), (failure,)))
    assert [(step.id, step.state) for step in opened.ask(FindRun("a")).steps] == [(step_id, "done")]
    (run,) = opened.claim()
    opened.publish(run, 2)
    while len(opened.ask(RecentMessages(None, 9)).messages) > 1:
        opened.ask(PutBack(()))
    opened.ask(PutBackAll())
    (run,) = opened.claim()
    assert (run.memos[step_id].state, run.memos[step_id].result) == ("done", b"1")
    await opened.store.close(10)


async def test_attempts_of_a_step_are_counted_until_it_is_memoized(opened: Opened) -> None:
    opened.started("a")
    for attempt in (1, 2):
        failure = Failure("step", "step.run", None, None, attempt, attempt + 1, "KeyError", str(attempt))
        opened.ask(RetryRun("a", attempt, 0, RunError("KeyError", "", None), (failure,)))
        (run,) = opened.claim()
    assert run.memos["step"].state == "failing"
    opened.ask(MemoizeStep("a", "step", done(b"1"), 9, Replaced(failed=True, counted=True)))
    opened.ask(EndRun("a", None, None, (failure,)))  # it comes too late
    detail = opened.ask(FindRun("a"))
    assert [(step.state, step.attempts, step.error_text) for step in detail.steps] == [("done", 3, None)]
    assert (detail.summary.failures, detail.summary.attempts) == (2, 3)


async def test_a_publish_in_place_of_a_step_that_failed(opened: Opened) -> None:
    run = opened.started("a")
    failure = Failure("p1", "step.run", None, None, 1, 2, "KeyError", "x")
    opened.ask(RetryRun("a", 1, 0, RunError("KeyError", "", None), (failure,)))
    (run,) = opened.claim()
    publish = Publish(run.number, "a", "p1", 0, CHANNEL, "tick", b"1", now_us())
    opened.ask(MemoizePublish(publish, "p1", Replaced(failed=True, counted=True)))
    (step,) = opened.ask(FindRun("a")).steps
    assert (step.kind, step.state, step.attempts, step.topic) == ("step.realtime.publish", "done", 1, "tick")


async def test_a_publish_that_failed_before(opened: Opened) -> None:
    """A message that is the memo too counts no attempts."""
    run = opened.started("a")
    failure = Failure("p1", "step.realtime.publish", CHANNEL, "tick", 1, 2, "KeyError", "x")
    opened.ask(RetryRun("a", 1, 0, RunError("KeyError", "", None), (failure,)))
    (run,) = opened.claim()
    publish = Publish(run.number, "a", "p1", 0, CHANNEL, "tick", b"1", 5)
    opened.ask(MemoizePublish(publish, "p1", Replaced(failed=True, counted=True)))
    (step,) = opened.ask(FindRun("a")).steps
    assert (step.state, step.attempts, step.started_at.microsecond) == ("done", 1, 5)


@pytest.mark.parametrize("ends", ["done", "sleeping", "failing"])
async def test_a_step_of_another_kind_in_place_of_one_that_failed(opened: Opened, ends: str) -> None:
    """The code has changed: what is remembered is what the step is now, or the run wouldn't fit it."""
    opened.started("a")
    failure = Failure("step", "step.realtime.publish", CHANNEL, "tick", 1, 2, "KeyError", "x")
    opened.ask(RetryRun("a", 1, 0, RunError("KeyError", "", None), (failure,)))
    opened.claim()
    replaced = Replaced(failed=True, counted=True)
    if ends == "done":
        opened.ask(MemoizeStep("a", "step", done(b"1"), 5, replaced))
    elif ends == "sleeping":
        opened.ask(BeginSleep("a", "step", 9, 5, replaced, alone=False))
    else:
        another = replace(failure, kind="step.run", channel=None, topic=None, started_at=5)
        opened.ask(RetryRun("a", 2, 0, RunError("KeyError", "", None), (another,)))
    opened.ask(PutBackAll())
    (run,) = opened.claim()
    memo = run.memos["step"]
    kind = "step.sleep" if ends == "sleeping" else "step.run"
    assert (memo.kind, memo.channel, memo.topic, memo.state) == (kind, None, None, ends)
    (step,) = opened.ask(FindRun("a")).steps
    assert (step.attempts, step.started_at.microsecond) == (1, 5)


async def test_a_sleep_is_woken_from_once(opened: Opened) -> None:
    opened.started("a")
    wakes = [now_us() + hours * HOUR for hours in (3, 1, 2)]
    for n, wake_at in enumerate(wakes):
        opened.ask(BeginSleep("a", f"nap{n}", wake_at, now_us(), NEW, alone=True))
    assert opened.state("a") == "sleeping"
    opened.ask(EndSleep("a", "nap1"))
    assert opened.state("a") == "running"
    opened.ask(LeaveMemory("a", frozenset({"nap0", "nap1", "nap2"})))
    assert opened.state("a") == "sleeping"  # though it is ready, for when it wakes
    claimed = opened.ask(Claim((), (FunctionLimit("work", 1, on_thread=False),), 1, 1, frozenset()))
    assert claimed[:2] == ([], wakes[2])
    opened.ask(PullBack(2 * HOUR))
    (run,) = opened.claim()
    assert [memo.state for memo in run.memos.values()] == ["sleeping", "done", "sleeping"]
    assert [memo.wake_at for memo in run.memos.values()] == [
        wakes[0] - 2 * HOUR,
        wakes[1],
        wakes[2] - 2 * HOUR,
    ]


async def test_a_run_that_is_awake_is_due_at_once(opened: Opened) -> None:
    opened.started("a")
    opened.ask(BeginSleep("a", "nap", now_us() + HOUR, now_us(), NEW, alone=True))
    opened.ask(MarkAwake("a"))
    assert opened.state("a") == "running"
    opened.ask(PutBack(("a",)))
    assert [run.id for run in opened.claim()] == ["a"]


# -- messages ---------------------------------------------------------------------------------------------


async def test_messages_have_places_and_positions(opened: Opened) -> None:
    run = opened.started("a")
    got = [opened.publish(run, n, "tick" if n % 2 else "token") for n in range(6)]
    assert [one.id for one in got] == [f"a:p{n}:0" for n in range(6)]
    assert all(one.created_us < other.created_us for one, other in pairwise(got))
    places = [one.seq or 0 for one in got]
    assert places == sorted(set(places))
    start = opened.ask(FindStart("start"))
    assert start < places[0]
    assert opened.ask(FindStart(opened.store.position_of(places[3]))) == places[3]
    page = opened.ask(ReadPage((TICK, TOKEN), "start", messages=4))
    assert page == (got[:4], places[3])
    assert opened.ask(ReadPage((TICK,), page.upto)) == ([got[5]], places[5])
    assert opened.ask(ReadPage((TICK, TOKEN), 0, size=2 * len(got[0].data))).messages == got[:2]
    assert opened.ask(ReadPage((("other", "tick"),), "start")) == ([], places[5])
    assert opened.ask(FindLatest((TICK, TOKEN, (CHANNEL, "none")))) == (places[4:], places[5])
    assert opened.ask(ReadPlaces((places[0], places[5], places[5] + 1), messages=2)) == ([got[0], got[5]], 2)
    assert opened.ask(TimeOf(opened.store.position_of(places[2]))) == got[2].created_us
    assert opened.ask(TimeOf("start")) == 0


async def test_positions_of_another_journal(opened: Opened) -> None:
    run = opened.started("a")
    last = opened.publish(run, 1).seq or 0
    position = opened.store.position_of(last)
    before_digits = position.rstrip("0123456789")
    for after in (
        "",
        "latest",
        f"0000{position[-2:]}",
        f"00000000{position[8:]}",
        opened.store.position_of(last + 1),
        f"{before_digits}-1",
        before_digits,
        f"{before_digits}{'9' * 5000}",
    ):
        for request in (FindStart(after), ReadPage((TICK,), after), TimeOf(after)):
            with pytest.raises(PositionLost):
                opened.ask(request)


async def test_what_was_seen_until_a_time(opened: Opened) -> None:
    run = opened.started("a")
    later = now_us() // 1_000 * 1_000 + HOUR
    times = [later + 1_000_000 * n for n in range(1, 9)]
    for n, at in enumerate(times):
        opened.publish(run, n, ("tick", "token", "status")[n % 3], started_at=at)
        opened.publish(run, n + 100, channel="job:2", started_at=at)
    places = [one.seq or 0 for one in opened.outlet.messages if one.channel == CHANNEL]
    end = opened.outlet.messages[-1].seq
    for n, at in enumerate(times):
        exact = opened.ask(SeenUntil(CHANNEL, at // 1_000))
        following = places[n + 1] if n + 1 < len(places) else None
        assert exact == (places[n], times[-1], places[n], following, end)
        between = opened.ask(SeenUntil(CHANNEL, at // 1_000 + 1))
        assert between == (places[n], times[-1], None, following, end)
    assert opened.ask(SeenUntil(CHANNEL, 1)) == (0, times[-1], None, places[0], end)
    assert opened.ask(SeenUntil("job:3", 1)) == (0, 0, None, None, end)


async def test_how_the_run_ended_that_published_last(opened: Opened) -> None:
    run = opened.started("a")
    opened.publish(run, 1)
    assert opened.ask(FindOutcome(CHANNEL)) is None
    opened.ask(EndRun("a", b"7", None, ()))
    outcome = opened.ask(FindOutcome(CHANNEL))
    assert outcome[:3] == ("a", "done", b"7")
    other = opened.started("b")
    opened.publish(other, 2, "token")
    assert opened.ask(FindOutcome(CHANNEL)) is None
    opened.ask(EndRun("b", None, RunError("ValueError", "", None), ()))
    assert opened.ask(FindOutcome(CHANNEL))[:3] == ("b", "failed", None)
    assert opened.ask(FindOutcome("job:2")) is None


async def test_a_run_has_ended_behind_its_last_message(opened: Opened) -> None:
    """Though messages are dated a millisecond apart, and more were published than milliseconds passed."""
    run = opened.started("a")
    last = [opened.publish(run, n) for n in range(1, 200)][-1]
    opened.ask(EndRun("a", b"7", None, ()))
    assert opened.ask(FindOutcome(CHANNEL)).ended_us > last.created_us


async def test_messages_and_memos_are_there_for_the_next_process(opened: Opened) -> None:
    run = opened.started("a")
    got = [opened.publish(run, n) for n in range(3)]
    position = opened.store.position_of(got[1].seq or 0)
    again = await opened.again()
    assert again.has_read(got[2].seq)
    again.ask(Recover(frozenset({"work"}), HOUR))
    (run,) = again.claim()
    assert list(run.memos) == ["p0", "p1", "p2"]
    later = again.publish(run, 3)
    assert later.seq is not None
    assert later.seq > (got[2].seq or 0)
    assert later.created_us >= got[2].created_us + 1_000
    assert again.ask(ReadPage((TICK,), position)).messages == [got[2], later]
    await again.store.close(10)


# -- for people -------------------------------------------------------------------------------------------


async def test_runs_are_listed_and_searched(opened: Opened) -> None:
    opened.add("a1", "a2")
    opened.add("b1", function="other")
    opened.claim(1)
    opened.ask(EndRun("a1", None, RunError("ValueError", "No such FILE", None), ()))
    listed = [run.id for run in opened.ask(ListRuns(10))]
    assert listed == ["a1", "a2", "b1"]
    assert [run.id for run in opened.ask(ListRuns(2))] == ["a2", "b1"]
    assert [run.id for run in opened.ask(ListRuns(10, state="failed"))] == ["a1"]
    assert [run.id for run in opened.ask(ListRuns(10, function="work"))] == ["a1", "a2"]
    assert [run.id for run in opened.ask(ListRuns(10, words=("file", "APP/work")))] == ["a1"]
    assert [run.id for run in opened.ask(ListRuns(10, among=1))] == ["b1"]
    assert opened.ask(ListFunctions(10)) == ["other", "work"]
    assert opened.ask(ListFunctions(1)) == ["other"]


async def test_topics_of_a_channel(opened: Opened) -> None:
    run = opened.started("a")
    for n, topic in enumerate(("tick", "status", "tick", "token")):
        opened.publish(run, n, topic)
    opened.publish(run, 9, "other", channel="job:2")
    assert opened.ask(ListTopics("job:1")) == ["status", "tick", "token"]
    assert opened.ask(ListTopics("job:2")) == ["other"]
    assert opened.ask(ListTopics("job:3")) == []


async def test_words_are_found_in_any_case_of_letters(opened: Opened) -> None:
    opened.started("a")
    opened.ask(EndRun("a", None, RunError("ValueError", "Größe\0ÜBER", None), ()))
    for word in ("GRÖSSE", "%", "_", "valueerror größe "):
        assert opened.ask(ListRuns(10, words=(word,))) == []
    for word in ("grÖ", "über", "ÜBER", "valueerror größe"):
        assert [run.id for run in opened.ask(ListRuns(10, words=(word, "a")))] == ["a"]


async def test_the_latest_runs_are_the_latest_that_are_kept(storage: Storage) -> None:
    opened = Opened(storage, KEEPS._replace(age_us=0))
    for run_id in ("a", "b", "c"):
        opened.add(run_id)
    claimed = opened.claim()
    opened.ask(EndRun("c", None, None, ()))
    while len(opened.ask(ListRuns(9))) == 3:
        opened.ask(PutBack(()))
    assert len(claimed) == 3
    assert [run.id for run in opened.ask(ListRuns(9, among=1))] == ["b"]
    assert opened.ask(ListFunctions(1)) == ["work"]
    await opened.store.close(10)


async def test_data_can_be_read_or_its_beginning(opened: Opened) -> None:
    opened.add("a", data=b'{"event":1}')
    (run,) = opened.claim()
    opened.ask(MemoizeStep("a", "step", done(b'"from a step"'), now_us(), NEW))
    opened.publish(run, 1)
    assert opened.ask(ReadPart("a", "result")) is None
    opened.ask(EndRun("a", b'"result"', None, ()))
    assert opened.ask(ReadPart("a", "event")) == (b'{"event":1}', 11)
    assert opened.ask(ReadPart("a", "event", limit=4)) == (b'{"ev', 11)
    assert opened.ask(ReadPart("a", "result")) == (b'"result"', 8)
    assert opened.ask(ReadPart("a", "step", "step", 3)) == (b'"fr', 13)
    assert opened.ask(ReadPart("a", "step", "p1")) == (b'{"n":1}', 7)
    assert opened.ask(ReadPart("a", "step", "none")) is None
    assert opened.ask(ReadPart("nobody", "event")) is None
    assert opened.ask(ReadMessage("a:p1:0")) == (b'{"n":1}', 7)
    assert opened.ask(ReadMessage("a:p1:0", 2)) == (b'{"', 7)
    for message_id in ("a:p1:1", "a:p1", "a:p1:00", "a:p1:0:0", "a:step:0", "a", "", "b:p1:0"):
        assert opened.ask(ReadMessage(message_id)) is None
    detail = opened.ask(FindRun("a"))
    assert [(one.id, one.topic, one.size) for one in detail.messages] == [("a:p1:0", "tick", 7)]
    assert detail.messages[0].position == opened.store.position_of(opened.outlet.messages[0].seq or 0)
    assert [(step.id, step.result_size) for step in detail.steps] == [("step", 13), ("p1", 7)]
    assert (detail.data_size, detail.result_size) == (11, 8)


async def test_the_latest_messages_of_all_channels(opened: Opened) -> None:
    run = opened.started("a")
    got = [opened.publish(run, n, channel=f"job:{n % 2}") for n in range(6)]
    position = opened.store.position_of(got[1].seq or 0)
    assert opened.ask(RecentMessages(None, 3)) == (got[3:], 0, False)
    assert opened.ask(RecentMessages(position, 9)) == (got[2:], 0, True)
    assert opened.ask(RecentMessages(position, 2)) == (got[4:], 2, True)
    assert opened.ask(RecentMessages("another:1", 9)) == (got, 0, False)
    assert opened.ask(RecentMessages(opened.store.position_of(got[5].seq or 0), 9)) == ([], 0, True)


# -- retention --------------------------------------------------------------------------------------------


@pytest.fixture
def always_trimming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stores drop what is no longer retained after every batch of requests."""
    for batches in ("_BATCHES", "_BATCHES_ON_SERVER"):
        monkeypatch.setattr(trimming, batches, 1)


@pytest.mark.usefixtures("always_trimming")
async def test_so_many_messages_are_retained(storage: Storage) -> None:
    opened = Opened(storage, KEEPS._replace(messages=3))
    run = opened.started("a")
    got = [opened.publish(run, n, "tick" if n else "token") for n in range(9)]
    opened.ask(PutBack(()))  # after the last one there is time to trim, too
    position = opened.store.position_of
    assert opened.ask(ReadPage((TICK, TOKEN), "start")).messages == got[6:]
    assert opened.ask(FindStart("start")) == got[5].seq
    assert opened.ask(ReadPage((TICK,), position(got[5].seq or 0))).messages == got[6:]
    for request in (FindStart(position(1)), ReadPage((TICK,), 1), TimeOf(position(1))):
        with pytest.raises(PositionLost):
            opened.ask(request)
    with pytest.raises(PositionLost):
        opened.ask(SeenUntil(CHANNEL, got[5].created_us // 1_000 - 1))
    assert opened.ask(SeenUntil(CHANNEL, got[6].created_us // 1_000)).exact == got[6].seq
    assert opened.store.trimmed_us == got[5].created_us
    assert opened.ask(FindLatest((TICK, TOKEN))).places == [got[8].seq]
    assert opened.ask(ReadPlaces((1, got[8].seq or 0))) == ([got[8]], 2)
    assert opened.ask(RecentMessages(position(1), 9)) == (got[6:], 0, False)
    assert opened.ask(ReadMessage("a:p1:0")) is None
    assert [one.id for one in opened.ask(FindRun("a")).messages] == [one.id for one in got[6:]]
    await opened.store.close(10)


@pytest.mark.usefixtures("always_trimming")
async def test_memos_stay_when_their_messages_go(storage: Storage) -> None:
    """A run that may still be executed needs the data, and one that has ended doesn't."""
    opened = Opened(storage, KEEPS._replace(messages=1))
    run, ended = opened.started("a"), opened.started("b")
    for n in range(3):
        opened.publish(run, n)
    opened.publish(ended, 8)
    opened.ask(EndRun("b", None, None, ()))
    opened.publish(run, 3)
    opened.ask(PutBack(("a",)))
    (run,) = opened.claim()
    assert [memo.result for memo in run.memos.values()] == [b'{"n":%d}' % n for n in range(4)]
    with pytest.raises(MemoizedAlready):
        opened.publish(run, 0)
    assert opened.ask(ReadPart("a", "step", "p0")) == (b'{"n":0}', 7)
    assert opened.ask(ReadPart("b", "step", "p8")) is None
    assert [(step.id, step.result_size) for step in opened.ask(FindRun("b")).steps] == [("p8", None)]
    await opened.store.close(10)


@pytest.mark.usefixtures("always_trimming")
async def test_what_is_old_goes_but_the_last_message_and_what_has_not_ended(storage: Storage) -> None:
    opened = Opened(storage, KEEPS._replace(age_us=0))
    run, ended = opened.started("a"), opened.started("b")
    past = now_us() - HOUR  # times of messages may be ahead of the clock, and such don't go
    got = [opened.publish(run, n, started_at=past) for n in range(3)]
    opened.publish(ended, 3, started_at=past)
    last = opened.publish(ended, 4, started_at=past)
    opened.ask(EndRun("b", None, None, ()))
    opened.add("c")
    assert opened.ask(ReadPage((TICK,), "start")).messages == [last]
    assert [run.id for run in opened.ask(ListRuns(9))] == ["a", "c"]
    assert opened.ask(ReadMessage("b:p4:0")) == (b'{"n":4}', 7)  # it outlives its run
    assert opened.ask(FindOutcome(CHANNEL)) is None
    assert (opened.publish(run, 5).seq or 0) > (last.seq or 0)
    again = await opened.again()
    assert again.store.trimmed_us >= got[2].created_us
    await again.store.close(10)


@pytest.mark.usefixtures("always_trimming")
async def test_of_what_is_ahead_of_the_clock_nothing_goes_for_a_later_message(storage: Storage) -> None:
    opened = Opened(storage, KEEPS._replace(age_us=0))
    run = opened.started("a")
    now = now_us()
    got = [
        opened.publish(run, n, channel=f"job:{n}", started_at=now + ahead * 1_000_000)
        for n, ahead in enumerate((-100, -99, HOUR, -98, -97))
    ]
    opened.ask(PutBack(()))
    assert opened.ask(RecentMessages(None, 9)).messages == got[2:]
    await opened.store.close(10)


@pytest.mark.parametrize("what", ["event", "step", "message", "result"])
async def test_all_data_that_is_stored_counts(storage: Storage, what: str) -> None:
    """It isn't seen after some time or many requests only that there is too much."""
    bound, data, kept = 1 << 20, b'"' + b"x" * 100_000 + b'"', list[int]()
    opened = Opened(storage, KEEPS._replace(size=bound))
    for n in range(25):
        run = opened.started_with(f"r{n}", data if what == "event" else b"{}")
        if what == "step":
            opened.ask(MemoizeStep(run.id, "step", done(data), now_us(), NEW))
        if what == "message":
            publish = Publish(run.number, run.id, "p", 0, CHANNEL, "tick", data, now_us())
            opened.ask(MemoizePublish(publish, "p", NEW))
        opened.ask(EndRun(run.id, data if what == "result" else None, None, ()))
        if what == "message":
            kept.append(len(opened.ask(RecentMessages(None, 99)).messages))
        else:
            kept.append(len(opened.ask(ListRuns(99))))
    assert 2 < max(kept) < bound // len(data) + 3
    assert sorted(kept) != kept
    await opened.store.close(10)


@pytest.mark.slow
@pytest.mark.usefixtures("always_trimming")
async def test_by_size_the_oldest_goes_first(storage: Storage) -> None:
    bound = 1 << 20
    opened = Opened(storage, KEEPS._replace(size=bound))
    stays = opened.started("stays")
    opened.publish(stays, 0)
    for n in range(60):
        run = opened.started(f"r{n}")
        for m in range(10):
            publish = Publish(run.number, run.id, f"p{m}", 0, CHANNEL, "tick", b"x" * 4_000, now_us())
            opened.ask(MemoizePublish(publish, f"p{m}", NEW))
        opened.ask(EndRun(run.id, b"y" * 4_000, None, ()))
    listed = [run.id for run in opened.ask(ListRuns(99))]
    kept = opened.ask(RecentMessages(None, 999)).messages
    assert listed[0] == "stays"
    assert 2 < len(listed) < 40
    assert listed[-1] == "r59"
    assert bound // 2 < 4_000 * len(kept) < bound
    assert kept == opened.outlet.messages[-len(kept) :]
    await opened.store.close(10)


@pytest.mark.usefixtures("always_trimming")
async def test_house_keeping_that_fails_takes_no_request_along(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> bool:
        raise MemoryError

    monkeypatch.setattr(trimming, "trim", fail)
    opened = Opened(storage)
    run = opened.started("a")
    got = [opened.publish(run, n) for n in range(3)]
    assert opened.ask(ReadPage((TICK,), "start")).messages == got
    await opened.store.close(10)
    assert "house-keeping failed" in caplog.text


# -- who asks ---------------------------------------------------------------------------------------------


async def test_from_threads_and_event_loops_all_at_once(opened: Opened) -> None:
    opened.store.listen()
    run = opened.started("a")

    def on_a_thread(first: int) -> None:
        for n in range(first, first + 50):
            opened.publish(run, n)

    async def on_a_loop(first: int) -> None:
        for n in range(first, first + 50):
            publish = Publish(run.number, "a", f"p{n}", 0, CHANNEL, "tick", b"1", now_us())
            await opened.store.submit(MemoizePublish(publish, f"p{n}", NEW))

    await asyncio.gather(
        on_a_loop(0),
        asyncio.to_thread(asyncio.run, on_a_loop(100)),
        *(asyncio.to_thread(on_a_thread, first) for first in (200, 300)),
    )
    for last in (49, 149, 249, 349):
        opened.outlet.get(f"a:p{last}:0")
    handed_on = opened.outlet.messages
    places = [one.seq or 0 for one in handed_on]
    assert len(places) == 200
    assert places == (list(range(1, 201)) if opened.is_alone else sorted(places))
    assert opened.ask(ReadPage((TICK,), "start")).messages == handed_on
    for first in (0, 100, 200, 300):
        steps = [int((one.id or "").split(":")[1][1:]) for one in handed_on]
        mine = [n for n in steps if first <= n < first + 50]
        assert mine == sorted(mine)


async def test_one_request_is_carried_out_at_a_time(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened.started("a")
    reserve, entered, go_on, done = (
        opened.outlet.reserve,
        threading.Event(),
        threading.Event(),
        threading.Event(),
    )

    def slowly(*arguments: Any) -> int:
        if not entered.is_set():
            entered.set()
            assert go_on.wait(60)
        return reserve(*arguments)

    def second() -> None:
        opened.publish(run, 2)
        done.set()

    monkeypatch.setattr(opened.outlet, "reserve", slowly)
    first = asyncio.create_task(asyncio.to_thread(opened.publish, run, 1))
    await asyncio.to_thread(entered.wait, 60)
    following = asyncio.create_task(asyncio.to_thread(second))
    assert not await asyncio.to_thread(done.wait, 0.1)
    go_on.set()
    await asyncio.gather(first, following)
    assert [one.id for one in opened.outlet.messages] == ["a:p1:0", "a:p2:0"]


@pytest.mark.parametrize("listening", [False, True])
async def test_an_answer_comes_in_a_later_turn_and_after_its_message(opened: Opened, listening: bool) -> None:
    if listening:
        opened.store.listen()
    run = opened.started("a")
    order: list[object] = []
    publish = Publish(run.number, "a", "p", 0, CHANNEL, "tick", b"1", now_us())

    def after(stored: bool) -> None:
        if opened.is_alone:  # else another process may hold messages back, and no caller waits for it
            assert len(opened.outlet.messages) == 1
        order.append(stored)

    future = opened.store.submit(MemoizePublish(publish, "p", NEW), after=after)
    assert not future.done()
    future.add_done_callback(lambda _: order.append("answered"))
    await future
    await asyncio.sleep(0)
    again = opened.store.submit(MemoizePublish(publish, "p", NEW), after=after)
    with pytest.raises(MemoizedAlready):
        await again
    assert order == [True, "answered", False]


async def test_a_request_whose_caller_is_gone_is_carried_out(opened: Opened) -> None:
    told: list[bool] = []
    future = opened.store.submit(AddRuns((NewRun("a", "work"),), "app/work", b"{}"), after=told.append)
    future.cancel()

    async def elsewhere() -> None:
        opened.store.submit(AddRuns((NewRun("b", "work"),), "app/work", b"{}"))

    await asyncio.to_thread(asyncio.run, elsewhere())  # an event loop that is closed before the answer
    await opened.store.submit(PutBack(()))  # behind them
    assert [run.id for run in opened.claim()] == ["a", "b"]
    assert told == [True]


async def test_a_loop_of_requests_gives_others_their_turns(opened: Opened) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    for n in range(20):
        await opened.store.submit(AddRuns((NewRun(f"r{n}", "work"),), "app/work", b"{}"))
    counting.cancel()
    assert turns >= 20


async def test_a_store_that_is_closed_refuses(opened: Opened) -> None:
    await opened.store.close(10)
    await opened.store.close(10)
    with pytest.raises(NotEntered, match="has been left"):
        opened.store.submit(ListFunctions(1))
    with pytest.raises(NotEntered, match="has been left"):
        opened.store.call(ListFunctions(1))


async def test_a_forked_child_is_refused(opened: Opened) -> None:
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        child = os.fork()
    if child == 0:
        try:
            opened.ask(ListFunctions(1))
        except NotEntered as error:
            os.write(write_end, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as told:
        assert "forked from" in await asyncio.to_thread(told.read)
    await asyncio.to_thread(os.waitpid, child, 0)
    assert opened.ask(ListFunctions(1)) == []


async def test_a_request_that_no_store_knows(opened: Opened) -> None:
    class Unknown(Request[None]): ...

    with pytest.raises(TypeError, match="this store answers no Unknown"):
        opened.ask(Unknown())
    with pytest.raises(TypeError, match="this store answers no Unknown"):
        await opened.store.submit(Unknown())


def test_a_program_that_ends_puts_its_runs_back(storage: Storage) -> None:
    opened = Opened(storage)
    opened.ask(Recover(frozenset({"work"}), HOUR))
    opened.started("a")
    opened.store.close_at_exit(10)
    opened.store.close_at_exit(10)
    again = Opened(storage)
    again.ask(Recover(frozenset({"work"}), HOUR))
    assert [(run.id, run.deaths) for run in again.claim()] == [("a", 0)]
    again.store.close_at_exit(10)
