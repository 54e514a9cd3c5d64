"""What the steps of async and sync handlers share: from the call of a step to the request that stores it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import orjson

from tightbeam._channels.refs import Data, TopicRef
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import of_kind
from tightbeam._engine.records import Memo, Publish
from tightbeam._engine.requests import BeginSleep, EndSleep, MarkAwake, MemoizePublish, MemoizeStep
from tightbeam._engine.step_hooks import notify_before
from tightbeam._engine.step_log import StepCall, StepLog, StepOutcome
from tightbeam._engine.store import Request
from tightbeam._hooks.info import PublishInfo
from tightbeam._message import Envelope
from tightbeam._payload.encode import encode_within
from tightbeam._payload.load import load
from tightbeam._publishing import with_metadata
from tightbeam._results import ReturnType, return_type
from tightbeam._skipped_sleeps import take_skip
from tightbeam._step_checks import check_sleep, check_step_function
from tightbeam._step_timeouts import step_error
from tightbeam.errors import (
    InvalidPayload,
    JournalFailed,
    NotJson,
    NotStorable,
    TightbeamError,
)

__all__ = [
    "LEAVE_AFTER",
    "LINGER",
    "REST_AFTER",
    "PublishStep",
    "begin_publish",
    "begin_run",
    "log_unstored",
    "memo_of",
    "memo_result",
    "prepare_publish",
    "published_before",
    "sleeping",
    "storing",
    "too_large",
    "wake_time",
]

REST_AFTER = 60.0
"""Seconds of nothing but sleep after which the process may die without that being the run's fault."""
LEAVE_AFTER = 60.0
"""A run that does nothing but sleep for more seconds than these isn't kept in memory."""
LINGER = 1.0
"""A run that waits for an event or another run is kept in memory so many seconds: it may come at once."""

_log = logging.getLogger("tightbeam")


class PublishStep(NamedTuple):
    """A durable publish that was checked and encoded."""

    raw: bytes
    request: MemoizePublish
    """What stores it."""


def begin_publish(log: StepLog, id: str, ref: TopicRef[..., str, Any]) -> StepCall:
    """Call a step of kind `step.realtime.publish`.

    Args:
        log: of the execution.
        id: of the step.
        ref: the topic.

    Raises:
        StepMisuse: as `StepLog.begin`.
        Interrupt: as `StepLog.begin`.
    """
    call = log.begin("step.realtime.publish", id, ref.channel, ref.topic)
    try:
        notify_before(log, call)
    except BaseException as error:
        log.note_origin(call, error)
        log.release(call)
        raise
    return call


def prepare_publish(
    log: StepLog,
    call: StepCall,
    ref: TopicRef[..., str, Any],
    payload: object,
    limit: int,
    publish: PublishInfo | None,
) -> PublishStep:
    """Check and encode a payload before anything is stored; if it is refused, the step is released.

    Args:
        log: of the execution.
        call: of the step, which isn't remembered.
        ref: the topic.
        payload: the data.
        limit: how many bytes its encoding may have.
        publish: what hooks know of the publish, if there are any.

    Raises:
        InvalidPayload: the data breaks the topic's schema.
        PayloadTooLarge: its encoding is over the limit.
    """
    try:
        raw = encode_within(ref, payload, limit)
    except BaseException as error:
        log.note_origin(call, error)
        log.release(call)
        raise
    metadata = None
    if publish is not None:
        message_id = f"{log.run_id}:{call.base}:{call.number}"
        message = Envelope(ref.channel, ref.topic, raw, log.run_id, message_id, call.started_at)
        metadata = with_metadata(publish, message).metadata
    run, started = (log.run_number, log.run_id), call.started_at
    durable = Publish(*run, call.base, call.number, ref.channel, ref.topic, raw, started, metadata)
    return PublishStep(raw, MemoizePublish(durable, call.step_id, log.replaced(call)))


def _first_data(
    log: StepLog, call: StepCall, memo: Memo, ref: TopicRef[..., str, Any], payload: object, limit: int
) -> bytes:
    first = memo.result or b"null"
    try:
        now = encode_within(ref, payload, limit)
        same = now == first or orjson.loads(now) == orjson.loads(first)
    except Exception:  # noqa: BLE001 - whatever is passed now, what was published stands
        same = False
    if not same:
        _log.warning(
            'step "%s": topic "%s" was published before with other data; the first data stands',
            call.step_id,
            ref.topic,
            extra=log.record_extras(call.step_id, call.attempt),
        )
    return first


