"""Limits over all processes: how many runs of a function, and of a key, execute anywhere."""

from __future__ import annotations

from tightbeam._engine.postgres.fencing import IS_MINE, fence
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.requests import Awaken
from tightbeam._message import now_us

__all__ = ["LimitedFunction", "awaken", "let_all_go"]

_MOST_KEYS = 1000
"""Of how many keys one claim lets runs go at most."""
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.function'), hashtext(%s))"
_COUNT = (
    "SELECT concurrency_key, count(*) FROM run WHERE state = 'running' AND function = %s "
    "GROUP BY concurrency_key"
)
_HELD = "SELECT concurrency_key FROM run WHERE state = 'ready' AND held AND function = %(function)s"
_HELD_KEYS = f"""
WITH RECURSIVE held (key) AS (
  ({_HELD} ORDER BY concurrency_key LIMIT 1)
  UNION ALL
  SELECT ({_HELD} AND concurrency_key > held.key ORDER BY concurrency_key LIMIT 1)
  FROM held WHERE held.key IS NOT NULL
)
SELECT key FROM held WHERE key IS NOT NULL LIMIT {_MOST_KEYS}
"""  # noqa: S608 - of constants
"""The keys of which runs are held back, with one search in the index for each."""
_LET_GO = (
    "UPDATE run SET held = false WHERE number IN (SELECT number FROM run WHERE state = 'ready' AND held "
    "AND function = %s AND concurrency_key = %s ORDER BY due_at, number LIMIT %s)"
)
_LET_ALL_GO = "UPDATE run SET held = false WHERE state = 'ready' AND held AND function = %s"
_HOLD_BACK = "UPDATE run SET held = true WHERE number = ANY(%s)"
_STATE = f"SELECT state, function, concurrency_key FROM run WHERE {IS_MINE}"  # noqa: S608 - of a constant
_AWAKEN = (
    f"UPDATE run SET state = 'running', due_at = %(now)s WHERE {IS_MINE} "  # noqa: S608 - of a constant
    "AND state = 'sleeping'"
)


class LimitedFunction:
    """A function with limits, inside one transaction."""

    def __init__(self, tx: Transaction, function: str, limit: int | None, key_limit: int | None) -> None:
        """Prepare.

        Args:
            tx: the transaction.
            function: the id of the function.
            limit: how many of its runs execute at a time; None for no limit over all processes.
            key_limit: how many of one key; None for no such limit.
        """
        self._tx = tx
        self._function = function
        self._limit = limit
        self._key_limit = key_limit
        self._running: dict[str | None, int] = {}
        self._total = 0

    def lock(self) -> bool:
        """Keep other processes from claiming runs of the function, until the end of the transaction.

        Returns:
            False if one of them does at this moment.
        """
        return self._tx.execute(_LOCK, (self._function,)).fetchone() == (True,)

    def count(self) -> None:
        """Count the runs that execute, which needs the lock; those that sleep don't count."""
        self._running = dict(self._tx.execute(_COUNT, (self._function,)).fetchall())
        self._total = sum(self._running.values())

    def free(self, most: int) -> int:
        """Return how many more runs of any key may execute, at most so many."""
        return most if self._limit is None else min(most, self._limit - self._total)

    def has_room(self, key: str | None) -> bool:
        """Return whether one more run of a key may execute, as far as its key goes."""
        return self._key_limit is None or key is None or self._running.get(key, 0) < self._key_limit

    def take(self, key: str | None) -> bool:
        """Count one more run of a key, if the key has room."""
        if not self.has_room(key):
            return False
        self._running[key] = self._running.get(key, 0) + 1
        self._total += 1
        return True

    def let_go(self, key_limit: int) -> None:
        """Have runs looked at again that were held back, of each key as many as may execute."""
        for (key,) in self._tx.execute(_HELD_KEYS, {"function": self._function}).fetchall():
            room = key_limit - self._running.get(key, 0)
            if room > 0:
                self._tx.execute(_LET_GO, (self._function, key, room))

    def hold_back(self, numbers: list[int]) -> None:
        """Have runs wait until one of their key has ended or sleeps."""
        if numbers:
            self._tx.execute(_HOLD_BACK, (numbers,))


def let_all_go(tx: Transaction, function: str) -> None:
    """Have all runs of a function looked at again that were held back.

    Args:
        tx: the transaction.
        function: the id of the function.
    """
    tx.execute(_LET_ALL_GO, (function,))


def awaken(tx: Transaction, request: Awaken) -> bool | None:
    """Answer `Awaken`."""
    fenced = fence(tx, request.run_id)
    row = tx.execute(_STATE, fenced).fetchone()
    if row is None or row[0] != "sleeping":
        return True  # it has ended, or executes: another of its sleeps was over before
    function = LimitedFunction(tx, row[1], request.limit, request.key_limit)
    if not function.lock():
        return None
    function.count()
    if function.free(1) <= 0 or not function.has_room(row[2]):
        return False
    tx.execute(_AWAKEN, {**fenced, "now": now_us()})
    return True
