"""Which runs in dictionaries are taken to be executed."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush

from tightbeam._engine.memory.stored import StoredRun
from tightbeam._engine.records import Claimed, FunctionLimit, Run
from tightbeam._engine.requests import Claim
from tightbeam._message import now_us

__all__ = ["Entry", "ReadyRuns"]

Entry = tuple[int, int, str]
"""A time, and a run's number and id."""


class ReadyRuns:
    """The runs that are ready, in the order in which they are due."""

    def __init__(self, unfinished: Mapping[str, StoredRun]) -> None:
        """Begin without runs.

        Args:
            unfinished: the runs that haven't ended, by id; those that are ready are among them.
        """
        self._unfinished = unfinished
        self._heaps: dict[str, list[Entry]] = {}
        """A heap for each function. An entry whose run isn't ready at that time any more is out of date."""
        self._again: dict[str, dict[str, StoredRun]] = {}
        """Runs of each function that have begun and are ready again; some may not be any more."""
        self._held: dict[tuple[str, str], list[Entry]] = {}
        """A heap for each function and key: due runs that wait until a run of their key has ended."""

    def add(self, run: StoredRun) -> None:
        """Add a run that has become ready, or is ready at another time."""
        if run.started_at is not None:
            self._again.setdefault(run.function, {})[run.id] = run
        heappush(self._heaps.setdefault(run.function, []), (run.due_at, run.number, run.id))

    def claim(self, request: Claim) -> Claimed:
        """Take the runs that are due, function by function."""
        now, claimed, due = now_us(), list[Run](), list[int]()
        threads = request.threads
        for limit in request.functions:
            if limit.timeout_us is not None:
                late, deadline = self._claim_late(limit.function, limit.timeout_us, request.busy, now)
                claimed += late
                due += [] if deadline is None else [deadline]
            for key in limit.freed:  # also where nothing may be claimed now: the engine names a key once
                self._let_go(limit.function, key, (limit.key_limit or 0) - limit.keys.get(key, 0))
            most = min(limit.runs, request.runs - len(claimed), threads if limit.on_thread else limit.runs)
            if most > 0:
                taken, next_due = self._claim_of(limit, most, request.busy, now)
                claimed += taken
                threads -= len(taken) if limit.on_thread else 0
                due += [] if next_due is None else [next_due]
        return Claimed(claimed, min(due, default=None))

    def let_all_go(self) -> None:
        """Have all runs looked at again that were held back: nothing executes."""
        for function, key in tuple(self._held):
            self._let_go(function, key, len(self._unfinished))

    def _claim_of(
        self, limit: FunctionLimit, most: int, busy: frozenset[str], now: int
    ) -> tuple[list[Run], int | None]:
        """Take due runs of one function; hold back those whose key has as many as it may have.

        Returns:
            The runs, and when the next one is due, if that is later than now.
        """
        executing = dict(limit.keys)
        heap = self._heaps.get(limit.function, [])
        claimed: list[Run] = []
        left_alone: list[Entry] = []
        next_due = None
        while heap and len(claimed) < most:
            due_at, _, run_id = entry = heap[0]
            run = self._unfinished.get(run_id)
            if run is None or run.state != "ready" or run.due_at != due_at:
                heappop(heap)
            elif due_at > now:
                next_due = due_at
                break
            elif run_id in busy:
                left_alone.append(heappop(heap))
            else:
                heappop(heap)
                shared = None if limit.key_limit is None else run.new.concurrency_key
                if shared is not None and executing.get(shared, 0) >= (limit.key_limit or 0):
                    heappush(self._held.setdefault((run.function, shared), []), entry)
                    continue
                if shared is not None:
                    executing[shared] = executing.get(shared, 0) + 1
                run.state = "running"
                run.started_at = run.started_at or now
                claimed.append(run.executable)
        for entry in left_alone:
            heappush(heap, entry)
        return claimed, next_due

    def _claim_late(
        self, function: str, timeout: int, busy: frozenset[str], now: int
    ) -> tuple[list[Run], int | None]:
        """Take the ready runs of one function that take longer than they may. See `_claim_of`."""
        claimed: list[Run] = []
        deadlines: list[int] = []
        again = self._again.get(function, {})
        for run in tuple(again.values()):
            if run.state != "ready" or run.started_at is None:
                del again[run.id]
            elif run.started_at + timeout > now:
                deadlines.append(run.started_at + timeout)
            elif run.id not in busy:
                del again[run.id]
                run.state = "running"
                claimed.append(run.executable)
        return claimed, min(deadlines, default=None)

    def _let_go(self, function: str, key: str, most: int) -> None:
        """Have runs of a key looked at again that were held back, as many as may execute."""
        held = self._held.get((function, key), [])
        while held and most > 0:
            due_at, _, run_id = entry = heappop(held)
            run = self._unfinished.get(run_id)
            if run is not None and run.state == "ready" and run.due_at == due_at:
                heappush(self._heaps.setdefault(function, []), entry)
                most -= 1
        if not held:
            self._held.pop((function, key), None)
