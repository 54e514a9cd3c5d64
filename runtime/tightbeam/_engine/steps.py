"""Steps, written once for async and sync handlers: what is called, stored, remembered and raised, and when.

What waits is behind `StepIo`, of which there are two: tasks of an event loop (`steps_async`), and a thread
(`steps_sync`). On a thread nothing that is awaited here suspends, so that `complete` runs a coroutine to its
end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from tightbeam._channels.refs import Data, TopicRef
from tightbeam._context import CurrentStep, current_step
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.requests import MarkAwake
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
from tightbeam._engine.store import After, Answer, Request
from tightbeam._payload.load import load
from tightbeam._results import ReturnType
from tightbeam._step_timeouts import check_timeout
from tightbeam.errors import JournalFailed, NotStorable, TightbeamError

__all__ = ["Attempt", "Function", "StepIo", "Steps", "complete"]

Returned = TypeVar("Returned")
Function = Callable[..., object]
Attempt = Coroutine[Any, Any, tuple[Any, BaseException | None]]
"""Calls the function of a step; returns its value, or the error that the handler gets."""


class StepIo(Protocol):
    """What steps wait for, on an event loop or on a thread."""

    def check(self) -> None:
        """Refuse to be used in another place than the handler's.

        Raises:
            StepMisuse: this is another event loop.
        """
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the store is lost, which it has logged."""
        ...

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """See `Store`."""
        ...

    def submit(self, request: Request[Answer], after: After | None = None) -> Awaitable[Answer]:
        """Store something.

        Args:
            request: what to store.
            after: called with whether it was stored, also if the task that awaits it is cancelled.
        """
        ...

    async def pause(self, seconds: float) -> None:
        """Wait before something is stored again."""
        ...

    def invoke(
        self, call: StepCall, fn: Function, args: tuple[object, ...], timeout: timedelta | None
    ) -> Awaitable[object]:
        """Call the function of a step.

        Args:
            call: of the step.
            fn: the function.
            args: its arguments.
            timeout: how long it may take.

        Raises:
            StepMisuse: it is of the wrong kind, async or plain.
            TimeoutError: it took longer; raised where the result is awaited, if that has to be.
        """
        ...

    async def attempt(self, attempt: Attempt) -> Any:
        """Carry out an attempt, which sets the current step, and return or raise what comes of it."""
        ...

    def is_given_up(self, error: BaseException) -> bool:
        """Return whether an error says that the handler itself has cancelled the step."""
        ...

    def expect(self) -> Any:
        """Return a token for a step that is about to wait, so that no wake-up is missed from now on."""
        ...

    def forget(self, expected: Any, /) -> None:
        """Drop a token of `expect`."""
        ...

    def wake(self) -> None:
        """End all waits whose tokens were made before: what they wait for may have come."""
        ...

    async def sleep(self, call: StepCall, alarm: Alarm, expected: Any = None) -> None:
        """Wait for a time of day, giving up the run's slot if it waits for nothing else.

        Args:
            call: of the step.
            alarm: the time.
            expected: a token of `expect`, by which the wait ends earlier.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        ...

    def wake_sleepers(self) -> None:
        """End all sleeps, if the execution is over."""
        ...


class Steps:
    """The steps of one execution."""

    def __init__(self, log: StepLog, io: StepIo, limit: int) -> None:
        """Prepare.

        Args:
            log: of the execution.
            io: what its steps wait for.
            limit: how many bytes an encoded payload may have.
        """
        self._log = log
        self._io = io
        self._limit = limit

    async def publish(self, id: str, topic: TopicRef[..., str, Data], payload: object) -> Data:
        """Publish as a step: see `tightbeam.StepRealtime`."""
        self._io.check()
        log, limit = self._log, self._limit
        call = begin_publish(log, id, topic)
        if call.memo is not None:
            value = published_before(log, call, call.memo, topic, payload, limit)
        else:
            with Surrounded(log, call, topic) as surrounded:
                step = prepare_publish(log, call, topic, payload, limit, surrounded.publish)
                stored = self.store(call, step.request)
                try:
                    value = load(topic, step.raw)  # while the disk is at work
                finally:
                    await stored
        notify_after(log, call)
        return value

    async def run(
        self,
        id: str,
        fn: Function,
        args: tuple[object, ...],
        timeout: timedelta | None = None,
    ) -> Any:
        """Run a function as a step: see `tightbeam.Step`."""
        self._io.check()
        check_timeout(id, timeout)
        log = self._log
        call, result = begin_run(log, id, fn)
        if call.memo is not None:
            value = memo_result(log, call, call.memo, result)
        else:
            with Surrounded(log, call):
                invoke = partial(self._io.invoke, call, fn, args, timeout)
                value = await self._io.attempt(self._attempt(call, invoke, result))
        notify_after(log, call)
        return value

    async def sleep(self, id: str, duration: timedelta) -> None:
        """Sleep as a step: see `tightbeam.Step`."""
        self._io.check()
        log = self._log
        call = log.begin("step.sleep", id)
        try:
            notify_before(log, call)
            if call.memo is None or call.memo.state == "sleeping":
                with Surrounded(log, call):
                    await self._sleep_until(call, wake_time(call, duration))
        finally:
            log.release(call)
        notify_after(log, call)

    async def _sleep_until(self, call: StepCall, wake_at: int) -> None:
        """Sleep until a time of day, which is stored first, and store that it is over."""
        log, io = self._log, self._io
        try:
            for action in sleeping(log, call, wake_at):
                if isinstance(action, Alarm):
                    await io.sleep(call, action)
                else:
                    await self.surely(call, partial(io.submit, action))
        except asyncio.CancelledError:
            if not log.over.is_set():  # a timeout of the handler's own: it goes on
                log.asleep = False
                io.submit(MarkAwake(log.run_id))
            raise

    def store(self, call: StepCall, request: Request[Answer]) -> Awaitable[Answer]:
        """Store a step; it is in flight until then, also if the task that awaits it is cancelled."""
        try:
            return self._io.submit(request, partial(self._log.release, call))
        except BaseException:
            self._log.release(call)
            raise

    async def _attempt(
        self, call: StepCall, invoke: Callable[[], Awaitable[object]], result: ReturnType
    ) -> tuple[Any, BaseException | None]:
        """Call a step's function and store what comes of it.

        Args:
            call: of the step.
            invoke: calls the function.
            result: the type of its result.

        Returns:
            The value, or the error that the handler gets.
        """
        log, io = self._log, self._io
        current_step.set(CurrentStep(log.run_id, call.step_id))
        value: Any = None
        if (confirmation := io.doubted(log.run_id)) is not None:
            try:
                await self.surely(call, partial(io.submit, confirmation))
            except BaseException as error:
                log.release(call)
                if isinstance(error, TightbeamError):
                    return None, error
                raise
        try:
            raw = result.dump(await invoke())
            value = result.load(raw)
        except BaseException as error:
            if io.is_given_up(error):
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
                return None, error  # not raised: the task that awaits this one may have been cancelled
            else:
                return value, outcome.error
        log.release(call)
        io.wake_sleepers()
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
                self._log.release(call, stored)

        def store() -> Awaitable[None]:
            nonlocal pending
            stored = self._io.submit(request, settled)
            pending = True
            return stored

        try:
            await self.surely(call, store)
        except BaseException:
            given_up = True
            if not pending:
                self._log.release(call)
            raise

    async def surely(self, call: StepCall, store: Callable[[], Awaitable[Answer]]) -> Answer:
        """Store, again and again while the journal fails, until the execution is to stop."""
        for delay in retry_delays():
            try:
                return await store()
            except JournalFailed as error:
                if self._log.halted.is_set():
                    raise
                if not self._io.is_lost:
                    log_unstored(self._log, call, error)
                await self._io.pause(delay)
        raise AssertionError  # the delays don't end


def complete(coroutine: Coroutine[Any, Any, Returned]) -> Returned:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        returned: Returned = ended.value
        return returned
    coroutine.close()
    raise RuntimeError("what a thread awaits must not suspend")
