"""The health of a journal on a server, seen from outside: rights, processes, and what waits for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from tightbeam._engine.journal import RunsCheckup
from tightbeam._engine.postgres.horizon import read_lag
from tightbeam._engine.postgres.inspection import SHOWN_STATE
from tightbeam._engine.postgres.rights import missing_rights
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.server_journal import ServerCheckup, ServerProcess
from tightbeam._message import now_us

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["check_up"]

_SHOWN = 5
_BEGIN = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_bitmapscan = on"
"""Unlike a client's queries, these count all there is."""
_SERVER = """
SELECT current_setting('server_version'), pg_is_in_recovery(), current_user,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
       (SELECT value::int FROM meta WHERE name = 'format'),
       (SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r')
"""
_MISSING = """
SELECT wanted.right || ' ON ' || relname FROM pg_class,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS wanted ("right", place)
WHERE relnamespace = current_schema()::regnamespace
    AND (relkind = 'r' OR relkind = 'v' AND wanted.right = 'SELECT')
    AND NOT has_table_privilege(pg_class.oid, wanted.right)
ORDER BY relname, place
"""
_CONNECTIONS = """
SELECT count(*), count(*) FILTER (WHERE datname = current_database() AND application_name ^@ 'tightbeam '),
       current_setting('max_connections')::int
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid != pg_backend_pid()
"""
_PROCESSES = """
SELECT number, host, pid::int, version, functions,
       (extract(epoch FROM silent) * 1000000)::bigint, silent < lease
FROM process, LATERAL (SELECT clock_timestamp() - beat_at) AS since (silent) ORDER BY number
"""
_UNSERVED = """
SELECT function, count(*) FROM run
WHERE state = 'ready' AND due_at <= %s AND function != ALL (%s::text[]) GROUP BY function
"""
_STATES = f"SELECT {SHOWN_STATE}, count(*) FROM run GROUP BY 1"  # noqa: S608 - of a constant
_OVERDUE = """
SELECT function, %(now)s - min(due_at) FROM run WHERE state = 'ready' AND due_at <= %(now)s GROUP BY function
"""
_DYING = "SELECT id FROM run WHERE ended_at IS NULL AND deaths >= %s ORDER BY deaths DESC, id LIMIT %s"
_FAILED = "SELECT id, function, error_type FROM run WHERE state = 'failed' ORDER BY ended_at DESC LIMIT %s"
_PARKED = """
SELECT function, error_type, count(*) FROM run WHERE state = 'parked'
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %s
"""
_DELAYED = """
SELECT count(*), max(due_at) FROM run WHERE state = 'ready' AND started_at IS NULL AND due_at > %s
"""
_SCHEDULES = "SELECT function, expression, zone, last_tick FROM schedule ORDER BY function"


def check_up(connection: Connection[tuple[Any, ...]], schema: str) -> ServerCheckup:
    """Examine a journal, from one consistent view.

    Args:
        connection: to the database, in a transaction that has just begun; the schema is on its path.
        schema: its name.
    """

    def rows(query: LiteralString, *values: object) -> list[Any]:
        return connection.execute(query, values).fetchall()

    connection.execute(_BEGIN)
    ours = now_us()
    ((server, is_standby, role, theirs, version, size),) = rows(_SERVER)
    answered = now_us()
    ((all_connections, own, most),) = rows(_CONNECTIONS)
    lag = read_lag(connection)
    missing = tuple(right for (right,) in rows(_MISSING))
    processes = tuple(
        ServerProcess(number, host, pid, code, tuple(functions), max(silent, 0), is_alive)
        for number, host, pid, code, functions, silent, is_alive in rows(_PROCESSES)
    )
    served = sorted({name for process in processes if process.is_alive for name in process.functions})
    return ServerCheckup(
        server=server,
        is_standby=is_standby,
        format=version,
        size=size,
        role=role,
        missing=missing,
        grants=missing_rights(connection, schema) if missing else "",
        connections=all_connections,
        own_connections=own,
        most_connections=most,
        ahead_us=theirs - min(max(theirs, ours), answered),  # it was read between the two
        held_back=lag.seconds,
        holder=None if lag.holder is None else str(lag.holder),
        processes=processes,
        unserved=dict(rows(_UNSERVED, ours, served)),
        runs=RunsCheckup(
            states=dict(connection.execute(_STATES, {"now": ours}).fetchall()),
            overdue=dict(connection.execute(_OVERDUE, {"now": ours}).fetchall()),
            dying=tuple(run_id for (run_id,) in rows(_DYING, MAX_DEATHS // 2, _SHOWN)),
            failed=tuple(rows(_FAILED, _SHOWN)),
            parked=tuple(rows(_PARKED, _SHOWN)),
            delayed=rows(_DELAYED, ours)[0],
            schedules=tuple(rows(_SCHEDULES)),
        ),
    )
