"""The requests of people who operate runs."""

from __future__ import annotations

from typing import Any

from tightbeam._engine.postgres.ending import end_run_row
from tightbeam._engine.postgres.fencing import release
from tightbeam._engine.postgres.inspection import SHOWN_STATE
from tightbeam._engine.postgres.processes import IS_DEAD
from tightbeam._engine.postgres.steps import note_failures
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import CancelledRun, RunError
from tightbeam._engine.requests import CancelRun, RetryFrom, Unpark
from tightbeam._engine.run_rules import check_cancel, check_resume, check_retry
from tightbeam._message import now_us
from tightbeam.errors import NoSuchRun, NotRegistered

__all__ = ["cancel_run", "retry_from", "unpark"]

_CANCELLED = (
    "SELECT state, owner, EXISTS (SELECT FROM process WHERE process.number = owner), number, function, "
    "event, attempt, metadata, error_type, error_text, traceback FROM run WHERE id = %s FOR UPDATE"
)
_CHANNELS = "SELECT DISTINCT channel FROM memo WHERE run = %s AND channel IS NOT NULL"
_STATE = f"SELECT function, {SHOWN_STATE} FROM run WHERE id = %(id)s FOR UPDATE"  # noqa: S608 - of constants
_FAILING = "UPDATE step SET state = 'failing' WHERE run_id = %s AND state = 'failed'"
_RETRY = (
    "UPDATE run SET state = 'ready', held = false, due_at = %s, attempt = 0, deaths = 0, failures = 0, "
    "started_at = NULL, ended_at = NULL, error_type = NULL, error_text = NULL, traceback = NULL "
    "WHERE id = %s"
)
_SERVED = f"SELECT EXISTS (SELECT FROM process AS other WHERE %s::text = ANY (functions) AND NOT ({IS_DEAD}))"  # noqa: S608 - of a constant
_UNPARK = "UPDATE run SET state = 'ready', error_type = NULL, error_text = NULL WHERE id = %s"


def cancel_run(tx: Transaction, request: CancelRun) -> CancelledRun:
    """Answer `CancelRun`.

    A run that another process executes is cancelled all the same: that process is told, and can store nothing
    but what its steps have already done.
    """
    run_id = request.run_id
    row: Any = tx.execute(_CANCELLED, (run_id,)).fetchone()
    if row is None:
        raise NoSuchRun(run_id)
    state, owner, lives, number, function, event, attempt, metadata, *error = row
    check_cancel(run_id, state)
    elsewhere = state in ("running", "sleeping") and owner != tx.process and lives
    if not elsewhere and run_id in tx.claims:
        note_failures(tx, run_id, request.failures)
    end_run_row(tx, run_id, "cancelled", error=RunError(*error))
    if elsewhere:
        tx.cancelled.append(run_id)
        tx.due.add(function)
    release(tx, run_id)
    channels = frozenset(channel for (channel,) in tx.execute(_CHANNELS, (number,)).fetchall())
    return CancelledRun(function, event, attempt, channels, metadata, elsewhere)


def retry_from(tx: Transaction, request: RetryFrom) -> None:
    """Answer `RetryFrom`."""
    run_id = request.run_id
    function, state = _function_and_state(tx, run_id, request.known)
    check_retry(run_id, state)
    tx.execute(_FAILING, (run_id,))
    tx.execute(_RETRY, (now_us(), run_id))
    tx.due.add(function)


def unpark(tx: Transaction, request: Unpark) -> None:
    """Answer `Unpark`."""
    run_id = request.run_id
    function, state = _function_and_state(tx, run_id, request.known)
    check_resume(run_id, state)
    tx.execute(_UNPARK, (run_id,))
    tx.due.add(function)


def _function_and_state(tx: Transaction, run_id: str, known: frozenset[str] | None) -> tuple[str, str]:
    """Return the function of a run, which some process has, and its state as it is shown; the run is locked.

    Args:
        tx: the transaction.
        run_id: of the run.
        known: the functions that are registered here; None where that isn't asked.

    Raises:
        NoSuchRun: there is no such run.
        NotRegistered: no process has its function.
    """
    row = tx.execute(_STATE, {"now": now_us(), "id": run_id}).fetchone()
    if row is None:
        raise NoSuchRun(run_id)
    function, state = row
    if known is not None and function not in known and not _is_served(tx, function):
        raise NotRegistered(
            f'run {run_id} is of function "{function}", which isn\'t registered here, nor in another process '
            "that lives"
        )
    return function, state


def _is_served(tx: Transaction, function: str) -> bool:
    """Return whether a process executes a function, and lives."""
    row = tx.execute(_SERVED, (function,)).fetchone()
    return row is not None and bool(row[0])
