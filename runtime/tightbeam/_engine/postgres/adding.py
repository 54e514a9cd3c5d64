"""Adding a run, for whichever request does."""

from __future__ import annotations

from psycopg import errors

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import NewRun
from tightbeam._message import now_us

__all__ = ["KeyHeld", "add_run"]

_INTO_RUN = (
    "INSERT INTO run (id, function, event, data, state, due_at, created_at, key, metadata, concurrency_key, "
    "parent_run, parent_step, dated)"
)
_VALUES = "%s, %s, %s, %s, 'ready', %s, %s, %s, %s, %s, %s, %s, %s"
_ADD = f"{_INTO_RUN} VALUES ({_VALUES}) ON CONFLICT DO NOTHING"
# A user's transaction that has added a run with the same key may be open for long.
_ADD_KEYED = (
    "WITH impatient AS MATERIALIZED (SELECT set_config('lock_timeout', '10', true)) "  # noqa: S608 - of constants
    f"{_INTO_RUN} SELECT {_VALUES} FROM impatient ON CONFLICT DO NOTHING"
)
_PATIENT_AGAIN = "SELECT set_config('lock_timeout', '0', true)"
_EARLIER = "SELECT id FROM run WHERE function = %s AND key = %s"


class KeyHeld(Exception):
    """Raised for a key by which another transaction has added a run, which isn't committed yet."""


def add_run(tx: Transaction, run: NewRun, event: str, data: bytes) -> str:
    """Add a run, unless its function has one with the same key; return the id of that or of the new one.

    A run whose id is there already was added by the same request: the answer to that got lost.

    Args:
        tx: the transaction.
        run: the run.
        event: the name of its event.
        data: of the event, as JSON.

    Raises:
        KeyHeld: another transaction that is open has added a run with the same key.
    """
    now = now_us()
    due_at = now if run.due_at is None else run.due_at
    parent = run.parent or (None, None)
    more = (run.key, run.metadata, run.concurrency_key, *parent, run.dated)
    values = (run.id, run.function, event, data, due_at, now, *more)
    while not _is_added(tx, run, values):
        if run.key is None:
            return run.id
        # The earlier run may be dropped at this moment by retention, which ends the conflict.
        earlier = tx.execute(_EARLIER, (run.function, run.key)).fetchone()
        if earlier is not None:
            return str(earlier[0])
    tx.written += len(data)
    tx.due.add(run.function)
    return run.id


def _is_added(tx: Transaction, run: NewRun, values: tuple[object, ...]) -> bool:
    """Add a run, and return whether none with its key was there."""
    if run.key is None:
        return bool(tx.execute(_ADD, values).rowcount)
    try:
        added = tx.execute(_ADD_KEYED, values).rowcount
    except errors.LockNotAvailable as error:
        raise KeyHeld from error
    tx.execute(_PATIENT_AGAIN)
    return bool(added)
