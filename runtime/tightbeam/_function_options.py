"""What `Client.function` takes besides a function's id and what starts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from tightbeam.errors import EngineError

__all__ = ["FunctionOptions", "RetryDelay"]

RetryDelay: TypeAlias = timedelta | Sequence[timedelta] | Callable[[int], timedelta]
"""How long a run waits before it is tried again: a first delay, which doubles; the delay of each attempt, of
which the last one repeats; or a function of the attempt that failed, counted from 0."""
_LONGEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """The options of a function."""

    retries: int = 3
    """How often a failing step, or the code between two steps, is tried again."""
    concurrency: int | None = None
    """How many of its runs execute at a time; None for the engine's default."""
    retry_delay: RetryDelay | None = None
    """How long a run waits before it is tried again; None for the client's."""

    def check(self, function: str) -> None:
        """Check the options.

        Args:
            function: the id of the function that they are of.

        Raises:
            EngineError: one isn't allowed.
        """
        problem = (
            (None if _is_count(self.retries, 0) else "retries is a number of at least 0")
            or (
                None
                if self.concurrency is None or _is_count(self.concurrency, 1)
                else "concurrency is a number of at least 1"
            )
            or _retry_delay_problem(self.retry_delay)
        )
        if problem is not None:
            raise EngineError(f'function "{function}": {problem}')

    @property
    def limit(self) -> int | None:
        """How many runs of the function execute at a time, if it says so."""
        return self.concurrency


def _retry_delay_problem(delay: object) -> str | None:
    if delay is None or callable(delay):
        return None
    if isinstance(delay, str | bytes) or not isinstance(delay, timedelta | Sequence):
        return (
            "retry_delay is a timedelta, a sequence of them, or a function of the attempt, "
            f"not {type(delay).__name__}"
        )
    delays: Sequence[object] = [delay] if isinstance(delay, timedelta) else delay
    if not delays:
        return "retry_delay has no delay in it"
    for each in delays:
        if not isinstance(each, timedelta):
            return f"retry_delay consists of timedeltas, not {type(each).__name__}"
        if not timedelta(0) <= each <= _LONGEST:
            return f"retry_delay is no time at least and {_LONGEST.days} days at most"
    return None


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and value >= least
