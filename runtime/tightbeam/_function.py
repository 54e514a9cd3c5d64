"""A registered handler: what ``client.function`` returns, and ``client.run`` takes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic

from typing_extensions import ParamSpec, TypeVar

from tightbeam._events.accepted import Accepted, On
from tightbeam._function_options import FunctionOptions

__all__ = ["Accepts", "Function", "Result"]

Result = TypeVar("Result", covariant=True)
Accepts = ParamSpec("Accepts", default=...)
"""What `Client.run` takes for a function: the data of its event."""
CONCURRENCY = 100
"""How many runs of a function the embedded engine executes at a time, unless the function says otherwise."""


class Function(Generic[Result, Accepts]):
    """A registered handler, which `Client.run` takes. Calling it calls the handler, without an engine.

    `Client.function` returns it; ``__wrapped__`` is the handler. Its parameters are the handler's result and,
    where that matters, what `Client.run` takes: ``Function[int]`` is any function with that result.
    """

    def __init__(self, handler: Callable[..., Any], id: str, *, on: On, options: FunctionOptions) -> None:
        wrapper: Any = self
        functools.update_wrapper(wrapper, handler)
        self.__wrapped__ = handler
        self.id = id
        """The function's id."""
        self.on = on
        """What starts it, as it was given: an event, a schedule, several of them, a name or None."""
        self.accepts: Accepted = Accepted(id, on)
        """The same at run time."""
        self.handles_failures = False
        """Whether it is started by the failures of another function only."""
        self.options = options
        """What the function was registered with."""

    @property
    def retries(self) -> int:
        """How often a failing step, or the code between two steps, is tried again."""
        return self.options.retries

    @property
    def concurrency(self) -> int:
        """How many of its runs execute at a time; sleeping ones don't count."""
        return self.options.limit or CONCURRENCY

    def __repr__(self) -> str:
        return f"<Function {self.id!r}>"
