"""The requests about steps that wait: for an event, or for the end of a run that they have invoked."""

from __future__ import annotations

from tightbeam._engine.postgres.adding import add_run
from tightbeam._engine.postgres.fencing import IS_MINE, fence
from tightbeam._engine.postgres.steps import NewStep, add_step, fall_asleep, have_awake
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.postgres.waking import end_waiting, wake
from tightbeam._engine.records import ClaimLost, Memo
from tightbeam._engine.requests import MAX_DEPTH, BeginInvoke, BeginWait, EndWait, SendEvent
from tightbeam._engine.wait_rules import Incoming, WaitEnd, end_of_time, too_deep
from tightbeam._message import now_us

__all__ = ["begin_invoke", "begin_wait", "end_wait", "hand_over"]

_DEPTH = """
WITH RECURSIVE above (id, depth) AS (
  SELECT %(run)s::text COLLATE "C", 1
  UNION ALL
  SELECT run.parent_run, depth + 1 FROM above JOIN run ON run.id = above.id
  WHERE run.parent_run IS NOT NULL AND depth < %(most)s
)
SELECT max(depth) FROM above
"""
_WAITING = (
    "SELECT step.kind, step.channel, step.topic, step.state, step.wake_at, step.result, "  # noqa: S608 - of a constant
    "step.error_type, step.error_text, step.match FROM step JOIN run ON run.id = step.run_id "
    f"WHERE {IS_MINE} AND step.id = %(step_id)s FOR UPDATE OF step"
)
# Locked in one order, so that two events of one name don't wait for each other.
_WAIT_FOR_EVENT = (
    "SELECT step.run_id, step.id, step.match FROM step JOIN run ON run.id = step.run_id "
    "WHERE step.state = 'waiting' AND step.event = %s AND step.wake_at > %s AND run.ended_at IS NULL "
    "ORDER BY run.number, step.started_at FOR UPDATE OF step"
)
_TAKEN = "SELECT result FROM step WHERE run_id = %s AND event = %s AND state = 'done'"


def begin_wait(tx: Transaction, request: BeginWait) -> None:
    """Answer `BeginWait`."""
    memo = Memo("step.wait_for_event", None, request.event, "waiting", request.wake_at, None, None, None)
    step = (request.run_id, request.step_id, memo, request.started_at, request.replaced)
    add_step(tx, NewStep(*step, event=request.event, match=request.match))
    if request.alone:
        fall_asleep(tx, request.run_id, request.wake_at)


def begin_invoke(tx: Transaction, request: BeginInvoke) -> None:
    """Answer `BeginInvoke`."""
    depth = tx.execute(_DEPTH, {"run": request.run_id, "most": MAX_DEPTH}).fetchone()
    if depth is not None and depth[0] >= MAX_DEPTH:
        raise too_deep(request.step_id)
    child = request.child
    memo = Memo("step.invoke", None, child.function, "waiting", request.wake_at, None, None, None)
    step = (request.run_id, request.step_id, memo, request.started_at, request.replaced)
    add_step(tx, NewStep(*step, match=child.id.encode()))
    if request.alone:
        fall_asleep(tx, request.run_id, request.wake_at)
    add_run(tx, child, request.event, request.data)


def end_wait(tx: Transaction, request: EndWait) -> Memo:
    """Answer `EndWait`."""
    run_id, step_id = request.run_id, request.step_id
    row = tx.execute(_WAITING, {**fence(tx, run_id), "step_id": step_id}).fetchone()
    if row is None:
        raise ClaimLost(run_id)
    *memo, match = row
    found = Memo(*memo)
    if found.state == "waiting":
        if not request.timed_out:
            return found
        ended = end_of_time(found.kind, None if match is None else bytes(match).decode("utf-8", "replace"))
        end_waiting(tx, run_id, step_id, ended)
        found = Memo(found.kind, found.channel, found.topic, ended.state, found.wake_at, *ended[1:])
    have_awake(tx, run_id)
    return found


def hand_over(tx: Transaction, request: SendEvent) -> int:
    """Hand an event to the steps that wait for it; return how many took it.

    Args:
        tx: the transaction.
        request: what is sent.
    """
    now = now_us()
    incoming = Incoming(request, now)
    taken = 0
    for run_id, step_id, match in tx.execute(_WAIT_FOR_EVENT, (request.event, now)).fetchall():
        before = tx.execute(_TAKEN, (run_id, request.event)).fetchall() if request.id is not None else []
        if incoming.fits(match, (raw for (raw,) in before)) and end_waiting(
            tx, run_id, step_id, WaitEnd("done", incoming.memo)
        ):
            wake(tx, run_id)
            taken += 1
    return taken
