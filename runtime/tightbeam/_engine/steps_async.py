"""The steps of an async handler, whose attempts are tasks of its event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._engine import step_rules
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import of_kind
from tightbeam._engine.limiter import Slot
from tightbeam._engine.requests import Rest
from tightbeam._engine.shared_limits import awaken
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam._engine.step_starts import Starts
from tightbeam._engine.steps import Attempt, Function, Steps
from tightbeam._engine.store import After, Answer, Request, Store
from tightbeam._engine.waits import only_sleeps
from tightbeam._publishing import single_payload
from tightbeam._step_checks import wrong_step_kind
from tightbeam._step_timeouts import in_time
from tightbeam.errors import JournalFailed, StepMisuse

__all__ = ["AsyncStep", "AsyncStepRealtime", "StepTasks"]

_FIRST_CHECK = 0.1
Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


class AsyncStep:
    """A `tightbeam.Step`."""

    __slots__ = ("_starts", "_steps", "realtime")

    def __init__(self, steps: Steps, starts: Starts) -> None:
        self._steps = steps
        self._starts = starts
        self.realtime = AsyncStepRealtime(steps)
        """Publishing as a step."""

    async def run(
        self,
        id: str,
        fn: Callable[[*Arguments], Awaitable[Output]],
        /,
        *args: *Arguments,
        timeout: timedelta | None = None,
    ) -> Output:
        """See `tightbeam.Step`."""
        returned: Output = await self._steps.run(id, fn, args, timeout)
        return returned

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.Step`."""
        await self._steps.sleep(id, duration)

    async def send_event(self, step_id: str, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """See `tightbeam.Step`."""
        return await self._starts.send_event(step_id, event, data, options)

    async def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: Any,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """See `tightbeam.Step`."""
        return await self._starts.wait_for_event(id, event, timeout, match, if_exp)

    async def invoke(
        self, id: str, /, *, function: Any, data: object = None, timeout: timedelta | None = None
    ) -> Any:
        """See `tightbeam.Step`."""
        return await self._starts.invoke(id, function, data, timeout)


class AsyncStepRealtime:
    """A `tightbeam.StepRealtime`."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.StepRealtime`."""
        return await self._steps.publish(id, topic, single_payload(topic, data, kwargs))


class StepTasks:
    """A `StepIo`: the tasks and futures behind the steps of one execution."""

    def __init__(self, log: StepLog, store: Store, slot: Slot) -> None:
        """Prepare on the event loop and in the task of the handler.

        Args:
            log: of the execution.
            store: keeps what comes of steps.
            slot: of the function's concurrency limit.
        """
        self._log = log
        self._store = store
        self._slot = slot
        self._loop = asyncio.get_running_loop()
        self._attempts: set[asyncio.Task[Any]] = set()
        self._dozing: set[asyncio.Future[None]] = set()
        self._waits: set[asyncio.Future[None]] = set()
        self._handler = asyncio.current_task()
        self._asleep_tasks: set[asyncio.Task[Any]] = set()
        self._check: asyncio.TimerHandle | None = None

    def check(self) -> None:
        """See `StepIo`."""
        if asyncio.get_running_loop() is not self._loop:
            raise StepMisuse("steps belong to the event loop their handler runs on; this is another one")

    @property
    def is_lost(self) -> bool:
        """See `StepIo`."""
        return self._store.is_lost

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """See `StepIo`."""
        return self._store.doubted(run_id)

    def submit(self, request: Request[Answer], after: After | None = None) -> asyncio.Future[Answer]:
        """See `StepIo`."""
        return self._store.submit(request, after=after)

    async def pause(self, seconds: float) -> None:
        """See `StepIo`."""
        await asyncio.sleep(seconds)

    def cancel(self) -> None:
        """Cancel the functions of steps that are running, since the client is being left.

        A task that is cancelled before it begins never does anything, so that its step would be in flight
        for ever: those of this turn begin first.
        """
        for task in tuple(self._attempts):
            self._loop.call_soon(task.cancel)

    # -- running functions ----------------------------------------------------------------------------------

    def invoke(
        self, call: StepCall, fn: Function, args: tuple[object, ...], timeout: timedelta | None
    ) -> Awaitable[object]:
        """See `StepIo`."""

        def begin() -> Awaitable[object]:
            awaitable = fn(*args)
            if not isinstance(awaitable, Awaitable):
                raise wrong_step_kind(call.step_id, wanted="async")
            return awaitable

        return begin() if timeout is None else in_time(timeout, begin)

    async def attempt(self, attempt: Attempt) -> Any:
        """Carry out an attempt in a task of its own.

        When another step has interrupted the execution (a `TaskGroup` then cancels this one), because it
        failed or the run is parked, the attempt still goes on to its end and is remembered. When the handler
        itself cancels it (a timeout), its function is cancelled.
        """
        task = self._loop.create_task(attempt)
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        try:
            value, error = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done() and self._log.cause is None and self._log.parking is None:
                task.cancel()
                await asyncio.wait({task})
            raise
        if error is not None:
            raise error
        return value

    def is_given_up(self, error: BaseException) -> bool:
        """See `StepIo`."""
        task = asyncio.current_task()
        return of_kind(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0

    # -- sleeping -------------------------------------------------------------------------------------------

    def expect(self) -> asyncio.Future[None]:
        """See `StepIo`."""
        expected = self._loop.create_future()
        self._waits.add(expected)
        return expected

    def forget(self, expected: asyncio.Future[None], /) -> None:
        """See `StepIo`."""
        self._waits.discard(expected)

    def wake(self) -> None:
        """See `StepIo`."""
        for expected in tuple(self._waits):
            if not expected.done():
                expected.set_result(None)

    async def sleep(self, call: StepCall, alarm: Alarm, expected: asyncio.Future[None] | None = None) -> None:
        """See `StepIo`."""
        log = self._log
        if log.over.is_set():
            raise log.interrupt()
        if log.only_sleeping:
            self._slot.release()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio's is always in one
        self._asleep_tasks.add(task)
        log.fall_asleep(call, alarm, None if expected is None else expected.done)
        if self._check is None and alarm.left() > step_rules.LEAVE_AFTER:
            self._check_in(0.0 if expected is None else step_rules.LINGER)
        try:
            if self._slot.shared is not None:
                await self._rest()
            while not log.over.is_set() and (left := alarm.left()):
                await self._doze(min(left, step_rules.REST_AFTER), expected)
                if expected is not None and expected.done():
                    break
                if left > step_rules.REST_AFTER:
                    await self._rest()
        finally:
            self._asleep_tasks.discard(task)
            log.wake_up(call)
        if not log.over.is_set():
            await self._slot.acquire()
        if self._slot.shared is not None:
            await awaken(self, log, call, self._slot.shared, partial(self._may_leave, task))
        if log.over.is_set():
            raise log.interrupt()

    async def _rest(self) -> None:
        """Store that the run only sleeps, unless that is stored."""
        if self._log.begin_rest():
            with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                await self._store.submit(Rest(self._log.run_id))

    async def _may_leave(self, task: asyncio.Task[Any]) -> bool:
        """Return whether the handler does nothing but sleep, apart from a task that waits for a slot."""
        answer = self._loop.create_future()

        def look() -> None:  # the handler is suspended only after this turn
            handler, asleep = self._handler, {*self._asleep_tasks, task}
            if not answer.done():
                answer.set_result(
                    handler is not None and self._log.only_sleeping and only_sleeps(handler, asleep)
                )

        self._loop.call_soon(look)
        is_free: bool = await answer
        return is_free

    async def _doze(self, seconds: float, expected: asyncio.Future[None] | None) -> None:
        """Wait for so many seconds; or until the execution is over, the clock was moved, or `wake`."""
        woken = self._loop.create_future()
        self._dozing.add(woken)
        try:
            waiting = {woken} if expected is None else {woken, expected}
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._dozing.discard(woken)

    def _check_in(self, seconds: float) -> None:
        self._check = self._loop.call_later(seconds, self._leave_if_asleep, seconds)

    def _leave_if_asleep(self, waited: float) -> None:
        """End the execution if the handler does nothing but sleep for long; or else check again later."""
        self._check = None
        if not self._asleep_tasks or self._log.over.is_set() or self._handler is None:
            return
        asleep = self._asleep_tasks
        if self._log.sleeps_longer_than(step_rules.LEAVE_AFTER) and only_sleeps(self._handler, asleep):
            self._log.leave_memory()
            self.wake_sleepers()
        else:
            self._check_in(min(max(2 * waited, _FIRST_CHECK), step_rules.LEAVE_AFTER))

    def wake_sleepers(self) -> None:
        """See `StepIo`."""
        if self._log.over.is_set():
            self.look_at_clock()

    def look_at_clock(self) -> None:
        """Have all sleeps look whether they are over."""
        for woken in tuple(self._dozing):
            if not woken.done():
                woken.set_result(None)
