"""Hooks: what they see, in which order, and that nothing they do changes anything; on both engines."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import tightbeam
from generated.uploads import uploads_channel
from tests.tightbeam.both_engines import EngineUnderTest
from tests.tightbeam.engine.samples import JobChannel, Tick
from tightbeam import Client, Hook
from tightbeam._hooks.hook_list import HookList
from tightbeam.hooks import (
    MessageInfo,
    PublishInfo,
    RunInfo,
    SendInfo,
    StepInfo,
    install,
    uninstall,
)


class Log(Hook):
    """Notes everything, in order."""

    def __init__(self, name: str = "", into: list[str] | None = None) -> None:
        self.name = name
        self.lines: list[str] = [] if into is None else into

    def note(self, line: str) -> None:
        self.lines.append(f"{self.name}{line}")

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self.note(f"+{what}")
        try:
            yield
        except BaseException as error:
            self.note(f"-{what} {type(error).__name__}")
            raise
        self.note(f"-{what}")

    def publish(self, publish: PublishInfo, /) -> Any:
        return self.around(f"publish {publish.topic} {publish.step_id}")

    def send(self, send: SendInfo, /) -> Any:
        return self.around(f"send {send.names}")

    def run(self, run: RunInfo, /) -> Any:
        return self.around(f"run {run.function} {run.event}")

    def step(self, step: StepInfo, /) -> Any:
        return self.around(f"step {step.step_id} {step.kind}")

    def before_step(self, step: StepInfo, /) -> None:
        self.note(f"before {step.step_id}")

    def after_step(self, step: StepInfo, /) -> None:
        self.note(f"after {step.step_id}")

    def sent(self, message: MessageInfo, /) -> None:
        self.note(f"sent {message.topic} {'durable' if message.durable else 'live'}")

    def received(self, message: MessageInfo, /) -> None:
        self.note(f"received {message.topic}")


async def two(ctx: tightbeam.Context) -> None:
    """Wait for nothing."""
    await ctx.step.run("one", asyncio.sleep, 0)
    await ctx.step.sleep("nap", timedelta(0))


async def test_what_the_embedded_engine_tells(ch: JobChannel) -> None:
    log = Log()
    client = Client(hooks=[log])

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.token, "x")
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        await two(ctx)

    async with client, client.realtime.subscribe(ch.token) as messages:
        await client.send("app/work")
        await anext(messages)
        await client.realtime.publish(ch.token, "end")
        await anext(messages)
    assert [line for line in log.lines if "token" not in line] == [
        "+send ('app/work',)",
        "-send ('app/work',)",
        "+run work app/work",
        "before p",
        "+step p step.realtime.publish",
        "+publish tick p",
        "sent tick durable",
        "-publish tick p",
        "-step p step.realtime.publish",
        "after p",
        "before one",
        "+step one step.run",
        "-step one step.run",
        "after one",
        "before nap",
        "+step nap step.sleep",
        "-step nap step.sleep",
        "after nap",
        "-run work app/work",
    ]
    assert [line for line in log.lines if "token" in line] == [
        "+publish token None",
        "sent token live",
        "-publish token None",
        "received token",
    ] * 2


async def test_what_both_engines_tell(engine: EngineUnderTest, ch: JobChannel) -> None:
    """The same of each step that is executed; the run once for each call of its handler."""
    log = Log()

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})
        await ctx.step.run("one", asyncio.sleep, 0)

    await engine.run(engine.client([log]), body)
    assert [line for line in log.lines if "step.r" in line or "tick" in line] == [
        "+step p step.realtime.publish",
        "+publish tick p",
        "sent tick durable",
        "-publish tick p",
        "-step p step.realtime.publish",
        "+step one step.run",
        "-step one step.run",
    ]
    assert log.lines[-2:] == ["after one", "-run work app/upload"]


async def test_the_first_is_outermost_and_those_of_the_process_are_outside(
    engine: EngineUnderTest, ch: JobChannel
) -> None:
    lines: list[str] = []
    everywhere = Log("process ", lines)
    client: Any = engine.client([Log("a ", lines), Log("b ", lines)])
    install(everywhere)
    try:
        await client.realtime.publish(ch.token, "x")
    finally:
        uninstall(everywhere)
    around = [line for line in lines if "publish" in line]
    assert around == [
        "process +publish token None",
        "a +publish token None",
        "b +publish token None",
        "b -publish token None",
        "a -publish token None",
        "process -publish token None",
    ]
    assert [line for line in lines if "sent" in line] == [
        f"{name} sent token live" for name in ("process", "a", "b")
    ]
    lines.clear()
    await client.realtime.publish(ch.token, "x")
    assert "process +publish token None" not in lines


class Boom(Exception):
    """What a broken hook raises."""


class Broken(Hook):
    """Fails wherever it is called, at first or at last."""

    def __init__(self, error: BaseException, late: bool) -> None:
        self.error = error
        self.late = late

    @contextmanager
    def around(self) -> Iterator[None]:
        if not self.late:
            raise self.error
        try:
            yield
        finally:
            raise self.error

    def fail(self) -> None:
        raise self.error

    def publish(self, publish: PublishInfo, /) -> Any:
        return self.around()

    def send(self, send: SendInfo, /) -> Any:
        return self.around()

    def run(self, run: RunInfo, /) -> Any:
        return self.around()

    def step(self, step: StepInfo, /) -> Any:
        return self.around()

    def before_step(self, step: StepInfo, /) -> None:
        self.fail()

    def after_step(self, step: StepInfo, /) -> None:
        self.fail()

    def sent(self, message: MessageInfo, /) -> None:
        self.fail()

    def received(self, message: MessageInfo, /) -> None:
        self.fail()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", [Boom, asyncio.CancelledError, GeneratorExit, StopIteration])
async def test_a_broken_hook_changes_nothing(
    engine: EngineUnderTest,
    ch: JobChannel,
    kind: type[BaseException],
    late: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log, results = Log(), list[Any]()

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.token, "x")
        results.append(await ctx.step.realtime.publish("p", ch.tick, {"n": 1}))
        await ctx.step.run("one", asyncio.sleep, 0)

    await engine.run(engine.client([Broken(kind("boom"), late), log, Broken(kind("boom"), late)]), body)
    assert results[-1] == Tick(n=1)
    assert log.lines[-1] == "-run work app/upload"
    assert log.lines.count("sent tick durable") == 1
    failures = [record for record in caplog.records if "the hook" in record.getMessage()]
    assert {record.levelno for record in failures} == {logging.ERROR}
    texts = [record.getMessage() for record in failures]
    assert len(texts) == len(set(texts))  # once for each kind
    assert any("Broken.publish failed" in text for text in texts)


async def test_what_is_surrounded_keeps_its_error_whatever_a_hook_makes_of_it(
    engine: EngineUnderTest, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    class Swallows(Hook):
        @contextmanager
        def publish(self, publish: PublishInfo, /) -> Iterator[None]:
            with suppress(tightbeam.InvalidPayload):
                yield

    class Replaces(Hook):
        @contextmanager
        def publish(self, publish: PublishInfo, /) -> Iterator[None]:
            try:
                yield
            except tightbeam.InvalidPayload as error:
                raise Boom from error

    client: Any = engine.client([Swallows(), Replaces()])
    wrong: Any = {"n": "x"}
    with pytest.raises(tightbeam.InvalidPayload) as caught:
        await client.realtime.publish(ch.tick, wrong)
    assert caught.value.__cause__ is None
    with pytest.raises(tightbeam.InvalidPayload):
        client.realtime.publish_sync(ch.tick, wrong)
    assert ["Replaces.publish failed" in record.getMessage() for record in caplog.records] == [True]


@dataclass(frozen=True)
class Frozen(Exception):
    """Refuses all assignments, also those of Python itself."""

    text: str


class RaisesAgain(Hook):
    """Raises what it is left with once more, with another cause."""

    @contextmanager
    def step(self, step: StepInfo, /) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise error from Boom("not its cause")


async def test_an_exception_keeps_its_cause_whatever_a_hook_makes_of_it(engine: EngineUnderTest) -> None:
    met: list[BaseException | None] = []

    async def fails() -> None:
        raise tightbeam.NonRetriableError("stop") from LookupError("its cause")

    async def body(ctx: tightbeam.Context) -> None:
        try:
            await ctx.step.run("a", fails)
        except tightbeam.NonRetriableError as error:
            met.append(error.__cause__)

    await engine.run(engine.client([RaisesAgain()]), body, retries=0)
    assert isinstance(met[0], LookupError)


async def test_an_exception_that_refuses_assignments_goes_through(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(hooks=[RaisesAgain()])

    async def fails() -> None:
        raise Frozen("x")

    @client.function("work", retries=0)
    async def work(ctx: tightbeam.Context) -> str:
        try:
            await ctx.step.run("a", fails)
        except tightbeam.StepError as error:
            return error.error_type
        return ""

    async with client:
        assert await client.run(work) == "Frozen"


def test_kinds_of_failures_that_are_logged_are_bounded(
    ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    class Different(Hook):
        def sent(self, message: MessageInfo, /) -> None:
            raise type(f"Other{next(numbers)}", (Exception,), {})

    numbers = itertools.count()
    client = Client(hooks=[Different()])
    for _ in range(200):
        client.realtime.publish_sync(ch.token, "x")
    assert len(caplog.records) == 64


def test_no_value_is_shown_unless_it_is_asked_for(engine: EngineUnderTest, ch: JobChannel) -> None:
    class Curious(Hook):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        @contextmanager
        def publish(self, publish: PublishInfo, /) -> Iterator[None]:
            yield
            self.seen += [publish, publish.message]

        def sent(self, message: MessageInfo, /) -> None:
            self.seen.append(message)

    hook = Curious()
    engine.client([hook]).realtime.publish_sync(ch.token, "s3cret")
    assert len(hook.seen) == 3
    assert "s3cret" not in f"{hook.seen!r}{hook.seen}"
    assert not any(hasattr(each, "__dict__") for each in hook.seen)
    assert {each.payload for each in hook.seen if isinstance(each, MessageInfo)} == {b'"s3cret"'}


async def test_a_failing_step_is_left_with_its_own_error(engine: EngineUnderTest) -> None:
    seen: list[tuple[str | None, str | None]] = []

    class Steps(Hook):
        @contextmanager
        def step(self, step: StepInfo, /) -> Iterator[None]:
            error: BaseException | None = None
            try:
                yield
            except BaseException as raised:
                error = raised
                raise
            finally:
                seen.append((step.outcome, type(error).__name__ if error is not None else None))

    calls = 0

    async def fails() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError(str(calls))

    async def body(ctx: tightbeam.Context) -> None:
        try:
            await ctx.step.run("s", fails)
        except tightbeam.StepError:
            return

    await engine.run(engine.client([Steps()]), body, retries=2)
    assert seen == [("failed", "ConnectionError")] * 3


async def test_outcomes_of_runs(engine: EngineUnderTest) -> None:
    outcomes: list[tuple[int, str | None, bytes | None, str | None]] = []

    class Runs(Hook):
        @contextmanager
        def run(self, run: RunInfo, /) -> Iterator[None]:
            error: BaseException | None = None
            try:
                yield
            except BaseException as raised:
                error = raised
                raise
            finally:
                outcomes.append(
                    (run.attempt, run.outcome, run.result, None if error is None else type(error).__name__)
                )

    async def body(ctx: tightbeam.Context) -> dict[str, int]:
        if ctx.attempt < 2:
            raise ConnectionError
        return {"n": 1}

    await engine.run(engine.client([Runs()]), body)
    assert outcomes == [
        (0, "retrying", None, "ConnectionError"),
        (1, "retrying", None, "ConnectionError"),
        (2, "completed", b'{"n":1}', None),
    ]


async def test_a_run_that_fails_for_good(caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[str | None] = []

    class Runs(Hook):
        @contextmanager
        def run(self, run: RunInfo, /) -> Iterator[None]:
            try:
                yield
            finally:
                outcomes.append(run.outcome)

    client = Client(hooks=[Runs()])

    @client.function("stops")
    async def stops(ctx: tightbeam.Context) -> None:
        raise tightbeam.NonRetriableError("no")

    async with client:
        with pytest.raises(tightbeam.NonRetriableError):
            await client.run(stops)
    assert outcomes == ["failed"]


async def test_a_run_that_a_shutdown_interrupts_is_stopped(tmp_path: Any) -> None:
    outcomes: list[str | None] = []
    begun = asyncio.Event()

    class Runs(Hook):
        @contextmanager
        def run(self, run: RunInfo, /) -> Iterator[None]:
            try:
                yield
            finally:
                outcomes.append(run.outcome)

    client = Client(tmp_path / "j.db", shutdown_timeout=timedelta(milliseconds=50), hooks=[Runs()])

    @client.function("waits", on="app/wait")
    async def waits(ctx: tightbeam.Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with client:
        await client.send("app/wait")
        await begun.wait()
    async with asyncio.timeout(20):  # a run that takes longer to stop than there is grace is left to itself
        while not outcomes:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
    assert outcomes == ["stopped"]


async def test_metadata_that_cannot_travel_does_not_hold_up_the_message(
    ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    class Adds(Hook):
        def __init__(self, metadata: dict[str, Any]) -> None:
            self.metadata = metadata

        @contextmanager
        def publish(self, publish: PublishInfo, /) -> Iterator[None]:
            publish.metadata.update(self.metadata)
            yield

    found: list[dict[str, Any]] = []

    class Reads(Hook):
        def received(self, message: MessageInfo, /) -> None:
            found.append(dict(message.metadata))

    for metadata in ({"a": 1}, {"a": {1, 2}}, {"a": "x" * 5_000}, {"id": "mine", "position": "p"}):
        client = Client(hooks=[Adds(metadata), Reads()])
        messages = client.realtime.subscribe(ch.token)
        await client.realtime.publish(ch.token, "x")
        assert (await anext(messages)).data == "x"
        messages.close()
    assert found == [{"a": 1}, {}, {}, {}]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("value", [None, [1], 7, {1: 2}, type("Odd", (), {"items": None})()])
async def test_what_a_hook_puts_in_place_of_the_metadata_is_left_out(
    engine: EngineUnderTest, ch: JobChannel, value: Any
) -> None:
    class Replaces(Hook):
        def publish(self, publish: PublishInfo, /) -> None:
            publish.metadata = value

    results = list[Any]()

    async def body(ctx: tightbeam.Context) -> None:
        await ctx.publish(ch.token, "x")
        results.append(await ctx.step.realtime.publish("p", ch.tick, {"n": 1}))

    await engine.run(engine.client([Replaces()]), body, retries=0)
    assert results[-1] == Tick(n=1)


async def test_an_exception_whose_class_cannot_be_hashed_changes_nothing(
    ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    class Unhashable(type):
        __hash__ = None  # type: ignore[assignment]  # what is tested

    class Odd(Exception, metaclass=Unhashable): ...

    class Broken(Hook):
        def publish(self, _publish: PublishInfo, /) -> None:
            raise Odd

    client = Client(hooks=[Broken()])
    await client.realtime.publish(ch.tick, {"n": 1})
    await client.realtime.publish(ch.tick, {"n": 2})
    assert caplog.text.count("Broken.publish failed") == 1


def test_what_is_no_list_of_hooks_is_refused_when_the_client_is_made(engine: EngineUnderTest) -> None:
    class Async(Hook):
        async def sent(self, message: MessageInfo, /) -> None: ...  # type: ignore[override]  # what is tested

    class Generates(Hook):
        def publish(self, publish: PublishInfo, /) -> Iterator[None]:  # type: ignore[override]  # what is tested
            yield

    class Data(Hook):
        sent = 5  # type: ignore[assignment]  # what is tested

    cases: list[tuple[Any, str]] = [
        (Hook(), "takes a list of hooks, not Hook"),
        ("hook", "takes a list of hooks, not str"),
        (5, "takes a list of hooks, not int"),
        ([Log], "takes instances of hooks: Log(), not the class"),
        ([object()], "an instance of a subclass of tightbeam.Hook, not object"),
        ([Async()], "Async.sent is async"),
        ([Generates()], "Generates.publish is a generator: decorate it with contextlib.contextmanager"),
        ([Data()], "Data.sent is no method"),
    ]
    for hooks, text in cases:
        with pytest.raises(TypeError, match=re.escape(text)):
            engine.client(hooks)
    with pytest.raises(TypeError, match="an instance of a subclass"):
        install(object())  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError, match="takes a list of hooks"):
        tightbeam.connect("http://127.0.0.1:1", key="k", hooks=Log())  # type: ignore[arg-type]  # what is tested


def test_nothing_is_made_for_methods_that_no_hook_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The publish path asks one tuple whether it is empty."""
    from tightbeam import _publishing
    from tightbeam._engine import engine

    def made(*_: object, **__: object) -> None:
        raise AssertionError("a value was made for nobody")

    class OnlyRuns(Hook):
        @contextmanager
        def run(self, run: RunInfo, /) -> Iterator[None]:
            yield

    monkeypatch.setattr(_publishing, "PublishInfo", made)
    monkeypatch.setattr(engine, "MessageInfo", made)
    client = Client(hooks=[OnlyRuns(), Hook()])
    client.realtime.publish_sync(uploads_channel(upload_id="u1").status, {"message": "x"})
    hooks = HookList([OnlyRuns(), Hook()])
    assert (hooks.publish, hooks.sent, hooks.received, len(hooks.run)) == ((), (), (), 1)


async def test_hooks_are_told_on_the_thread_of_what_they_watch(ch: JobChannel) -> None:
    threads: dict[str, int] = {}

    class Threads(Hook):
        @contextmanager
        def step(self, step: StepInfo, /) -> Iterator[None]:
            threads["step"] = threading.get_ident()
            yield

        @contextmanager
        def run(self, run: RunInfo, /) -> Iterator[None]:
            threads["run"] = threading.get_ident()
            yield

    client = Client(hooks=[Threads()])

    @client.function("work")
    def work(ctx: tightbeam.ContextSync) -> int:
        ctx.step.run("s", len, "")
        return threading.get_ident()

    async with client:
        handler = await client.run(work)
    assert threads == {"step": handler, "run": threading.get_ident()}
    assert handler != threading.get_ident()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_hooks_can_be_installed_in_a_forked_child(ch: JobChannel) -> None:
    log = Log()
    client = Client()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)  # it may wait for ever for a lock that a thread of its parent held
            install(log)
            client.realtime.publish_sync(ch.token, "x")
            code = 0 if log.lines[0] == "+publish token None" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert log.lines == []
