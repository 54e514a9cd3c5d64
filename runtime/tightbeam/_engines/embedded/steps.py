"""The steps of an async handler, and what they share with those of a sync one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

import orjson

from tightbeam._channels.refs import Data, Payload, TopicName, TopicRef
from tightbeam._context import CurrentStep, check_step_function, current_step, other_kind
from tightbeam._engines.embedded import journal
from tightbeam._engines.embedded.clock import Alarm
from tightbeam._engines.embedded.failure import of_kind
from tightbeam._engines.embedded.journal import Memo
from tightbeam._engines.embedded.lanes import Place
from tightbeam._engines.embedded.ledger import Ledger, Ticket, Verdict
from tightbeam._engines.embedded.messages import Publish
from tightbeam._engines.embedded.writer import Transaction, Work, Writer
from tightbeam._payload.model import load
from tightbeam._probes import step_boundary, step_probes
from tightbeam._publishing import encode_within, the_payload
from tightbeam._results import ReturnType, return_type
from tightbeam.errors import (
    InvalidPayload,
    JournalFailed,
    NotJson,
    StepError,
    StepMisuse,
    TightbeamError,
)

__all__ = [
    "REST_AFTER",
    "PublishStep",
    "Steps",
    "begin_run",
    "begin_sleep",
    "done",
    "memo_result",
    "outcome_of",
    "prepare_publish",
    "published_before",
    "wake_time",
]

_log = logging.getLogger("tightbeam")
Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")
_MAX_SLEEP = timedelta(days=3650)
REST_AFTER = 60.0
"""Seconds of nothing but sleep after which the process may die without that being the run's fault."""


class PublishStep(NamedTuple):
    """A durable publish that is ready to be committed, or needs no commit because it is remembered."""

    ticket: Ticket
    raw: bytes
    work: Work[None] | None


def prepare_publish(
    ledger: Ledger, id: str, ref: TopicRef[..., str, Any], payload: object, limit: int
) -> PublishStep:
    """Check and encode before anything is written; a remembered step keeps its first data."""
    ticket = ledger.begin("step.realtime.publish", id, ref.channel, ref.topic)
    step_id = ticket.step_id
    try:
        if step_probes:
            step_boundary("before", step_id)
        if ticket.memo is not None:
            raw = _remembered(ticket.memo, step_id, ref, payload, limit)
            return PublishStep(ticket, raw, None)
        raw = encode_within(ref, payload, limit)
    except BaseException as error:
        ledger.blame(ticket, error)
        ledger.release(ticket)
        raise
    run, run_id = ledger.run_number, ledger.run_id
    publish = Publish(run, run_id, id, ticket.number, ref.channel, ref.topic, raw, ticket.started_at)

    def work(tx: Transaction) -> None:
        journal.memoize_publish(tx, publish, step_id, ledger.since(ticket))

    return PublishStep(ticket, raw, work)


def _remembered(memo: Memo, step_id: str, ref: TopicRef[..., str, Any], payload: object, limit: int) -> bytes:
    first = memo.result or b"null"
    try:
        now = encode_within(ref, payload, limit)
        same = now == first or orjson.loads(now) == orjson.loads(first)
    except Exception:  # noqa: BLE001 - whatever is passed now, what was published stands
        same = False
    if not same:
        _log.warning(
            'step "%s": topic "%s" was published before with other data; the first data stands',
            step_id,
            ref.topic,
        )
    return first


def published_before(ledger: Ledger, ticket: Ticket, ref: TopicRef[..., str, Data], raw: bytes) -> Data:
    """Load what a remembered publish has published.

    Raises:
        Interrupt: it can't be loaded as the topic's type of today; the run is parked.
    """
    try:
        return load(ref, raw)
    except TightbeamError as error:
        issues = "; ".join(map(str, error.issues)) if isinstance(error, InvalidPayload) else str(error)
        place = f'topic "{ref.topic}" on channel "{ref.channel}"'
        reason = f'what step "{ticket.step_id}" published on {place} doesn\'t load any more: {issues}'
        raise ledger.park(ticket.step_id, error, reason) from error


def begin_run(ledger: Ledger, id: str, fn: Callable[..., object]) -> tuple[Ticket, ReturnType]:
    """Use a step of kind `step.run`; what its function is annotated with must be possible before it runs."""
    check_step_function(id, fn)
    ticket = ledger.begin("step.run", id)
    try:
        if step_probes:
            step_boundary("before", ticket.step_id)
        return ticket, return_type(fn, f'The result of step "{ticket.step_id}"')
    except BaseException as error:
        ledger.release(ticket)
        if ticket.memo is not None and of_kind(error, NotJson):
            raise ledger.park(ticket.step_id, error, str(error)) from error
        ledger.blame(ticket, error)
        raise


def done(raw: bytes) -> Memo:
    """The memo of a `step.run` that succeeded."""
    return Memo("step.run", None, None, "done", None, raw, None, None)


