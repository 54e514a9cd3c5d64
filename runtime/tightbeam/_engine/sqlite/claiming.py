"""Claiming: the runs that are due are taken, within the limits of functions and of keys."""

from __future__ import annotations

from typing import Any

from tightbeam._engine.records import Claimed, FunctionLimit, Memo, Parent, Run
from tightbeam._engine.requests import Claim
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._message import now_us

__all__ = ["claim", "let_all_go"]

_UNPARK = (
    "UPDATE run SET state = 'ready', error_type = NULL, error_text = NULL "
    "WHERE state = 'parked' AND function = ?"
)
_MOST_LATE = 100
"""How many runs one claim takes of a function at most whose time is over."""
_MOST_HELD = 500
"""How many runs one claim holds back at most, since publishers wait meanwhile."""


def claim(tx: Transaction, request: Claim) -> Claimed:
    """Answer `Claim`."""
    for function in request.unpark:
        tx.execute(_UNPARK, (function,))
    claimed: list[Run] = []
    due: list[int] = []
    threads = request.threads
    for limit in request.functions:
        if limit.timeout_us is not None:
            runs, later = _claim_late(tx, limit.function, limit.timeout_us, request.busy)
            claimed += runs
            due += [] if later is None else [later]
        for key in limit.freed:  # also where nothing may be claimed now: the engine names a key once
            _let_go(tx, limit.function, key, (limit.key_limit or 0) - limit.keys.get(key, 0))
        free = min(limit.runs, request.runs - len(claimed), threads if limit.on_thread else limit.runs)
        if free <= 0:
            continue
        if limit.key_limit is None:
            runs, later = _claim_of(tx, limit.function, free, request.busy)
        else:
            runs, later = _claim_by_key(tx, limit, free, request.busy)
        claimed += runs
        threads -= len(runs) if limit.on_thread else 0
        if later is not None:
            due.append(later)
    return Claimed(claimed, min(due, default=None))


def _claim_of(
    tx: Transaction, function: str, limit: int, busy: frozenset[str]
) -> tuple[list[Run], int | None]:
    """Claim runs of one function.

    Args:
        tx: the transaction.
        function: the function.
        limit: how many runs at most.
        busy: runs to leave alone.

    Returns:
        The runs, and when the next one is due, if that was seen.
    """
    now = now_us()
    claimed: list[Run] = []
    rows = tx.execute(
        f"SELECT due_at, {_COLUMNS} FROM run "  # noqa: S608 - names of columns
        "WHERE state = 'ready' AND held = 0 AND function = ? ORDER BY due_at, number LIMIT ?",
        (function, limit + len(busy)),
    ).fetchall()
    for due_at, *row in rows:
        if due_at > now:
            return claimed, due_at
        if row[1] in busy:
            continue
        if len(claimed) == limit:
            break
        claimed.append(_take(tx, row, now))
    return claimed, None


def _claim_late(
    tx: Transaction, function: str, timeout: int, busy: frozenset[str]
) -> tuple[list[Run], int | None]:
    """Claim runs of one function that take longer than they may. See `_claim_of`."""
    now = now_us()
    claimed: list[Run] = []
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM run WHERE state = 'ready' AND function = ? "  # noqa: S608 - names of columns
        "AND started_at IS NOT NULL ORDER BY started_at LIMIT ?",
        (function, _MOST_LATE + len(busy)),
    ).fetchall()
    for row in rows:
        deadline = row[8] + timeout
        if deadline > now:
            return claimed, deadline
        if row[1] not in busy:
            claimed.append(_take(tx, row, now))
    return claimed, now if claimed else None


def _claim_by_key(
    tx: Transaction, limit: FunctionLimit, free: int, busy: frozenset[str]
) -> tuple[list[Run], int | None]:
    """Claim runs of one function, as `_claim_of`; hold back those whose key has as many as it may have."""
    now, most = now_us(), limit.key_limit or 0
    executing = dict(limit.keys)
    claimed: list[Run] = []
    held: list[int] = []
    rows = tx.execute(
        "SELECT due_at, number, id, concurrency_key FROM run "
        "WHERE state = 'ready' AND held = 0 AND function = ? ORDER BY due_at, number LIMIT ?",
        (limit.function, free + len(busy) + _MOST_HELD),
    ).fetchall()
    next_due: int | None = None
    for due_at, number, run_id, key in rows:
        if due_at > now:
            next_due = due_at
            break
        if run_id in busy:
            continue
        if key is not None and executing.get(key, 0) >= most:
            held.append(number)
            if len(held) == _MOST_HELD:
                next_due = now  # there may be more of them, and others behind them
                break
        elif len(claimed) == free:
            break
        else:
            one = f"SELECT {_COLUMNS} FROM run WHERE number = ?"  # noqa: S608 - names of columns
            row = tx.execute(one, (number,)).fetchone()
            claimed.append(_take(tx, row, now))
            if key is not None:
                executing[key] = executing.get(key, 0) + 1
    for number in held:
        tx.execute("UPDATE run SET held = 1 WHERE number = ?", (number,))
    return claimed, next_due


def _let_go(tx: Transaction, function: str, key: str, runs: int) -> None:
    """Have runs of a key looked at again that were held back, as many as may execute."""
    if runs > 0:
        tx.execute(
            "UPDATE run SET held = 0 WHERE number IN (SELECT number FROM run WHERE state = 'ready' "
            "AND held = 1 AND function = ? AND concurrency_key = ? ORDER BY due_at, number LIMIT ?)",
            (function, key, runs),
        )


def let_all_go(tx: Transaction) -> None:
    """Have all runs looked at again that were held back."""
    tx.execute("UPDATE run SET held = 0 WHERE state = 'ready' AND held = 1")


_COLUMNS = (
    "number, id, function, event, data, attempt, deaths, created_at, started_at, metadata, concurrency_key, "
    "parent_run, parent_step"
)


def _take(tx: Transaction, row: Any, now: int) -> Run:
    """Have a run execute, and return what is needed for that."""
    number, run_id, function, event, data, attempt, deaths, created_at, started_at, *more = row
    metadata, concurrency_key, parent_run, parent_step = more
    tx.execute(
        "UPDATE run SET state = 'running', started_at = coalesce(started_at, ?) WHERE number = ?",
        (now, number),
    )
    return Run(
        number,
        run_id,
        function,
        event,
        data,
        attempt,
        deaths,
        _memos(tx, number),
        created_at,
        started_at or now,
        metadata,
        concurrency_key,
        None if parent_run is None else Parent(parent_run, parent_step),
    )


def _memos(tx: Transaction, run: int) -> dict[str, Memo]:
    rows = tx.execute(
        "SELECT id, kind, channel, topic, state, wake_at, result, error_type, error_text FROM memo "
        "WHERE run = ?",
        (run,),
    )
    return {step_id: Memo(*rest) for step_id, *rest in rows}
