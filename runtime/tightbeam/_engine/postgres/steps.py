"""The requests about steps: what is remembered of them, and that a run sleeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tightbeam._engine.postgres.fencing import IS_EXECUTED, IS_MINE, fence, let_slot_go
from tightbeam._engine.postgres.texts import fit
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import (
    ClaimLost,
    Failure,
    Memo,
    MemoizedAlready,
    Replaced,
    run_is_over,
)
from tightbeam._engine.requests import BeginSleep, EndSleep, MarkAwake, MemoizeStep, Rest
from tightbeam._message import now_us

__all__ = [
    "NewStep",
    "add_step",
    "begin_sleep",
    "end_sleep",
    "fall_asleep",
    "have_awake",
    "mark_awake",
    "memoize_step",
    "note_failures",
    "refuse_if_over",
    "rest",
]

# The memo of a step may be a message, too; OFFSET 0 has that searched for by its key in any case.
_STEP = f"""
INSERT INTO step (run_id, id, kind, channel, topic, state, started_at, ended_at, wake_at, result,
  error_type, error_text, event, match, attempts)
SELECT run.id, %(step_id)s::text, %(kind)s::text, %(channel)s::text, %(topic)s::text, %(state)s::text,
  %(started_at)s::bigint, %(ended_at)s::bigint, %(wake_at)s::bigint, %(result)s::bytea,
  %(error_type)s::text, %(error_text)s::text, %(event)s::text, %(match)s::bytea, 1
FROM run WHERE {IS_MINE} AND ({IS_EXECUTED} OR NOT %(only_open)s::boolean)
AND NOT EXISTS (SELECT FROM message
  WHERE message.run = run.number AND message.step = %(name)s AND message.number = %(nth)s OFFSET 0)
"""  # noqa: S608 - of a constant
_STEP_ONCE = f"{_STEP} ON CONFLICT DO NOTHING"
_STEP_AGAIN = f"""{_STEP}
ON CONFLICT (run_id, id) DO UPDATE SET kind = excluded.kind, channel = excluded.channel,
  topic = excluded.topic, state = excluded.state,
  attempts = CASE WHEN step.kind = excluded.kind THEN step.attempts ELSE 0 END + 1,
  started_at = CASE WHEN step.kind = excluded.kind THEN step.started_at ELSE excluded.started_at END,
  ended_at = excluded.ended_at, wake_at = excluded.wake_at, result = excluded.result,
  error_type = excluded.error_type, error_text = excluded.error_text, event = excluded.event,
  match = excluded.match
