"""The steps of a sync handler: the same rules, on the handler's own thread."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._context import CurrentStep, current_step
from tightbeam._engine import step_rules
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.limiter import Slot
from tightbeam._engine.requests import Rest
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
from tightbeam._payload.load import load
from tightbeam._publishing import single_payload
from tightbeam._results import ReturnType
from tightbeam._step_checks import wrong_step_kind
from tightbeam.errors import JournalFailed, NotStorable

__all__ = ["StepThread", "SyncStep", "SyncStepRealtime"]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


class SyncStep:
    """A `tightbeam.StepSync`."""

    __slots__ = ("_thread", "realtime")

    def __init__(self, thread: StepThread, limit: int) -> None:
        self._thread = thread
        self.realtime = SyncStepRealtime(thread, limit)
        """Publishing as a step."""

    def run(self, id: str, fn: Callable[[*Arguments], Output], /, *args: *Arguments) -> Output:
        """See `tightbeam.StepSync`."""
        thread = self._thread
        call, result = begin_run(thread.log, id, fn)
        if call.memo is not None:
            value = memo_result(thread.log, call, call.memo, result)
        else:
            with Surrounded(thread.log, call):
                value = thread.attempt(call, fn, args, result)
        notify_after(thread.log, call)
        returned: Output = value
        return returned

    def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.StepSync`."""
        thread, log = self._thread, self._thread.log
        call = log.begin("step.sleep", id)
        try:
            notify_before(log, call)
            if call.memo is None or call.memo.state == "sleeping":
                with Surrounded(log, call):
                    thread.sleep_until(call, wake_time(call, duration))
        finally:
            log.release(call)
        notify_after(log, call)


class SyncStepRealtime:
    """A `tightbeam.StepRealtimeSync`."""

    __slots__ = ("_limit", "_thread")

    def __init__(self, thread: StepThread, limit: int) -> None:
        self._thread = thread
        self._limit = limit

    def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.StepRealtimeSync`."""
        payload = single_payload(topic, data, kwargs)
        thread, log, limit = self._thread, self._thread.log, self._limit
        call = begin_publish(log, id, topic)
        if call.memo is not None:
            value = published_before(log, call, call.memo, topic, payload, limit)
        else:
            with Surrounded(log, call, topic) as surrounded:
                step = prepare_publish(log, call, topic, payload, limit, surrounded.publish)
                thread.store(call, step.request)
                value = load(topic, step.raw)
        notify_after(log, call)
        return value


class StepThread:
    """What is behind the steps of one execution on a thread."""

    def __init__(self, log: StepLog, store: Store, slot: Slot) -> None:
        self.log = log
        self._store = store
        self._slot = slot
        self._loop = asyncio.get_running_loop()
        self.handler_thread: int | None = None
        """Where the handler runs; its steps may be used on other threads too."""

    def store(self, call: StepCall, request: Request[None], *, surely: bool = False) -> None:
        """Store a step and release its call.

        Args:
            call: of the step.
            request: what stores it.
            surely: whether to try again while the journal fails.
        """
        try:
            if surely:
                self._surely(call, request)
            else:
                self._store.call(request)
        except BaseException:
            self.log.release(call)
            raise
        self.log.release(call, stored=True)

    def _surely(self, call: StepCall, request: Request[None]) -> None:
        """Store, again and again while the journal fails, until the execution is to stop."""
        for delay in retry_delays():
            try:
                self._store.call(request)
                return
            except JournalFailed as error:
                if self.log.halted.is_set():
                    raise
                if not self._store.is_lost:
                    log_unstored(self.log, call, error)
                self.log.halted.wait(delay)

    def sleep_until(self, call: StepCall, wake_at: int) -> None:
        """Sleep until a time of day, which is stored first, and store that it is over.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        for action in sleeping(self.log, call, wake_at):
            if isinstance(action, Alarm):
                self._asleep(call, action)
            else:
                self._surely(call, action)

    def _asleep(self, call: StepCall, alarm: Alarm) -> None:
        """Wait for a time of day, giving up the run's slot if it waits for nothing else.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        log, over = self.log, self.log.over
        if log.only_sleeping:
            self._loop.call_soon_threadsafe(self._slot.release)
        log.fall_asleep(call, alarm)
        try:
            for pause in _pauses():
                left = alarm.left()
                if not left:
                    break
                is_handler = threading.get_ident() == self.handler_thread
                if is_handler and log.sleeps_longer_than(step_rules.LEAVE_AFTER):
                    raise log.leave_memory()
                if over.wait(min(left, pause, step_rules.REST_AFTER)):
                    raise log.interrupt()
                if left > step_rules.REST_AFTER <= pause and log.begin_rest():
                    with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                        self._store.call(Rest(log.run_id))
        finally:
            log.wake_up(call)
        if not over.is_set():
            asyncio.run_coroutine_threadsafe(self._slot.acquire(), self._loop).result()
        if over.is_set():
            raise log.interrupt()

    def attempt(
        self, call: StepCall, fn: Callable[..., object], args: tuple[object, ...], result: ReturnType
    ) -> Any:
        """Call a step's function, store what comes of it, and return or raise that."""
        log = self.log
        token = current_step.set(CurrentStep(log.run_id, call.step_id))
        value: Any = None
        try:
            returned = fn(*args)
            if isinstance(returned, Awaitable):
                if inspect.iscoroutine(returned):
                    returned.close()
                raise wrong_step_kind(call.step_id, wanted="plain")
            raw = result.dump(returned)
            value = result.load(raw)
        except BaseException as error:  # noqa: BLE001 - a step may raise anything; the log decides what it means
            outcome = log.fail(call, error)
        else:
            outcome = StepOutcome(None, memo_of(raw))
        finally:
            current_step.reset(token)
        if outcome.memo is not None:
            try:
                self.store(call, storing(log, call, outcome.memo), surely=True)
            except NotStorable as error:
                outcome = too_large(log, call, error)
        else:
            log.release(call)
        if outcome.error is not None:
            raise outcome.error
        return value


def _pauses() -> Iterator[float]:
    """Yield the seconds after which a thread that sleeps looks again; they double up to a minute."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, 60.0)
