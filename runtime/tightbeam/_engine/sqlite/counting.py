"""Counts of unfinished runs, each read from an index."""

from __future__ import annotations

from collections import Counter

from tightbeam._engine.requests import CountRuns, ReadLag
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._hooks.info import RunCount
from tightbeam._message import now_us

__all__ = ["count_runs", "read_lag"]

_READY = (
    "SELECT function, iif(due_at > ?, 'sleeping', 'ready') AS shown, count(*), min(due_at) FROM run "
    "WHERE state = 'ready' GROUP BY function, shown"
)
_BEGUN = (
    "SELECT function, state, count(*), 0 FROM run WHERE state IN ('running', 'sleeping') "
    "GROUP BY function, state"
)
_PARKED = "SELECT function, 'parked', count(*), 0 FROM run WHERE state = 'parked' GROUP BY function"


def count_runs(tx: Transaction, _request: CountRuns) -> tuple[RunCount, ...]:
    """Answer `CountRuns`."""
    now = now_us()
    runs: Counter[tuple[str, str]] = Counter()
    ages: dict[tuple[str, str], float] = {}
    for query, values in ((_READY, (now,)), (_BEGUN, ()), (_PARKED, ())):
        for function, state, count, due_at in tx.execute(query, values):
            runs[function, state] += count
            if state == "ready":
                ages[function, state] = max(0, now - due_at) / 1e6
    return tuple(RunCount(*key, runs[key], ages.get(key, 0.0)) for key in sorted(runs))


def read_lag(_tx: Transaction, _request: ReadLag) -> None:
    """Answer `ReadLag`: messages are handed on with their commit."""
