"""Problems of definitions, each with place, cause and remedy; a run collects them and shows all at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

__all__ = [
    "DefinitionErrors",
    "Format",
    "Place",
    "Problem",
    "Problems",
    "Severity",
    "from_stored",
    "in_order",
    "problems_as_json",
    "quoted",
    "render",
    "to_stored",
    "visible",
]

Severity = Literal["error", "warning", "notice"]
"""An error ends a run, and a warning does under `--strict`. A notice never does: it is about a document that
describes an API, which was written for other tools and stays as it is."""
Format = Literal["text", "github", "json"]

_LONGEST_QUOTE = 80


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file, as editors count: line and column start at 1, columns are characters."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{visible(self.path)}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault (`message`), and what the author can do about it (`remedy`, which may be empty)."""

    place: Place | None
    severity: Severity
    message: str
    remedy: str


class DefinitionErrors(Exception):
    """Definitions can't be used. `problems` has everything that is wrong, sorted, without repeats."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = in_order(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return render(self.problems)


class Problems:
    """Collects problems, so that one run can show all of them."""

    def __init__(self) -> None:
        # A dict keeps the order in which problems arrive, and drops repeats.
        self._noted: dict[Problem, None] = {}

    def error(self, place: Place | None, message: str, remedy: str = "") -> None:
        """Note a problem that stops generation.

        Args:
            place: where it is; None for one that is in no file.
            message: what is wrong.
            remedy: what the author can do about it.
        """
        self.add(Problem(place, "error", message, remedy))

    def warning(self, place: Place | None, message: str, remedy: str = "") -> None:
        """Note a problem that stops generation only where warnings are errors; arguments as of `error`."""
        self.add(Problem(place, "warning", message, remedy))

    def add(self, problem: Problem) -> None:
        """Note a problem; one that is known is dropped."""
        self._noted[problem] = None

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note all of `problems`."""
        for problem in problems:
            self.add(problem)

    def after(self, count: int) -> tuple[Problem, ...]:
        """Return the problems that were noted since there were `count` of them, in order of arrival."""
        return tuple(islice(self._noted, count, None))

    @property
    def has_errors(self) -> bool:
        """Whether a problem stops generation."""
        return any(problem.severity == "error" for problem in self._noted)

    def sorted(self) -> tuple[Problem, ...]:
        """Return all problems in the order of their places."""
        return in_order(self._noted)

    def raise_errors(self) -> None:
        """Raise DefinitionErrors with all problems if one of them is an error."""
        if self.has_errors:
            raise DefinitionErrors(self._noted)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self._noted)


def visible(text: str) -> str:
    """Return a text on one line, with escapes for characters that a terminal would act on or hide.

    These are control characters, line and paragraph separators, bidirectional and other format characters,
    and lone surrogates. The result can always be encoded as UTF-8.
    """
    # None of these characters is printable, so that most texts need no second look.
    return text if text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) in {"Zs", "Cn", "Co"}:
        return character
    point = ord(character)
    if point > 0xFFFF:
        return f"\\U{point:08x}"
    return f"\\u{point:04x}" if point > 0xFF else f"\\x{point:02x}"


def quoted(text: str) -> str:
    """Return a text of a definition for a message: in quotes, escaped, and cut if it is long."""
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 1] + "…"
    return "'" + visible(text) + "'"


def render(problems: Iterable[Problem]) -> str:
    """Return problems as text for people, in the order of their places, without a newline at the end.

    Of notices that say the same of one file the first is shown, with the number of the others.
    """
    counts: dict[tuple[str, str], int] = {}
    shown: list[Problem] = []
    for problem in in_order(problems):
        if problem.severity == "notice" and problem.place is not None:
            alike = (problem.place.path, problem.message)
            counts[alike] = counts.get(alike, 0) + 1
            if counts[alike] > 1:
                continue
        shown.append(problem)
    return "\n".join(_as_text(problem, counts) for problem in shown)


def problems_as_json(problems: Iterable[Problem]) -> list[dict[str, str | int | None]]:
    """Return problems as values of JSON, in the order of their places."""
    return [_as_json(problem) for problem in in_order(problems)]


def to_stored(problem: Problem) -> list[Any]:
    """Return a problem as a JSON value, for the cache."""
    place = problem.place
    where = [place.path, place.line, place.column] if place else None
    return [where, problem.severity, problem.message, problem.remedy]


def from_stored(value: Any) -> Problem:
    """Return the problem in a JSON value.

    Raises:
        TypeError, ValueError: the value isn't one of `to_stored`.
    """
    where, severity, message, remedy = value
    return Problem(Place(*where) if where else None, severity, message, remedy)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of their places, without repeats."""

    def key(problem: Problem) -> tuple[bool, str, int, int, str, str, str]:
        place = problem.place or Place("", 0, 0)
        where = (problem.place is not None, place.path, place.line, place.column)
        return (*where, problem.severity, problem.message, problem.remedy)

    return tuple(sorted(dict.fromkeys(problems), key=key))


def _as_text(problem: Problem, counts: Mapping[tuple[str, str], int]) -> str:
    where = f"{problem.place}: " if problem.place else ""
    lines = f"{where}{problem.severity}: {visible(problem.message)}"
    others = counts.get((problem.place.path, problem.message), 1) - 1 if problem.place else 0
    if problem.severity == "notice" and others:
        lines += f" (and at {others} more place{'s' if others > 1 else ''} in this file)"
    return f"{lines}\n    {visible(problem.remedy)}" if problem.remedy else lines


def _as_json(problem: Problem) -> dict[str, str | int | None]:
    place = problem.place
    return {
        "file": visible(place.path) if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "severity": problem.severity,
        "message": visible(problem.message),
        "remedy": visible(problem.remedy),
    }
