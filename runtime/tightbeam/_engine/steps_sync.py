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
from tightbeam._context import CurrentStep, current_step, wrong_step_kind
from tightbeam._engine import steps
from tightbeam._engine.alarm import Alarm
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
from tightbeam._payload.load import load
from tightbeam._probes import step_boundary, step_probes
from tightbeam._publishing import single_payload
from tightbeam._results import ReturnType
from tightbeam.errors import JournalFailed, NotStorable

__all__ = ["StepsSync"]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


def _pauses() -> Iterator[float]:
    """Give the seconds after which a thread that sleeps looks again; they double up to a minute."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, 60.0)


class StepsSync:
    """``ctx.step`` of a sync handler, and ``ctx.step.realtime``."""

    def __init__(self, ledger: Ledger, writer: Writer, limit: int, place: Place) -> None:
        self._ledger = ledger
        self._writer = writer
        self._limit = limit
        self._place = place
        self._loop = asyncio.get_running_loop()
        self.handler_thread: int | None = None
        """Where the handler runs; its steps may be used on other threads too."""

    @property
    def realtime(self) -> StepsSync:
        """Publishing as a step."""
        return self

    def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """See `tightbeam.ContextSync`."""
        step = prepare_publish(self._ledger, id, topic, single_payload(topic, data, kwargs), self._limit)
        if step.work is None:
            value = published_before(self._ledger, step.ticket, topic, step.raw)
        else:
            self._commit(step.ticket, step.work)
            value = load(topic, step.raw)
        if step_probes:
            step_boundary("after", step.ticket.step_id)
        return value

    def run(self, id: str, fn: Callable[[*Arguments], Output], /, *args: *Arguments) -> Output:
        """See `tightbeam.ContextSync`."""
        ticket, result = begin_run(self._ledger, id, fn)
        if ticket.memo is not None:
            value = memo_result(self._ledger, ticket, ticket.memo, result)
        else:
            value = self._attempt(ticket, fn, args, result)
        if step_probes:
            step_boundary("after", ticket.step_id)
        made: Output = value
        return made

    def sleep(self, id: str, duration: timedelta, /) -> None:
        """See `tightbeam.ContextSync`."""
        ledger = self._ledger
        ticket = ledger.begin("step.sleep", id)
        try:
            if step_probes:
                step_boundary("before", ticket.step_id)
            if ticket.memo is None or ticket.memo.state == "sleeping":
                wake_at = wake_time(ticket, duration)
                alarm = Alarm(wake_at)  # before anything waits: the clock may be set back meanwhile
                if ticket.memo is None:
                    self._surely(ticket, lambda tx: begin_sleep(tx, ledger, ticket, wake_at))
                    ledger.progressed()
                self._asleep(ticket, alarm)
                ledger.asleep = False
                self._surely(ticket, lambda tx: journal.end_sleep(tx, ledger.run_id, ticket.step_id))
        finally:
            ledger.release(ticket)
        if step_probes:
            step_boundary("after", ticket.step_id)

    def _asleep(self, ticket: Ticket, alarm: Alarm) -> None:
        """Wait for a time of day, giving up the run's place if it waits for nothing else.

        Raises:
            Interrupt: the execution is to end, or the run leaves memory meanwhile.
        """
        ledger, over = self._ledger, self._ledger.over
        if ledger.only_sleeping:
            self._loop.call_soon_threadsafe(self._place.leave)
        ledger.fall_asleep(ticket, alarm)
        try:
            for pause in _pauses():
                left = alarm.left()
                if not left:
                    break
                if threading.get_ident() == self.handler_thread and ledger.sleeps_longer_than(
                    steps.LEAVE_AFTER
                ):
                    raise ledger.leave()
                if over.wait(min(left, pause, steps.REST_AFTER)):
                    raise ledger.interrupt()
                if left > steps.REST_AFTER <= pause and ledger.may_rest():
                    with contextlib.suppress(JournalFailed):
                        self._writer.call(lambda tx: journal.rest(tx, ledger.run_id))
        finally:
            ledger.wake_up(ticket)
        if not over.is_set():
            asyncio.run_coroutine_threadsafe(self._place.enter(), self._loop).result()
        if over.is_set():
            raise self._ledger.interrupt()

    def _surely(self, ticket: Ticket, work: Work[None]) -> None:
        """Store, again and again while the journal fails, until the execution is to stop."""
        for delay in delays():
            try:
                self._writer.call(work)
                return
            except JournalFailed as error:
                if self._ledger.halted.is_set():
                    raise
                if not self._writer.is_lost:
                    log_unstored(self._ledger, ticket, error)
                self._ledger.halted.wait(delay)

    def _commit(self, ticket: Ticket, work: Work[None], *, surely: bool = False) -> None:
        try:
            if surely:
                self._surely(ticket, work)
            else:
                self._writer.call(work)
        except BaseException:
            self._ledger.release(ticket)
            raise
        self._ledger.release(ticket, stored=True)

    def _attempt(
        self, ticket: Ticket, fn: Callable[..., object], args: tuple[object, ...], result: ReturnType
    ) -> Any:
        """Call the step's function, remember what comes of it, and return or raise that."""
        ledger = self._ledger
        token = current_step.set(CurrentStep(ledger.run_id, ticket.step_id))
        value: Any = None
        try:
            returned = fn(*args)
            if isinstance(returned, Awaitable):
                if inspect.iscoroutine(returned):
                    returned.close()
                raise wrong_step_kind(ticket.step_id, wanted="plain")
            raw = result.dump(returned)
            value = result.load(raw)
        except BaseException as error:  # noqa: BLE001 - a step may raise anything; the ledger decides what it means
            verdict = ledger.judge(ticket, error)
        else:
            verdict = Verdict(None, done(raw))
        finally:
            current_step.reset(token)
        if verdict.memo is not None:
            try:
                self._commit(ticket, outcome_of(ledger, ticket, verdict.memo), surely=True)
            except NotStorable as error:
                verdict = too_large(ledger, ticket, error)
        else:
            ledger.release(ticket)
        if verdict.error is not None:
            raise verdict.error
        return value
