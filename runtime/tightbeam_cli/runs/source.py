"""Where a command finds runs: in a file that it opens itself, or at a gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from tightbeam_cli.runs.asked import Selection
from tightbeam_cli.runs.output import RunsFailed

if TYPE_CHECKING:
    from tightbeam._engine.details import Part, RunDetail, RunsPage, RunSummary
    from tightbeam._engine.requests import ScanRuns

__all__ = ["Action", "RunSource", "scan", "whole_id"]

Action = Literal["retry", "cancel", "resume"]
"""What can be done with a run, as a verb."""
_PAGE = 500
"""Runs that are read at once."""
_LENGTH = 26
"""Characters of an id."""


class RunSource(Protocol):
    """Runs that a command can list, look into and change.

    Every method raises `RunsFailed` with what is wrong and what to do.
    """

    def runs(self, selection: Selection, /) -> tuple[list[RunSummary], bool]:
        """Return the latest runs of a selection, newest first, and whether there are more."""
        ...

    def run(self, run_id: str, /) -> RunDetail:
        """Return a run by its whole id."""
        ...

    def part(self, run_id: str, part: Part, step: str = "", /) -> bytes | None:
        """Return data that a run keeps, as JSON; None where there is none."""
        ...

    def act(self, action: Action, run_id: str, /) -> None:
        """Retry, cancel or resume a run."""
        ...

    def close(self) -> None:
        """Let go of what that has opened."""
        ...


def whole_id(source: RunSource, run_id: str) -> str:
    """Return the id of the one run that begins so.

    Args:
        source: where the run is.
        run_id: a whole id, or the beginning of the id of one of the latest runs; any other is returned as it
            is.

    Raises:
        RunsFailed: several begin so.
    """
    if len(run_id) == _LENGTH:
        return run_id
    found, _ = source.runs(Selection())
    matching = [run.id for run in found if run.id.startswith(run_id)]
    if len(matching) > 1 and run_id not in matching:
        raise RunsFailed(f"{len(matching)} runs begin with {run_id}", "Give more of the id.")
    return matching[0] if len(matching) == 1 else run_id


def scan(selection: Selection, page: Callable[[ScanRuns], RunsPage]) -> tuple[list[RunSummary], bool]:
    """Read page after page of a selection.

    Args:
        selection: which runs.
        page: answers a query.

    Returns:
        The runs, newest first, and whether there are more of them.
    """
    from tightbeam._engine.requests import ScanRuns
    from tightbeam._message import microseconds_of

    since_us = None if selection.since is None else microseconds_of(selection.since)
    found: list[RunSummary] = []
    wanted, before = selection.limit + 1, None  # one more, to know whether there are more
    while len(found) < wanted:
        asked = min(wanted - len(found), _PAGE)
        read = page(ScanRuns(asked, selection.states, selection.function, selection.words, since_us, before))
        found += read.runs
        before = read.next
        if before is None:
            break
    return found[: selection.limit], len(found) > selection.limit
