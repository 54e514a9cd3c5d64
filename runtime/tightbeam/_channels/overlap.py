"""Whether two name templates can give the same name.

Each template is a small non-deterministic automaton over characters; a walk over pairs of their states,
breadth first, finds the shortest name that both accept. Exact for kinds and enums; other rules of a
parameter's schema are not looked at, so that two templates which only a ``pattern`` keeps apart count as
overlapping.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tightbeam.errors import InvalidParam

if TYPE_CHECKING:
    from tightbeam._channels.template import Template

__all__ = ["overlap"]

_LARGEST = str(2**53)
_DIGITS = "0123456789"


def overlap(a: Template, b: Template) -> str | None:
    """A name that both templates can give, or None."""
    heads = (a.text.partition("{")[0], b.text.partition("{")[0])
    if not heads[0].startswith(heads[1]) and not heads[1].startswith(heads[0]):
        return None  # most pairs end here
    one, two = _Automaton(a), _Automaton(b)
    start = (one.start, two.start)
    came: dict[tuple[int, int], tuple[tuple[int, int], str] | None] = {start: None}
    queue = deque([start])
    alphabet = _alphabet(one, two)
    while queue:
        pair = queue.popleft()
        if pair == (one.end, two.end):
            return _spell(came, pair)
        for character in alphabet:
            for left in one.step(pair[0], character):
                for right in two.step(pair[1], character):
                    if (left, right) not in came:
                        came[left, right] = (pair, character)
                        queue.append((left, right))
    return None


def _alphabet(one: _Automaton, two: _Automaton) -> list[str]:
    """Every character that some edge names, and one, put first, that stands for all others."""
    named = {*one.named, *two.named, one.separator, two.separator}
    other = next(character for character in map(chr, range(ord("x"), 0xD800)) if _fits_all(character, named))
    return [other, *sorted(named)]


def _fits_all(character: str, named: Iterable[str]) -> bool:
    return character not in named and character.isprintable()


def _spell(came: dict[tuple[int, int], tuple[tuple[int, int], str] | None], pair: tuple[int, int]) -> str:
    characters: list[str] = []
    while (step := came[pair]) is not None:
        pair, character = step
        characters.append(character)
    return "".join(reversed(characters))


class _Automaton:
    """All names of one template; an edge leads on by one character, or by any that a string can hold."""

    def __init__(self, template: Template) -> None:
        self.separator = template.separator
        self.named: set[str] = set()
        self._edges: list[dict[str, list[int]]] = []
        self._any: list[list[int]] = []
        self.start = end = self._state()
        for i, (before, name, after) in enumerate(template.parts):
            end = self._literal(end, (template.separator if i else "") + before)
            if name is not None:
                end = self._literal(self._parameter(end, template, name), after)
        self.end = end

    def step(self, state: int, character: str) -> Iterator[int]:
        """Where a character leads from a state."""
        yield from self._edges[state].get(character, ())
        if character != self.separator and unicodedata.category(character) not in ("Cc", "Cs"):
            yield from self._any[state]

    def _state(self) -> int:
        self._edges.append({})
        self._any.append([])
        return len(self._edges) - 1

    def _edge(self, start: int, characters: Iterable[str], end: int) -> None:
        for character in characters:
            self.named.add(character)
            self._edges[start].setdefault(character, []).append(end)

    def _literal(self, start: int, text: str) -> int:
        for character in text:
            after = self._state()
            self._edge(start, character, after)
            start = after
        return start

    def _parameter(self, start: int, template: Template, name: str) -> int:
        end = self._state()
        kind, values = template.params[name], template.enums.get(name)
        if values is None and kind == "boolean":
            values = (True, False)
        if values is not None:
            for value in values:
                self._word(start, template, name, value, end)
        elif kind == "integer":
            self._integer(start, end)
        else:
            self._any[start].append(end)
            self._any[end].append(end)
        return end

    def _word(self, start: int, template: Template, name: str, value: object, end: int) -> None:
        try:
            text = template.text_of(name, value)
        except InvalidParam:
            return  # in the schema's enum, but never in a name
        self._edge(self._literal(start, text[:-1]), text[-1], end)

    def _integer(self, start: int, end: int) -> None:
        """``0``, or up to 15 digits after an optional sign, or 16 up to 2^53; without the separator."""
        digits = [digit for digit in _DIGITS if digit != self.separator]
        self._edge(start, (digit for digit in digits if digit == "0"), end)
        starts = [start]
        if self.separator != "-":
            starts.append(self._literal(start, "-"))
        first = [digit for digit in digits if digit != "0"]
        after = self._state()
        for begin in starts:
            self._edge(begin, first, after)
            self._edge(begin, first, end)
        for _ in range(len(_LARGEST) - 2):
            following = self._state()
            self._edge(after, digits, end)
            self._edge(after, digits, following)
            after = following
        tight, loose = starts, list[int]()
        for i, bound in enumerate(_LARGEST):
            last = i == len(_LARGEST) - 1
            equal, less = (end, end) if last else (self._state(), self._state())
            for begin in tight:
                self._edge(begin, (digit for digit in (digits if i else first) if digit < bound), less)
                self._edge(begin, (digit for digit in digits if digit == bound), equal)
            for begin in loose:
                self._edge(begin, digits, less)
            tight, loose = [equal], [less]
