"""The steps of an async handler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._context import CurrentStep, current_step, wrong_step_kind
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import of_kind
from tightbeam._engine.limiter import Place
from tightbeam._engine.retry import delays
from tightbeam._engine.sqlite import runs as journal
from tightbeam._engine.sqlite.writer import Work, Writer
from tightbeam._engine.step_log import Ledger, Ticket, Verdict
from tightbeam._engine.step_rules import (
    begin_run,
    begin_sleep,
    done,
    log_unstored,
    memo_result,
    outcome_of,
    prepare_publish,
    published_before,
    too_large,
    wake_time,
)
from tightbeam._engine.waits import only_sleeps
from tightbeam._payload.load import load
from tightbeam._probes import step_boundary, step_probes
from tightbeam._publishing import single_payload
from tightbeam._results import ReturnType
from tightbeam.errors import JournalFailed, NotStorable, StepMisuse, TightbeamError

__all__ = ["LEAVE_AFTER", "REST_AFTER", "Steps"]

_LOOK_AGAIN = 0.1
Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")
REST_AFTER = 60.0
"""Seconds of nothing but sleep after which the process may die without that being the run's fault."""
LEAVE_AFTER = 60.0
"""A run that does nothing but sleep for more seconds than these isn't kept in memory."""


class Steps:
    """``ctx.step`` of an async handler, and ``ctx.step.realtime``."""

    def __init__(self, ledger: Ledger, writer: Writer, limit: int, place: Place) -> None:
        self._ledger = ledger
        self._writer = writer
        self._limit = limit
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sleepers: set[asyncio.Future[None]] = set()
        self._handler = asyncio.current_task()
        self._asleep_tasks: set[asyncio.Task[Any]] = set()
        self._look: asyncio.TimerHandle | None = None

    @property
    def realtime(self) -> Steps:
        """Publishing as a step."""
        return self

    async def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.Context`."""
        payload = single_payload(topic, data, kwargs)
        self._check_loop()
        step = prepare_publish(self._ledger, id, topic, payload, self._limit)
        if step.work is None:
            value = published_before(self._ledger, step.ticket, topic, step.raw)
        else:
            stored = self._store(step.ticket, step.work)
            try:
                value = load(topic, step.raw)  # while the disk is at work
            finally:
                await stored
        if step_probes:
            step_boundary("after", step.ticket.step_id)
        return value

    async def run(
        self, id: str, fn: Callable[[*Arguments], Awaitable[Output]], /, *args: *Arguments
    ) -> Output:
        """See `tightbeam.Context`."""
        self._check_loop()
        ticket, result = begin_run(self._ledger, id, fn)
        if ticket.memo is not None:
            value = memo_result(self._ledger, ticket, ticket.memo, result)
        else:
            value = await self._owned(self._attempt(ticket, fn, args, result))
        if step_probes:
            step_boundary("after", ticket.step_id)
        made: Output = value
        return made

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.Context`."""
        self._check_loop()
        ledger = self._ledger
        ticket = ledger.begin("step.sleep", id)
        step_id, run_id, submit = ticket.step_id, ledger.run_id, self._writer.submit
        try:
            if step_probes:
                step_boundary("before", step_id)
            if ticket.memo is None or ticket.memo.state == "sleeping":
                wake_at = wake_time(ticket, duration)
                alarm = Alarm(wake_at)  # before anything waits: the clock may be set back meanwhile
                if ticket.memo is None:
                    await self._surely(
                        ticket, lambda: submit(lambda tx: begin_sleep(tx, ledger, ticket, wake_at))
                    )
                    ledger.progressed()
                await self._asleep(ticket, alarm)
                ledger.asleep = False
                await self._surely(ticket, lambda: submit(lambda tx: journal.end_sleep(tx, run_id, step_id)))
        except asyncio.CancelledError:
            if not ledger.over.is_set():  # a timeout of the handler's own: it goes on
                ledger.asleep = False
                self._writer.submit(lambda tx: journal.mark_awake(tx, run_id))
            raise
        finally:
            ledger.release(ticket)
        if step_probes:
            step_boundary("after", step_id)

    async def _asleep(self, ticket: Ticket, alarm: Alarm) -> None:
        """Wait for a time of day, giving up the run's place if it waits for nothing else.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        ledger = self._ledger
        if ledger.over.is_set():
            raise ledger.interrupt()
        if ledger.only_sleeping:
            self._place.leave()
        over = self._loop.create_future()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio's is always in one
        self._sleepers.add(over)
        self._asleep_tasks.add(task)
        ledger.fall_asleep(ticket, alarm)
        if self._look is None and alarm.left() > LEAVE_AFTER:
            self._look_in(0.0)
        try:
            while not over.done() and (left := alarm.left()):
                await asyncio.wait({over}, timeout=min(left, REST_AFTER))
                if left > REST_AFTER and ledger.may_rest():
                    with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                        await self._writer.submit(lambda tx: journal.rest(tx, ledger.run_id))
        finally:
            self._sleepers.discard(over)
            self._asleep_tasks.discard(task)
            ledger.wake_up(ticket)
        if not ledger.over.is_set():
            await self._place.enter()
        if ledger.over.is_set():
            raise ledger.interrupt()

    def _look_in(self, seconds: float) -> None:
        self._look = self._loop.call_later(seconds, self._leave_if_asleep, seconds)

    def _leave_if_asleep(self, waited: float) -> None:
        """End the execution if the handler does nothing but sleep for long; or else look again later."""
        self._look = None
        if not self._sleepers or self._ledger.over.is_set() or self._handler is None:
            return
        if self._ledger.sleeps_longer_than(LEAVE_AFTER) and only_sleeps(self._handler, self._asleep_tasks):
            self._ledger.leave()
            self.wake_sleepers()
        else:
            self._look_in(min(max(2 * waited, _LOOK_AGAIN), LEAVE_AFTER))

    def wake_sleepers(self) -> None:
        """If the execution is over, nobody sleeps on."""
        if not self._ledger.over.is_set():
            return
        for over in tuple(self._sleepers):
            if not over.done():
                over.set_result(None)

    def cancel(self) -> None:
        """Cancel the functions of steps that are running (shutdown)."""
        for task in tuple(self._tasks):
            task.cancel()

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise StepMisuse("steps belong to the event loop their handler runs on; this is another one")

    def _store(self, ticket: Ticket, work: Work[None]) -> asyncio.Future[None]:
        """Store; if whoever awaits it is cancelled meanwhile, the step is in flight until it is stored."""
        try:
            return self._writer.submit(work, after=partial(self._ledger.release, ticket))
        except BaseException:
            self._ledger.release(ticket)
            raise

    async def _attempt(
        self,
        ticket: Ticket,
        fn: Callable[..., Awaitable[object]],
        args: tuple[object, ...],
        result: ReturnType,
    ) -> tuple[Any, BaseException | None]:
        """Call the step's function and remember what comes of it: a value, or an error for the handler."""
        ledger = self._ledger
        current_step.set(CurrentStep(ledger.run_id, ticket.step_id))
        value: Any = None
        try:
            awaitable: object = fn(*args)
            if not isinstance(awaitable, Awaitable):
                raise wrong_step_kind(ticket.step_id, wanted="async")
            raw = result.dump(await awaitable)
            value = result.load(raw)
        except BaseException as error:
            task = asyncio.current_task()
            if of_kind(error, asyncio.CancelledError) and task is not None and task.cancelling():
                ledger.release(ticket)
                raise
            verdict = ledger.judge(ticket, error)
        else:
            verdict = Verdict(None, done(raw))
        if verdict.memo is not None:
            try:
                await self._keep(ticket, outcome_of(ledger, ticket, verdict.memo))
            except NotStorable as error:
                verdict = too_large(ledger, ticket, error)
            except TightbeamError as error:
                return None, error  # not raised, since the task that awaits this one may have been cancelled
            else:
                return value, verdict.error
        ledger.release(ticket)
        self.wake_sleepers()
        return None, verdict.error

    async def _keep(self, ticket: Ticket, work: Work[None]) -> None:
        """Store an outcome, and then release the ticket.

        While the journal fails it is stored again: what was computed once isn't computed again.
        """
        pending = given_up = False

        def settled(stored: bool) -> None:
            nonlocal pending
            pending = False
            if stored or given_up:
                self._ledger.release(ticket, stored)

        def store() -> asyncio.Future[None]:
            nonlocal pending
            stored = self._writer.submit(work, after=settled)
            pending = True
            return stored

        try:
            await self._surely(ticket, store)
        except BaseException:
            given_up = True
            if not pending:
                self._ledger.release(ticket)
            raise

    async def _surely(self, ticket: Ticket, store: Callable[[], asyncio.Future[None]]) -> None:
        """Store, again and again while the journal fails, until the execution is to stop."""
        for delay in delays():
            try:
                await store()
                return
            except JournalFailed as error:
                if self._ledger.halted.is_set():
                    raise
                if not self._writer.is_lost:
                    log_unstored(self._ledger, ticket, error)
                await asyncio.sleep(delay)

    async def _owned(self, attempt: Coroutine[Any, Any, tuple[Any, BaseException | None]]) -> Any:
        """Run a step's attempt in a task of our own.

        When a sibling has interrupted the execution (a `TaskGroup` then cancels us), because it failed or the
        run is parked, the step still runs to its end and is remembered. When the handler itself cancels it (a
        timeout), its function is cancelled.
        """
        task = self._loop.create_task(attempt)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            value, error = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done() and self._ledger.cause is None and self._ledger.parking is None:
                task.cancel()
                await asyncio.wait({task})
            raise
        if error is not None:
            raise error
        return value
