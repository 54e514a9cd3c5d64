"""Normalising until no two classes have one name."""

from __future__ import annotations

from collections.abc import Callable

from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.normalise.naming import Names, settle
from tightbeam_codegen.read.normalise.normaliser import Normaliser, TooMuch

__all__ = ["normalise"]


def normalise(
    work: Callable[[Names, Problems], Normaliser], names: Names, problems: Problems
) -> tuple[Normaliser, Names]:
    """Normalise under names that don't meet, so far as they may be chosen.

    Args:
        work: normalises everything under the names that it is given, into the problems that it is given.
        names: the first to try.
        problems: takes what was noted in the last round, and the clashes that are errors.

    Returns:
        What the last round came to, and its names.

    Raises:
        TooMuch: there is too much of it.
    """
    while True:
        found = Problems()
        try:
            normaliser = work(names, found)
        except TooMuch:
            problems.extend(found)
            raise
        met = {name: origins for name, origins in normaliser.origins.items() if len(origins) > 1}
        settled, clashes = settle(met, names)
        if clashes or not met:
            break
        names = settled  # The digits of a place are used up after a few rounds.
    problems.extend(found)
    for clash in clashes:
        clash.report(problems)
    return normaliser, names
