"""What finding arrays, objects and alternatives asks of the solver."""

from __future__ import annotations

from typing import Any, Protocol

from tightbeam_codegen.compare.containment.formulas import Formula, Literal
from tightbeam_codegen.compare.containment.outcomes import Outcome

__all__ = ["Goals"]


class Goals(Protocol):
    """Solves goals: finds values of which literals hold."""

    def solve(self, goal: frozenset[Literal], /) -> Outcome:
        """Find a value that all literals of a goal hold of."""
        ...

    def is_impossible(self, goal: frozenset[Literal], /) -> bool:
        """Return whether it is proven that a goal has no value."""
        ...

    def has_no_value(self, kind: str, atoms: list[Formula], texts: list[str] | None, /) -> bool:
        """Return whether it is proven that no value of a type, or none of some, fits all atoms."""
        ...

    def find_string(self, atoms: list[Formula], literals: list[Literal], /) -> Outcome:
        """Find a string of which some atoms and literals hold."""
        ...

    def holds(self, literal: Literal, value: Any, /) -> bool | None:
        """Return whether a literal holds of a value; None if that isn't known."""
        ...

    def none_of(self, texts: frozenset[str], /) -> Literal:
        """Return the literal that a value isn't one of some (`values.text_of`)."""
        ...

    def spend(self, steps: int = 1, /) -> None:
        """Count what is tried. Raises `OutOfStepsError` when it was enough."""
        ...
