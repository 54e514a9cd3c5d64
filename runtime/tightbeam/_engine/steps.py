"""The steps of an async handler: what it sees of them, and the tasks behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._context import CurrentStep, current_step
from tightbeam._engine import step_rules
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import of_kind
from tightbeam._engine.limiter import Slot
from tightbeam._engine.requests import MarkAwake, Rest
from tightbeam._engine.retry import retry_delays
from tightbeam._engine.step_hooks import Surrounded, notify_after, notify_before
from tightbeam._engine.step_log import StepCall, StepLog, StepOutcome
from tightbeam._engine.step_rules import (
    begin_publish,
    begin_run,
    log_unstored,
    memo_of,
    memo_result,
    prepare_publish,
    published_before,
    sleeping,
    storing,
    too_large,
    wake_time,
)
from tightbeam._engine.store import Request, Store
from tightbeam._engine.waits import only_sleeps
from tightbeam._payload.load import load
from tightbeam._publishing import single_payload
from tightbeam._results import ReturnType
from tightbeam._step_checks import wrong_step_kind
from tightbeam.errors import JournalFailed, NotStorable, StepMisuse, TightbeamError

__all__ = ["AsyncStep", "AsyncStepRealtime", "StepTasks"]

_FIRST_CHECK = 0.1
Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


class AsyncStep:
    """A `tightbeam.Step`."""

    __slots__ = ("_tasks", "realtime")

    def __init__(self, tasks: StepTasks, limit: int) -> None:
        self._tasks = tasks
        self.realtime = AsyncStepRealtime(tasks, limit)
        """Publishing as a step."""

    async def run(
        self, id: str, fn: Callable[[*Arguments], Awaitable[Output]], /, *args: *Arguments
    ) -> Output:
        """See `tightbeam.Step`."""
        tasks = self._tasks
        tasks.check_loop()
        call, result = begin_run(tasks.log, id, fn)
        if call.memo is not None:
            value = memo_result(tasks.log, call, call.memo, result)
        else:
            with Surrounded(tasks.log, call):
                value = await tasks.attempt(call, fn, args, result)
        notify_after(tasks.log, call)
        returned: Output = value
        return returned

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.Step`."""
        tasks, log = self._tasks, self._tasks.log
        tasks.check_loop()
        call = log.begin("step.sleep", id)
        try:
            notify_before(log, call)
            if call.memo is None or call.memo.state == "sleeping":
                with Surrounded(log, call):
                    await tasks.sleep_until(call, wake_time(call, duration))
        finally:
            log.release(call)
        notify_after(log, call)


