"""Time limits of steps, the same on every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from tightbeam._clock import now_us
from tightbeam._engine.alarm import Alarm, Timer
from tightbeam._function_options import timeout_problem
from tightbeam.errors import StepError, StepMisuse, StepTimeout

__all__ = ["check_timeout", "in_time", "in_time_sync", "step_error"]

Returned = TypeVar("Returned")


class _TookTooLong(TimeoutError):
    """A step's function took longer than its timeout, and may be tried again."""


_TookTooLong.__name__ = StepTimeout.__name__  # what journals and logs call the error that the handler gets


def check_timeout(step_id: object, timeout: object) -> None:
    """Refuse what can't be the timeout of a step.

    Raises:
        StepMisuse: it isn't a timedelta, isn't positive, or is longer than ten years.
    """
    if (problem := timeout_problem(timeout)) is not None:
        raise StepMisuse(f'step "{step_id}": {problem}')


async def in_time(limit: timedelta, begin: Callable[[], Awaitable[Returned]]) -> Returned:
    """Await something for so long at most, and interrupt it then.

    Args:
        limit: counted from the call.
        begin: returns what to await.

    Raises:
        TimeoutError: it took longer; also if it went on in spite of being interrupted.
    """
    alarm = _alarm(limit)
    awaitable = begin()
    bound = asyncio.timeout(None)
    try:
        async with bound:
            loop = asyncio.get_running_loop()
            timer = Timer(alarm, lambda: bound.reschedule(loop.time()))
            try:
                returned = await awaitable
            finally:
                timer.cancel()
    except Exception as error:
        if bound.expired():
            raise _took_too_long(limit) from error
        raise
    if bound.expired():
        raise _took_too_long(limit)
    return returned


def in_time_sync(limit: timedelta, call: Callable[[], Returned]) -> Returned:
    """Call something that can't be interrupted, and return or raise what it does if it didn't take too long.

    Args:
        limit: counted from the call.
        call: the function.

    Raises:
        TimeoutError: it took longer.
    """
    alarm = _alarm(limit)
    try:
        returned = call()
    except Exception as error:
        if not alarm.left():
            raise _took_too_long(limit) from error
        raise
    if not alarm.left():
        raise _took_too_long(limit)
    return returned


def step_error(step_id: str, error_type: str, error_text: str) -> StepError:
    """Return the error for a step that used up its attempts, by what its last one failed with."""
    kind = StepTimeout if error_type == StepTimeout.__name__ else StepError
    return kind(step_id, error_type, error_text)


def _alarm(timeout: timedelta) -> Alarm:
    return Alarm(now_us() + timeout // timedelta(microseconds=1))


def _took_too_long(timeout: timedelta) -> _TookTooLong:
    return _TookTooLong(f"it took longer than its timeout of {timeout}")
