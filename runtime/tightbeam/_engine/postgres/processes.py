"""The processes that have the journal open: each beats, and those that don't are declared dead.

A process has a row in `process`, whose number it writes under. Each of its transactions holds a shared
advisory lock of that number, and begins with looking whether the row is there. Who declares a process dead
has the lock exclusively while it deletes the row: no transaction of the dead one is under way then, and a
later one finds no row. A lock that isn't free at once is left for the next look, so that a process which was
stopped in the middle of a transaction holds up no other one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from psycopg import Connection

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import FunctionLimit
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._message import now_us

__all__ = [
    "IS_DEAD",
    "LOCK_SPACE",
    "Orphan",
    "TakenOver",
    "abandoned",
    "beat",
    "bury_dead",
    "is_alone",
    "leave",
    "note_functions",
    "release_runs",
    "take_over",
    "without_served",
]

Execute = Callable[..., Any]
"""The `execute` of a connection or of a transaction."""

LOCK_SPACE = "hashtext(current_schema() || '.process')"
"""The first half of the advisory locks of processes; the second one is the process's number."""
IS_DEAD = "greatest(other.beat_at, pg_postmaster_start_time()) + other.lease < clock_timestamp()"
"""The condition, in SQL, that a process has been silent for its lease; its row is called ``other``.

Nobody could beat while the server was away: that time counts for nobody's silence.
"""
_BEAT = (
    "UPDATE process SET beat_at = clock_timestamp() WHERE number = %s RETURNING "  # noqa: S608 - of a constant
    "(SELECT other.number FROM process AS other WHERE other.number <> process.number "
    f"AND {IS_DEAD} ORDER BY other.number LIMIT 1) IS NOT NULL, "
    "(SELECT sent.number FROM sent ORDER BY sent.number LIMIT 1) IS NOT NULL"
)
_DEAD = f"SELECT number FROM process AS other WHERE number <> %s AND {IS_DEAD} ORDER BY number"  # noqa: S608 - of a constant
_DECLARE = (
    f"WITH dead AS (DELETE FROM process AS other WHERE number = %s AND {IS_DEAD} RETURNING number, batch) "  # noqa: S608 - of a constant
    "INSERT INTO meta SELECT 'batch:' || number, batch::text FROM dead"
)
"""The last batch that it has committed stays: it may be about to ask."""
_TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({LOCK_SPACE}, %s)"
_WITHOUT_PROCESS = (
    "SELECT DISTINCT owner FROM run WHERE state IN ('running', 'sleeping') AND owner IS NOT NULL "
    "AND NOT EXISTS (SELECT FROM process WHERE number = run.owner) ORDER BY owner"
)
_ORPHANS = (
    "SELECT number FROM run WHERE owner = %(owner)s AND state IN ('running', 'sleeping') "
    "ORDER BY number FOR UPDATE"
)
_RELEASE = (
    f"WITH orphan AS ({_ORPHANS}) "  # noqa: S608 - of a constant
    "UPDATE run SET state = 'ready', owner = NULL, deaths = deaths + (state = 'running')::int, "
    "due_at = CASE state WHEN 'running' THEN least(due_at, %(now)s) ELSE due_at END "
    "FROM orphan WHERE run.number = orphan.number "
    "RETURNING run.id, function, attempt, deaths"
)

_RETIRE = "UPDATE process SET functions = '{}' WHERE number = %s AND functions <> '{}'"
_SERVED = f"SELECT DISTINCT unnest(functions) FROM process AS other WHERE number <> %s AND NOT ({IS_DEAD})"  # noqa: S608 - of a constant


class Orphan(NamedTuple):
    """A run whose process is dead, or has left; it is ready again."""

    run_id: str
    function: str
    attempt: int
    deaths: int

    @property
    def is_hopeless(self) -> bool:
        """Whether so many processes have died under it that it is to be given up."""
        return self.deaths >= MAX_DEATHS


class TakenOver(NamedTuple):
    """What dead processes have left."""

    processes: tuple[int, ...]
    """Their numbers."""
    orphans: tuple[Orphan, ...]
    """Their runs."""


