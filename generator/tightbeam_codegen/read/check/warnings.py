"""Collect the warnings of one file: the first ones in words, the rest as a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tightbeam_codegen.problems import Place, Problem, Severity

if TYPE_CHECKING:
    from tightbeam_codegen.problems import Problems

__all__ = ["MAX_WARNINGS", "Warnings"]

MAX_WARNINGS = 200
"""Warnings of one file in words: finding a suggestion takes a millisecond, and more aren't read at once."""


class Warnings:
    """Collects the warnings of one file. Their number has no limit: a warning never ends a run.

    Args:
        severity: `notice` for a file that was written for other tools.
    """

    def __init__(self, severity: Severity = "warning") -> None:
        self._severity: Severity = severity
        self._shown: list[Problem] = []
        self._more = 0
        self._first_left_out: Place | None = None

    def add(self, place: Callable[[], Place], message: str, remedy: str | Callable[[], str]) -> None:
        """Add a warning.

        Args:
            place: returns its place; called only where the warning is shown.
            message: what is wrong.
            remedy: what to do about it, or a function that returns that; likewise.
        """
        if len(self._shown) < MAX_WARNINGS:
            remedy = remedy if isinstance(remedy, str) else remedy()
            self._shown.append(Problem(place(), self._severity, message, remedy))
            return
        if not self._more:
            self._first_left_out = place()
        self._more += 1

    def report(self, problems: Problems) -> None:
        """Report the warnings, with one sentence for all that aren't shown."""
        problems.extend(self._shown)
        if self._more:
            more = f"and {self._more} more {self._severity}{'s' if self._more > 1 else ''} in this file"
            remedy = f"The first {MAX_WARNINGS} are shown."
            problems.add(Problem(self._first_left_out, self._severity, more, remedy))
