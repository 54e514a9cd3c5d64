"""Find a name that two channel definitions can both give.

Each name template is a small non-deterministic automaton over characters. A walk over pairs of their states,
breadth first, finds the shortest name that both accept. It is exact for kinds and enums. Other rules of a
parameter's schema are not looked at: two templates that only a ``pattern`` keeps apart count as overlapping.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tightbeam._channels.template import ParamValue, Template
from tightbeam.errors import InvalidParam

__all__ = ["ChannelNames", "overlap"]

_LARGEST = str(2**53)
_DIGITS = "0123456789"


class ChannelNames(NamedTuple):
    """The names that a channel definition can give."""

    template: Template
    enums: Mapping[str, Sequence[ParamValue]]
    """The only values that a parameter can have, where its schema lists them."""


def overlap(a: ChannelNames, b: ChannelNames) -> str | None:
    """Return the shortest name that both definitions can give, or None."""
    heads = (a.template.text.partition("{")[0], b.template.text.partition("{")[0])
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
    """Return the characters that some edge names, and before them one that stands for all others."""
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
    """The names of one definition; an edge leads on by one character, or by any that a string can hold."""

    def __init__(self, names: ChannelNames) -> None:
        template = names.template
        self.separator = template.separator
        self.named: set[str] = set()
        self._edges: list[dict[str, list[int]]] = []
        self._any: list[list[int]] = []
        self.start = end = self._state()
        for i, (before, name, after) in enumerate(template.parts):
            end = self._literal(end, (template.separator if i else "") + before)
            if name is not None:
                end = self._literal(self._parameter(end, names, name), after)
        self.end = end

    def step(self, state: int, character: str) -> Iterator[int]:
        """Yield the states that a character leads to from a state."""
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

    def _parameter(self, start: int, names: ChannelNames, name: str) -> int:
        end = self._state()
        kind, values = names.template.params[name], names.enums.get(name)
        if values is None and kind == "boolean":
            values = (True, False)
        if values is not None:
            for value in values:
                self._word(start, names.template, name, value, end)
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
        """Add ``0``, up to 15 digits after an optional sign, and 16 up to 2^53; none with the separator."""
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