def memo_result(ledger: Ledger, ticket: Ticket, memo: Memo, result: ReturnType) -> Any:
    """Return the remembered result of a step.

    Raises:
        StepError: what is remembered is that it failed.
        Interrupt: the result doesn't fit the type of today; the run is parked.
    """
    if memo.state == "failed":
        failed = StepError(ticket.step_id, memo.error_type or "", memo.error_text or "")
        ledger.blame(ticket, failed)
        raise failed
    try:
        return result.recall(memo.result or b"null")
    except NotJson as error:
        raise ledger.park(ticket.step_id, error, str(error)) from error


def outcome_of(ledger: Ledger, ticket: Ticket, memo: Memo) -> Work[None]:
    """The work that remembers a step's outcome."""

    def work(tx: Transaction) -> None:
        journal.memoize(tx, ledger.run_id, ticket.step_id, memo, ticket.started_at, ledger.since(ticket))

    return work


def wake_time(ticket: Ticket, duration: timedelta) -> int:
    """When a sleep ends: as remembered, or reckoned from now."""
    if ticket.memo is not None:
        return ticket.memo.wake_at or 0
    if not isinstance(duration, timedelta):
        raise StepMisuse(f'step "{ticket.step_id}": a sleep takes a timedelta, not {type(duration).__name__}')
    if duration < timedelta(0) or duration > _MAX_SLEEP:
        raise StepMisuse(f'step "{ticket.step_id}": a sleep lasts from no time to {_MAX_SLEEP.days} days')
    return ticket.started_at + duration // timedelta(microseconds=1)


def begin_sleep(tx: Transaction, ledger: Ledger, ticket: Ticket, wake_at: int) -> None:
    """Remember when to wake."""
    since, alone = ledger.since(ticket), ledger.only_sleeping
    ledger.asleep = ledger.asleep or alone
    journal.begin_sleep(tx, ledger.run_id, ticket.step_id, wake_at, ticket.started_at, since, alone)


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

    @property
    def realtime(self) -> Steps:
        """Publishing as a step."""
        return self

    async def publish(
        self,
        id: str,
        topic: TopicRef[Payload, TopicName, Data],
        /,
        *data: Payload.args,
        **kwargs: Payload.kwargs,
    ) -> Data:
        """See `tightbeam.Context`."""
        payload = the_payload(topic, data, kwargs)
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
        step_id, run_id = ticket.step_id, ledger.run_id
        try:
            if step_probes:
                step_boundary("before", step_id)
            if ticket.memo is None or ticket.memo.state == "sleeping":
                wake_at = wake_time(ticket, duration)
                alarm = Alarm(wake_at)  # before anything waits: the clock may be set back meanwhile
                if ticket.memo is None:
                    await self._writer.submit(lambda tx: begin_sleep(tx, ledger, ticket, wake_at))
                    ledger.progressed()
                await self._asleep(alarm)
                ledger.asleep = False
                await self._writer.submit(lambda tx: journal.end_sleep(tx, run_id, step_id))
        except asyncio.CancelledError:
            if not ledger.over.is_set():  # a timeout of the handler's own: it goes on
                ledger.asleep = False
                self._writer.submit(lambda tx: journal.mark_awake(tx, run_id))
            raise
        finally:
            ledger.release(ticket)
        if step_probes:
            step_boundary("after", step_id)

    async def _asleep(self, alarm: Alarm) -> None:
        """Wait for a time of day, giving up the run's place if it waits for nothing else."""
        ledger = self._ledger
        if ledger.over.is_set():
            raise ledger.interrupt()
        if ledger.only_sleeping:
            self._place.leave()
        over = self._loop.create_future()
        self._sleepers.add(over)
        try:
            while not over.done() and (left := alarm.left()):
                await asyncio.wait({over}, timeout=min(left, REST_AFTER))
                if left > REST_AFTER and ledger.may_rest():
                    with contextlib.suppress(JournalFailed):  # a full disk is no reason to wake
                        await self._writer.submit(lambda tx: journal.rest(tx, ledger.run_id))
        finally:
            self._sleepers.discard(over)
        if not ledger.over.is_set():
            await self._place.enter()
        if ledger.over.is_set():
            raise ledger.interrupt()

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
                raise other_kind(ticket.step_id, wanted="async")
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
        if verdict.memo is None:
            ledger.release(ticket)
            self.wake_sleepers()
            return None, verdict.error
        try:
            await self._store(ticket, outcome_of(ledger, ticket, verdict.memo))
        except TightbeamError as error:  # returned, since whoever awaits this task may have been cancelled
            return None, error
        return value, verdict.error

    async def _owned(self, attempt: Coroutine[Any, Any, tuple[Any, BaseException | None]]) -> Any:
        """Run a step's attempt in a task of our own.

        When a sibling's failure has interrupted the execution (a `TaskGroup` then cancels us), the step still
        runs to its end and is remembered. When the handler itself cancels it (a timeout), its function is
        cancelled.
        """
        task = self._loop.create_task(attempt)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            value, error = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done() and self._ledger.cause is None:
                task.cancel()
                await asyncio.wait({task})
            raise
        if error is not None:
            raise error
        return value
