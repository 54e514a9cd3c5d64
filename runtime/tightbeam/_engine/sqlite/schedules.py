"""The requests about schedules: which there are, and that one of their ticks starts its run."""

from __future__ import annotations

from tightbeam._engine.requests import KeepSchedules, Tick
from tightbeam._engine.sqlite.adding import add_run
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import now_us

__all__ = ["keep_schedules", "tick"]


def keep_schedules(tx: Transaction, request: KeepSchedules) -> tuple[int, ...]:
    """Answer `KeepSchedules`."""
    now = now_us()
    kept = frozenset(request.schedules)
    for row in tx.execute("SELECT function, expression, zone FROM schedule").fetchall():
        if row[0] in request.functions and tuple(row) not in kept:
            tx.execute("DELETE FROM schedule WHERE function = ? AND expression = ? AND zone = ?", row)
    for schedule in request.schedules:
        tx.execute("INSERT INTO schedule VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (*schedule, now))
    tx.execute("UPDATE schedule SET last_tick = ? WHERE last_tick > ?", (now, now + request.most_us))
    return tuple(
        tx.execute(
            "SELECT last_tick FROM schedule WHERE function = ? AND expression = ? AND zone = ?", schedule
        ).fetchone()[0]
        for schedule in request.schedules
    )


def tick(tx: Transaction, request: Tick) -> str | None:
    """Answer `Tick`."""
    updated = tx.execute(
        "UPDATE schedule SET last_tick = ? WHERE function = ? AND expression = ? AND zone = ? "
        "AND last_tick < ?",
        (request.tick, request.run.function, request.expression, request.zone, request.tick),
    )
    if not updated.rowcount:
        return None
    run_id = add_run(tx, request.run, request.event, request.data)
    return run_id if run_id == request.run.id else None
