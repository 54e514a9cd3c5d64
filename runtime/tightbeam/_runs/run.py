"""One run, as its program is given it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from tightbeam._engine.details import RunRecord, RunSummary
from tightbeam._function import Function
from tightbeam._results import from_json, return_type
from tightbeam.errors import NoSuchRun

__all__ = ["Run", "check_function", "result_of", "run_of"]

Result = TypeVar("Result", covariant=True)
Output = TypeVar("Output")


@dataclass(frozen=True, slots=True)
class Run(RunSummary, Generic[Result]):
    """A run with its data."""

    data: Mapping[str, Any] = field(repr=False)
    """The data of its event: JSON."""
    result: Result | None = field(repr=False)
    """What it returned; None while it isn't done."""
    traceback: str | None = field(repr=False)
    """Of the failure, or of the last one that is retried: the frames of this package left out."""


def run_of(record: RunRecord, function: Function[Output] | None) -> Run[Output]:
    """Return a run that was read.

    Args:
        record: the run.
        function: its function; None for a result that is JSON.

    Raises:
        NotJson: the result doesn't fit the type that the function is annotated with today.
    """
    summary = {each.name: getattr(record.summary, each.name) for each in fields(RunSummary)}
    result = None if record.result is None else result_of(record, function)
    return Run(**summary, data=from_json(record.data), result=result, traceback=record.traceback)


def result_of(record: RunRecord, function: Function[Output] | None) -> Output:
    """Return the result of a run that is done, as the type that its function is annotated with.

    Raises:
        NotJson: it doesn't fit that type today.
    """
    raw = record.result or b"null"
    if function is None:
        plain: Output = from_json(raw)
        return plain
    what = f'The result of run {record.summary.id} of function "{function.id}"'
    result: Output = return_type(function.__wrapped__, what).recall(raw)
    return result


def check_function(record: RunRecord, function: Function[Any] | None) -> None:
    """Check that a run is of the function that its caller takes it for.

    Raises:
        NoSuchRun: it is of another one.
    """
    summary = record.summary
    if function is not None and summary.function != function.id:
        raise NoSuchRun(
            summary.id,
            f'there is no run {summary.id} of function "{function.id}": it is one of "{summary.function}"',
        )
