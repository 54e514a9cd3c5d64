"""Find a string that fits lengths, regular expressions and formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tightbeam_codegen.compare.containment.formats import includes, samples_of, superset
from tightbeam_codegen.compare.containment.formulas import Formula
from tightbeam_codegen.compare.containment.matching import fits_format, matches
from tightbeam_codegen.compare.containment.outcomes import NOTHING, Found, Outcome, Unknown
from tightbeam_codegen.compare.containment.regular.automaton import (
    Automaton,
    TooManyStatesError,
    automaton,
    shortest_text,
)
from tightbeam_codegen.compare.containment.values import value_of

__all__ = ["contradicts_text", "find_text"]

_MAX_TRIES = 6
_MAX_LEAST = 100_000
_SHOWN = 60
"""Characters of a pattern in a message."""
_PLAIN = ("", "a", "aa", "0", "A", " ", "-", "{", "(", "a-b", "é", "x" * 40)


@dataclass(slots=True)
class _Demands:
    least: int = 0
    most: int | None = None
    match: dict[str, None] = field(default_factory=dict)
    no_match: dict[str, None] = field(default_factory=dict)
    formats: dict[tuple[str, int], None] = field(default_factory=dict)
    no_formats: dict[tuple[str, int], None] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)

    def add(self, atom: Formula) -> None:
        """Add what an atom demands."""
        match atom:
            case ("minlen", count):
                self.least = max(self.least, count)
            case ("maxlen", count):
                self.most = count if self.most is None else min(self.most, count)
            case ("match", pattern):
                self.match[pattern] = None
            case ("nomatch", pattern):
                self.no_match[pattern] = None
            case ("format", name, year):
                self.formats[name, year] = None
            case ("noformat", name, year):
                self.no_formats[name, year] = None
            case ("notin", texts):
                self.excluded.update(str(value_of(text)) for text in texts)
            case _:
                pass

    def fits(self, text: str) -> bool:
        """Return whether a text is right."""
        return (
            len(text) >= self.least
            and (self.most is None or len(text) <= self.most)
            and text not in self.excluded
            and all(matches(pattern, text) for pattern in self.match)
            and not any(matches(pattern, text) for pattern in self.no_match)
            and all(fits_format(name, year, text) for name, year in self.formats)
            and not any(fits_format(name, year, text) for name, year in self.no_formats)
        )

    def is_contradictory(self) -> bool:
        """Return whether demands exclude each other at first sight."""
        return (
            (self.most is not None and self.most < self.least)
            or any(pattern in self.no_match for pattern in self.match)
            or any(includes(wide, narrow) for narrow in self.formats for wide in self.no_formats)
        )


def contradicts_text(atoms: Iterable[Formula]) -> bool:
    """Return whether some atoms can't hold together, as far as that is seen at once."""
    return _demands(atoms).is_contradictory()


def find_text(atoms: Iterable[Formula], spend: Callable[[int], None]) -> Outcome:
    """Find a text of which some atoms hold.

    Args:
        atoms: the atoms.
        spend: counts what is tried.
    """
    demands = _demands(atoms)
    if demands.is_contradictory():
        return NOTHING
    for text in _simple(demands):
        if demands.fits(text):
            return Found(text)
    supersets = filter(None, map(superset, demands.formats))
    wanted, doubt = _automata([*demands.match, *supersets], widened=True)
    unwanted, other_doubt = _automata(demands.no_match, widened=False)
    doubt = doubt or other_doubt
    excluded = set(demands.excluded)
    for _ in range(_MAX_TRIES):
        try:
            found = _search(demands, wanted, unwanted, excluded, spend)
        except TooManyStatesError:
            return Unknown("patterns are too large to be compared")
        if found is None:
            return NOTHING  # the automata accept all that is right, and what was excluded isn't
        if demands.fits(found):
            return Found(found)
        excluded.add(found)
    return Unknown(doubt or _format_doubt(demands))


def _demands(atoms: Iterable[Formula]) -> _Demands:
    demands = _Demands()
    for atom in atoms:
        demands.add(atom)
    return demands


def _simple(demands: _Demands) -> Iterator[str]:
    """Yield texts to be tried before anything is searched."""
    if demands.least <= _MAX_LEAST:
        yield "a" * demands.least
        if demands.excluded and not demands.match and not demands.formats:
            yield from (("a" * demands.least)[:-1] + chr(code) for code in range(0x61, 0x7B))
            yield from ("a" * demands.least + "a" * more for more in range(len(demands.excluded) + 1))
    for name, _ in demands.formats:
        yield from samples_of(name)
    if demands.no_formats:
        yield from _PLAIN
        for name, _ in demands.no_formats:
            yield from samples_of(name)


def _automata(patterns: Iterable[str], *, widened: bool) -> tuple[list[Automaton], str]:
    """Return the automata of those patterns that have one, and what is to be said of the others.

    Args:
        patterns: the patterns.
        widened: whether an automaton for more texts will do.
    """
    found: list[Automaton] = []
    doubt = ""
    for pattern in patterns:
        each = automaton(pattern)
        if each is None:
            each = automaton(pattern, widened=True) if widened else None
            shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}…"
            doubt = f"the pattern {shown} can't be compared: it looks around, refers back, or is too large"
        if each is not None:
            found.append(each)
    return found, doubt


def _search(
    demands: _Demands,
    wanted: list[Automaton],
    unwanted: list[Automaton],
    excluded: set[str],
    spend: Callable[[int], None],
) -> str | None:
    """Return the shortest text that fits lengths and automata, at least."""
    if demands.least > 300 and not wanted and not unwanted:
        text = "a" * min(demands.least, _MAX_LEAST)
        if text not in excluded:
            return text
    found = shortest_text(wanted, unwanted, excluded, 0, spend)
    if found is not None and len(found) < demands.least:
        found = shortest_text(wanted, unwanted, excluded, demands.least, spend)
    return None if found is None or (demands.most is not None and len(found) > demands.most) else found


def _format_doubt(demands: _Demands) -> str:
    names = sorted({name for name, _ in (*demands.formats, *demands.no_formats)})
    return (
        f"no text was found that decides about the format {' and '.join(names)}"
        if names
        else "patterns differ"
    )
