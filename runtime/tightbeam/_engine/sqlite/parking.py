"""The journal's parked runs: each function is one request's work, inside the writer's transaction."""

from __future__ import annotations

from tightbeam._engine.sqlite.runs import Failure, note_failures
from tightbeam._engine.sqlite.writer import Transaction

__all__ = ["park_run", "park_unknown", "unpark", "unpark_run"]

_UNPARK = "UPDATE run SET state = 'ready', error_type = NULL, error_text = NULL"


def park_run(
    tx: Transaction, run_id: str, error_type: str, reason: str, failures: list[Failure] | None = None
) -> None:
    """Set the run aside until code fits that is different from today's; this is no attempt and no death."""
    note_failures(tx, run_id, failures or [])
    tx.execute(
        "UPDATE run SET state = 'parked', error_type = ?, error_text = ?, traceback = NULL WHERE id = ?",
        (error_type, reason, run_id),
    )


def park_unknown(tx: Transaction, known: frozenset[str]) -> dict[str, int]:
    """Park the runs of functions that aren't known; returns these functions with how many runs are parked."""
    waiting = tx.execute("SELECT DISTINCT function FROM run WHERE state = 'ready'").fetchall()
    for (function,) in waiting:
        if function not in known:
            tx.execute(
                "UPDATE run SET state = 'parked', error_type = 'NotRegistered', error_text = ?, "
                "traceback = NULL WHERE state = 'ready' AND function = ?",
                (f'no function "{function}" is registered', function),
            )
    parked = tx.execute("SELECT function, count(*) FROM run WHERE state = 'parked' GROUP BY function")
    return {function: count for function, count in parked if function not in known}


def unpark(tx: Transaction, function: str) -> None:
    """Let the function's parked runs be tried again."""
    tx.execute(f"{_UNPARK} WHERE state = 'parked' AND function = ?", (function,))


def unpark_run(tx: Transaction, run_id: str) -> bool:
    """Let one run be tried again; returns False if it isn't parked."""
    return tx.execute(f"{_UNPARK} WHERE state = 'parked' AND id = ?", (run_id,)).rowcount == 1
