"""The requests about runs: adding, claiming, ending and setting them aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tightbeam._engine.records import GivenUp, NewRun, Recovered, RunError, new_id
from tightbeam._engine.requests import (
    MAX_DEATHS,
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
from tightbeam._engine.run_rules import died_too_often
from tightbeam._engine.sqlite.adding import add_run
from tightbeam._engine.sqlite.claiming import let_all_go
from tightbeam._engine.sqlite.operating import end_run_row
from tightbeam._engine.sqlite.steps import note_failures
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._events.failure import FAILED_EVENT, failure_data
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

_PUT_BACK = "UPDATE run SET state = 'ready' WHERE state IN ('running', 'sleeping')"


def add_runs(tx: Transaction, request: AddRuns) -> tuple[str, ...]:
    """Answer `AddRuns`."""
    return tuple(add_run(tx, run, request.event, request.data) for run in request.runs)


def recover(tx: Transaction, request: Recover) -> Recovered:
    """Answer `Recover`."""
    given_up = _resume_begun(tx, request.on_failure)
    let_all_go(tx)
    now = now_us()
    tx.execute(
        "UPDATE run SET due_at = ? + ifnull(retry_wait, 0) WHERE state = 'ready' AND held = 0 "
        "AND started_at IS NOT NULL AND due_at > ? + ifnull(retry_wait, ?) "
        "AND NOT EXISTS (SELECT 1 FROM step WHERE step.run_id = run.id "
        "AND step.state IN ('sleeping', 'waiting'))",
        (now, now, request.longest_us),
    )
    # The clock was set back: timeouts count from the start, and delays from when a run was added.
    tx.execute("UPDATE run SET started_at = ? WHERE state = 'ready' AND started_at > ?", (now, now))
    tx.execute(
        "UPDATE run SET due_at = due_at - (created_at - ?), created_at = ? "
        "WHERE state IN ('ready', 'parked') AND started_at IS NULL AND NOT dated "
        "AND created_at > ? AND due_at > ?",
        (now, now, now, now),
    )
    return Recovered(given_up, _park_unknown(tx, request.known))


def _resume_begun(tx: Transaction, on_failure: Mapping[str, tuple[str, ...]]) -> list[GivenUp]:
    """Make the runs ready that had begun, and return those that are given up instead."""
    begun = tx.execute(
        "SELECT id, state, deaths, due_at, function, attempt FROM run WHERE state IN ('running', 'sleeping')"
    ).fetchall()
    given_up = []
    for run_id, state, deaths, due_at, function, attempt in begun:
        if state == "sleeping":
            tx.execute("UPDATE run SET state = 'ready' WHERE id = ?", (run_id,))
        elif deaths + 1 >= MAX_DEATHS:
            tx.execute("UPDATE run SET deaths = deaths + 1 WHERE id = ?", (run_id,))
            error = died_too_often()
            _start_on_failure(tx, run_id, error, on_failure.get(function, ()))
            end_run_row(tx, run_id, "failed", error=error)
            given_up.append(GivenUp(run_id, function, attempt))
        else:
            tx.execute(
                "UPDATE run SET state = 'ready', deaths = deaths + 1, due_at = ? WHERE id = ?",
                (min(due_at, now_us()), run_id),
            )
    return given_up


def _park_unknown(tx: Transaction, known: frozenset[str]) -> dict[str, int]:
    """Park the ready runs of unknown functions; return the number of parked runs of each unknown function."""
    waiting = tx.execute("SELECT DISTINCT function FROM run WHERE state = 'ready' AND held = 0").fetchall()
    for (function,) in waiting:
        if function not in known:
            tx.execute(
                "UPDATE run SET state = 'parked', error_type = 'NotRegistered', error_text = ?, "
                "traceback = NULL WHERE state = 'ready' AND held = 0 AND function = ?",
                (f'no function "{function}" is registered', function),
            )
    parked = tx.execute("SELECT function, count(*) FROM run WHERE state = 'parked' GROUP BY function")
    return {function: count for function, count in parked if function not in known}


def end_run(tx: Transaction, request: EndRun) -> None:
    """Answer `EndRun`."""
    note_failures(tx, request.run_id, request.failures)
    run_id, result, error = request.run_id, request.result, request.error
    tx.written += len(result or b"")
    if error is not None:
        tx.execute("UPDATE run SET failures = failures + 1 WHERE id = ? AND ended_at IS NULL", (run_id,))
        _start_on_failure(tx, run_id, error, request.on_failure)
    end_run_row(tx, run_id, "done" if error is None else "failed", result=result, error=error)


def _start_on_failure(tx: Transaction, run_id: str, error: RunError, functions: Iterable[str]) -> None:
    """Add the runs that a run starts which is about to end as failed, if it hasn't ended."""
    row = tx.execute(
        "SELECT function, event, data, metadata FROM run WHERE id = ? AND ended_at IS NULL", (run_id,)
    ).fetchone()
    if row is None or row[1] == FAILED_EVENT:
        return
    function, event, data, metadata = row
    described = failure_data(run_id, function, event, data, error)
    for each in functions:
        add_run(tx, NewRun(new_id(), each, metadata=metadata), FAILED_EVENT, described)


