"""A function's options, as the SDK has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import inngest

from tightbeam._function_options import EventKey, FunctionOptions
from tightbeam.errors import EngineError, StepMisuse

__all__ = ["check_seconds", "sdk_options"]

_SECOND = timedelta(seconds=1)


def sdk_options(function: str, options: FunctionOptions) -> dict[str, Any]:
    """Return the keywords of the SDK's ``create_function`` for a function's options.

    Args:
        function: the id of the function.
        options: which are checked already.

    Raises:
        EngineError: one that Inngest has no counterpart of.
    """
    if options.retry_delay is not None:
        raise EngineError(
            f'function "{function}": retry_delay= is the embedded engine\'s; on Inngest the server decides. '
            "Raise a tightbeam.RetryAfterError where a retry has to wait"
        )
    if options.timeout is not None and options.timeout % _SECOND:
        raise EngineError(f'function "{function}": a timeout is a whole number of seconds on Inngest')
    concurrency = [] if options.limit is None else [inngest.Concurrency(limit=options.limit)]
    if options.key_limit is not None:
        limit, key = options.key_limit
        concurrency.append(
            inngest.Concurrency(limit=limit, key=_expression(function, "a concurrency key", key))
        )
    priority = options.priority
    return {
        "retries": options.retries,
        "concurrency": concurrency or None,
        "timeouts": None if options.timeout is None else inngest.Timeouts(finish=options.timeout),
        "priority": None
        if priority is None
        else inngest.Priority(run=_expression(function, "priority", priority)),
    }


def check_seconds(step_id: str, timeout: object) -> None:
    """Refuse a step's time limit that the server can't have: the SDK's refusal would be retried.

    Args:
        step_id: of the step, for the error.
        timeout: a duration, in milliseconds if it is a number; what is neither is left to the SDK.

    Raises:
        StepMisuse: it isn't a whole number of seconds, or is less than one.
    """
    if isinstance(timeout, int):
        timeout = timedelta(milliseconds=timeout)
    if isinstance(timeout, timedelta) and (timeout < _SECOND or timeout % _SECOND):
        raise StepMisuse(
            f'step "{step_id}": timeout= is a whole number of seconds on Inngest, and at least one'
        )


def _expression(function: str, what: str, path: EventKey[Any]) -> str:
    """Return a path, which is an expression of the server's, too.

    Raises:
        EngineError: it is a function.
    """
    if isinstance(path, str):
        return path
    raise EngineError(
        f'function "{function}": {what} is a path on Inngest, such as "event.data.userId": the server '
        "evaluates it, and can't call a function"
    )
