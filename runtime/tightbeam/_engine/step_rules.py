"""What the steps of async and sync handlers share: from a step's use to the work that is to be stored."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import orjson

from tightbeam._channels.refs import Data, TopicRef
from tightbeam._context import check_step_function
from tightbeam._engine.failure import of_kind
from tightbeam._engine.sqlite import runs as journal
from tightbeam._engine.sqlite.messages import Publish
from tightbeam._engine.sqlite.runs import Memo
from tightbeam._engine.sqlite.writer import Transaction, Work
from tightbeam._engine.step_log import Ledger, Ticket, Verdict
from tightbeam._payload.load import load
from tightbeam._probes import step_boundary, step_probes
from tightbeam._publishing import encode_within
from tightbeam._results import ReturnType, return_type
from tightbeam.errors import (
    InvalidPayload,
    JournalFailed,
    NotJson,
    NotStorable,
    StepError,
    StepMisuse,
    TightbeamError,
)

__all__ = [
    "PublishStep",
    "begin_run",
    "begin_sleep",
    "done",
    "log_unstored",
    "memo_result",
    "outcome_of",
    "prepare_publish",
    "published_before",
    "too_large",
    "wake_time",
]

_log = logging.getLogger("tightbeam")
_MAX_SLEEP = timedelta(days=3650)


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


def too_large(ledger: Ledger, ticket: Ticket, error: NotStorable) -> Verdict:
    """Say what becomes of a step whose outcome the journal can't hold."""
    failed = NotStorable(f'The outcome of step "{ticket.step_id}" can\'t be stored: {error}')
    failed.__cause__ = error
    return ledger.judge(ticket, failed)


def log_unstored(ledger: Ledger, ticket: Ticket, error: JournalFailed) -> None:
    """Log that a step waits for the journal."""
    _log.error(
        'step "%s" of run %s can\'t be stored, trying again: %s',
        ticket.step_id,
        ledger.run_id,
        error,
        extra={"run_id": ledger.run_id, "step": ticket.step_id, "attempt": ticket.attempt},
    )
