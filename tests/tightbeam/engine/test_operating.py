"""Runs by id, while a client is entered: reading, waiting, cancelling, retrying and resuming them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import (
    Client,
    Context,
    ContextSync,
    EngineError,
    Function,
    Hook,
    JournalFailed,
    NoSuchRun,
    NotEntered,
    NotJson,
    NotRegistered,
    RunCancelled,
    RunFailed,
    RunParked,
    RunStateError,
    RunSummary,
    StepMismatch,
    StepMisuse,
)
from tightbeam._engine import operating, scheduler
from tightbeam._engine.requests import CancelRun, Claim, EndRun, ReadRun
from tightbeam._engine.session import Session
from tightbeam.hooks import RunInfo
from tightbeam.testing import Clock

pytestmark = pytest.mark.quick_in_memory


class Answer(pydantic.BaseModel):
    word: str


class Signals:
    """What the handlers of a test say, and what they wait for."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go = threading.Event()
        self.said: list[str] = []


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let cancelling wait for nothing that can't be interrupted."""
    monkeypatch.setattr(operating, "GRACE", 0.01)


async def started(client: Client, name: str) -> str:
    (run_id,) = await client.send(name)
    return run_id


def forever(client: Client, signals: Signals, id: str = "work") -> Function[Any]:
    """A function whose runs await something that never comes."""

    @client.function(id, on=id)
    async def work(ctx: Context) -> None:
        signals.said.append(f"began {ctx.attempt}")
        signals.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            signals.said.append("cleaned up")

    return work


# -- reading ----------------------------------------------------------------------------------------------


async def test_a_run_is_read_with_its_times_attempts_and_result(client: Client) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> Answer:
        return Answer(word=ctx.event.data["word"])

    before = datetime.now(UTC)
    async with client:
        (run_id,) = await client.send("app/work", {"word": "hi"})
        assert await client.runs.wait(run_id) == {"word": "hi"}
        run = await client.runs.get(run_id)
        assert (run.id, run.function, run.event, run.state) == (run_id, "work", "app/work", "done")
        assert (run.attempts, run.failures, run.error_type, run.traceback) == (1, 0, None, None)
        assert run.started_at is not None
        assert run.ended_at is not None
        assert before <= run.created_at <= run.started_at <= run.ended_at
        assert (run.data, run.result) == ({"word": "hi"}, {"word": "hi"})
        typed = await client.runs.get(run_id, function=work)
        assert typed.result == Answer(word="hi")
        assert await asyncio.to_thread(lambda: client.runs.get_sync(run_id, function=work)) == typed
        assert await asyncio.to_thread(lambda: client.runs.get_sync(run_id)) == run
    assert "hi" not in repr(run)


@pytest.fixture
def failing(client: Client) -> asyncio.Event:
    """Of a function, "work", that fails as soon as this is set, and then once more."""
    may_fail = asyncio.Event()

    @client.function("work", on="app/work", retries=1)
    async def work(ctx: Context) -> None:
        await may_fail.wait()
        raise KeyError("x")

    return may_fail


async def test_a_run_that_failed_says_why(client: Client, failing: asyncio.Event, storage: Storage) -> None:
    async with client:
        run_id = await started(client, "app/work")
        waiting = asyncio.ensure_future(client.runs.wait(run_id))
        await until(lambda: storage.double.answered(ReadRun) > 0)
        failing.set()
        with pytest.raises(
            RunFailed, match=rf'^run {run_id} of "work" has failed: KeyError: \'x\'$'
        ) as caught:
            await waiting
        assert isinstance(caught.value.__cause__, KeyError)
        assert (caught.value.run_id, caught.value.error_type, caught.value.error_text) == (
            run_id,
            "KeyError",
            "'x'",
        )
        run = await client.runs.get(run_id)
        assert (run.state, run.attempts, run.failures, run.error_type) == ("failed", 2, 2, "KeyError")
        assert run.result is None
        assert run.traceback is not None
        assert run.traceback.endswith("KeyError: 'x'\n")


async def test_a_wait_that_reads_the_run_after_its_end_says_why_it_failed(
    client: Client, failing: asyncio.Event, storage: Storage
) -> None:
    async with client:
        run_id = await started(client, "app/work")
        async with storage.double.held(ReadRun):
            waits = asyncio.create_task(client.runs.wait(run_id))
            thread = asyncio.create_task(asyncio.to_thread(client.runs.wait_sync, run_id))
            await until(lambda: len(_waiters_of(client, run_id)) == 2)
            failing.set()
            await until(lambda: not _waiters_of(client, run_id))
        for waiting in (waits, thread):
            with pytest.raises(RunFailed) as caught:
                await waiting
            assert isinstance(caught.value.__cause__, KeyError)


async def test_a_wait_that_reads_the_end_before_the_engine_hears_of_it_says_why_the_run_failed(
    client: Client, failing: asyncio.Event, storage: Storage
) -> None:
    failing.set()
    async with client, storage.double.answering_late(EndRun) as ends:
        run_id = await started(client, "app/work")
        await until(lambda: bool(ends.waiting))
        for wait in (client.runs.wait(run_id), asyncio.to_thread(client.runs.wait_sync, run_id)):
            with pytest.raises(RunFailed) as caught:
                await wait
            assert isinstance(caught.value.__cause__, KeyError)


