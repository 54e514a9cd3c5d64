"""How long a run waits before it is tried again."""

from __future__ import annotations

import logging
from datetime import timedelta
from random import uniform

from tightbeam._clock import LONGEST, now_us
from tightbeam._engine.failure import leaves, of_kind
from tightbeam._function_options import RetryDelay
from tightbeam._message import microseconds_of
from tightbeam.errors import RetryAfterError

__all__ = ["LONGEST_DOUBLED", "retry_seconds"]

LONGEST_DOUBLED = 300.0
"""Seconds up to which delays are doubled."""
_log = logging.getLogger("tightbeam")


def retry_seconds(
    error: BaseException, function: str, delay: RetryDelay | None, attempt: int, default: float
) -> float:
    """Return the seconds that a run waits.

    Args:
        error: what its latest attempt has failed with.
        function: the id of its function, for the log.
        delay: the function's ``retry_delay``.
        attempt: which attempt has failed, counted from 0.
        default: the client's first delay, which doubles.
    """
    moments = [leaf.retry_after for leaf in leaves(error) if of_kind(leaf, RetryAfterError)]
    if moments:
        return max(0, microseconds_of(max(moments)) - now_us()) / 1e6
    if callable(delay):
        try:
            return _checked(delay(attempt)).total_seconds()
        except Exception:  # noqa: BLE001 - whatever it raises, the run has to go on
            _log.exception('retry_delay of function "%s" gives no delay: the client\'s is taken', function)
    elif delay is not None and not isinstance(delay, timedelta):
        return delay[min(attempt, len(delay) - 1)].total_seconds()
    first = delay.total_seconds() if isinstance(delay, timedelta) else default
    doubled = min(first * 2.0 ** min(attempt, 30), max(first, LONGEST_DOUBLED))
    return doubled * uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _checked(delay: object) -> timedelta:
    if not isinstance(delay, timedelta):
        raise TypeError(f"retry_delay returns a timedelta, not {type(delay).__name__}")
    if delay < timedelta(0):
        raise ValueError("retry_delay returned less than no time")
    return min(delay, LONGEST)
