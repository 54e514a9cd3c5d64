"""Faults and notes about the models of a module, each with the class and the field that it is about."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tightbeam_codegen.phrases import listed
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem

__all__ = ["SHOWN", "Findings", "Where", "refusal", "shown_path"]

SHOWN = 3
"""Fields and models that a sentence names; of the others it gives the number."""


@dataclass(frozen=True, slots=True)
class Where:
    """A class, or one of its fields; an attribute of the module that is neither has no class."""

    cls: type | None
    name: str
    """Of the field; empty for the class itself; where there is no class, of an attribute with its module."""

    def __str__(self) -> str:
        if self.cls is None:
            return self.name
        owner = f"{self.cls.__module__}:{self.cls.__qualname__}"
        return f"{owner}.{self.name}" if self.name else owner

    @property
    def short(self) -> str:
        """Without the module."""
        return str(self).partition(":")[2]

    @property
    def place(self) -> Place | None:
        """Where the field, or else the class, stands in its file; None where there is no source."""
        if self.cls is None:
            return None
        places = [place for base in self.cls.__mro__ if (place := _place_of(base, self.name)) is not None]
        return places[0] if places else _place_of(self.cls, "")


def _place_of(cls: type, field: str) -> Place | None:
    """Return where a class has a field of its own in its file, or where it begins if no field is named."""
    try:
        file = inspect.getsourcefile(cls)
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return None
    if file is None:
        return None
    stated = re.compile(rf"\s+(?:def\s+)?{re.escape(field)}\s*[:=(]" if field else "")
    for number, text in enumerate(lines):
        if stated.match(text):
            return Place(shown_path(file), first + number, len(text) - len(text.lstrip()) + 1)
    return None


class Findings:
    """Collects what can't be taken, and what is taken otherwise than a reader of the models expects."""

    def __init__(self) -> None:
        self._refused: dict[Problem, None] = {}
        self._notes: dict[str, dict[str, None]] = {}

    def refuse(self, where: Where, cause: str, remedy: str) -> None:
        """Note that something can't be taken.

        Args:
            where: the class or field.
            cause: what is the matter, as the end of a sentence that begins with its name.
            remedy: what the author can do about it.
        """
        self._refused[Problem(where.place, "error", f"{where} {cause}", remedy)] = None

    def note(self, sentence: str, where: Where) -> None:
        """Note something that holds of a field; one sentence is printed once, for all its fields."""
        self._notes.setdefault(sentence, {})[where.short] = None

    def extend_notes(self, others: Findings) -> None:
        """Take over the notes of others."""
        for sentence, names in others._notes.items():
            self._notes.setdefault(sentence, {}).update(names)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What can't be taken."""
        return tuple(self._refused)

    def notes(self) -> Iterator[str]:
        """Yield the notes, each with the fields that it holds of."""
        for sentence, names in self._notes.items():
            yield f"{listed(names, SHOWN)}: {sentence}"


def shown_path(file: str) -> str:
    """Return the path of a file as messages show it: from the current folder where it is below that."""
    path = Path(file)
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.as_posix()


def refusal(message: str, remedy: str, place: Place | None = None) -> DefinitionErrors:
    """Return an error with one problem.

    Args:
        message: what is the matter.
        remedy: what to do about it.
        place: where, if it is in a file.
    """
    return DefinitionErrors([Problem(place, "error", message, remedy)])
