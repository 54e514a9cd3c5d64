"""Which runs have ended, for those who wait for them or show them and don't execute them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from psycopg import Connection

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import EndedRun
from tightbeam._engine.requests import FindSettled

__all__ = ["find_settled", "read_ends", "without_claimed"]

SETTLED = (
    "SELECT id FROM run WHERE id = ANY(%s::text[]) AND state IN ('done', 'failed', 'cancelled', 'parked')"
)
ENDS = """
SELECT run.id, run.state, run.result, ARRAY(
    SELECT DISTINCT message.channel FROM message WHERE message.run = run.number
), run.ended_at
FROM run WHERE run.id = ANY(%s::text[]) AND run.ended_at IS NOT NULL
ORDER BY run.ended_at, run.number
"""

CLAIMED = (
    "SELECT id FROM run WHERE id = ANY(%s::text[]) "
    "AND owner = %s::bigint AND state IN ('running', 'sleeping')"
)


def find_settled(tx: Transaction, request: FindSettled) -> list[str]:
    """Answer `FindSettled`."""
    settled = {run_id for (run_id,) in tx.execute(SETTLED, (list(request.ids),)).fetchall()}
    return [run_id for run_id in request.ids if run_id in settled]


def read_ends(connection: Connection[Any], runs: Collection[str]) -> Sequence[EndedRun]:
    """Return how runs have ended, in the order of their ends; those that haven't are left out.

    Args:
        connection: in autocommit.
        runs: their ids.
    """
    rows = connection.execute(ENDS, (list(runs),), binary=True).fetchall()
    return [
        EndedRun(run_id, state, None if result is None else bytes(result), frozenset(channels), ended_us)
        for run_id, state, result, channels, ended_us in rows
    ]


def without_claimed(connection: Connection[Any], runs: Collection[str], number: int) -> list[str]:
    """Return those of some cancelled runs that a process hasn't claimed again.

    One that was retried since then, and claimed by the same process, isn't to be ended by a late notice.

    Args:
        connection: in autocommit.
        runs: their ids.
        number: of the process.
    """
    claimed = {run_id for (run_id,) in connection.execute(CLAIMED, (list(runs), number)).fetchall()}
    return [run_id for run_id in runs if run_id not in claimed]
