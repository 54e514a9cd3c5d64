"""Our errors as the Inngest SDK understands them.

The SDK retries whatever isn't one of its own errors that say otherwise. So each of ours that isn't retryable
leaves here as a subclass of its own class *and* of `inngest.NonRetriableError`, under its own name.
"""

from __future__ import annotations

from itertools import islice
from types import TracebackType
from typing import Any

import inngest

from tightbeam import errors
from tightbeam._exception_groups import leaf_is_retryable, leaves, of_kind
from tightbeam.errors import TightbeamError

__all__ = ["StepError", "StepTimeout", "both_step_errors", "printable", "translated", "translating"]


_MAX_DEPTH, _MAX_PRINTED = 10, 100
"""How many groups may be in one another, and errors in a group, for the SDK to print them."""
_THEIRS = (inngest.NonRetriableError, inngest.StepError, inngest.RetryAfterError)


class StepError(errors.StepError, inngest.StepError):
    """A step used up its attempts: the error of both sides."""

    def __init__(self, step_id: str, error: inngest.StepError) -> None:
        inngest.StepError.__init__(self, error.message, error.name, error.stack)
        self.step_id = step_id
        self.error_type = error.name
        self.error_text = error.message

    def __str__(self) -> str:
        return str(errors.StepError(self.step_id, self.error_type, self.error_text))


class StepTimeout(errors.StepTimeout, StepError):
    """A step used up its attempts, and the last one took too long: the error of both sides."""


def both_step_errors(step_id: str, error: inngest.StepError) -> StepError:
    """Return the error of both sides for the SDK's."""
    kind = StepTimeout if error.name == errors.StepTimeout.__name__ else StepError
    return kind(step_id, error)


_combined: dict[type[TightbeamError], type[TightbeamError]] = {}


def _combined_class(kind: type[TightbeamError]) -> type[TightbeamError]:
    """Return the class that is this one of ours and the SDK's of the same meaning, under our class's name."""
    if (known := _combined.get(kind)) is not None:
        return known
    combined: type[TightbeamError] = type(
        kind.__name__,
        (
            kind,
            inngest.RetryAfterError
            if issubclass(kind, errors.RetryAfterError)
            else inngest.NonRetriableError,
        ),
        {
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "__doc__": kind.__doc__,
            "__reduce__": _reduce,
        },
    )
    return _combined.setdefault(kind, combined)


def _reduce(error: TightbeamError) -> tuple[object, ...]:
    return _restored, (type(error).__mro__[1], error.args, error.__dict__.copy())


def _restored(
    kind: type[TightbeamError], args: tuple[object, ...], state: dict[str, object]
) -> TightbeamError:
    cls = _combined_class(kind)
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def translated(error: Exception) -> Exception:
    """Return the error to raise for one of ours: one that the SDK doesn't retry, or for which it waits.

    Returns:
        The error itself where it is retryable at any time, or isn't one of ours.
    """
    if not of_kind(error, TightbeamError) or issubclass(type(error), _THEIRS):
        return error
    if leaf_is_retryable(error) and not of_kind(error, errors.RetryAfterError):
        return error
    state: dict[str, Any] = {**error.__dict__, "quiet": False}
    combined = _restored(type(error), error.args, state)
    combined.__cause__, combined.__context__ = error.__cause__, error.__context__
    combined.__suppress_context__ = error.__suppress_context__
    return combined.with_traceback(error.__traceback__)


class translating:  # noqa: N801 - a context manager is called as a function is
    """A context that errors of ours leave as the SDK understands them; see `translated`.

    No generator: `contextlib` assigns to exceptions, and frozen ones refuse that.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is not None and of_kind(error, TightbeamError):
            understood = translated(error)
            if understood is not error:
                raise understood from error.__cause__


def printable(group: BaseExceptionGroup[BaseException]) -> BaseExceptionGroup[BaseException]:
    """Return a group that the SDK can print, which it does for the run's log: by recursion, along all paths.

    Returns:
        The group itself, unless it is nested too deeply or too widely: then one of the first errors in it.
    """
    waiting: list[tuple[BaseException, int]] = [(group, 1)]
    printed = 0
    while waiting:
        error, depth = waiting.pop()
        printed += 1
        if depth > _MAX_DEPTH or printed > _MAX_PRINTED:
            flat = BaseExceptionGroup(group.message, list(islice(leaves(group), _MAX_PRINTED)))
            return flat.with_traceback(group.__traceback__)
        if of_kind(error, BaseExceptionGroup):
            waiting += [(inner, depth + 1) for inner in error.exceptions]
    return group
