"""Adding a run, for whichever request does."""

from __future__ import annotations

from tightbeam._engine.records import NewRun
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import now_us

__all__ = ["add_run"]


def add_run(tx: Transaction, run: NewRun, event: str, data: bytes) -> str:
    """Add a run, unless its function has one with the same key; return the id of that or of the new one."""
    if run.key is not None:
        row = tx.execute("SELECT id FROM run WHERE function = ? AND key = ?", (run.function, run.key))
        if (earlier := row.fetchone()) is not None:
            return str(earlier[0])
    now = now_us()
    tx.written += len(data)
    due_at = now if run.due_at is None else run.due_at
    parent = run.parent or (None, None)
    more = (run.key, run.metadata, run.concurrency_key, *parent, run.dated)
    tx.execute(
        "INSERT INTO run (id, function, event, data, state, due_at, created_at, key, metadata, "
        "concurrency_key, parent_run, parent_step, dated) "
        "VALUES (?, ?, ?, ?, 'ready', ?, ?, ?, ?, ?, ?, ?, ?)",
        (run.id, run.function, event, data, due_at, now, *more),
    )
    return run.id
