"""The requests of people who operate runs, and the one place where a run ends."""

from __future__ import annotations

from tightbeam._engine.records import CancelledRun, RunError
from tightbeam._engine.requests import CancelRun, IsExecuted, RetryFrom, Unpark
from tightbeam._engine.run_rules import check_cancel, check_resume, check_retry
from tightbeam._engine.sqlite.details import shown_state
from tightbeam._engine.sqlite.steps import note_failures
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.sqlite.waits import end_invoked
from tightbeam._message import now_us
from tightbeam.errors import NoSuchRun, NotRegistered

__all__ = ["cancel_run", "end_run_row", "is_executed", "retry_from", "unpark"]


def end_run_row(
    tx: Transaction, run_id: str, state: str, *, result: bytes | None = None, error: RunError | None = None
) -> None:
    """End a run, if it hasn't ended: it is done, has failed or is cancelled, until it is retried.

    Args:
        tx: the transaction.
        run_id: of the run.
        state: in which it ends.
        result: what it returned.
        error: what it failed with.
    """
    tx.execute(
        "UPDATE run SET state = ?, ended_at = ?, result = ?, error_type = ?, error_text = ?, traceback = ? "
        "WHERE id = ? AND ended_at IS NULL",
        (state, now_us(), result, *(error or (None, None, None)), run_id),
    )
    end_invoked(tx, run_id)


def is_executed(tx: Transaction, request: IsExecuted) -> bool:
    """Answer `IsExecuted`."""
    found = tx.execute(
        "SELECT 1 FROM run WHERE id = ? AND state IN ('running', 'sleeping')", (request.run_id,)
    )
    return found.fetchone() is not None


def cancel_run(tx: Transaction, request: CancelRun) -> CancelledRun:
    """Answer `CancelRun`."""
    run_id = request.run_id
    row = tx.execute(
        "SELECT state, number, function, event, attempt, metadata, error_type, error_text, traceback "
        "FROM run WHERE id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        raise NoSuchRun(run_id)
    state, number, function, event, attempt, metadata, *error = row
    check_cancel(run_id, state)
    note_failures(tx, run_id, request.failures)
    end_run_row(tx, run_id, "cancelled", error=RunError(*error))
    channels = tx.execute("SELECT DISTINCT channel FROM memo WHERE run = ?", (number,)).fetchall()
    published = frozenset(channel for (channel,) in channels if channel is not None)
    return CancelledRun(function, event, attempt, published, metadata)


def retry_from(tx: Transaction, request: RetryFrom) -> None:
    """Answer `RetryFrom`."""
    run_id = request.run_id
    state = _state_of_known(tx, run_id, request.known)
    check_retry(run_id, state)
    tx.execute("UPDATE step SET state = 'failing' WHERE run_id = ? AND state = 'failed'", (run_id,))
    tx.execute(
        "UPDATE run SET state = 'ready', held = 0, due_at = ?, attempt = 0, deaths = 0, failures = 0, "
        "started_at = NULL, ended_at = NULL, error_type = NULL, error_text = NULL, traceback = NULL "
        "WHERE id = ?",
        (now_us(), run_id),
    )


def unpark(tx: Transaction, request: Unpark) -> None:
    """Answer `Unpark`."""
    run_id = request.run_id
    state = _state_of_known(tx, run_id, request.known)
    check_resume(run_id, state)
    tx.execute("UPDATE run SET state = 'ready', error_type = NULL, error_text = NULL WHERE id = ?", (run_id,))


def _state_of_known(tx: Transaction, run_id: str, known: frozenset[str] | None) -> str:
    """Return the state of a run, as it is shown, whose function is known.

    Raises:
        NoSuchRun: there is no such run.
        NotRegistered: its function isn't among those that are known.
    """
    row = tx.execute("SELECT function FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise NoSuchRun(run_id)
    if known is not None and row[0] not in known:
        raise NotRegistered(f'run {run_id} is of function "{row[0]}", which isn\'t registered here')
    return shown_state(tx, run_id)