async def test_a_call_raises_the_handlers_exception_though_the_run_is_looked_at_meanwhile(
    client: Client, storage: Storage
) -> None:
    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        raise KeyError("x")

    async with client, storage.double.answering_late(EndRun) as ends, storage.double.held(ReadRun) as reads:
        async with storage.double.held(Claim):
            call = asyncio.create_task(client.run(work))
            while not reads.waiting:
                storage.double.outlets[-1].ended(None)
                await asyncio.sleep(0.005)
        await until(lambda: bool(ends.waiting))
        reads.release()
        await until(lambda: not _operator_of(client).tasks)  # it has read that the run has failed
        assert not call.done()
        ends.release()
        with pytest.raises(KeyError):
            await call


async def test_a_result_that_fits_no_more_is_said(make_client: MakeClient) -> None:
    client = make_client()

    async def before(ctx: Context) -> str:
        return "text"

    client.function("work", on="app/work")(before)
    async with client:
        run_id = await started(client, "app/work")
        await client.runs.wait(run_id)
    client = make_client()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> int:
        return 1

    async with client:
        for ask in (client.runs.get, client.runs.wait):
            with pytest.raises(NotJson, match=f'The result of run {run_id} of function "work" doesn\'t fit'):
                await ask(run_id, function=work)
        assert (await client.runs.get(run_id)).result == "text"


async def test_runs_are_listed_newest_first(client: Client) -> None:
    async def nothing(ctx: Context) -> None: ...

    async def fail(ctx: Context) -> None:
        raise ValueError

    one = client.function("one", on="app/one")(nothing)
    client.function("two", on="app/two", retries=0)(fail)
    async with client:
        ids = [await started(client, name) for name in ("app/one", "app/two", "app/one")]
        for run_id in ids:
            with contextlib.suppress(RunFailed):
                await client.runs.wait(run_id)
        since = datetime.now(UTC)
        ids.append(await started(client, "app/one"))
        await client.runs.wait(ids[3])

        async def listed(**searched: Any) -> list[int]:
            found = await client.runs.list(**searched)
            assert await asyncio.to_thread(lambda: client.runs.list_sync(**searched)) == found
            assert all(type(run) is RunSummary for run in found)
            return [ids.index(run.id) for run in found]

        assert await listed() == [3, 2, 1, 0]
        assert await listed(limit=2) == [3, 2]
        assert await listed(limit=0) == []
        assert await listed(function=one) == await listed(function="one") == [3, 2, 0]
        assert await listed(state="failed") == [1]
        assert await listed(since=since) == [3]
        assert await listed(function="one", since=since, state="done", limit=9) == [3]
        assert await listed(function="three") == []


