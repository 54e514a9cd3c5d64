"""What an exception from a handler or a step means for its run."""

from __future__ import annotations

import pydantic
from pydantic_core import PydanticSerializationError

from tightbeam._engine.details import RunRecord
from tightbeam._exception_groups import has, is_retryable, leaves, of_kind
from tightbeam.errors import (
    EngineError,
    JournalFailed,
    RunCancelled,
    RunFailed,
    RunParked,
    StepMismatch,
)

__all__ = [
    "Interrupt",
    "InterruptBehindStep",
    "MismatchParked",
    "describe",
    "error_of",
    "has",
    "is_retryable",
    "leaves",
    "never_counted",
    "of_kind",
    "parked_error",
    "quotes_input",
]

_MAX_TEXT = 500


class Interrupt(BaseException):
    """Ends an execution, to retry or resume the run; no `Exception`, so that handlers don't catch it."""


class InterruptBehindStep(Interrupt):
    """The same, raised by a step that has ended and is remembered: it isn't what was cut short."""


class MismatchParked(RunParked, StepMismatch):
    """Raised to a caller that waits for a run which met a `StepMismatch`, and may be catching that."""


def parked_error(run_id: str, function: str, error_type: str, reason: str) -> RunParked:
    """Return the error that is raised to a caller who waits for a run which is parked.

    Args:
        run_id: of the run.
        function: its function.
        error_type: the class of the error for which it is parked.
        reason: what doesn't fit today's code.
    """
    kind = MismatchParked if error_type == StepMismatch.__name__ else RunParked
    return kind(run_id, function, reason)


def error_of(record: RunRecord) -> EngineError:
    """Return the error that is raised to a caller who waits for a run without a result.

    Args:
        record: the run, which is parked, has failed or was cancelled.
    """
    run_id, function = record.summary.id, record.summary.function
    if record.summary.state == "cancelled":
        return RunCancelled(run_id, function)
    error_type, error_text = record.summary.error_type or "", record.summary.error_text or ""
    if record.summary.state == "parked":
        return parked_error(run_id, function, error_type, error_text)
    reason = ": ".join(filter(None, (error_type, error_text)))
    return RunFailed(
        f'run {run_id} of "{function}" has failed: {reason}',
        run_id=run_id,
        error_type=error_type,
        error_text=error_text,
    )


def never_counted(error: BaseException) -> bool:
    """Return whether the journal failed: the run then waits for the disk without losing an attempt."""
    return has(error, JournalFailed)


def quotes_input(error: BaseException) -> bool:
    """Return whether the text of this error quotes a value, as Pydantic's errors do."""
    return of_kind(error, pydantic.ValidationError) or of_kind(error, PydanticSerializationError)


def describe(error: BaseException) -> tuple[str, str]:
    """Return type and text of an error for the journal; of Pydantic's the places, as texts quote values."""
    name = type(error).__name__
    if of_kind(error, pydantic.ValidationError):
        places = sorted({".".join(map(str, issue["loc"])) for issue in error.errors(include_input=False)})
        return name, _storable(f"{error.error_count()} validation errors at {', '.join(places[:5])}")
    if quotes_input(error):
        return name, ""
    if of_kind(error, BaseExceptionGroup):
        inner = [": ".join(filter(None, describe(leaf))) for leaf in leaves(error)]
        return name, _storable("; ".join(inner))
    try:
        return name, _storable(str(error))
    except BaseException:  # noqa: BLE001 - a handler's exception may have a __str__ that raises
        return name, ""


def _storable(text: str) -> str:
    # A file name that isn't UTF-8 comes with lone surrogates, which SQLite doesn't take.
    return text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode()
