"""Adding a run, for whichever request does."""

from __future__ import annotations

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import NewRun
from tightbeam._message import now_us

__all__ = ["add_run"]

_ADD = (
    "INSERT INTO run (id, function, event, data, state, due_at, created_at, key, metadata, concurrency_key, "
    "parent_run, parent_step, dated) VALUES (%s, %s, %s, %s, 'ready', %s, %s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT DO NOTHING"
)
_EARLIER = "SELECT id FROM run WHERE function = %s AND key = %s"


def add_run(tx: Transaction, run: NewRun, event: str, data: bytes) -> str:
    """Add a run, unless its function has one with the same key; return the id of that or of the new one.

    A run whose id is there already was added by the same request: the answer to that got lost.

    Args:
        tx: the transaction.
        run: the run.
        event: the name of its event.
        data: of the event, as JSON.
    """
    now = now_us()
    due_at = now if run.due_at is None else run.due_at
    parent = run.parent or (None, None)
    more = (run.key, run.metadata, run.concurrency_key, *parent, run.dated)
    values = (run.id, run.function, event, data, due_at, now, *more)
    while not tx.execute(_ADD, values).rowcount:
        if run.key is None:
            return run.id
        # The earlier run may be dropped at this moment by retention, which ends the conflict.
        earlier = tx.execute(_EARLIER, (run.function, run.key)).fetchone()
        if earlier is not None:
            return str(earlier[0])
    tx.written += len(data)
    tx.due.add(run.function)
    return run.id
