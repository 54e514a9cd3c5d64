"""Counts of unfinished runs, each read from an index."""

from __future__ import annotations

from collections import Counter

from tightbeam._engine.postgres.horizon import LAG
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.requests import CountRuns, ReadLag
from tightbeam._hooks.info import RunCount
from tightbeam._message import now_us

__all__ = ["count_runs", "read_lag"]

UNFINISHED = """
SELECT function, CASE WHEN due_at > %(now)s::bigint THEN 'sleeping' ELSE 'ready' END AS shown,
    count(*), min(due_at)
FROM run WHERE state = 'ready' AND NOT held GROUP BY function, shown
UNION ALL
SELECT function, CASE WHEN due_at > %(now)s::bigint THEN 'sleeping' ELSE 'ready' END AS shown,
    count(*), min(due_at)
FROM run WHERE state = 'ready' AND held GROUP BY function, shown
UNION ALL
SELECT function, 'running', count(*), 0 FROM run WHERE state = 'running' GROUP BY function
UNION ALL
SELECT function, 'sleeping', count(*), 0 FROM run WHERE state = 'sleeping' GROUP BY function
UNION ALL
SELECT function, 'parked', count(*), 0 FROM run WHERE state = 'parked' GROUP BY function
"""


def count_runs(tx: Transaction, _request: CountRuns) -> tuple[RunCount, ...]:
    """Answer `CountRuns`."""
    now = now_us()
    runs: Counter[tuple[str, str]] = Counter()
    due: dict[tuple[str, str], int] = {}
    for function, state, count, due_at in tx.execute(UNFINISHED, {"now": now}).fetchall():
        key = function, state
        runs[key] += count
        if state == "ready":
            due[key] = min(due_at, due.get(key, now))
    return tuple(RunCount(*key, runs[key], max(0, now - due.get(key, now)) / 1e6) for key in sorted(runs))


def read_lag(tx: Transaction, _request: ReadLag) -> float:
    """Answer `ReadLag`."""
    row = tx.execute(LAG).fetchone()
    return 0.0 if row is None else max(row[0], 0) / 1e6
