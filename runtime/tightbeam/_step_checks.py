"""What every engine refuses of a step: its id, its function, its duration."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import Literal

from tightbeam._clock import LONGEST
from tightbeam.errors import StepMisuse

__all__ = [
    "check_sleep",
    "check_step_function",
    "check_step_id",
    "check_wait",
    "is_unicode",
    "wrong_step_kind",
]

_NUMBERED = re.compile(r":\d+\Z")


def is_unicode(text: str) -> bool:
    """Tell whether text can be encoded: a file name that isn't UTF-8 has lone surrogates, for example."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_step_id(id: object) -> None:
    """Refuse what can't be a step's id.

    Raises:
        StepMisuse: it isn't text, or ends like the number of a repeated use.
    """
    if not isinstance(id, str) or not id:
        raise StepMisuse("a step needs an id: a string that names it within its function")
    if not (id.isascii() or is_unicode(id)):
        raise StepMisuse("a step's id is Unicode text; this one holds half of a surrogate pair")
    if _NUMBERED.search(id):
        raise StepMisuse(f'step id "{id}" ends in a colon and digits, which number repeated uses of one id')


def check_step_function(id: object, function: object) -> None:
    """Refuse what isn't a function: most often a coroutine, the result of calling one.

    Raises:
        StepMisuse: it can't be called.
    """
    if callable(function):
        return
    if inspect.iscoroutine(function):
        function.close()  # it is never awaited, and Python would warn
    called = "what calling it gave" if inspect.isawaitable(function) else type(function).__name__
    raise StepMisuse(
        f'step "{id}": step.run takes a function and its arguments, step.run("{id}", function, argument), '
        f"not {called}"
    )


def check_sleep(step_id: str, duration: object) -> None:
    """Refuse a duration that a step can't sleep for.

    Raises:
        StepMisuse: it isn't a timedelta, or is negative or too long.
    """
    if not isinstance(duration, timedelta):
        raise StepMisuse(f'step "{step_id}": a sleep takes a timedelta, not {type(duration).__name__}')
    if duration < timedelta(0) or duration > LONGEST:
        raise StepMisuse(f'step "{step_id}": a sleep lasts from no time to {LONGEST.days} days')


def check_wait(step_id: str, timeout: object) -> None:
    """Refuse a time limit that a step can't wait with.

    Raises:
        StepMisuse: it isn't a timedelta, or is negative or too long.
    """
    if not isinstance(timeout, timedelta):
        raise StepMisuse(f'step "{step_id}": timeout= is a timedelta, not {type(timeout).__name__}')
    if timeout < timedelta(0) or timeout > LONGEST:
        raise StepMisuse(f'step "{step_id}": timeout= is from no time to {LONGEST.days} days')


def wrong_step_kind(step_id: str, *, wanted: Literal["async", "plain"]) -> StepMisuse:
    """Return the error for an async function in place of a plain one, or the reverse."""
    if wanted == "async":
        return StepMisuse(
            f'step "{step_id}": step.run takes an async function here; this one isn\'t: make it `async def`, '
            "or pass `lambda: asyncio.to_thread(it, …)`"
        )
    return StepMisuse(f'step "{step_id}": step.run takes a plain function here; this one is async')
