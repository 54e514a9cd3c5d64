"""Claiming: the runs that are due are taken, within the limits of functions and of keys.

Several processes claim at the same time: `FOR UPDATE SKIP LOCKED` gives each of them other runs. Runs of a
function that has a limit are claimed by one process at a time, which holds a lock meanwhile and counts the
runs that execute anywhere. A lock that isn't free is no reason to wait: the runs are looked at again soon.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.ending import give_up
from tightbeam._engine.postgres.limits import LimitedFunction, let_all_go
from tightbeam._engine.postgres.processes import LOCK_SPACE, without_served
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import Claimed, FunctionLimit, GivenUp, Memo, Parent, Run
from tightbeam._engine.requests import MAX_DEATHS, Claim
from tightbeam._message import now_us

__all__ = ["claim"]

_UNPARK = (
    "UPDATE run SET state = 'ready', error_type = NULL, error_text = NULL "
    "WHERE state = 'parked' AND function = ANY(%s)"
)
_MOST_LATE = 100
"""How many runs one claim takes of a function at most whose time is over."""
_MOST_HELD = 500
"""How many runs one claim holds back at most, since publishers wait meanwhile."""
_SOON_US = 50_000
"""Microseconds after which runs are looked at again that another process is claiming."""
_PROBE = """
SELECT name,
  (SELECT due_at FROM run WHERE state = 'ready' AND NOT held AND function = name
   ORDER BY due_at, number LIMIT 1),
  (SELECT started_at FROM run WHERE state = 'ready' AND function = name AND started_at IS NOT NULL
   ORDER BY started_at LIMIT 1),
  (SELECT true FROM run WHERE state = 'ready' AND held AND function = name LIMIT 1)
FROM unnest(%s::text[]) AS name
"""
"""For each function: when its first run is due, when one that goes on has begun, whether any is held back."""
_NEXT = (
    "SELECT due_at FROM run WHERE state = 'ready' AND NOT held AND function = %s AND id <> ALL(%s) "
    "ORDER BY due_at, number LIMIT 1"
)
# A run that was ended while its process executes it, and was retried since, is still that one's own: nothing
# of it may be under way there when the run is taken.
_IS_FREE = (
    "state = 'ready' AND function = %(function)s AND id <> ALL(%(busy)s) AND (owner IS NULL "
    f"OR owner = %(process)s OR pg_try_advisory_xact_lock({LOCK_SPACE}, owner::int))"
)
_DUE = (
    f"SELECT number, due_at, concurrency_key, id, owner FROM run WHERE {_IS_FREE} "  # noqa: S608 - of a constant
    "AND NOT held AND due_at <= %(now)s ORDER BY due_at, number LIMIT %(most)s FOR UPDATE SKIP LOCKED"
)
_LATE = (
    f"SELECT number FROM run WHERE {_IS_FREE} "  # noqa: S608 - of a constant
    "AND started_at <= %(since)s ORDER BY started_at LIMIT %(most)s FOR UPDATE SKIP LOCKED"
)
_TAKE = (
    "UPDATE run SET state = 'running', held = false, owner = %s, claim = claim + 1, "
    "started_at = coalesce(started_at, %s) WHERE number = ANY(%s) "
    "RETURNING due_at, number, id, function, event, data, attempt, deaths, created_at, started_at, metadata, "
    "concurrency_key, parent_run, parent_step, claim"
)
_MEMOS = (
    "SELECT run, id, kind, channel, topic, state, wake_at, result, error_type, error_text FROM memo "
    "WHERE run = ANY(%s)"
)


class _First(NamedTuple):
    """What is known of the runs of a function before any is claimed."""

    due_at: int | None
    """When the first one is due that isn't held back."""
    started_at: int | None
    """When the one that goes on for longest has begun."""
    is_any_held: bool


def claim(tx: Transaction, request: Claim) -> Claimed:
    """Answer `Claim`."""
    if request.unpark:
        tx.execute(_UNPARK, (list(request.unpark),))
    if tx.member is not None:  # a function may be registered after the client was entered
        tx.member.functions = frozenset(tx.member.functions).union(one.function for one in request.functions)
    functions = without_served(tx, request.functions) if request.leaving else request.functions
    turn = _Turn(tx, request)
    for limit in functions:
        turn.claim(limit)
    return turn.claimed()


