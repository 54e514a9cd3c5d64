"""The warnings of one file: the first of them in words, the rest as a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tightbeam_codegen.problems import Place, Problem

if TYPE_CHECKING:
    from tightbeam_codegen.problems import Problems

__all__ = ["MAX_WARNINGS", "Warnings"]

MAX_WARNINGS = 200
"""Of one file, in words: finding a suggestion takes a millisecond, and more isn't read at once."""


class Warnings:
    """Collects the warnings of one file. Any number of them is fine: a warning never ends a run by itself."""

    def __init__(self) -> None:
        self._shown: list[Problem] = []
        self._more = 0
        self._first_left_out: Place | None = None

    def add(self, place: Callable[[], Place], message: str, remedy: str | Callable[[], str]) -> None:
        """Note a warning.

        Args:
            place: works out where it is; called only where the warning is shown.
            message: what is wrong.
            remedy: what to do about it, or what works that out; likewise.
        """
        if len(self._shown) < MAX_WARNINGS:
            remedy = remedy if isinstance(remedy, str) else remedy()
            self._shown.append(Problem(place(), "warning", message, remedy))
            return
        if not self._more:
            self._first_left_out = place()
        self._more += 1

    def report(self, problems: Problems) -> None:
        """Note what was collected, with one sentence for all that isn't shown."""
        problems.extend(self._shown)
        if self._more:
            more = f"and {self._more} more warning{'s' if self._more > 1 else ''} in this file"
            problems.warning(self._first_left_out, more, f"The first {MAX_WARNINGS} are shown.")