async def test_a_long_list_is_read_page_by_page(
    client: Client, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite.details", "memory.listing"):
        monkeypatch.setattr(f"tightbeam._engine.{module}.SCANNED", 2)

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async with client:
        ids = [await started(client, "app/work") for _ in range(5)]
        assert [run.id for run in await client.runs.list()] == ids[::-1]
        assert [run.id for run in await client.runs.list(limit=3)] == ids[:1:-1]


@pytest.mark.parametrize(
    ("searched", "error", "words"),
    [
        ({"state": "sleepy"}, ValueError, "there is no state 'sleepy': the states are ready, running,"),
        ({"since": datetime(2026, 1, 1)}, ValueError, "since has no time zone"),  # noqa: DTZ001 - that is it
        ({"since": "today"}, TypeError, "since is a datetime, not str"),
        ({"limit": -1}, ValueError, "limit can't be negative"),
        ({"limit": None}, TypeError, "limit is an int, not NoneType"),
    ],
)
async def test_what_is_searched_for_is_checked(
    client: Client, searched: dict[str, Any], error: type[Exception], words: str
) -> None:
    async with client:
        with pytest.raises(error, match=words):
            await client.runs.list(**searched)
        with pytest.raises(error, match=words):
            client.runs.list_sync(**searched)


# -- waiting ----------------------------------------------------------------------------------------------


async def test_many_wait_for_one_run_from_everywhere(client: Client, signals: Signals) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> Answer:
        signals.reached.set()
        await until(signals.go.is_set)
        return Answer(word="done")

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()

        def on_another_loop() -> Answer:
            return asyncio.run(client.runs.wait(run_id, function=work))

        waiting = [
            *(asyncio.create_task(client.runs.wait(run_id, function=work)) for _ in range(3)),
            *(
                asyncio.create_task(asyncio.to_thread(client.runs.wait_sync, run_id, function=work))
                for _ in range(2)
            ),
            asyncio.create_task(asyncio.to_thread(on_another_loop)),
        ]
        given_up = asyncio.create_task(client.runs.wait(run_id))
        await asyncio.sleep(0.01)
        given_up.cancel()
        signals.go.set()
        assert await asyncio.gather(*waiting) == [Answer(word="done")] * 6
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_wait_ends_at_its_timeout_and_the_run_goes_on(client: Client, signals: Signals) -> None:
    forever(client, signals)
    async with client:
        run_id = await started(client, "work")
        await signals.reached.wait()
        for timeout in (timedelta(0), timedelta(milliseconds=1)):
            with pytest.raises(TimeoutError):
                await client.runs.wait(run_id, timeout=timeout)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(client.runs.wait_sync, run_id, timeout=timeout)
        assert (await client.runs.get(run_id)).state == "running"
        with pytest.raises(TypeError, match="timeout is a timedelta, not int"):
            await client.runs.wait(run_id, timeout=1)  # type: ignore[call-overload]
        await client.runs.cancel(run_id)


async def test_no_time_is_enough_for_a_run_that_has_ended(client: Client) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        return "done"

    async with client:
        (run_id,) = await client.send("app/work")
        assert await client.runs.wait(run_id) == "done"
        for timeout in (timedelta(0), timedelta(microseconds=1), timedelta(seconds=-1)):
            assert await client.runs.wait(run_id, timeout=timeout) == "done"
            assert await asyncio.to_thread(client.runs.wait_sync, run_id, timeout=timeout) == "done"


async def test_a_run_that_ended_in_an_earlier_process_is_waited_for(make_client: MakeClient) -> None:
    def client_of() -> tuple[Client, Function[str]]:
        client = make_client()

        @client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> str:
            if ctx.event.data:
                raise ValueError("no")
            return "yes"

        return client, work

    client, work = client_of()
    async with client:
        (good,) = await client.send("app/work")
        (bad,) = await client.send("app/work", {"n": 1})
        with contextlib.suppress(RunFailed):
            await client.runs.wait(bad)
        await client.runs.wait(good)
    client, work = client_of()
    async with client:
        assert await client.runs.wait(good, function=work) == "yes"
        with pytest.raises(RunFailed, match="ValueError: no") as caught:
            await client.runs.wait(bad, function=work)
        assert caught.value.__cause__ is None


async def test_those_who_wait_are_told_that_the_client_was_left(
    make_client: MakeClient, signals: Signals, storage: Storage
) -> None:
    client = make_client(shutdown_timeout=timedelta(0))
    forever(client, signals)
    async with client:
        run_id = await started(client, "work")
        await signals.reached.wait()
        waits = asyncio.create_task(client.runs.wait(run_id))
        thread = asyncio.create_task(asyncio.to_thread(client.runs.wait_sync, run_id))
        await until(lambda: len(_waiters_of(client, run_id)) == 2)
        await until(lambda: storage.double.answered(ReadRun) >= 2)  # what has become of it until then
    for waiting in (waits, thread):
        with pytest.raises(NotEntered, match="the client was left before the run ended"):
            await waiting


def _scheduler_of(client: Client) -> scheduler.Scheduler:
    session: Session = client._engine._session  # type: ignore[attr-defined]
    return session.scheduler


def _operator_of(client: Client) -> operating.Operator:
    return _scheduler_of(client).operator


def _waiters_of(client: Client, run_id: str) -> list[Any]:
    return list(_operator_of(client).waiters._waiting.get(run_id, []))


async def test_a_parked_run_is_said_and_resumed(client: Client, signals: Signals) -> None:
    fits: list[bool] = []

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        await ctx.step.sleep("one", timedelta(0))
        if not fits:
            await ctx.step.run("one", lambda: asyncio.sleep(0))
        return "done"

    async with client:
        run_id = await started(client, "app/work")
        for _ in range(2):  # while it goes on, and after
            with pytest.raises(RunParked, match="is parked") as caught:
                await client.runs.wait(run_id)
            assert caught.value.run_id == run_id
            assert isinstance(caught.value, StepMismatch) == (
                (await client.runs.get(run_id)).error_type == "StepMismatch"
            )
        assert (await client.runs.get(run_id)).state == "parked"
        with pytest.raises(RunStateError, match=f"run {run_id} is parked: only a run that has failed or was"):
            await client.runs.retry(run_id)
        fits.append(True)
        await client.runs.resume(run_id)
        assert await client.runs.wait(run_id) == "done"
        with pytest.raises(RunStateError, match=f"run {run_id} is done: only a parked run can be resumed"):
            await asyncio.to_thread(client.runs.resume_sync, run_id)


# -- cancelling -------------------------------------------------------------------------------------------


class Outcomes(Hook):
    """Notes how executions end."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, frozenset[str]]] = []

    @contextlib.contextmanager
    def run(self, run: RunInfo, /) -> Any:
        yield
        self.seen.append((run.run_id, run.outcome, run.channels))


async def test_an_await_is_interrupted_at_once_and_finally_blocks_run(
    make_client: MakeClient, signals: Signals
) -> None:
    outcomes = Outcomes()
    client = make_client(hooks=[outcomes])
    work = forever(client, signals)
    async with client:
        waits = asyncio.create_task(client.run(work))
        await signals.reached.wait()
        ((run_id, *_),) = [(run.id, run.state) for run in await client.runs.list()]
        await client.runs.cancel(run_id)
        assert signals.said == ["began 0", "cleaned up"]
        with pytest.raises(RunCancelled, match=f'run {run_id} of "work" was cancelled') as caught:
            await waits
        assert caught.value.run_id == run_id
        with pytest.raises(RunCancelled):
            await client.runs.wait(run_id)
        run = await client.runs.get(run_id)
        assert (run.state, run.attempts, run.error_type) == ("cancelled", 1, None)
        assert run.ended_at is not None
        assert outcomes.seen == [(run_id, "cancelled", frozenset())]
        with pytest.raises(RunStateError, match="is cancelled: only a run that hasn't ended") as refused:
            await client.runs.cancel(run_id)
        assert refused.value.state == "cancelled"


@pytest.mark.parametrize("state", ["ready", "sleeping", "asleep", "retried"])
async def test_a_run_that_nothing_executes_is_cancelled_at_once(
    make_client: MakeClient, storage: Storage, ch: JobChannel, state: str
) -> None:
    """It waits for a slot, for a time in memory or out of it, or for its next attempt."""
    outcomes = Outcomes()
    client = make_client(hooks=[outcomes], retry_delay=timedelta(hours=1))
    reached: list[str] = []

    @client.function("work", on="app/work", concurrency=1)
    async def work(ctx: Context) -> None:
        if ctx.event.data.get("first"):
            await asyncio.Event().wait()
        await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
        reached.append(ctx.run_id)
        if state == "retried":
            raise ValueError
        await ctx.step.sleep("nap", timedelta(seconds=30) if state == "sleeping" else timedelta(hours=1))
        await ctx.step.realtime.publish("never", ch.tick, {"n": 2})

    async with client:
        (first,) = await client.send("app/work", {"first": state == "ready"})
        if state == "ready":
            run_id = await started(client, "app/work")
        else:
            run_id = first
            await until(lambda: reached == [run_id])
            shown = "ready" if state == "retried" else "sleeping"
            await until(lambda: client.runs.get_sync(run_id).state == shown)
            await until(lambda: state == "sleeping" or run_id not in storage.double.resident)
        await client.runs.cancel(run_id)
        channels = frozenset() if state == "ready" else frozenset({"job:j1"})
        if state != "sleeping":
            assert outcomes.seen[-1] == (run_id, "cancelled", channels)
        assert (await client.runs.get(run_id)).state == "cancelled"
        await client.runs.cancel(first) if first != run_id else None
    client = make_client()
    began: list[str] = []

    @client.function("work", on="app/work")
    async def again(ctx: Context) -> None:
        began.append(ctx.run_id)

    async with client:
        await client.runs.wait(await started(client, "app/work"))
    assert run_id not in began
    assert first not in began


@pytest.mark.parametrize("how", ["async", "thread", "another loop", "itself", "in its step"])
async def test_a_run_is_cancelled_from_anywhere(client: Client, signals: Signals, how: str) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        signals.reached.set()
        try:
            if how == "itself":
                await client.runs.cancel(ctx.run_id)
            elif how == "in its step":
                await ctx.step.run("step", client.runs.cancel, ctx.run_id)
            else:
                await asyncio.Event().wait()
            signals.said.append("went on")
        finally:
            signals.said.append("cleaned up")

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        if how == "async":
            await client.runs.cancel(run_id)
        elif how == "thread":
            await asyncio.to_thread(client.runs.cancel_sync, run_id)
        elif how == "another loop":
            await asyncio.to_thread(lambda: asyncio.run(client.runs.cancel(run_id)))
        with pytest.raises(RunCancelled):
            await client.runs.wait(run_id)
    assert signals.said == ["cleaned up"]


async def test_what_would_wait_for_its_own_event_loop_is_refused(client: Client, signals: Signals) -> None:
    forever(client, signals)
    async with client:
        run_id = await started(client, "work")
        with pytest.raises(EngineError, match=r"cancel_sync would wait .* use `await client.runs.cancel\("):
            client.runs.cancel_sync(run_id)
        with pytest.raises(EngineError, match=r"wait_sync would wait .* use `await client.runs.wait\("):
            client.runs.wait_sync(run_id)
        assert client.runs.get_sync(run_id).state in ("ready", "running")
        await client.runs.cancel(run_id)


async def test_a_step_in_flight_is_remembered_or_interrupted(client: Client, signals: Signals) -> None:
    """What ends by itself is remembered, so that a retry doesn't do it again."""
    calls: list[str] = []

    async def stubborn() -> str:
        calls.append("stubborn")
        signals.reached.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "ended all the same"

    async def gentle() -> str:
        calls.append("gentle")
        if len(calls) < 3:
            await asyncio.Event().wait()
        return "done"

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> list[str]:
        return await asyncio.gather(ctx.step.run("gentle", gentle), ctx.step.run("stubborn", stubborn))

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        await client.runs.retry(run_id)
        assert await client.runs.wait(run_id) == ["done", "ended all the same"]
    assert calls == ["gentle", "stubborn", "gentle"]


@pytest.mark.parametrize("kind", ["step", "handler"])
async def test_a_plain_function_ends_with_its_step(
    client: Client, signals: Signals, ch: JobChannel, kind: str
) -> None:
    """A thread can't be interrupted: what it is in goes on to its end, and nothing follows."""
    loop = asyncio.get_running_loop()

    def block() -> str:
        signals.said.append("began")
        loop.call_soon_threadsafe(signals.reached.set)
        assert signals.go.wait(60)
        return "done"

    @client.function("work", on="app/work")
    def work(ctx: ContextSync) -> str:
        said = ctx.step.run("block", block) if kind == "step" or ctx.attempt else block()
        ctx.publish(ch.tick, {"n": 1})
        ctx.step.realtime.publish("never", ch.tick, {"n": 2})
        return said

    async with client:
        async with client.realtime.subscribe(ch.tick) as subscription:
            run_id = await started(client, "app/work")
            await signals.reached.wait()
            cancelling = asyncio.create_task(client.runs.cancel(run_id))
            await asyncio.sleep(0.01)
            assert not cancelling.done()
            signals.go.set()
            await cancelling
            run = await client.runs.get(run_id)
            assert run.state == "cancelled"
            await client.realtime.publish(ch.tick, {"n": 3})
            message = await anext(subscription)
            if kind == "handler" and message.data.n == 1:  # live, before the cancellation was stored
                message = await anext(subscription)
            assert message.data.n == 3
        await client.runs.retry(run_id)
        assert await client.runs.wait(run_id) == "done"
    assert signals.said == (["began"] if kind == "step" else ["began", "began"])


async def test_a_plain_function_that_waits_for_a_slot_is_interrupted(
    client: Client, signals: Signals, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has slept, and other runs of its function execute."""
    monkeypatch.setattr(operating, "GRACE", 1e6)

    @client.function("work", on="app/work", concurrency=1)
    def work(ctx: ContextSync) -> None:
        if ctx.event.data:
            signals.said.append("other")
            assert signals.go.wait(60)
            return
        ctx.step.sleep("nap", timedelta(seconds=30))
        signals.said.append("woke")

    async with client:
        run_id = await started(client, "app/work")
        await until(lambda: client.runs.get_sync(run_id).state == "sleeping")
        (other,) = await client.send("app/work", {"other": True})
        await until(lambda: signals.said == ["other"])
        clock.advance(timedelta(seconds=30))
        limiter = _scheduler_of(client)._limiters["work"]
        await until(lambda: bool(limiter._total._waiting))
        async with asyncio.timeout(30):
            await client.runs.cancel(run_id)
        assert (await client.runs.get(run_id)).state == "cancelled"
        signals.go.set()
        await client.runs.wait(other)
    assert signals.said == ["other"]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_what_takes_too_long_to_end_is_cancelled_all_the_same(
    client: Client, signals: Signals, ch: JobChannel, soon: None, kind: str
) -> None:
    """Its context refuses to be used, its step is remembered, and a retry waits for its end."""
    loop = asyncio.get_running_loop()
    executing: list[str] = []
    met: list[BaseException] = []

    def block() -> str:
        loop.call_soon_threadsafe(signals.reached.set)
        assert signals.go.wait(60)
        signals.said.append("block")
        return "done"

    async def stubborn() -> str:
        signals.reached.set()
        while not signals.go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)
        signals.said.append("block")
        return "done"

    if kind == "sync":

        @client.function("work", on="app/work")
        def work(ctx: ContextSync) -> str:
            executing.append("begin")
            assert executing.count("begin") - executing.count("end") == 1, "two at a time"
            try:
                said = ctx.step.run("block", block)
                ctx.step.realtime.publish("p", ch.tick, {"n": 1})
                return said
            except BaseException as error:
                met.append(error)
                raise
            finally:
                executing.append("end")
    else:

        @client.function("work", on="app/work")
        async def work_async(ctx: Context) -> str:
            executing.append("begin")
            assert executing.count("begin") - executing.count("end") == 1, "two at a time"
            try:
                said = await ctx.step.run("block", stubborn)
                await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
                return said
            except BaseException as error:
                met.append(error)
                raise
            finally:
                executing.append("end")

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        assert (await client.runs.get(run_id)).state == "cancelled"
        assert executing == ["begin"]
        with pytest.raises(RunCancelled):
            await client.runs.wait(run_id)
        await client.runs.retry(run_id)
        signals.go.set()
        assert await client.runs.wait(run_id) == "done"
    assert executing == ["begin", "end", "begin", "end"]
    assert signals.said == ["block"]
    assert len(met) == 1


@pytest.mark.parametrize("ended_by", ["cancel", "timeout"])
@pytest.mark.parametrize("ends", ["meanwhile", "later"])
async def test_a_retry_is_cancelled_while_the_execution_before_goes_on(
    client: Client, signals: Signals, clock: Clock, soon: None, ended_by: str, ends: str
) -> None:
    """It is what is stored that is cancelled, not once more the execution that is over."""
    loop = asyncio.get_running_loop()

    @client.function("work", on="app/work", timeout=None if ended_by == "cancel" else timedelta(hours=1))
    def work(ctx: ContextSync) -> None:
        signals.said.append("began")
        if len(signals.said) > 1:
            ctx.step.sleep("nap", timedelta(days=1))
        loop.call_soon_threadsafe(signals.reached.set)
        assert signals.go.wait(60)

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        if ended_by == "cancel":
            await client.runs.cancel(run_id)
        else:
            clock.advance(timedelta(hours=1))
            with pytest.raises(RunFailed):
                await client.runs.wait(run_id)
            with pytest.raises(RunStateError):
                await client.runs.cancel(run_id)
        await client.runs.retry(run_id)
        if ends == "meanwhile":
            signals.go.set()
        await client.runs.cancel(run_id)
        assert (await client.runs.get(run_id)).state == "cancelled"
        signals.go.set()
    assert len(signals.said) == 1 or ends == "meanwhile"


async def test_a_handler_that_swallows_the_interruption_is_cancelled(
    client: Client, signals: Signals
) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        signals.reached.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        with contextlib.suppress(BaseException):
            await ctx.step.run("more", asyncio.sleep, 0)
        return "done"

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        run = await client.runs.get(run_id)
    assert (run.state, run.result) == ("cancelled", None)
    assert signals.said == []


async def test_a_context_that_is_kept_publishes_nothing_after_the_end(
    client: Client, signals: Signals, ch: JobChannel
) -> None:
    kept: list[Context] = []

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        kept.append(ctx)
        signals.reached.set()
        await asyncio.Event().wait()

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        for publish in (
            lambda ctx: ctx.publish(ch.tick, {"n": 1}),
            lambda ctx: ctx.step.realtime.publish("p", ch.tick, {"n": 1}),
            lambda ctx: ctx.step.sleep("s", timedelta(0)),
        ):
            with pytest.raises(StepMisuse, match="has ended"):
                await publish(kept[0])


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_what_goes_on_publishes_nothing_by_the_client_either(
    client: Client, signals: Signals, ch: JobChannel, soon: None, kind: str
) -> None:
    """Messages of the next execution go out, also while that before goes on."""
    loop = asyncio.get_running_loop()
    met: list[BaseException] = []

    @client.function("sync", on="app/sync")
    def work(ctx: ContextSync) -> str:
        if not signals.reached.is_set():
            loop.call_soon_threadsafe(signals.reached.set)
            assert signals.go.wait(60)
        try:
            client.realtime.publish_sync(ch.tick, {"n": 1})
        except StepMisuse as error:
            met.append(error)
        return "done"

    @client.function("async", on="app/async")
    async def work_async(ctx: Context) -> str:
        first = not signals.reached.is_set()
        signals.reached.set()
        while first and not signals.go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)
        try:
            await client.realtime.publish(ch.tick, {"n": 1})
        except StepMisuse as error:
            met.append(error)
        return "done"

    async with client:
        subscription = client.realtime.subscribe(ch)
        run_id = await started(client, f"app/{kind}")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        signals.go.set()
        await until(lambda: bool(met))
        await client.runs.retry(run_id)
        assert await client.runs.wait(run_id) == "done"
        await client.realtime.publish(ch.tick, {"n": 2})
        messages = [await anext(subscription) for _ in range(2)]
    assert [(message.run_id, message.data.n) for message in messages] == [(run_id, 1), (None, 2)]
    assert [str(error) for error in met] == [
        f"run {run_id} has ended, or goes on elsewhere: its context can't be used any more"
    ]


async def test_what_a_cancelled_run_has_left_publishes_nothing(
    client: Client, signals: Signals, ch: JobChannel
) -> None:
    async def publish_later() -> None:
        await asyncio.to_thread(signals.go.wait, 60)
        await client.realtime.publish(ch.tick, {"n": 1})

    tasks: list[asyncio.Task[None]] = []

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        tasks.append(asyncio.create_task(publish_later()))
        signals.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            await client.realtime.publish(ch.tick, {"n": 0})  # `cancel` waits for it

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        await client.runs.cancel(run_id)
        signals.go.set()
        with pytest.raises(StepMisuse, match="has ended"):
            await tasks[0]


async def test_cancelling_while_a_run_is_claimed(client: Client, storage: Storage, signals: Signals) -> None:
    """It is neither in memory then nor ready: it is waited for, and interrupted."""
    forever(client, signals)
    claimed, go = asyncio.Event(), asyncio.Event()

    async def answer_later(answer: asyncio.Future[Any]) -> Any:
        if (await answer).runs:
            claimed.set()
            await go.wait()
        return await answer

    async with client:
        really = storage.double.store.submit

        def submit(request: Any, **more: Any) -> Any:
            future = really(request, **more)
            return asyncio.ensure_future(answer_later(future)) if isinstance(request, Claim) else future

        storage.double.store.submit = submit  # type: ignore[method-assign]
        run_id = await started(client, "work")
        await claimed.wait()
        cancelling = asyncio.create_task(client.runs.cancel(run_id))
        await asyncio.sleep(0.01)
        assert not cancelling.done()
        go.set()
        await cancelling
        assert (await client.runs.get(run_id)).state == "cancelled"
        await asyncio.sleep(0.01)
        assert signals.said in ([], ["began 0", "cleaned up"])


async def test_cancelling_a_run_that_ends_just_then(make_client: MakeClient, storage: Storage) -> None:
    """What is stored first stands, and the other caller is told."""
    client = make_client()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        return "done"

    async with client:
        async with storage.double.held(EndRun) as hold:
            run_id = await started(client, "app/work")
            await until(lambda: bool(hold.waiting))
            cancelling = asyncio.create_task(client.runs.cancel(run_id))
            await asyncio.sleep(0.01)
        with pytest.raises(RunStateError, match="is done: only a run that hasn't ended can be cancelled"):
            await cancelling
        assert await client.runs.wait(run_id) == "done"


async def test_a_run_is_cancelled_while_it_is_to_be_retried(
    make_client: MakeClient, signals: Signals
) -> None:
    client = make_client(retry_delay=timedelta(hours=1))

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        signals.said.append("tried")
        raise ValueError

    async with client:
        run_id = await started(client, "app/work")
        await until(lambda: client.runs.get_sync(run_id).failures == 1)
        waits = asyncio.create_task(client.runs.wait(run_id))
        await client.runs.cancel(run_id)
        with pytest.raises(RunCancelled):
            await waits
        run = await client.runs.get(run_id)
        assert (run.state, run.attempts, run.failures, run.error_type) == ("cancelled", 1, 1, "ValueError")
    assert signals.said == ["tried"]


async def test_two_cancel_one_run(client: Client, signals: Signals) -> None:
    forever(client, signals)
    async with client:
        run_id = await started(client, "work")
        await signals.reached.wait()
        await asyncio.gather(client.runs.cancel(run_id), client.runs.cancel(run_id))
    assert signals.said == ["began 0", "cleaned up"]


async def test_a_caller_that_gives_up_does_not_stop_the_cancellation(
    client: Client, signals: Signals
) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        signals.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            await until(signals.go.is_set)

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        cancelling = asyncio.create_task(client.runs.cancel(run_id))
        await asyncio.sleep(0)
        cancelling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelling
        signals.go.set()
        with pytest.raises(RunCancelled):
            await client.runs.wait(run_id)


async def test_a_cancellation_that_cannot_be_stored_is_said(
    make_client: MakeClient, storage: Storage, signals: Signals
) -> None:
    """It isn't acknowledged; the run is interrupted, and cancelled once there is room."""
    client = make_client()
    forever(client, signals)
    async with client:
        one = await started(client, "work")
        await signals.reached.wait()
        fault = storage.double.fail(CancelRun)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(operating, "GRACE", 0.01)
            with pytest.raises(JournalFailed):
                await client.runs.cancel(one)
        fault.left = 0
        with pytest.raises(RunCancelled):
            await client.runs.wait(one)


async def test_leaving_while_a_run_is_being_cancelled(make_client: MakeClient, signals: Signals) -> None:
    client = make_client(shutdown_timeout=timedelta(0))

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None:
        signals.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            while not signals.go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.001)

    async with client:
        run_id = await started(client, "app/work")
        await signals.reached.wait()
        cancelling = asyncio.create_task(client.runs.cancel(run_id))
        await asyncio.sleep(0.01)
    signals.go.set()
    with pytest.raises(NotEntered, match="the client was left meanwhile"):
        await cancelling


# -- retrying ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_retried_run_repeats_no_finished_step(client: Client, ch: JobChannel, kind: str) -> None:
    calls: list[str] = []
    attempts: list[int] = []
    broken = [True]

    def count(name: str) -> str:
        calls.append(name)
        if name == "broken" and broken:
            raise ValueError("not yet")
        return name

    async def count_async(name: str) -> str:
        return count(name)

    if kind == "sync":

        @client.function("work", on="app/work", retries=1)
        def work(ctx: ContextSync) -> list[str]:
            attempts.append(ctx.attempt)
            one = ctx.step.run("one", count, "one")
            ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
            ctx.step.sleep("nap", timedelta(0))
            return [one, ctx.step.run("broken", count, "broken")]
    else:

        @client.function("work", on="app/work", retries=1)
        async def work_async(ctx: Context) -> list[str]:
            attempts.append(ctx.attempt)
            one = await ctx.step.run("one", count_async, "one")
            await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
            await ctx.step.sleep("nap", timedelta(0))
            return [one, await ctx.step.run("broken", count_async, "broken")]

    async with client:
        run_id = await started(client, "app/work")
        with pytest.raises(RunFailed, match="broken"):
            await client.runs.wait(run_id)
        assert (await client.runs.get(run_id)).attempts == 2
        await client.runs.retry(run_id)
        with pytest.raises(RunFailed, match="broken"):
            await client.runs.wait(run_id)
        broken.clear()
        await asyncio.to_thread(client.runs.retry_sync, run_id)
        assert await client.runs.wait(run_id) == ["one", "broken"]
        run = await client.runs.get(run_id)
        assert (run.state, run.attempts, run.error_type, run.traceback) == ("done", 1, None, None)
        with pytest.raises(RunStateError, match="is done: only a run that has failed or was cancelled"):
            await client.runs.retry(run_id)
        messages = [message async for message in _stored(client, ch, 1)]
    assert calls == ["one", *["broken"] * 5]
    assert attempts == [0, 1, 0, 1, 0]
    assert messages == [1]


async def _stored(client: Client, ch: JobChannel, count: int) -> Any:
    async with client.realtime.subscribe(ch.tick, after="start") as subscription:
        await client.realtime.publish(ch.tick, {"n": 99})
        async for message in subscription:
            if message.data.n == 99:
                return
            yield message.data.n


async def test_a_sleep_keeps_its_time_over_cancelling_and_retrying(
    make_client: MakeClient, storage: Storage
) -> None:
    client = make_client()

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        await ctx.step.sleep("nap", timedelta(hours=1))
        return "slept"

    async with client:
        run_id = await started(client, "app/work")
        await until(lambda: client.runs.get_sync(run_id).state == "sleeping")
        await until(lambda: run_id not in storage.double.resident)
        (before,) = storage.run(run_id).steps
        await client.runs.cancel(run_id)
        await client.runs.retry(run_id)
        await until(lambda: client.runs.get_sync(run_id).state == "sleeping")
        await until(lambda: run_id not in storage.double.resident)
        (after,) = storage.run(run_id).steps
        assert after.wake_at == before.wake_at
        await storage.wake(client)
        assert await client.runs.wait(run_id) == "slept"


async def test_a_run_of_an_earlier_process_is_retried(make_client: MakeClient) -> None:
    client = make_client()

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> None:
        raise ValueError("a bug")

    async with client:
        run_id = await started(client, "app/work")
        with pytest.raises(RunFailed):
            await client.runs.wait(run_id)
    client = make_client()

    @client.function("work", on="app/work", retries=0)
    async def mended(ctx: Context) -> str:
        return "mended"

    async with client:
        await client.runs.retry(run_id)
        assert await client.runs.wait(run_id, function=mended) == "mended"


# -- refusals ---------------------------------------------------------------------------------------------


async def test_runs_and_functions_that_are_not_there(make_client: MakeClient, signals: Signals) -> None:
    client = make_client()
    work = forever(client, signals)

    @client.function("other", on="app/other")
    async def other(ctx: Context) -> None: ...

    runs = client.runs
    async with client:
        for ask in (runs.get, runs.wait, runs.cancel, runs.retry, runs.resume):
            with pytest.raises(NoSuchRun, match="there is no run nothing: it was never started, or"):
                await ask("nothing")
            for not_storable in ("\0", "\ud800"):
                with pytest.raises(NoSuchRun):
                    await ask(not_storable)
            with pytest.raises(TypeError, match="the id of a run is a str, not list"):
                await ask(["nothing"])  # type: ignore[call-overload, arg-type]
        twins: list[Callable[[str], object]] = [
            runs.get_sync,
            runs.wait_sync,
            runs.cancel_sync,
            runs.retry_sync,
            runs.resume_sync,
        ]
        for twin in twins:
            for unknown in ("nothing", "\0", "\ud800"):
                with pytest.raises(NoSuchRun):
                    await asyncio.to_thread(twin, unknown)
        run_id = await started(client, "app/other")
        await runs.wait(run_id)
        for ask in (runs.get, runs.wait):
            with pytest.raises(NoSuchRun, match=f'no run {run_id} of function "work": it is one of "other"'):
                await ask(run_id, function=work)
        failed = await started(client, "work")
        await runs.cancel(failed)
    client = make_client()
    async with client:
        with pytest.raises(
            NotRegistered, match=f'run {failed} is of function "work", which isn\'t registered'
        ):
            await client.runs.retry(failed)
        with pytest.raises(NotRegistered):
            await asyncio.to_thread(client.runs.retry_sync, failed)


async def test_runs_of_a_client_that_is_not_entered(client: Client) -> None:
    runs = client.runs
    for ask in (runs.get, runs.wait, runs.cancel, runs.retry, runs.resume):
        with pytest.raises(NotEntered):
            await ask("x")
    with pytest.raises(NotEntered):
        await runs.list()
    twins: list[Callable[[str], object]] = [
        runs.get_sync,
        runs.wait_sync,
        runs.cancel_sync,
        runs.retry_sync,
        runs.resume_sync,
    ]
    for twin in twins:
        with pytest.raises(NotEntered):
            twin("x")
    with pytest.raises(NotEntered):
        runs.list_sync()


# -- before the first turn --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["left", "cancelled"])
async def test_an_execution_that_has_not_begun_does_not_begin(
    make_client: MakeClient,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """The client is left, or the run is cancelled, however many turns after it was sent."""
    monkeypatch.setattr(scheduler, "LEAST_GRACE", 20.0)
    for turns in range(12):
        client = make_client(shutdown_timeout=timedelta(0))

        @client.function("work", on="app/work")
        async def work(ctx: Context) -> None:
            await asyncio.Event().wait()

        async with client:
            sending = asyncio.create_task(started(client, "app/work"))
            if how == "cancelled":
                run_id = await sending
            for _ in range(turns):
                await asyncio.sleep(0)
            if how == "cancelled":
                await client.runs.cancel(run_id)
        await asyncio.wait({sending})
        await storage.closed()
        assert sending.exception() is None or isinstance(sending.exception(), NotEntered)
    assert "did not stop in time" not in caplog.text