class _Turn:
    """One turn of the scheduler: what it has claimed so far."""

    def __init__(self, tx: Transaction, request: Claim) -> None:
        self._tx = tx
        self._now = now_us()
        self._busy = sorted(request.busy)
        self._executing = request.executing
        self._runs = request.runs
        """How many more runs may be claimed."""
        self._threads = request.threads
        """How many of these may need a thread."""
        self._taken: list[Any] = []
        """The rows of the runs."""
        self._given_up: list[GivenUp] = []
        self._next: list[int] = []
        """When runs are due that weren't claimed."""
        names = [limit.function for limit in request.functions]
        rows = tx.execute(_PROBE, (names,)).fetchall()
        self._first = {name: _First(due_at, begun, bool(held)) for name, due_at, begun, held in rows}

    def claimed(self) -> Claimed:
        """Return the runs, with what is remembered of each."""
        memos: dict[int, dict[str, Memo]] = {row[1]: {} for row in self._taken}
        if memos:
            for number, step_id, *rest in self._tx.execute(_MEMOS, (list(memos),)).fetchall():
                memos[number][step_id] = Memo(*rest)
        runs = [_run(row, memos[row[1]]) for row in self._taken]
        return Claimed(runs, min(self._next, default=None), tuple(self._given_up))

    def claim(self, limit: FunctionLimit) -> None:
        """Claim runs of one function."""
        first, now = self._first[limit.function], self._now
        if limit.timeout_us is not None and first.started_at is not None:
            self._claim_late(limit, first.started_at + limit.timeout_us)
        if first.is_any_held and limit.key_limit is None:
            let_all_go(self._tx, limit.function)  # it had a limit in an earlier version of the program
        free = min(limit.runs, self._runs, self._threads if limit.on_thread else limit.runs)
        is_any_due = first.due_at is not None and first.due_at <= now
        if free <= 0 or not (is_any_due or first.is_any_held):
            self._next += [] if first.due_at is None or is_any_due else [first.due_at]
            return
        if limit.limit is None and limit.key_limit is None:
            due = self._due(limit, free)
            self._take(limit, [number for number, _, _ in due])
        elif not self._claim_limited(limit, free):
            return
        later = self._tx.execute(_NEXT, (limit.function, self._busy)).fetchone()
        if later is not None:  # one that is due already is being claimed by another process
            self._next.append(max(later[0], now + _SOON_US))

    def _claim_limited(self, limit: FunctionLimit, free: int) -> bool:
        """Claim runs of a function that has a limit over all processes, or one for each key.

        Returns:
            False if no more may be claimed until a run of the function ends or falls asleep.
        """
        function = LimitedFunction(self._tx, limit.function, limit.limit, limit.key_limit)
        if not function.lock():
            self._next.append(self._now + _SOON_US)
            return False
        function.count()
        if self._first[limit.function].is_any_held and limit.key_limit is not None:
            function.let_go(limit.key_limit)
        free = min(free, function.free(free))
        if free <= 0:
            return False
        if limit.key_limit is None:
            self._take(limit, [number for number, _, _ in self._due(limit, free)])
            return function.free(free) > 0
        numbers: list[int] = []
        held: list[int] = []
        for number, _, key in self._due(limit, free + _MOST_HELD):
            if len(numbers) == free:
                break
            (numbers if function.take(key) else held).append(number)
        self._take(limit, numbers)
        function.hold_back(held[:_MOST_HELD])
        return len(numbers) < free

    def _claim_late(self, limit: FunctionLimit, deadline: int) -> None:
        """Claim runs of a function that take longer than they may.

        Args:
            limit: of the function.
            deadline: when the time of the first one is over.
        """
        assert limit.timeout_us is not None  # noqa: S101 - asked by the caller; for the checker
        if deadline > self._now:
            self._next.append(deadline)
            return
        since = self._now - limit.timeout_us
        late = self._tx.execute(
            _LATE, {**self._parameters(limit.function), "since": since, "most": _MOST_LATE}
        ).fetchall()
        self._take(limit, [number for (number,) in late], is_late=True)
        self._next.append(self._now + _SOON_US)

    def _due(self, limit: FunctionLimit, most: int) -> list[tuple[int, int, str | None]]:
        """Lock the runs of a function that are due longest; return number, due time and key of each."""
        while True:
            parameters = {**self._parameters(limit.function), "now": self._now, "most": most}
            rows = self._tx.execute(_DUE, parameters).fetchall()
            under_way = {
                run_id
                for *_, run_id, owner in rows
                if owner == self._tx.process and run_id in self._executing
            }
            if not under_way:
                return [(number, due_at, key) for number, due_at, key, *_ in rows]
            self._busy = sorted(under_way.union(self._busy))

    def _parameters(self, function: str) -> dict[str, object]:
        return {"function": function, "busy": self._busy, "process": self._tx.process}

    def _take(self, limit: FunctionLimit, numbers: list[int], *, is_late: bool = False) -> None:
        """Have runs execute; those are given up under which too many processes have died.

        Args:
            limit: of their function.
            numbers: of the runs, which are locked.
            is_late: whether they are taken only to be ended.
        """
        if not numbers:
            return
        tx = self._tx
        rows = tx.execute(_TAKE, (tx.process, self._now, numbers)).fetchall()
        is_limited = limit.limit is not None or limit.key_limit is not None
        for row in sorted(rows, key=lambda row: row[:2]):
            _, _, run_id, function, _, _, attempt, deaths, *_, number = row
            if deaths >= MAX_DEATHS:
                give_up(tx, run_id, limit.on_failure)
                self._given_up.append(GivenUp(run_id, function, attempt))
                continue
            tx.claimed[run_id] = Held(number, function, is_limited)
            self._taken.append(row)
            if not is_late:
                self._runs -= 1
                self._threads -= limit.on_thread


def _run(row: Any, memos: dict[str, Memo]) -> Run:
    _, number, run_id, function, event, data, attempt, deaths, created_at, started_at, *more = row
    metadata, concurrency_key, parent_run, parent_step, _ = more
    parent = None if parent_run is None else Parent(parent_run, parent_step)
    what = (number, run_id, function, event, data, attempt, deaths, memos, created_at, started_at)
    return Run(*what, metadata, concurrency_key, parent)
