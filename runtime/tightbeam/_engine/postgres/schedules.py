"""The requests about schedules: which there are, and that one of their ticks starts its run."""

from __future__ import annotations

from tightbeam._engine.postgres.adding import add_run
from tightbeam._engine.postgres.processes import note_functions
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.requests import KeepSchedules, Tick
from tightbeam._message import now_us

__all__ = ["keep_schedules", "tick"]

_GIVEN = "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS given (function, expression, zone)"
_FORGET = (
    f"DELETE FROM schedule WHERE function = ANY(%s) AND NOT EXISTS ({_GIVEN} "  # noqa: S608 - of a constant
    "WHERE given.function = schedule.function AND given.expression = schedule.expression "
    "AND given.zone = schedule.zone)"
)
_BEGIN = f"INSERT INTO schedule SELECT given.*, %s::bigint FROM ({_GIVEN}) AS given ON CONFLICT DO NOTHING"  # noqa: S608 - of a constant
_AHEAD = "UPDATE schedule SET last_tick = %s WHERE function = ANY(%s) AND last_tick > %s"
_LAST = (
    "SELECT function, expression, zone, last_tick FROM schedule WHERE function = ANY(%s) ORDER BY function"
)
# Of several processes in which a tick is due one finds the schedule before it; the others find it done.
_TICK = (
    "UPDATE schedule SET last_tick = %(tick)s WHERE function = %(function)s AND expression = %(expression)s "
    "AND zone = %(zone)s AND last_tick < %(tick)s"
)


def keep_schedules(tx: Transaction, request: KeepSchedules) -> tuple[int, ...]:
    """Answer `KeepSchedules`; note the functions too that this process executes."""
    note_functions(tx, request.functions)
    now, functions = now_us(), sorted(request.functions)
    given = [list(column) for column in zip(*request.schedules, strict=True)] or [[], [], []]
    tx.execute(_FORGET, (functions, *given))
    tx.execute(_BEGIN, (now, *given))
    tx.execute(_AHEAD, (now, functions, now + request.most_us))
    last = {tuple(row[:3]): row[3] for row in tx.execute(_LAST, (functions,)).fetchall()}
    return tuple(last[schedule] for schedule in request.schedules)


def tick(tx: Transaction, request: Tick) -> str | None:
    """Answer `Tick`."""
    run = request.run
    names = {"function": run.function, "expression": request.expression, "zone": request.zone}
    if not tx.execute(_TICK, {**names, "tick": request.tick}).rowcount:
        return None
    run_id = add_run(tx, run, request.event, request.data)
    return run_id if run_id == run.id else None
