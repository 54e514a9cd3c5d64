"""The requests about steps: what is remembered of them, and that a run sleeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from tightbeam._engine.records import Failure, Memo, MemoizedAlready, run_is_over
from tightbeam._engine.requests import BeginSleep, EndSleep, MarkAwake, MemoizePublish, MemoizeStep, Rest
from tightbeam._engine.sqlite.messages import append
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import now_us

__all__ = [
    "begin_sleep",
    "end_sleep",
    "fall_asleep",
    "have_awake",
    "mark_awake",
    "memoize_publish",
    "memoize_step",
    "note_failures",
    "refuse_if_over",
    "rest",
]

_STEP = (
    "INSERT INTO step (run_id, id, kind, channel, topic, state, started_at, ended_at, wake_at, result, "
    "error_type, error_text, attempts) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1 "
    "WHERE NOT EXISTS (SELECT 1 FROM message WHERE run = (SELECT number FROM run WHERE id = ?) "
    "AND step = ? AND number = ?) "
)
"""The memo of a step may be a message, too."""
_STEP_AGAIN = (
    f"{_STEP} ON CONFLICT (run_id, id) DO UPDATE SET kind = excluded.kind, channel = excluded.channel, "
    "topic = excluded.topic, state = excluded.state, attempts = iif(kind = excluded.kind, attempts, 0) + 1, "
    "started_at = iif(kind = excluded.kind, started_at, excluded.started_at), "
    "ended_at = excluded.ended_at, wake_at = excluded.wake_at, result = excluded.result, "
    "error_type = excluded.error_type, error_text = excluded.error_text WHERE state = 'failing'"
)
"""Takes the place of a failure, which may be of a step of another kind: the code has changed since."""
_START_OVER = "UPDATE run SET attempt = 0, deaths = 0 WHERE id = ?"


def memoize_step(tx: Transaction, request: MemoizeStep) -> None:
    """Answer `MemoizeStep`.

    The step is the primary key: of two executions of one run only one can store a memo.
    """
    run_id, step_id, memo = request.run_id, request.step_id, request.memo
    step = (run_id, step_id, memo.kind, memo.channel, memo.topic, memo.state, request.started_at, now_us())
    try:
        written = tx.execute(
            _STEP_AGAIN if request.replaced.failed else _STEP,
            (*step, memo.wake_at, memo.result, memo.error_type, memo.error_text, run_id, *_use_of(step_id)),
        )
    except sqlite3.IntegrityError:
        written = None
    tx.written += len(memo.result or b"")
    if written is None or written.rowcount != 1:
        raise MemoizedAlready(run_id, step_id)
    if request.replaced.counted:
        tx.execute(_START_OVER, (run_id,))


def memoize_publish(tx: Transaction, request: MemoizePublish) -> None:
    """Answer `MemoizePublish`: one row is the message and the memo, so that neither is there alone."""
    publish, step_id, replaced = request.publish, request.step_id, request.replaced
    if replaced.failed:  # as a step of another kind: the code has changed
        tx.execute(
            "DELETE FROM step WHERE run_id = ? AND id = ? AND state = 'failing'", (publish.run_id, step_id)
        )
    if not append(tx, publish, step_id, now_us()):
        refuse_if_over(tx, publish.run_id)
        raise MemoizedAlready(publish.run_id, step_id)
    if replaced.counted:
        tx.execute(_START_OVER, (publish.run_id,))


def begin_sleep(tx: Transaction, request: BeginSleep) -> None:
    """Answer `BeginSleep`."""
    run_id, step_id, wake_at = request.run_id, request.step_id, request.wake_at
    refuse_if_over(tx, run_id)
    memo = Memo("step.sleep", None, None, "sleeping", wake_at, None, None, None)
    memoize_step(tx, MemoizeStep(run_id, step_id, memo, request.started_at, request.replaced))
    tx.execute("UPDATE step SET ended_at = NULL WHERE run_id = ? AND id = ?", (run_id, step_id))
    if request.alone:
        fall_asleep(tx, run_id, wake_at)


def fall_asleep(tx: Transaction, run_id: str, wake_at: int) -> None:
    """Have a run sleep until a time, or until an earlier one that it has already."""
    tx.execute(
        "UPDATE run SET due_at = iif(state = 'sleeping', min(due_at, ?), ?), state = 'sleeping' WHERE id = ?",
        (wake_at, wake_at, run_id),
    )


def end_sleep(tx: Transaction, request: EndSleep) -> None:
    """Answer `EndSleep`."""
    tx.execute(
        "UPDATE step SET state = 'done', ended_at = ? WHERE run_id = ? AND id = ?",
        (now_us(), request.run_id, request.step_id),
    )
    have_awake(tx, request.run_id)


def mark_awake(tx: Transaction, request: MarkAwake) -> None:
    """Answer `MarkAwake`."""
    have_awake(tx, request.run_id)


def have_awake(tx: Transaction, run_id: str) -> None:
    """Have a run execute that slept."""
    tx.execute(
        "UPDATE run SET state = 'running', due_at = ? WHERE id = ? AND state = 'sleeping'", (now_us(), run_id)
    )


def refuse_if_over(tx: Transaction, run_id: str) -> None:
    """Refuse what a run that has ended would begin: it was cancelled while its handler goes on.

    Raises:
        StepMisuse: it has ended.
    """
    if (
        tx.execute("SELECT 1 FROM run WHERE id = ? AND ended_at IS NOT NULL", (run_id,)).fetchone()
        is not None
    ):
        raise run_is_over(run_id)


def rest(tx: Transaction, request: Rest) -> None:
    """Answer `Rest`."""
    tx.execute(
        "UPDATE run SET state = 'sleeping', due_at = ? WHERE id = ? AND state = 'running'",
        (now_us(), request.run_id),
    )


def note_failures(tx: Transaction, run_id: str, failures: Iterable[Failure]) -> None:
    """Keep steps that failed without being memoized, for people who look at the run."""
    for failure in failures:
        step = (run_id, failure.step_id, failure.kind, failure.channel, failure.topic, "failing")
        times = (failure.started_at, failure.ended_at, None)
        error = (failure.error_type, failure.error_text)
        tx.execute(_STEP_AGAIN, (*step, *times, None, *error, run_id, *_use_of(failure.step_id)))


def _use_of(step_id: str) -> tuple[str, int]:
    """Return a step's name, and how often the handler used that name before."""
    name, _, number = step_id.rpartition(":")
    return (name, int(number)) if name and number.isascii() and number.isdigit() else (step_id, 0)
