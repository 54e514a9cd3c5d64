"""Fencing: what this process may write of a run, and what it may no longer.

`run.owner` is the number of the process that has claimed a run, and `run.claim` counts the claims of that
run. The store remembers which claims are its own. Whatever a run's execution writes is accepted only while
both still match: another process raises `claim` when it takes the run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import ClaimLost
from tightbeam._engine.requests import IsExecuted
from tightbeam._engine.store import Request

__all__ = ["IS_EXECUTED", "IS_MINE", "Confirm", "confirm", "fence", "is_executed", "let_slot_go", "release"]

IS_MINE = "run.id = %(run_id)s AND run.owner = %(process)s AND run.claim = %(claim)s"
"""The condition, in SQL, that a run is claimed by this process; its parameters are those of `fence`."""
IS_EXECUTED = "run.state || '' IN ('running', 'sleeping')"
"""The condition, in SQL, that a run hasn't ended since it was claimed: not even if it was retried since.

Of an execution whose run was cancelled, and retried before it heard of that, only finished steps are taken.
The run is searched for by its key: the index of all runs that execute is no candidate for an expression.
"""
_EXECUTES = f"SELECT 1 FROM run WHERE {IS_MINE} AND {IS_EXECUTED}"  # noqa: S608 - of constants
_BEAT = "UPDATE process SET beat_at = clock_timestamp() WHERE number = %s"
_LAST = "SELECT claim FROM run WHERE id = %s AND owner = %s"


@dataclass(frozen=True, slots=True)
class Confirm(Request[None]):
    """Beat, and make sure that a run is still this process's.

    Raises:
        ClaimLost: it isn't.
    """

    run_id: str


def fence(tx: Transaction, run_id: str) -> dict[str, object]:
    """Return the parameters of `IS_MINE`.

    A run that has ended, or was retried since and not claimed again, is still its last process's own: who
    claims it waits for what is under way.

    Args:
        tx: the transaction.
        run_id: of the run.

    Raises:
        ClaimLost: this process has no claim of the run.
    """
    claim = tx.claims.get(run_id)
    number = tx.execute(_LAST, (run_id, tx.process)).fetchone() if claim is None else (claim.claim,)
    if number is None:
        raise ClaimLost(run_id)
    return {"run_id": run_id, "process": tx.process, "claim": number[0]}


def confirm(tx: Transaction, request: Confirm) -> None:
    """Answer `Confirm`."""
    now = time.monotonic()
    if tx.execute(_EXECUTES, fence(tx, request.run_id)).fetchone() is None:
        raise ClaimLost(request.run_id)
    tx.execute(_BEAT, (tx.process,))
    if tx.member is not None:
        tx.member.beaten_at = now


def is_executed(tx: Transaction, request: IsExecuted) -> bool:
    """Answer `IsExecuted`."""
    claim = tx.claims.get(request.run_id)
    if claim is None:
        return False
    fenced = {"run_id": request.run_id, "process": tx.process, "claim": claim.claim}
    is_executed = tx.execute(_EXECUTES, fenced).fetchone() is not None
    if not is_executed:
        release(tx, request.run_id)
    return is_executed


def release(tx: Transaction, run_id: str) -> None:
    """Give a run up once the transaction is committed: this process executes it no more.

    Args:
        tx: the transaction.
        run_id: of the run.
    """
    let_slot_go(tx, run_id)
    tx.released.add(run_id)


def let_slot_go(tx: Transaction, run_id: str) -> None:
    """Have all processes look for due runs of a run's function, if it is limited: a slot becomes free.

    Args:
        tx: the transaction.
        run_id: of the run.
    """
    claim = tx.claims.get(run_id)
    if claim is not None and claim.limited:
        tx.due.add(claim.function)