def note_functions(tx: Transaction, functions: Collection[str]) -> None:
    """Note which functions this process executes runs of.

    Args:
        tx: the transaction.
        functions: the ids of all of them.
    """
    if tx.member is not None:
        tx.member.functions = frozenset(functions)
    tx.execute(
        "UPDATE process SET functions = %(functions)s WHERE number = %(number)s "
        "AND functions <> %(functions)s",
        {"functions": sorted(functions), "number": tx.process},
    )


def without_served(tx: Transaction, functions: tuple[FunctionLimit, ...]) -> tuple[FunctionLimit, ...]:
    """Return the functions of which no other process executes runs; no other one counts on this one any more.

    Args:
        tx: the transaction, of a process that is about to leave.
        functions: those that it has.
    """
    tx.execute(_RETIRE, (tx.process,))
    served = {function for (function,) in tx.execute(_SERVED, (tx.process,)).fetchall()}
    return tuple(limit for limit in functions if limit.function not in served)


class Beat(NamedTuple):
    """What a process sees when it beats: one query, since all do it all the time."""

    others_are_dead: bool
    """Whether a process hasn't beaten for its lease."""
    events_are_left: bool
    """Whether there are events of users' transactions that no process has handed over."""


def beat(execute: Execute, number: int) -> Beat | None:
    """Say that a process lives.

    Args:
        execute: of a connection.
        number: of the process.

    Returns:
        None if it was declared dead: it has lost its runs, and has to register anew.
    """
    row = execute(_BEAT, (number,)).fetchone()
    return None if row is None else Beat(*row)


def is_alone(tx: Transaction) -> bool:
    """Return whether no other process has the journal open, as far as is known."""
    others = tx.execute("SELECT 1 FROM process WHERE number <> %s LIMIT 1", (tx.process,))
    return others.fetchone() is None


def bury_dead(connection: Connection[tuple[Any, ...]], number: int) -> TakenOver:
    """Declare processes dead that have been silent for their lease, and make their runs ready again.

    It waits for no lock of another process. The caller has been connected for its own lease: where it was cut
    off, the others may have been, too.

    Args:
        connection: in autocommit, of the process that declares.
        number: of that process.

    Returns:
        What was taken over, and committed; the functions of the runs have runs that are due.
    """
    with connection.transaction():
        return take_over(connection.execute, number)


def take_over(execute: Execute, number: int) -> TakenOver:
    """Declare processes dead, as `bury_dead` does, inside a transaction.

    A run that was executing has a death more, and is due now. One that slept is due when it wakes, and has no
    death more. Runs that are to be given up are ready too: they are given up when they are claimed.

    Args:
        execute: of the transaction.
        number: of the process that declares.
    """
    dead = [
        other
        for (other,) in execute(_DEAD, (number,)).fetchall()
        if execute(_TRY_LOCK, (other,)).fetchone()[0] and execute(_DECLARE, (other,)).rowcount
    ]
    return TakenOver(tuple(dead), tuple(each for other in dead for each in release_runs(execute, other)))


def abandoned(execute: Execute) -> tuple[Orphan, ...]:
    """Make runs ready again whose process has no row: somebody has deleted that.

    Args:
        execute: of a transaction.
    """
    owners = [owner for (owner,) in execute(_WITHOUT_PROCESS).fetchall()]
    return tuple(each for owner in owners for each in release_runs(execute, owner))


def release_runs(execute: Execute, owner: int) -> tuple[Orphan, ...]:
    """Make the runs ready again that a process has claimed.

    Args:
        execute: of a transaction.
        owner: the number of the process, which writes no more.
    """
    rows = execute(_RELEASE, {"owner": owner, "now": now_us()}).fetchall()
    return tuple(Orphan(*row) for row in rows)


def leave(tx: Transaction) -> None:
    """Take this process off those that have the journal open; its runs are put back, without a death.

    Args:
        tx: the transaction, which is the last one.
    """
    put_back = tx.execute(
        "UPDATE run SET state = 'ready', owner = NULL WHERE owner = %s "
        "AND state IN ('running', 'sleeping') RETURNING function",
        (tx.process,),
    )
    tx.due.update(function for (function,) in put_back.fetchall())
    tx.execute("DELETE FROM process WHERE number = %s", (tx.process,))