class AsyncStepRealtime:
    """A `tightbeam.StepRealtime`."""

    __slots__ = ("_limit", "_tasks")

    def __init__(self, tasks: StepTasks, limit: int) -> None:
        self._tasks = tasks
        self._limit = limit

    async def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.StepRealtime`."""
        payload = single_payload(topic, data, kwargs)
        tasks = self._tasks
        tasks.check_loop()
        log, limit = tasks.log, self._limit
        call = begin_publish(log, id, topic)
        if call.memo is not None:
            value = published_before(log, call, call.memo, topic, payload, limit)
        else:
            with Surrounded(log, call, topic) as surrounded:
                step = prepare_publish(log, call, topic, payload, limit, surrounded.publish)
                stored = tasks.store(call, step.request)
                try:
                    value = load(topic, step.raw)  # while the disk is at work
                finally:
                    await stored
        notify_after(log, call)
        return value


class StepTasks:
    """The tasks and futures behind the steps of one execution."""

    def __init__(self, log: StepLog, store: Store, slot: Slot) -> None:
        self.log = log
        self._store = store
        self._slot = slot
        self._loop = asyncio.get_running_loop()
        self._attempts: set[asyncio.Task[Any]] = set()
        self._sleepers: set[asyncio.Future[None]] = set()
        self._handler = asyncio.current_task()
        self._asleep_tasks: set[asyncio.Task[Any]] = set()
        self._check: asyncio.TimerHandle | None = None

    def check_loop(self) -> None:
        """Refuse to be used on another event loop.

        Raises:
            StepMisuse: this is another one.
        """
        if asyncio.get_running_loop() is not self._loop:
            raise StepMisuse("steps belong to the event loop their handler runs on; this is another one")

    def store(self, call: StepCall, request: Request[None]) -> asyncio.Future[None]:
        """Store a step; it is in flight until then, also if the task that awaits it is cancelled."""
        try:
            return self._store.submit(request, after=partial(self.log.release, call))
        except BaseException:
            self.log.release(call)
            raise

    def cancel(self) -> None:
        """Cancel the functions of steps that are running (shutdown)."""
        for task in tuple(self._attempts):
            task.cancel()

    # -- sleeping -------------------------------------------------------------------------------------------

    async def sleep_until(self, call: StepCall, wake_at: int) -> None:
        """Sleep until a time of day, which is stored first, and store that it is over.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        log = self.log
        try:
            for action in sleeping(log, call, wake_at):
                if isinstance(action, Alarm):
                    await self._asleep(call, action)
                else:
                    await self._surely(call, partial(self._store.submit, action))
        except asyncio.CancelledError:
            if not log.over.is_set():  # a timeout of the handler's own: it goes on
                log.asleep = False
                self._store.submit(MarkAwake(log.run_id))
            raise

    async def _asleep(self, call: StepCall, alarm: Alarm) -> None:
        """Wait for a time of day, giving up the run's slot if it waits for nothing else.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        log = self.log
        if log.over.is_set():
            raise log.interrupt()
        if log.only_sleeping:
            self._slot.release()
        over = self._loop.create_future()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio's is always in one
        self._sleepers.add(over)
        self._asleep_tasks.add(task)
        log.fall_asleep(call, alarm)
        if self._check is None and alarm.left() > step_rules.LEAVE_AFTER:
            self._check_in(0.0)
        try:
            while not over.done() and (left := alarm.left()):
                await asyncio.wait({over}, timeout=min(left, step_rules.REST_AFTER))
                if left > step_rules.REST_AFTER and log.begin_rest():
                    with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                        await self._store.submit(Rest(log.run_id))
        finally:
            self._sleepers.discard(over)
            self._asleep_tasks.discard(task)
            log.wake_up(call)
        if not log.over.is_set():
            await self._slot.acquire()
        if log.over.is_set():
            raise log.interrupt()

    def _check_in(self, seconds: float) -> None:
        self._check = self._loop.call_later(seconds, self._leave_if_asleep, seconds)

    def _leave_if_asleep(self, waited: float) -> None:
        """End the execution if the handler does nothing but sleep for long; or else check again later."""
        self._check = None
        if not self._sleepers or self.log.over.is_set() or self._handler is None:
            return
        asleep = self._asleep_tasks
        if self.log.sleeps_longer_than(step_rules.LEAVE_AFTER) and only_sleeps(self._handler, asleep):
            self.log.leave_memory()
            self.wake_sleepers()
        else:
            self._check_in(min(max(2 * waited, _FIRST_CHECK), step_rules.LEAVE_AFTER))

    def wake_sleepers(self) -> None:
        """End all sleeps, if the execution is over."""
        if not self.log.over.is_set():
            return
        for over in tuple(self._sleepers):
            if not over.done():
                over.set_result(None)

    # -- running functions ----------------------------------------------------------------------------------

    async def attempt(
        self,
        call: StepCall,
        fn: Callable[..., Awaitable[object]],
        args: tuple[object, ...],
        result: ReturnType,
    ) -> Any:
        """Call a step's function in a task of our own, store what comes of it, and return or raise that.

        When a sibling has interrupted the execution (a `TaskGroup` then cancels us), because it failed or the
        run is parked, the step still runs to its end and is remembered. When the handler itself cancels it (a
        timeout), its function is cancelled.
        """
        task = self._loop.create_task(self._attempt(call, fn, args, result))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        try:
            value, error = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done() and self.log.cause is None and self.log.parking is None:
                task.cancel()
                await asyncio.wait({task})
            raise
        if error is not None:
            raise error
        return value

    async def _attempt(
        self,
        call: StepCall,
        fn: Callable[..., Awaitable[object]],
        args: tuple[object, ...],
        result: ReturnType,
    ) -> tuple[Any, BaseException | None]:
        """Call the step's function and store what comes of it: a value, or an error for the handler."""
        log = self.log
        current_step.set(CurrentStep(log.run_id, call.step_id))
        value: Any = None
        try:
            awaitable: object = fn(*args)
            if not isinstance(awaitable, Awaitable):
                raise wrong_step_kind(call.step_id, wanted="async")
            raw = result.dump(await awaitable)
            value = result.load(raw)
        except BaseException as error:
            task = asyncio.current_task()
            if of_kind(error, asyncio.CancelledError) and task is not None and task.cancelling():
                log.release(call)
                raise
            outcome = log.fail(call, error)
        else:
            outcome = StepOutcome(None, memo_of(raw))
        if outcome.memo is not None:
            try:
                await self._keep(call, storing(log, call, outcome.memo))
            except NotStorable as error:
                outcome = too_large(log, call, error)
            except TightbeamError as error:
                return None, error  # not raised, since the task that awaits this one may have been cancelled
            else:
                return value, outcome.error
        log.release(call)
        self.wake_sleepers()
        return None, outcome.error

    async def _keep(self, call: StepCall, request: Request[None]) -> None:
        """Store an outcome, and then release the call.

        While the journal fails it is stored again: what was computed once isn't computed again.
        """
        pending = given_up = False

        def settled(stored: bool) -> None:
            nonlocal pending
            pending = False
            if stored or given_up:
                self.log.release(call, stored)

        def store() -> asyncio.Future[None]:
            nonlocal pending
            stored = self._store.submit(request, after=settled)
            pending = True
            return stored

        try:
            await self._surely(call, store)
        except BaseException:
            given_up = True
            if not pending:
                self.log.release(call)
            raise

    async def _surely(self, call: StepCall, store: Callable[[], asyncio.Future[None]]) -> None:
        """Store, again and again while the journal fails, until the execution is to stop."""
        for delay in retry_delays():
            try:
                await store()
                return
            except JournalFailed as error:
                if self.log.halted.is_set():
                    raise
                if not self._store.is_lost:
                    log_unstored(self.log, call, error)
                await asyncio.sleep(delay)
