"""What `Client.function` takes besides a function's id and what starts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from tightbeam._clock import LONGEST
from tightbeam._event_paths import path_problem
from tightbeam.errors import EngineError

__all__ = ["Concurrency", "EventKey", "FunctionOptions", "Priority", "RetryDelay", "timeout_problem"]

Given = TypeVar("Given")

EventKey: TypeAlias = str | Callable[[Given], object]
"""What runs share a limit by: a path such as ``"event.data.userId"``, or a function of the event."""
Concurrency: TypeAlias = int | tuple[int, EventKey[Given]] | list[int | tuple[int, EventKey[Given]]]
"""How many runs execute at a time: of the function, of each key, or both."""
Priority: TypeAlias = str | Callable[[Given], int]
"""By how many seconds a new run goes ahead: a path such as ``"event.data.urgency"``, or a function of the
event."""
RetryDelay: TypeAlias = timedelta | Sequence[timedelta] | Callable[[int], timedelta]
"""How long a run waits before it is tried again: a first delay, which doubles; the delay of each attempt, of
which the last one repeats; or a function of the attempt that failed, counted from 0."""


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """The options of a function."""

    retries: int = 3
    """How often a failing step, or the code between two steps, is tried again."""
    concurrency: Concurrency[Any] | None = None
    """How many of its runs execute at a time; None for the engine's default."""
    retry_delay: RetryDelay | None = None
    """How long a run waits before it is tried again; None for the client's."""
    on_failure: Callable[..., Any] | None = None
    """The handler of a run that is started when one of the function's runs has failed."""
    timeout: timedelta | None = None
    """How long a run may take from its first start on."""
    priority: Priority[Any] | None = None
    """By how many seconds a new run goes ahead of others."""

    def check(self, function: str) -> None:
        """Check the options.

        Args:
            function: the id of the function that they are of.

        Raises:
            EngineError: one isn't allowed.
        """
        problem = (
            (None if _is_count(self.retries, 0) else "retries is a number of at least 0")
            or _concurrency_problem(self.concurrency)
            or timeout_problem(self.timeout)
            or _retry_delay_problem(self.retry_delay)
            or (None if self.priority is None else path_problem("priority", self.priority))
        )
        if problem is not None:
            raise EngineError(f'function "{function}": {problem}')

    @property
    def limit(self) -> int | None:
        """How many runs of the function execute at a time, if it says so."""
        return next((each for each in _limits(self.concurrency) if isinstance(each, int)), None)

    @property
    def key_limit(self) -> tuple[int, EventKey[Any]] | None:
        """How many runs of one key execute at a time, and what the key is; None without such a limit."""
        return next((each for each in _limits(self.concurrency) if isinstance(each, tuple)), None)


def _limits(concurrency: object) -> list[Any]:
    """Return the limits: ``(2, key)`` is one, ``[10, (2, key)]`` are two."""
    if concurrency is None:
        return []
    if isinstance(concurrency, list):
        return concurrency
    if isinstance(concurrency, tuple) and not (
        len(concurrency) == 2 and not isinstance(concurrency[1], int | tuple)
    ):
        return list(concurrency)
    return [concurrency]


def _concurrency_problem(concurrency: object) -> str | None:
    limits = _limits(concurrency)
    for each in limits:
        number, *key = each if isinstance(each, tuple) else (each,)
        if not _is_count(number, 1) or len(key) > 1:
            return (
                'concurrency is a number of at least 1, or one and a key, such as (2, "event.data.userId"), '
                "or a list of one of each"
            )
        if key and (problem := path_problem("a concurrency key", key[0])) is not None:
            return problem
    with_key = [isinstance(each, tuple) for each in limits]
    if max(with_key.count(True), with_key.count(False)) > 1 or (concurrency is not None and not limits):
        return "concurrency has one limit for all its runs, one with a key, or both"
    return None


def timeout_problem(timeout: object) -> str | None:
    """Say why something can't be the timeout of a step or a run; None if it can, or is None."""
    if timeout is None:
        return None
    if not isinstance(timeout, timedelta):
        return f"timeout is a timedelta, not {type(timeout).__name__}"
    if not timedelta(0) < timeout <= LONGEST:
        return f"timeout is more than no time and at most {LONGEST.days} days"
    return None


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
        if not timedelta(0) <= each <= LONGEST:
            return f"retry_delay is no time at least and {LONGEST.days} days at most"
    return None


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
