"""The plans of the statements that a store sends: which of them read a whole table, or a large part of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg._queries import PostgresQuery

__all__ = ["VERBS", "Statement", "Statements", "fill", "large_reads"]

RUNS = 20_000
MESSAGES = 40_000
CHANNELS = 200
_LARGE = {"run": 2_500, "step": 2_500, "message": 2_000}
"""Of these tables no statement may read more than so many rows, by the server's own estimate."""
_SMALL = {"run_ready", "run_held", "run_begun", "run_owner", "run_parked", "run_begins_again"}
"""Of runs that haven't ended: who takes over all of them reads the whole index."""
_BLOCKING = {"Sort", "Aggregate", "Hash", "HashAggregate", "WindowAgg", "Group", "SetOp"}
"""Nodes that read all that is beneath them, whatever limit is above."""
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")

_RUNS = f"""
INSERT INTO run (id, function, event, data, state, due_at, created_at, started_at, ended_at, result,
                 owner, claim, concurrency_key, held, parent_run, parent_step, key)
SELECT 'FILLED' || lpad(n::text, 20, '0'), 'function-' || n % 10, 'event/' || n % 10, '{{}}', state,
       now - (CASE state WHEN 'ready' THEN -1 ELSE 1 END) * n * 1000000, now - n * 1000000, now - n * 1000000,
       CASE WHEN state IN ('done', 'failed', 'cancelled') THEN now - n * 1000 END, '1',
       n % 7, 1, 'key-' || n % 100, state = 'ready' AND n % 3 = 0,
       CASE WHEN n % 5 = 0 THEN 'FILLED' || lpad((n - 1)::text, 20, '0') END,
       CASE WHEN n % 5 = 0 THEN 'child' END, CASE WHEN n % 4 = 0 THEN 'key-' || n END
FROM (SELECT n, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now,
             CASE n % 40 WHEN 0 THEN 'ready' WHEN 1 THEN 'running' WHEN 2 THEN 'sleeping' WHEN 3 THEN 'parked'
                         WHEN 4 THEN 'failed' WHEN 5 THEN 'cancelled' ELSE 'done' END AS state
      FROM generate_series(1::bigint, {RUNS}) AS n) AS filled
"""
_STEPS = """
INSERT INTO step (run_id, id, kind, state, attempts, started_at, ended_at, result, event)
SELECT id, step, 'step.run', CASE WHEN number % 9 = 0 THEN 'waiting' ELSE 'done' END, 1,
       created_at, created_at, '1', CASE WHEN number % 9 = 0 THEN 'event/' || number % 1000 END
FROM run CROSS JOIN (VALUES ('a'), ('b')) AS steps (step)
"""
_MESSAGES = f"""
INSERT INTO message (channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data)
SELECT 'job:' || n % {CHANNELS}, CASE n % 2 WHEN 0 THEN 'tick' ELSE 'token' END, run.number, run.id,
       'p', n % 2, at, at, at, '{{"n": 1}}'
FROM (SELECT n, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + (n - {MESSAGES}) * 1000 AS at
      FROM generate_series(0::bigint, {MESSAGES} - 1) AS n) AS filled
JOIN run ON run.id = 'FILLED' || lpad((n / 2 + 1)::text, 20, '0')
ORDER BY n
"""


class Statement(NamedTuple):
    """What was sent, with the parameters of the first time."""

    text: str
    parameters: Sequence[Any] | Mapping[str, Any]


