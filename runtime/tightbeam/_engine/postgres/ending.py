"""The one place where a run ends, and what starts or goes on for that."""

from __future__ import annotations

from collections.abc import Iterable

from tightbeam._engine.postgres.adding import add_run
from tightbeam._engine.postgres.texts import fit
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.postgres.waking import end_invoked
from tightbeam._engine.records import NewRun, RunError, new_id
from tightbeam._engine.run_rules import died_too_often
from tightbeam._events.failure import FAILED_EVENT, failure_data
from tightbeam._message import now_us

__all__ = ["end_run_row", "give_up", "start_on_failure"]

_END = (
    "UPDATE run SET state = %s, ended_at = %s, result = %s, error_type = %s, error_text = %s, traceback = %s "
    "WHERE id = %s AND ended_at IS NULL RETURNING parent_run, parent_step"
)
_STARTED_BY = "SELECT function, event, data, metadata FROM run WHERE id = %s AND ended_at IS NULL"


def end_run_row(
    tx: Transaction, run_id: str, state: str, *, result: bytes | None = None, error: RunError | None = None
) -> None:
    """End a run, if it hasn't ended: it is done, has failed or is cancelled, until it is retried.

    It keeps its owner: what its last execution still remembers is accepted until the run is claimed again.

    Args:
        tx: the transaction.
        run_id: of the run.
        state: in which it ends.
        result: what it returned.
        error: what it failed with.
    """
    outcome = (result, *map(fit, error or (None, None, None)))
    row = tx.execute(_END, (state, now_us(), *outcome, run_id)).fetchone()
    if row is None:
        return
    tx.ended.append(run_id)
    parent_run, parent_step = row
    if parent_run is not None:
        end_invoked(tx, (parent_run, parent_step), run_id, state, result, error)


def start_on_failure(tx: Transaction, run_id: str, error: RunError, functions: Iterable[str]) -> None:
    """Add the runs that a run starts which is about to end as failed, if it hasn't ended.

    Args:
        tx: the transaction.
        run_id: of the run.
        error: what it has failed with.
        functions: those of which a run is added.
    """
    functions = tuple(functions)
    row = tx.execute(_STARTED_BY, (run_id,)).fetchone() if functions else None
    if row is None or row[1] == FAILED_EVENT:
        return
    function, event, data, metadata = row
    described = failure_data(run_id, function, event, data, error)
    for each in functions:
        add_run(tx, NewRun(new_id(), each, metadata=metadata), FAILED_EVENT, described)


def give_up(tx: Transaction, run_id: str, on_failure: Iterable[str]) -> None:
    """End a run under which too many processes have died.

    Args:
        tx: the transaction.
        run_id: of the run.
        on_failure: the functions of which a run is added.
    """
    error = died_too_often()
    start_on_failure(tx, run_id, error, on_failure)
    end_run_row(tx, run_id, "failed", error=error)
