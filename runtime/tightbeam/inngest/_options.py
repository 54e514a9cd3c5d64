"""A function's options, as the SDK has them."""

from __future__ import annotations

from typing import Any

import inngest

from tightbeam._function_options import FunctionOptions
from tightbeam.errors import EngineError

__all__ = ["sdk_options"]


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
    return {
        "retries": options.retries,
        "concurrency": None if options.limit is None else [inngest.Concurrency(limit=options.limit)],
    }
