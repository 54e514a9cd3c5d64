"""The requests about runs: adding, recovering, ending and setting them aside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from tightbeam._engine.postgres.adding import add_run
from tightbeam._engine.postgres.ending import end_run_row, give_up, start_on_failure
from tightbeam._engine.postgres.fencing import IS_EXECUTED, IS_MINE, fence, release
from tightbeam._engine.postgres.processes import abandoned, is_alone, note_functions, take_over
from tightbeam._engine.postgres.steps import note_failures
from tightbeam._engine.postgres.texts import fit
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import ClaimLost, GivenUp, Recovered
from tightbeam._engine.requests import (
    AddRuns,
    EndRun,
    LeaveMemory,
    ParkRun,
    PullBack,
    PutBack,
    PutBackAll,
    Recover,
    RetryRun,
)
from tightbeam._message import now_us

__all__ = [
    "add_runs",
    "end_run",
    "leave_memory",
    "park_run",
    "pull_back",
    "put_back",
    "put_back_all",
    "recover",
    "retry_run",
]

_OPEN = f"SELECT {IS_EXECUTED} FROM run WHERE {IS_MINE} FOR UPDATE"  # noqa: S608 - of constants
_COUNT_FAILURE = "UPDATE run SET failures = failures + 1 WHERE id = %s"
_RETRY = (
    "UPDATE run SET state = 'ready', owner = NULL, failures = failures + (attempt < %s)::int, attempt = %s, "
    "due_at = %s, retry_wait = %s, error_type = %s, error_text = %s, traceback = %s WHERE id = %s"
)
_PARK = (
    "UPDATE run SET state = 'parked', owner = NULL, error_type = %s, error_text = %s, traceback = NULL "
    "WHERE id = %s"
)
_SLEEPS = (
    "SELECT id, CASE WHEN state IN ('sleeping', 'waiting') THEN wake_at ELSE %s::bigint END FROM step "
    "WHERE run_id = %s "
    "AND (state IN ('sleeping', 'waiting') OR kind IN ('step.wait_for_event', 'step.invoke'))"
)
_LEAVE_MEMORY = "UPDATE run SET state = 'ready', owner = NULL, due_at = %s WHERE id = %s"
_PUT_BACK = (
    "UPDATE run SET state = 'ready', owner = NULL WHERE owner = %s AND state IN ('running', 'sleeping')"
)
_WHICH = "RETURNING id, function"
_EARLY_RETRIES = (
    "UPDATE run SET due_at = %(now)s + coalesce(retry_wait, 0) WHERE state = 'ready' AND NOT held "
    "AND started_at IS NOT NULL AND due_at > %(now)s + coalesce(retry_wait, %(longest)s) "
    "AND NOT EXISTS (SELECT FROM step WHERE step.run_id = run.id AND step.state IN ('sleeping', 'waiting'))"
)
_STARTED_LATER = "UPDATE run SET started_at = %(now)s WHERE state = 'ready' AND started_at > %(now)s"
_ADDED_LATER = (
    "UPDATE run SET due_at = due_at - (created_at - %(now)s), created_at = %(now)s WHERE number IN ("
    "SELECT number FROM run WHERE state = 'ready' AND NOT held AND due_at > %(now)s "
    "UNION ALL SELECT number FROM run WHERE state = 'ready' AND held AND due_at > %(now)s) "
    "AND started_at IS NULL AND NOT dated AND created_at > %(now)s"
)
_READY = "SELECT function FROM run WHERE state = 'ready' AND NOT held"
_WITHOUT_WORKER = f"""
WITH RECURSIVE due (function) AS (
  ({_READY} ORDER BY function LIMIT 1)
  UNION ALL
  SELECT ({_READY} AND function > due.function ORDER BY function LIMIT 1)
  FROM due WHERE due.function IS NOT NULL
)
SELECT function, (SELECT count(*) FROM run WHERE state = 'ready' AND NOT held AND function = due.function)
FROM due WHERE function IS NOT NULL
AND NOT EXISTS (SELECT FROM process WHERE due.function = ANY(functions))
"""  # noqa: S608 - of constants
"""The functions that no process executes, with the number of their runs: a search in the index for each."""
_BEGUN = "SELECT number, id FROM run WHERE state IN ('running', 'sleeping')"
_WAITING = (
    "SELECT number, id FROM run WHERE state = 'ready' AND NOT held "
    "UNION ALL SELECT number, id FROM run WHERE state = 'ready' AND held "
    "UNION ALL SELECT number, id FROM run WHERE state = 'parked'"
)


_PULL_STEPS = """
UPDATE step SET wake_at = wake_at - %(lost)s
WHERE step.state IN ('sleeping', 'waiting') AND step.wake_at > %(now)s
AND run_id IN (SELECT id FROM concerned)
"""
_PULL_DUE = """
UPDATE run SET due_at = due_at - %(lost)s, created_at = created_at - %(lost)s
WHERE state IN ('ready', 'sleeping', 'parked') AND due_at > %(now)s AND NOT (dated AND started_at IS NULL)
AND number IN (SELECT number FROM concerned)
"""
_PULL_STARTED = """
UPDATE run SET started_at = started_at - %(lost)s
WHERE started_at IS NOT NULL AND number IN (SELECT number FROM concerned)
"""
_ALL = f"WITH concerned AS ({_BEGUN} UNION ALL {_WAITING})"
"""The runs whose times are set back, through the index of each state."""
_MINE = f"WITH concerned AS ({_BEGUN} AND owner = %(process)s)"


def add_runs(tx: Transaction, request: AddRuns) -> tuple[str, ...]:
    """Answer `AddRuns`."""
    return tuple(add_run(tx, run, request.event, request.data) for run in request.runs)


def recover(tx: Transaction, request: Recover) -> Recovered:
    """Answer `Recover`: take over what dead processes have left, and nothing of the others.

    No run is parked: other processes may know its function. Times are corrected only if no other process is
    there, whose clock may be right.
    """
    note_functions(tx, request.known)
    given_up = []
    orphans = take_over(tx.execute, tx.process).orphans + abandoned(tx.execute)
    for orphan in orphans:
        tx.due.add(orphan.function)
        if orphan.is_hopeless and orphan.function in request.known:
            give_up(tx, orphan.run_id, request.on_failure.get(orphan.function, ()))
            given_up.append(GivenUp(orphan.run_id, orphan.function, orphan.attempt))
    if is_alone(tx):
        times = {"now": now_us(), "longest": request.longest_us}
        tx.execute(_EARLY_RETRIES, times)
        # The clock was set back: timeouts count from the start, and delays from when a run was added.
        tx.execute(_STARTED_LATER, times)
        tx.execute(_ADDED_LATER, times)
    return Recovered(given_up, {}, dict(tx.execute(_WITHOUT_WORKER).fetchall()))


def end_run(tx: Transaction, request: EndRun) -> None:
    """Answer `EndRun`."""
    run_id, result, error = request.run_id, request.result, request.error
    note_failures(tx, run_id, request.failures)
    if not _is_open(tx, run_id):
        return
    tx.written += len(result or b"")
    if error is not None:
        tx.execute(_COUNT_FAILURE, (run_id,))
        start_on_failure(tx, run_id, error, request.on_failure)
    end_run_row(tx, run_id, "done" if error is None else "failed", result=result, error=error)


def retry_run(tx: Transaction, request: RetryRun) -> None:
    """Answer `RetryRun`."""
    note_failures(tx, request.run_id, request.failures)
    if _is_open(tx, request.run_id):
        times = (request.attempt, request.attempt, request.due_at, request.wait_us)
        tx.execute(_RETRY, (*times, *map(fit, request.error), request.run_id))
        _set_aside(tx, request.run_id)


def park_run(tx: Transaction, request: ParkRun) -> None:
    """Answer `ParkRun`."""
    note_failures(tx, request.run_id, request.failures)
    if _is_open(tx, request.run_id):
        tx.execute(_PARK, (request.error_type, fit(request.reason), request.run_id))
        tx.ended.append(request.run_id)


def leave_memory(tx: Transaction, request: LeaveMemory) -> None:
    """Answer `LeaveMemory`."""
    run_id = request.run_id
    if not _is_open(tx, run_id):  # locked from here on: what ends a step meanwhile finds the run set aside
        return
    now = now_us()
    rows = tx.execute(_SLEEPS, (now, run_id)).fetchall()  # what it waited for may have come
    due_at = min((wake_at for step_id, wake_at in rows if step_id in request.sleeps), default=now)
    tx.execute(_LEAVE_MEMORY, (due_at, run_id))
    _set_aside(tx, run_id)


def put_back(tx: Transaction, request: PutBack) -> None:
    """Answer `PutBack`."""
    _put_back(tx, f"{_PUT_BACK} AND id = ANY(%s) {_WHICH}", request.runs)


def put_back_all(tx: Transaction, request: PutBackAll) -> None:
    """Answer `PutBackAll`."""
    _put_back(tx, f"{_PUT_BACK} AND id <> ALL(%s) {_WHICH}", request.but)


def _put_back(tx: Transaction, statement: LiteralString, runs: Iterable[str]) -> None:
    for run_id, function in tx.execute(statement, (tx.process, list(runs))).fetchall():
        tx.released.add(run_id)
        tx.due.add(function)


def _is_open(tx: Transaction, run_id: str) -> bool:
    """Return whether a run hasn't ended that this process gives up now; it is locked.

    Raises:
        ClaimLost: another process has it.
    """
    row = tx.execute(_OPEN, fence(tx, run_id)).fetchone()
    if row is None:
        raise ClaimLost(run_id)
    release(tx, run_id)
    is_open: bool = row[0]
    return is_open


def _set_aside(tx: Transaction, run_id: str) -> None:
    """Have a run claimed by whichever process is first: its time may have come."""
    claim = tx.claims.get(run_id)
    if claim is not None:
        tx.due.add(claim.function)


def pull_back(tx: Transaction, request: PullBack) -> None:
    """Answer `PullBack`: with other processes, whose clocks go on, only what this one executes."""
    values = {"lost": request.lost_us, "now": now_us(), "process": tx.process}
    concerned = _ALL if is_alone(tx) else _MINE
    for statement in (_PULL_STEPS, _PULL_DUE, _PULL_STARTED):
        tx.execute(concerned + statement, values)
