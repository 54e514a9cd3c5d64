"""The steps of a sync handler, on the handler's own thread."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._clock import POLL, is_movable
from tightbeam._context import current_step
from tightbeam._engine import step_rules
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import Interrupt, InterruptBehindStep
from tightbeam._engine.limiter import Slot
from tightbeam._engine.requests import Rest
from tightbeam._engine.shared_limits import awaken
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam._engine.step_starts import Starts
from tightbeam._engine.steps import Attempt, Function, Steps, complete
from tightbeam._engine.store import After, Answer, Request, Store
from tightbeam._publishing import single_payload
from tightbeam._step_checks import wrong_step_kind
from tightbeam._step_timeouts import in_time_sync
from tightbeam.errors import JournalFailed

__all__ = ["StepThread", "SyncStep", "SyncStepRealtime"]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


class SyncStep:
    """A `tightbeam.StepSync`."""

    __slots__ = ("_starts", "_steps", "realtime")

    def __init__(self, steps: Steps, starts: Starts) -> None:
        self._steps = steps
        self._starts = starts
        self.realtime = SyncStepRealtime(steps)
        """Publishing as a step."""

    def run(
        self,
        id: str,
        fn: Callable[[*Arguments], Output],
        /,
        *args: *Arguments,
        timeout: timedelta | None = None,
    ) -> Output:
        """See `tightbeam.StepSync`."""
        returned: Output = complete(self._steps.run(id, fn, args, timeout))
        return returned

    def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.StepSync`."""
        complete(self._steps.sleep(id, duration))

    def send_event(self, step_id: str, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """See `tightbeam.StepSync`."""
        return complete(self._starts.send_event(step_id, event, data, options))

    def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: Any,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """See `tightbeam.StepSync`."""
        return complete(self._starts.wait_for_event(id, event, timeout, match, if_exp))

    def invoke(
        self, id: str, /, *, function: Any, data: object = None, timeout: timedelta | None = None
    ) -> Any:
        """See `tightbeam.StepSync`."""
        return complete(self._starts.invoke(id, function, data, timeout))


class SyncStepRealtime:
    """A `tightbeam.StepRealtimeSync`."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.StepRealtimeSync`."""
        return complete(self._steps.publish(id, topic, single_payload(topic, data, kwargs)))


class StepThread:
    """A `StepIo`: what is awaited of it is done when it is called, on the thread that calls."""

    def __init__(self, log: StepLog, store: Store, slot: Slot) -> None:
        """Prepare on the engine's event loop.

        Args:
            log: of the execution.
            store: keeps what comes of steps.
            slot: of the function's concurrency limit.
        """
        self._log = log
        self._store = store
        self._slot = slot
        self._loop = asyncio.get_running_loop()
        self._waits: tuple[threading.Event, ...] = ()
        self._guard = threading.Lock()
        self.handler_thread: int | None = None
        """Where the handler runs; its steps may be used on other threads too."""

    def check(self) -> None:
        """See `StepIo`: steps may be used on any thread."""

    @property
    def is_lost(self) -> bool:
        """See `StepIo`."""
        return self._store.is_lost

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """See `StepIo`."""
        return self._store.doubted(run_id)

    async def submit(self, request: Request[Answer], after: After | None = None) -> Answer:
        """See `StepIo`."""
        is_stored = False
        try:
            answer = self._store.call(request)
            is_stored = True
        finally:
            if after is not None:
                after(is_stored)
        return answer

    async def pause(self, seconds: float) -> None:
        """See `StepIo`."""
        self._log.halted.wait(seconds)

    def invoke(
        self, call: StepCall, fn: Function, args: tuple[object, ...], timeout: timedelta | None
    ) -> Awaitable[object]:
        """See `StepIo`."""
        returned = fn(*args) if timeout is None else in_time_sync(timeout, partial(fn, *args))
        if isinstance(returned, Awaitable):
            if inspect.iscoroutine(returned):
                returned.close()
            raise wrong_step_kind(call.step_id, wanted="plain")
        return _Done(returned)

    async def attempt(self, attempt: Attempt) -> Any:
        """See `StepIo`."""
        outer = current_step.get()
        try:
            value, error = await attempt
        finally:
            current_step.set(outer)
        if self._log.is_cut_short:  # a plain function can't be interrupted before
            raise self._log.interrupt(InterruptBehindStep if error is None else Interrupt)
        if error is not None:
            raise error
        return value

    def is_given_up(self, error: BaseException) -> bool:  # noqa: ARG002 - a thread can't be cancelled
        """See `StepIo`."""
        return False

    def expect(self) -> threading.Event:
        """See `StepIo`."""
        expected = threading.Event()
        with self._guard:
            self._waits = (*self._waits, expected)
        self._log.over.add(expected)
        return expected

    def forget(self, expected: threading.Event, /) -> None:
        """See `StepIo`."""
        self._log.over.remove(expected)
        with self._guard:
            self._waits = tuple(each for each in self._waits if each is not expected)

    def wake(self) -> None:
        """See `StepIo`."""
        for expected in self._waits:
            expected.set()

    async def sleep(self, call: StepCall, alarm: Alarm, expected: threading.Event | None = None) -> None:
        """See `StepIo`."""
        log, over = self._log, self._log.over
        ended = over if expected is None else expected
        if log.only_sleeping:
            self._loop.call_soon_threadsafe(self._slot.release)
        log.fall_asleep(call, alarm, ended.is_set)
        try:
            if self._slot.shared is not None:
                self._rest()
            for pause in _pauses():
                left = alarm.left()
                if not left:
                    break
                is_handler = threading.get_ident() == self.handler_thread
                may_leave = is_handler and (expected is None or pause > step_rules.LINGER)
                if may_leave and log.sleeps_longer_than(step_rules.LEAVE_AFTER):
                    raise log.leave_memory()
                if ended.wait(min(left, POLL if is_movable() else pause, step_rules.REST_AFTER)):
                    break
                if left > step_rules.REST_AFTER <= pause:
                    self._rest()
        finally:
            log.wake_up(call)
        if not over.is_set():
            asyncio.run_coroutine_threadsafe(self._slot.acquire(), self._loop).result()
        if self._slot.shared is not None:
            await awaken(self, log, call, self._slot.shared, self._may_leave)
        if over.is_set():
            raise log.interrupt()

    def _rest(self) -> None:
        """Store that the run only sleeps, unless that is stored."""
        if self._log.begin_rest():
            with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                self._store.call(Rest(self._log.run_id))

    async def _may_leave(self) -> bool:
        """Return whether this is the handler's own thread, and no step is in flight but sleeps."""
        return threading.get_ident() == self.handler_thread and self._log.only_sleeping

    def wake_sleepers(self) -> None:
        """See `StepIo`: threads that sleep wait for the end of the execution themselves."""


class _Done:
    """What a function has returned, to be awaited; its errors are raised by the call, not by `await`.

    A coroutine in its place would turn a `StopIteration` into another error.
    """

    __slots__ = ("_returned",)

    def __init__(self, returned: object) -> None:
        self._returned = returned

    def __await__(self) -> Generator[None, None, object]:
        yield from ()
        return self._returned


def _pauses() -> Iterator[float]:
    """Yield the seconds after which a thread that sleeps looks again; they double up to a minute."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, 60.0)