class Statements:
    """The statements that all connections of this process send, each once."""

    def __init__(self) -> None:
        self._found: dict[str, Statement] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is sent within."""
        execute = psycopg.Cursor.execute

        def note(cursor: Any, query: Any, parameters: Any = None, **options: Any) -> Any:
            text = (
                query.decode()
                if isinstance(query, bytes)
                else query
                if isinstance(query, str)
                else sql.as_string(query, cursor)
            )
            self._found.setdefault(text, Statement(text, parameters or ()))
            return execute(cursor, query, parameters, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Cursor, "execute", note)
            yield

    def planned(self) -> list[Statement]:
        """Return those that have a plan, in their order."""
        return [one for one in self._found.values() if one.text.lstrip().startswith(VERBS)]


def fill(connection: psycopg.Connection[Any]) -> None:
    """Store runs in all states, their steps and messages, and let the server count them."""
    for statement in (_RUNS, _STEPS, _MESSAGES, "VACUUM ANALYZE"):
        connection.execute(statement)


@dataclass(frozen=True)
class _Read:
    node: Mapping[str, Any]
    limited: bool


def large_reads(
    connection: psycopg.Connection[Any], statement: Statement, *, generic: bool = False
) -> list[str]:
    """Return, in words, where a statement's plan reads a table without an index, or much of it.

    Args:
        connection: one of the store's own, with its settings.
        statement: what to explain; it isn't executed.
        generic: whether to look at the plan for any parameters, which a prepared statement gets in the end.
    """
    with connection.transaction(force_rollback=True):
        if generic:
            plan = _generic(connection, statement)
        else:
            cursor = connection.execute(
                f"EXPLAIN (FORMAT JSON) {statement.text}".encode(), statement.parameters or None
            )
            plan = cursor.fetchall()[0][0][0]["Plan"]
    return [
        fault
        for read in _reads(plan, limited=False)
        if (fault := _judge(connection, read, generic)) is not None
    ]


def _generic(connection: psycopg.Connection[Any], statement: Statement) -> Mapping[str, Any]:
    """Return the plan for any parameters: with nulls as values, nothing is known of them."""
    cursor = connection.cursor()
    connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    if "$1" in statement.text:  # it is sent by libraries that number their parameters
        text, types = statement.text.replace("{schema}", "tightbeam"), ""
        count = len(set(re.findall(r"\$\d+", text)))
    else:
        query = PostgresQuery(psycopg.adapt.Transformer(connection))
        query.convert(statement.text, statement.parameters or without_values(statement.text) or None)
        text, count = query.query.decode(), len(query.params or ())
        types = ", ".join(_type(connection, oid) for oid in query.types)
    cursor.execute(f"PREPARE explained{f' ({types})' if types else ''} AS {text}".encode())
    values = f" ({', '.join(['NULL'] * count)})" if count else ""
    cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE explained{values}".encode())
    plan: Mapping[str, Any] = cursor.fetchall()[0][0][0]["Plan"]
    cursor.execute("DEALLOCATE explained")
    return plan


def without_values(text: str) -> Sequence[None] | dict[str, None]:
    """Return nulls for the parameters of a statement."""
    names = re.findall(r"%\((\w+)\)", text)
    return dict.fromkeys(names) if names else [None] * len(re.findall(r"%[sbt]", text))


def _type(connection: psycopg.Connection[Any], oid: int) -> str:
    if oid == 0:
        return "unknown"
    found = connection.adapters.types.get(oid)
    assert found is not None
    return f"{found.name}[]" if found.array_oid == oid else found.name


def _reads(node: Mapping[str, Any], *, limited: bool) -> Iterator[_Read]:
    kind = node["Node Type"]
    if "Relation Name" in node:
        yield _Read(node, limited)
    if kind in _BLOCKING:
        limited = False
    elif kind == "Limit":
        limited = True
    for child in node.get("Plans", ()):
        yield from _reads(child, limited=limited and child.get("Parent Relationship") != "Inner")


def _leads(connection: psycopg.Connection[Any], index: str, condition: str) -> bool:
    """Return whether a search in an index has a condition for its first column."""
    found = connection.execute("SELECT pg_get_indexdef(%s::regclass, 1, true)", (index,)).fetchone()
    assert found is not None
    return re.search(rf"\b{found[0]}\b", condition) is not None


def _judge(connection: psycopg.Connection[Any], read: _Read, generic: bool) -> str | None:
    node = read.node
    table, kind = node["Relation Name"], node["Node Type"]
    if table not in _LARGE or kind in ("ModifyTable", "LockRows"):
        return None
    if kind == "Seq Scan":
        return f"{table} is read without an index"
    if read.limited and "Filter" not in node:
        return None
    if node["Plan Rows"] > _LARGE[table] and not generic:  # what isn't known is taken for a third of all
        return f"{node['Plan Rows']} rows of {table} are read by {node.get('Index Name')}"
    index, condition = node["Index Name"], node.get("Index Cond", "")
    if index in _SMALL or (condition and _leads(connection, index, condition)):
        return None
    return f"all of {index} is read" + (f": its first column isn't in {condition}" if condition else "")
