"""Handle received messages that can't be loaded, as ``on_invalid_message=`` says."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Literal, TypeAlias

from tightbeam.errors import InvalidPayload

__all__ = ["OnInvalidMessage", "checked_choice", "handle_invalid_message"]

OnInvalidMessage: TypeAlias = Literal["raise", "skip"] | Callable[[InvalidPayload], object]
"""``"raise"`` the error out of the iteration, which may be continued; ``"skip"`` the message with a warning;
or call a function with the error and go on, unless it raises. A coroutine function is awaited."""

_log = logging.getLogger("tightbeam")


def checked_choice(given: OnInvalidMessage) -> OnInvalidMessage:
    """Check a value of ``on_invalid_message=``, and return it.

    Raises:
        ValueError: it is a string other than ``"raise"`` and ``"skip"``.
        TypeError: it is no function either.
    """
    value: object = given
    if isinstance(value, str):
        if value not in ("raise", "skip"):
            raise ValueError('on_invalid_message= takes "raise", "skip" or a function')
    elif not callable(value):
        raise TypeError(
            f'on_invalid_message= takes "raise", "skip" or a function, not {type(value).__name__}'
        )
    return given


async def handle_invalid_message(choice: OnInvalidMessage, error: InvalidPayload) -> None:
    """Raise the error of a message that can't be loaded, log it, or call a function with it.

    Args:
        choice: the value of ``on_invalid_message=``.
        error: says why the message can't be loaded.

    Raises:
        InvalidPayload: ``choice`` is to raise it.
        Exception: the function raises it.
    """
    if choice == "raise":
        raise error
    if choice == "skip":
        _log.warning(
            'a message on topic "%s" of channel "%s" was skipped: %s%s',
            error.topic,
            error.channel,
            "; ".join(map(str, error.issues)),
            f" and {error.more} more" if error.more else "",
        )
        return
    result = choice(error)
    if inspect.isawaitable(result):
        await result