def retry_run(tx: Transaction, request: RetryRun) -> None:
    """Answer `RetryRun`."""
    note_failures(tx, request.run_id, request.failures)
    tx.execute(
        "UPDATE run SET state = 'ready', failures = failures + (attempt < ?), attempt = ?, due_at = ?, "
        "retry_wait = ?, error_type = ?, error_text = ?, traceback = ? WHERE id = ? AND ended_at IS NULL",
        (request.attempt, request.attempt, request.due_at, request.wait_us, *request.error, request.run_id),
    )


def park_run(tx: Transaction, request: ParkRun) -> None:
    """Answer `ParkRun`."""
    note_failures(tx, request.run_id, request.failures)
    tx.execute(
        "UPDATE run SET state = 'parked', error_type = ?, error_text = ?, traceback = NULL "
        "WHERE id = ? AND ended_at IS NULL",
        (request.error_type, request.reason, request.run_id),
    )


def leave_memory(tx: Transaction, request: LeaveMemory) -> None:
    """Answer `LeaveMemory`."""
    rows = tx.execute(
        "SELECT id, iif(state IN ('sleeping', 'waiting'), wake_at, ?) FROM step WHERE run_id = ? "
        "AND (state IN ('sleeping', 'waiting') OR kind IN ('step.wait_for_event', 'step.invoke'))",
        (now_us(), request.run_id),  # what it waited for may have come
    )
    due_at = min((wake_at for step_id, wake_at in rows if step_id in request.sleeps), default=now_us())
    tx.execute(
        "UPDATE run SET state = 'ready', due_at = ? WHERE id = ? AND state IN ('running', 'sleeping')",
        (due_at, request.run_id),
    )


def put_back(tx: Transaction, request: PutBack) -> None:
    """Answer `PutBack`."""
    for run_id in request.runs:
        tx.execute(f"{_PUT_BACK} AND id = ?", (run_id,))


def put_back_all(tx: Transaction, request: PutBackAll) -> None:
    """Answer `PutBackAll`."""
    if not request.but:
        tx.execute(_PUT_BACK)
        return
    begun = tx.execute("SELECT id FROM run WHERE state IN ('running', 'sleeping')").fetchall()
    for (run_id,) in begun:
        if run_id not in request.but:
            tx.execute(f"{_PUT_BACK} AND id = ?", (run_id,))


def pull_back(tx: Transaction, request: PullBack) -> None:
    """Answer `PullBack`."""
    lost, now = request.lost_us, now_us()
    tx.execute(
        "UPDATE step SET wake_at = wake_at - ? WHERE state IN ('sleeping', 'waiting') AND wake_at > ? "
        "AND run_id IN (SELECT id FROM run WHERE ended_at IS NULL)",
        (lost, now),
    )
    tx.execute(
        "UPDATE run SET due_at = due_at - ?, created_at = created_at - ? "
        "WHERE state IN ('ready', 'sleeping', 'parked') AND due_at > ? "
        "AND NOT (dated AND started_at IS NULL)",
        (lost, lost, now),
    )
    tx.execute(  # timeouts count from then
        "UPDATE run SET started_at = started_at - ? "
        "WHERE state IN ('ready', 'running', 'sleeping', 'parked') AND started_at IS NOT NULL",
        (lost,),
    )
