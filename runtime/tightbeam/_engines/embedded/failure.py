"""What an exception from a handler or a step means for its run."""

from __future__ import annotations

from collections.abc import Iterator

import pydantic

from tightbeam.errors import JournalFailed, TightbeamError

__all__ = ["Interrupt", "describe", "has", "is_retryable", "never_counted"]

_MAX_TEXT = 500


class Interrupt(BaseException):
    """Ends an execution, to retry or resume the run; no `Exception`, so that handlers don't catch it."""


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, or the one there is: a `TaskGroup` wraps whatever its tasks raise."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def has(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether the error is of this kind or a group that holds one."""
    return any(isinstance(leaf, kind) for leaf in _leaves(error))


def is_retryable(error: BaseException) -> bool:
    """Whether trying again may help; in a group one that can't be retried decides."""
    return not any(isinstance(leaf, TightbeamError) and not leaf.retryable for leaf in _leaves(error))


def never_counted(error: BaseException) -> bool:
    """Whether it is the journal's fault: the run waits for the disk, without losing an attempt."""
    return has(error, JournalFailed)


def describe(error: BaseException) -> tuple[str, str]:
    """Type and text for the journal; of a Pydantic error the places only, since its text quotes the input."""
    name = type(error).__name__
    if isinstance(error, pydantic.ValidationError):
        places = sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False)})
        return name, f"{error.error_count()} validation errors at {', '.join(places[:5])}"[:_MAX_TEXT]
    if isinstance(error, BaseExceptionGroup):
        inner = [": ".join(filter(None, describe(leaf))) for leaf in _leaves(error)]
        return name, "; ".join(inner)[:_MAX_TEXT]
    try:
        return name, str(error)[:_MAX_TEXT]
    except Exception:  # noqa: BLE001 - a handler's exception may have a __str__ that raises
        return name, ""
