"""Callers that wait for the end of runs, on any event loop or thread."""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import InvalidStateError
from contextlib import contextmanager, suppress

from tightbeam._engine.details import RunRecord
from tightbeam._engine.failure import error_of, parked_error
from tightbeam._engine.results import Cancelled, Done, ExecutionResult, Failed, Parked
from tightbeam.errors import NotEntered, RunCancelled, RunFailed

__all__ = ["Ending", "RunWaiters", "Waiter", "returned"]

Ending = ExecutionResult | RunRecord
"""How a run ended: with a result, an error, cancelled; or that it is parked. Of a run that another process
executed, as it is stored."""
Waiter = ThreadFuture[Ending]
"""Gets how a run ended."""


class RunWaiters:
    """The callers that wait for runs of one session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Waiter]] = {}
        self._is_closed = False

    @contextmanager
    def waiter(self, run_id: str) -> Generator[Waiter]:
        """Give the next end of a run to the caller, in a future; begin before the run may end."""
        waiter: Waiter = ThreadFuture()
        with self._lock:
            if self._is_closed:
                waiter.set_exception(_left())
            self._waiting.setdefault(run_id, []).append(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                waiting = self._waiting.get(run_id, [])
                if waiter in waiting:
                    waiting.remove(waiter)
                if not waiting:
                    self._waiting.pop(run_id, None)

    def waited_for(self, runs: Collection[str] | None = None) -> list[str]:
        """Return those of some runs that callers wait for; of all runs, if it is None."""
        with self._lock:
            return list(self._waiting) if runs is None else [one for one in runs if one in self._waiting]

    def settle(self, run_id: str, result: Ending) -> None:
        """Tell those who wait for a run that it has ended, or is parked."""
        if run_id not in self._waiting:
            return
        with self._lock:
            waiting = self._waiting.pop(run_id, [])
        for waiter in waiting:
            with suppress(InvalidStateError):  # that caller has stopped waiting
                waiter.set_result(result)

    def close(self) -> None:
        """Tell all who wait, now and later, that the client was left before the run ended."""
        with self._lock:
            self._is_closed = True
            waiting = [waiter for waiters in self._waiting.values() for waiter in waiters]
            self._waiting.clear()
        for waiter in waiting:
            with suppress(InvalidStateError):
                waiter.set_exception(_left())


def returned(run_id: str, function: str, result: Ending) -> bytes:
    """Return the result of a run that has ended, as JSON.

    Args:
        run_id: of the run.
        function: its function.
        result: how it ended.

    Raises:
        RunParked: it doesn't fit today's code.
        RunCancelled: it was cancelled.
        Exception: what it has failed with.
    """
    if isinstance(result, RunRecord):
        if result.summary.state != "done":
            raise error_of(result)
        return result.result or b"null"
    if isinstance(result, Done):
        return result.raw
    if isinstance(result, Parked):
        raise parked_error(run_id, function, result.parking.error_type, result.parking.reason)
    if isinstance(result, Cancelled):
        raise RunCancelled(run_id, function)
    assert isinstance(result, Failed)  # noqa: S101 - waiters are told of nothing else
    error = result.error
    if isinstance(error, Exception):
        raise error
    raise RunFailed(f"the run failed with {type(error).__name__}", run_id=run_id) from error


def _left() -> NotEntered:
    return NotEntered("the client was left before the run ended; the run resumes later")