WHERE step.state = 'failing'
"""
"""Takes the place of a failure, which may be of a step of another kind: the code has changed since."""
_START_OVER = f"UPDATE run SET attempt = 0, deaths = 0 WHERE {IS_MINE}"  # noqa: S608 - of a constant
_OWNED = f"SELECT {IS_EXECUTED} FROM run WHERE {IS_MINE}"  # noqa: S608 - of a constant
_END_SLEEP = (
    "UPDATE step SET state = 'done', ended_at = %(now)s FROM run "  # noqa: S608 - of a constant
    f"WHERE step.run_id = run.id AND step.id = %(step_id)s AND {IS_MINE}"
)
_FALL_ASLEEP = (
    "UPDATE run SET state = 'sleeping', due_at = CASE WHEN state = 'sleeping' "  # noqa: S608 - of a constant
    f"THEN least(due_at, %(wake_at)s) ELSE %(wake_at)s END WHERE {IS_MINE} AND {IS_EXECUTED}"
)
_AWAKE = (
    "UPDATE run SET state = 'running', due_at = %(now)s "  # noqa: S608 - of a constant
    f"WHERE {IS_MINE} AND state = 'sleeping'"
)
_REST = (
    "UPDATE run SET state = 'sleeping', due_at = %(now)s "  # noqa: S608 - of a constant
    f"WHERE {IS_MINE} AND state = 'running'"
)


@dataclass(frozen=True, slots=True)
class NewStep:
    """What is to be remembered of a step from now on."""

    run_id: str
    step_id: str
    memo: Memo
    started_at: int
    replaced: Replaced
    ended_at: int | None = None
    event: str | None = None
    """The name of the event that it waits for."""
    match: bytes | None = None
    """Which of these events; or the id of the run that it has invoked."""
    only_open: bool = True
    """Whether it is refused if the run has ended."""


def memoize_step(tx: Transaction, request: MemoizeStep) -> None:
    """Answer `MemoizeStep`.

    The step is the primary key: of two executions of one run only one can store a memo.
    """
    step = (request.run_id, request.step_id, request.memo, request.started_at, request.replaced)
    add_step(tx, NewStep(*step, ended_at=now_us(), only_open=False))


def add_step(tx: Transaction, step: NewStep) -> None:
    """Remember a step.

    Args:
        tx: the transaction.
        step: the step.

    Raises:
        ClaimLost: another process has the run.
        MemoizedAlready: the step has a memo.
        StepMisuse: the run has ended.
    """
    if not _insert(tx, step):
        refuse_if_over(tx, step.run_id, even_if_ended=not step.only_open)
        raise MemoizedAlready(step.run_id, step.step_id)
    tx.written += len(step.memo.result or b"")
    if step.replaced.counted:
        tx.execute(_START_OVER, fence(tx, step.run_id))


def _insert(tx: Transaction, step: NewStep) -> bool:
    """Store the row of a step; return False if that was refused."""
    memo = step.memo
    name, nth = _use_of(step.step_id)
    values = {
        **fence(tx, step.run_id),
        "step_id": step.step_id,
        "kind": memo.kind,
        "channel": memo.channel,
        "topic": memo.topic,
        "state": memo.state,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "wake_at": memo.wake_at,
        "result": memo.result,
        "error_type": memo.error_type,
        "error_text": fit(memo.error_text),
        "event": step.event,
        "match": step.match,
        "only_open": step.only_open,
        "name": name,
        "nth": nth,
    }
    return bool(tx.execute(_STEP_AGAIN if step.replaced.failed else _STEP_ONCE, values).rowcount)


def begin_sleep(tx: Transaction, request: BeginSleep) -> None:
    """Answer `BeginSleep`."""
    run_id, wake_at = request.run_id, request.wake_at
    memo = Memo("step.sleep", None, None, "sleeping", wake_at, None, None, None)
    add_step(tx, NewStep(run_id, request.step_id, memo, request.started_at, request.replaced))
    if request.alone:
        fall_asleep(tx, run_id, wake_at)


def fall_asleep(tx: Transaction, run_id: str, wake_at: int) -> None:
    """Have a run sleep until a time, or until an earlier one that it has already.

    Args:
        tx: the transaction.
        run_id: of the run, which this process has claimed.
        wake_at: the time.
    """
    tx.execute(_FALL_ASLEEP, {**fence(tx, run_id), "wake_at": wake_at})
    let_slot_go(tx, run_id)


def end_sleep(tx: Transaction, request: EndSleep) -> None:
    """Answer `EndSleep`."""
    values = {**fence(tx, request.run_id), "step_id": request.step_id, "now": now_us()}
    if not tx.execute(_END_SLEEP, values).rowcount:
        raise ClaimLost(request.run_id)
    have_awake(tx, request.run_id)


def mark_awake(tx: Transaction, request: MarkAwake) -> None:
    """Answer `MarkAwake`; nothing happens to a run that another process has, or that was set aside."""
    if request.run_id in tx.claims:
        have_awake(tx, request.run_id)


def have_awake(tx: Transaction, run_id: str) -> None:
    """Have a run execute that slept."""
    tx.execute(_AWAKE, {**fence(tx, run_id), "now": now_us()})


def refuse_if_over(tx: Transaction, run_id: str, *, even_if_ended: bool = False) -> None:
    """Refuse what a run would begin that has ended, or that another process has.

    Args:
        tx: the transaction.
        run_id: of the run.
        even_if_ended: whether only the latter is refused.

    Raises:
        StepMisuse: it has ended: it was cancelled while its handler goes on.
        ClaimLost: another process has it.
    """
    row = tx.execute(_OWNED, fence(tx, run_id)).fetchone()
    if row is None:
        raise ClaimLost(run_id)
    if not row[0] and not even_if_ended:
        raise run_is_over(run_id)


def rest(tx: Transaction, request: Rest) -> None:
    """Answer `Rest`; as `mark_awake`."""
    if request.run_id in tx.claims:
        tx.execute(_REST, {**fence(tx, request.run_id), "now": now_us()})
        let_slot_go(tx, request.run_id)


def note_failures(tx: Transaction, run_id: str, failures: Iterable[Failure]) -> None:
    """Keep steps that failed without being memoized, for people who look at the run.

    Args:
        tx: the transaction.
        run_id: of the run, which this process has claimed.
        failures: the steps.
    """
    replaced = Replaced(failed=True, counted=False)
    for each in failures:
        use = (each.kind, each.channel, each.topic)
        memo = Memo(*use, "failing", None, None, each.error_type, each.error_text)
        times = (each.started_at, replaced, each.ended_at)
        _insert(tx, NewStep(run_id, each.step_id, memo, *times, only_open=False))


def _use_of(step_id: str) -> tuple[str, int]:
    """Return a step's name, and how often the handler used that name before."""
    name, _, number = step_id.rpartition(":")
    return (name, int(number)) if name and number.isascii() and number.isdigit() else (step_id, 0)
