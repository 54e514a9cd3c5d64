"""Automata of regular expressions, and the search for a text that several of them agree on."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tightbeam_codegen.compare.containment.regular.characters import ALL, Characters, contains, typical
from tightbeam_codegen.compare.containment.regular.syntax import (
    Choice,
    End,
    Expression,
    NotRegularError,
    OneOf,
    Repeat,
    Start,
    parse,
)

__all__ = ["Automaton", "TooManyStatesError", "automaton", "shortest_text"]

_MAX_NODES = 1_500
_MAX_STATES = 4_000
_MAX_SPECIAL = 200
_AT_START = -1
"""Marks the one state in which nothing was read yet."""

State: TypeAlias = frozenset[int]


class TooManyStatesError(Exception):
    """The search ended before it was complete."""


@dataclass(slots=True)
class _Node:
    """A place in an expression."""

    moves: list[tuple[Characters, int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    at_start: list[int] = field(default_factory=list)
    at_end: list[int] = field(default_factory=list)


class Automaton:
    """Reads a text character by character, and tells whether an expression matches somewhere in it."""

    def __init__(self, expression: Expression) -> None:
        self._nodes: list[_Node] = []
        start, self._final = self._node(), self._node()
        self._nodes[start].moves.append((ALL, start))
        self._nodes[self._final].moves.append((ALL, self._final))
        self._build(expression, start, self._final)
        self.sets: tuple[Characters, ...] = tuple(
            dict.fromkeys(characters for node in self._nodes for characters, _ in node.moves)
        )
        self.start: State = self._closure([start], at_start=True)
        self._steps: dict[tuple[State, str], State] = {}
        self._accepting: dict[State, bool] = {}

    def _node(self) -> int:
        if len(self._nodes) >= _MAX_NODES:
            raise NotRegularError
        self._nodes.append(_Node())
        return len(self._nodes) - 1

    def _build(self, expression: Expression, start: int, end: int) -> None:
        """Put an expression between two nodes."""
        match expression:
            case OneOf(characters):
                self._nodes[start].moves.append((characters, end))
            case Start():
                self._nodes[start].at_start.append(end)
            case End():
                self._nodes[start].at_end.append(end)
            case Choice(options):
                for option in options:
                    self._build(option, start, end)
            case Repeat(part, least, most):
                self._build_repeat(part, least, most, start, end)
            case _:
                for part in expression.parts:
                    behind = self._node()
                    self._build(part, start, behind)
                    start = behind
                self._nodes[start].free.append(end)

    def _build_repeat(self, part: Expression, least: int, most: int | None, start: int, end: int) -> None:
        for _ in range(least):
            behind = self._node()
            self._build(part, start, behind)
            start = behind
        if most is None:
            loop = self._node()
            self._nodes[start].free.append(loop)
            behind = self._node()
            self._build(part, loop, behind)
            self._nodes[behind].free.append(loop)
            self._nodes[loop].free.append(end)
            return
        for _ in range(most - least):
            self._nodes[start].free.append(end)
            behind = self._node()
            self._build(part, start, behind)
            start = behind
        self._nodes[start].free.append(end)

    def _closure(self, nodes: Iterable[int], *, at_start: bool = False, at_end: bool = False) -> State:
        stack = list(nodes)
        seen = set(stack)
        while stack:
            node = self._nodes[stack.pop()]
            for other in (*node.free, *(node.at_start if at_start else ()), *(node.at_end if at_end else ())):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return frozenset(seen | {_AT_START} if at_start else seen)

    def step(self, state: State, character: str) -> State:
        """Return the state behind a character."""
        key = (state, character)
        if (known := self._steps.get(key)) is None:
            code = ord(character)
            behind = {
                target
                for node in state
                if node != _AT_START
                for characters, target in self._nodes[node].moves
                if contains(characters, code)
            }
            known = self._steps[key] = self._closure(behind)
        return known

    def accepts(self, state: State) -> bool:
        """Return whether a text that ends here matches."""
        if (known := self._accepting.get(state)) is None:
            ends = self._closure(state - {_AT_START}, at_start=_AT_START in state, at_end=True)
            known = self._accepting[state] = self._final in ends
        return known


def _alphabet(sets: Sequence[Characters], excluded: Iterable[str]) -> list[str]:
    """Return one character of each kind that sets and excluded texts tell apart."""
    special = sorted(set("".join(excluded)))
    if len(special) > _MAX_SPECIAL:
        raise TooManyStatesError
    return [character for character, _ in typical((*sets, *(((ord(c), ord(c)),) for c in special)))]


@functools.lru_cache(maxsize=512)
def automaton(pattern: str, *, widened: bool = False) -> Automaton | None:
    """Return the automaton of a regular expression; None if it isn't regular, or too large.

    Args:
        pattern: the expression.
        widened: leave out look-around and boundaries of words, so that more texts match.
    """
    try:
        return Automaton(parse(pattern, widened=widened))
    except (NotRegularError, RecursionError):
        return None


def shortest_text(
    wanted: Sequence[Automaton],
    unwanted: Sequence[Automaton],
    excluded: Iterable[str],
    least: int,
    spend: Callable[[int], None],
) -> str | None:
    """Return a shortest text that some automata accept and others don't.

    Args:
        wanted: automata that accept it.
        unwanted: automata that don't.
        excluded: texts that it must not be.
        least: how many characters it has at least.
        spend: counts what is tried.

    Returns:
        The text, or None if there is none.

    Raises:
        TooManyStatesError: there are too many states.
    """
    automata = (*wanted, *unwanted)
    excluded = frozenset(excluded)
    sets = tuple(dict.fromkeys(characters for each in automata for characters in each.sets))
    alphabet = _alphabet(sets, excluded)
    longest = max(map(len, excluded), default=-1)

    def key(text: str) -> tuple[int, str | None]:
        is_prefix = len(text) <= longest and any(each.startswith(text) for each in excluded)
        return min(len(text), least), text if is_prefix else None

    first = tuple(each.start for each in automata)
    waiting = deque([(first, "")])
    seen = {(first, key(""))}
    while waiting:
        states, text = waiting.popleft()
        spend(1 + len(alphabet) // 8)
        accepted = [each.accepts(state) for each, state in zip(automata, states, strict=True)]
        is_right = all(accepted[: len(wanted)]) and not any(accepted[len(wanted) :])
        if is_right and len(text) >= least and text not in excluded:
            return text
        for character in alphabet:
            behind = tuple(each.step(state, character) for each, state in zip(automata, states, strict=True))
            found = (behind, key(text + character))
            if found not in seen:
                if len(seen) >= _MAX_STATES:
                    raise TooManyStatesError
                seen.add(found)
                waiting.append((behind, text + character))
    return None
