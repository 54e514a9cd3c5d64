"""How a step ends that waited, and how its run comes to go on, whichever process has it."""

from __future__ import annotations

from tightbeam._engine.postgres.texts import fit
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import RunError
from tightbeam._engine.wait_rules import WaitEnd, end_of_child
from tightbeam._message import now_us

__all__ = ["end_invoked", "end_waiting", "wake"]

# The step is searched for by its key: the index of all steps that wait is no candidate for an expression.
_END = (
    "UPDATE step SET state = %s, result = %s, error_type = %s, error_text = %s, ended_at = %s "
    "WHERE run_id = %s AND id = %s AND state || '' = 'waiting'"
)
_END_INVOKED = f"{_END} AND match = %s AND wake_at > %s"
# The row is written in any case: so this waits for a transaction that is about to set the run aside, and
# which may not have seen that the step has ended.
_WAKE = (
    "UPDATE run SET due_at = CASE WHEN due_at > %(now)s AND (state = 'sleeping' "
    "OR (state IN ('ready', 'parked') AND EXISTS (SELECT FROM step WHERE run_id = %(run)s "
    "AND wake_at = run.due_at))) THEN %(now)s ELSE due_at END "
    "WHERE id = %(run)s AND ended_at IS NULL RETURNING function"
)


def end_waiting(tx: Transaction, run_id: str, step_id: str, ended: WaitEnd) -> bool:
    """End a step that waits; return False if it waits no more.

    Args:
        tx: the transaction.
        run_id: of the step's run.
        step_id: of the step.
        ended: how it ends.
    """
    tx.written += len(ended.result or b"")
    return bool(tx.execute(_END, (*ended, now_us(), run_id, step_id)).rowcount)


def end_invoked(
    tx: Transaction,
    parent: tuple[str, str],
    run_id: str,
    state: str,
    result: bytes | None,
    error: RunError | None,
) -> None:
    """End the step that has invoked a run, if it still waits: the run has ended.

    Args:
        tx: the transaction.
        parent: the run and the step that have invoked it.
        run_id: of the run that has ended.
        state: of that run.
        result: of that run.
        error: what it has failed with.
    """
    error_type, error_text = (None, None) if error is None else map(fit, error[:2])
    ended = end_of_child(run_id, state, result, error_type, error_text)
    tx.written += len(ended.result or b"")
    now = now_us()
    if tx.execute(_END_INVOKED, (*ended, now, *parent, run_id.encode(), now)).rowcount:
        wake(tx, parent[0])


def wake(tx: Transaction, run_id: str) -> None:
    """Have a run be due for which a step has ended that it waited for.

    A run that waits for a retry, which is due at another time than its steps, keeps that time. One that is
    parked is due once it is taken up again.

    Args:
        tx: the transaction.
        run_id: of the run.
    """
    row = tx.execute(_WAKE, {"now": now_us(), "run": run_id}).fetchone()
    if row is not None:
        tx.woken.append(run_id)
        tx.due.add(row[0])
