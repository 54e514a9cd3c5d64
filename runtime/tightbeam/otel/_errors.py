"""What spans and metrics say of an exception: what the log and the journal say of it, and no more."""

from __future__ import annotations

import builtins
import threading

from opentelemetry.trace import Span, Status, StatusCode

from tightbeam._engine.failure import describe
from tightbeam._engine.traces import run_error
from tightbeam._forks import watch_forks
from tightbeam.otel._conventions import ERROR_TYPE, OTHER

__all__ = ["BoundedNames", "error_type", "record_error"]


def error_type(error: BaseException) -> str:
    """Return the full name of an exception's class, as ``error.type`` has it."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == builtins.__name__
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def record_error(span: Span, error: BaseException, *, with_traceback: bool = False) -> None:
    """Note on a span that it ended in an error.

    Type, text and traceback are those that the journal keeps: bounded, and without values that an error of
    Pydantic's quotes.

    Args:
        span: of what failed.
        error: how.
        with_traceback: whether the span gets an ``exception`` event, too.
    """
    if not span.is_recording():
        return
    name = error_type(error)
    span.set_attribute(ERROR_TYPE, name)
    span.set_status(Status(StatusCode.ERROR, ": ".join(filter(None, describe(error)))))
    if with_traceback:
        kept = run_error(error)
        span.add_event(
            "exception",
            {
                "exception.type": name,
                "exception.message": kept.text,
                "exception.stacktrace": kept.traceback or "",
            },
        )


class BoundedNames:
    """Names that are told apart, up to a number; others are one."""

    def __init__(self, most: int, other: str = OTHER) -> None:
        self._most = most
        self._other = other
        self._known: set[str] = set()
        self._lock = threading.Lock()
        watch_forks(self)

    def __call__(self, name: str) -> str:
        """Return a name as it is told apart."""
        if name in self._known:
            return name
        with self._lock:
            if len(self._known) >= self._most:
                return self._other
            self._known.add(name)
        return name

    def after_fork(self) -> None:
        """Take another lock in a forked child: a thread of the parent process may have held this one."""
        self._lock = threading.Lock()