def published_before(
    log: StepLog, call: StepCall, memo: Memo, ref: TopicRef[..., str, Data], payload: object, limit: int
) -> Data:
    """Load what a remembered publish has published.

    Args:
        log: of the execution.
        call: of the step.
        memo: what is remembered of it.
        ref: the topic.
        payload: the data of today; if it is other data, that is logged.
        limit: how many bytes its encoding may have.

    Raises:
        Interrupt: what was published can't be loaded as the topic's type of today; the run is parked.
    """
    raw = _first_data(log, call, memo, ref, payload, limit)
    try:
        return load(ref, raw)
    except TightbeamError as error:
        issues = "; ".join(map(str, error.issues)) if isinstance(error, InvalidPayload) else str(error)
        place = f'topic "{ref.topic}" on channel "{ref.channel}"'
        reason = f'what step "{call.step_id}" published on {place} doesn\'t load any more: {issues}'
        raise log.park(call.step_id, error, reason) from error


def begin_run(log: StepLog, id: str, fn: Callable[..., object]) -> tuple[StepCall, ReturnType]:
    """Call a step of kind `step.run`, and look at what its function is annotated with before that runs.

    Args:
        log: of the execution.
        id: of the step.
        fn: its function.

    Returns:
        The call, and the type of the result.

    Raises:
        StepMisuse: it isn't a function, or as `StepLog.begin`.
        NotJson: no JSON can be of that type.
        Interrupt: as `StepLog.begin`.
    """
    check_step_function(id, fn)
    call = log.begin("step.run", id)
    try:
        notify_before(log, call)
        return call, return_type(fn, f'The result of step "{call.step_id}"')
    except BaseException as error:
        log.release(call)
        if call.memo is not None and of_kind(error, NotJson):
            raise log.park(call.step_id, error, str(error)) from error
        log.note_origin(call, error)
        raise


def memo_of(raw: bytes) -> Memo:
    """Return the memo of a `step.run` that returned this JSON."""
    return Memo("step.run", None, None, "done", None, raw, None, None)


def memo_result(log: StepLog, call: StepCall, memo: Memo, result: ReturnType) -> Any:
    """Return the remembered result of a step.

    Args:
        log: of the execution.
        call: of the step.
        memo: what is remembered of it.
        result: the type of the result today.

    Raises:
        StepError: it is remembered as failed.
        Interrupt: the result doesn't fit the type of today; the run is parked.
    """
    if memo.state == "failed":
        failed = step_error(call.step_id, memo.error_type or "", memo.error_text or "")
        log.note_origin(call, failed)
        raise failed
    try:
        return result.recall(memo.result or b"null")
    except NotJson as error:
        raise log.park(call.step_id, error, str(error)) from error


def storing(log: StepLog, call: StepCall, memo: Memo) -> MemoizeStep:
    """Return the request that stores a step's outcome."""
    return MemoizeStep(log.run_id, call.step_id, memo, call.started_at, log.replaced(call))


def wake_time(call: StepCall, duration: timedelta) -> int:
    """Return when a sleep ends: as remembered, or counted from now.

    Raises:
        StepMisuse: the duration isn't one, is negative or too long.
    """
    if call.memo is None:
        check_sleep(call.step_id, duration)
    if take_skip(call.step_id):
        return call.started_at
    if call.memo is not None:
        return call.memo.wake_at or 0
    return call.started_at + duration // timedelta(microseconds=1)


def sleeping(log: StepLog, call: StepCall, wake_at: int) -> Iterator[Request[None] | Alarm]:
    """Yield what a sleep consists of, one after the other: requests to store, and the time to wait for.

    Args:
        log: of the execution.
        call: of the step; if it has a memo, it slept in an earlier execution, and that was stored.
        wake_at: the time of day.
    """
    alarm = Alarm(wake_at)  # before anything waits: the clock may be set back meanwhile
    if call.memo is None:
        alone = log.only_sleeping
        log.asleep = log.asleep or alone
        yield BeginSleep(log.run_id, call.step_id, wake_at, call.started_at, log.replaced(call), alone)
        log.restart_attempts()
        if alone and not log.only_sleeping:  # another step has begun while that was stored
            log.asleep = False
            yield MarkAwake(log.run_id)
    yield alarm
    log.asleep = False
    yield EndSleep(log.run_id, call.step_id)


def too_large(log: StepLog, call: StepCall, error: NotStorable) -> StepOutcome:
    """Return how a step ends whose outcome the journal can't hold."""
    failed = NotStorable(f'The outcome of step "{call.step_id}" can\'t be stored: {error}')
    failed.__cause__ = error
    return log.fail(call, failed)


def log_unstored(log: StepLog, call: StepCall, error: JournalFailed) -> None:
    """Log that a step waits for the journal."""
    _log.error(
        'step "%s" of run %s can\'t be stored, trying again: %s',
        call.step_id,
        log.run_id,
        error,
        extra=log.record_extras(call.step_id, call.attempt),
    )
