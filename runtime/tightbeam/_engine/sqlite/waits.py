"""The requests about steps that wait: for an event, or for the end of a run that they have invoked."""

from __future__ import annotations

from tightbeam._engine.records import Memo
from tightbeam._engine.requests import MAX_DEPTH, BeginInvoke, BeginWait, EndWait, MemoizeStep, SendEvent
from tightbeam._engine.sqlite.adding import add_run
from tightbeam._engine.sqlite.steps import fall_asleep, have_awake, memoize_step, refuse_if_over
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.wait_rules import Incoming, WaitEnd, end_of_child, end_of_time, too_deep
from tightbeam._message import now_us

__all__ = ["begin_invoke", "begin_wait", "end_invoked", "end_wait", "hand_over"]

_DEPTH = """
WITH RECURSIVE above (id, depth) AS (
    SELECT :run, 1
    UNION ALL
    SELECT run.parent_run, depth + 1 FROM above JOIN run ON run.id = above.id
    WHERE run.parent_run IS NOT NULL AND depth < :most
)
SELECT max(depth) FROM above
"""


def begin_wait(tx: Transaction, request: BeginWait) -> None:
    """Answer `BeginWait`."""
    _begin(tx, request, "step.wait_for_event", request.event)
    tx.execute(
        "UPDATE step SET event = ?, match = ? WHERE run_id = ? AND id = ?",
        (request.event, request.match, request.run_id, request.step_id),
    )


def begin_invoke(tx: Transaction, request: BeginInvoke) -> None:
    """Answer `BeginInvoke`."""
    (depth,) = tx.execute(_DEPTH, {"run": request.run_id, "most": MAX_DEPTH}).fetchone()
    if depth >= MAX_DEPTH:
        raise too_deep(request.step_id)
    _begin(tx, request, "step.invoke", request.child.function)
    tx.execute(
        "UPDATE step SET event = NULL, match = ? WHERE run_id = ? AND id = ?",
        (request.child.id.encode(), request.run_id, request.step_id),
    )
    add_run(tx, request.child, request.event, request.data)


def _begin(tx: Transaction, request: BeginWait | BeginInvoke, kind: str, name: str) -> None:
    run_id, step_id, wake_at = request.run_id, request.step_id, request.wake_at
    refuse_if_over(tx, run_id)
    memo = Memo(kind, None, name, "waiting", wake_at, None, None, None)
    memoize_step(tx, MemoizeStep(run_id, step_id, memo, request.started_at, request.replaced))
    tx.execute("UPDATE step SET ended_at = NULL WHERE run_id = ? AND id = ?", (run_id, step_id))
    if request.alone:
        fall_asleep(tx, run_id, wake_at)


def end_wait(tx: Transaction, request: EndWait) -> Memo:
    """Answer `EndWait`."""
    step = (request.run_id, request.step_id)
    *memo, match = tx.execute(
        "SELECT kind, channel, topic, state, wake_at, result, error_type, error_text, match FROM step "
        "WHERE run_id = ? AND id = ?",
        step,
    ).fetchone()
    found = Memo(*memo)
    if found.state == "waiting":
        if not request.timed_out:
            return found
        ended = end_of_time(found.kind, None if match is None else bytes(match).decode("utf-8", "replace"))
        _end(tx, *step, ended)
        found = Memo(found.kind, found.channel, found.topic, ended.state, found.wake_at, *ended[1:])
    have_awake(tx, request.run_id)
    return found


def _end(tx: Transaction, run_id: str, step_id: str, ended: WaitEnd) -> None:
    tx.written += len(ended.result or b"")
    tx.execute(
        "UPDATE step SET state = ?, result = ?, error_type = ?, error_text = ?, ended_at = ? "
        "WHERE run_id = ? AND id = ?",
        (*ended, now_us(), run_id, step_id),
    )


def hand_over(tx: Transaction, request: SendEvent) -> int:
    """Hand an event to the steps that wait for it; return how many took it."""
    now = now_us()
    incoming = Incoming(request, now)
    waiting = tx.execute(
        "SELECT step.run_id, step.id, match FROM step JOIN run ON run.id = step.run_id "
        "WHERE step.state = 'waiting' AND step.event = ? AND wake_at > ? AND run.ended_at IS NULL "
        "ORDER BY run.number, step.started_at",
        (request.event, now),
    ).fetchall()
    taken = 0
    for run_id, step_id, match in waiting:
        before = tx.execute(
            "SELECT result FROM step WHERE run_id = ? AND event = ? AND state = 'done'",
            (run_id, request.event),
        )
        if incoming.fits(match, (raw for (raw,) in before)):
            _end(tx, run_id, step_id, WaitEnd("done", incoming.memo))
            _wake(tx, run_id)
            taken += 1
    return taken


def end_invoked(tx: Transaction, run_id: str) -> None:
    """End the step that has invoked a run, if one has and still waits: the run has ended."""
    row = tx.execute(
        "SELECT parent_run, parent_step, state, result, error_type, error_text FROM run "
        "WHERE id = ? AND parent_run IS NOT NULL",
        (run_id,),
    ).fetchone()
    if row is None:
        return
    parent, step_id, *outcome = row
    step = tx.execute(
        "SELECT 1 FROM step WHERE run_id = ? AND id = ? AND state = 'waiting' AND match = ? AND wake_at > ?",
        (parent, step_id, run_id.encode(), now_us()),
    )
    if step.fetchone() is not None:
        _end(tx, parent, step_id, end_of_child(run_id, *outcome))
        _wake(tx, parent)


def _wake(tx: Transaction, run_id: str) -> None:
    """Have a run be due for which a step has ended that it waited for.

    A run that waits for a retry, which is due at another time than its steps, keeps that time. One that is
    parked is due once it is taken up again.
    """
    tx.execute(
        "UPDATE run SET due_at = :now WHERE id = :run AND due_at > :now AND (state = 'sleeping' OR "
        "(state IN ('ready', 'parked') "
        "AND EXISTS (SELECT 1 FROM step WHERE run_id = :run AND wake_at = due_at)))",
        {"now": now_us(), "run": run_id},
    )
    tx.woken.append(run_id)
