"""Facts of earlier runs, in one entry of the cache.

They are stored as JSON: a type is a word (`"int"`) or a list of its kind and its parts (`["list", "int"]`).
They become part of generated modules, so a value of any other form, as a damaged file may hold, is no fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard, assert_never

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam_codegen.targets.python import type_tree as tree
from tightbeam_codegen.targets.python.answer import REFERENCE, RULES, WORD, Fact

if TYPE_CHECKING:
    from tightbeam_codegen.targets.protocol import Store

__all__ = ["MAX_FACTS", "FactStore", "from_json", "to_json"]

MAX_FACTS = 50_000
"""Beyond it the store begins anew: one run of a large project asks a few thousand questions."""

_ENTRY = "facts-2"
"""The number counts the forms that facts were stored in."""


class FactStore:
    """Keeps facts by the key of their question.

    Args:
        cache: where they lie between runs.
    """

    def __init__(self, cache: Store) -> None:
        self._cache = cache
        self._entries: dict[str, Any] | None = None

    def get(self, keys: Iterable[str]) -> Mapping[str, Fact]:
        """Return the facts that are known, of those with these keys."""
        known = self._known()
        facts = {key: from_json(known[key]) for key in keys if key in known}
        return {key: fact for key, fact in facts.items() if fact is not None}

    def put(self, facts: Mapping[str, Fact]) -> None:
        """Keep more facts."""
        known = self._known()
        if len(known) + len(facts) > MAX_FACTS:
            known.clear()
        for key, fact in facts.items():
            known[key] = to_json(fact)
        self._cache.put(_ENTRY, known)

    def _known(self) -> dict[str, Any]:
        if self._entries is None:
            stored = self._cache.get(_ENTRY)
            self._entries = stored if isinstance(stored, dict) else {}
        return self._entries


class _NoFactError(Exception):
    """A value that no fact was turned into."""


def to_json(fact: Fact) -> list[Any]:
    """Return a fact as a JSON value."""
    return [_stored(fact.type), [list(rule) for rule in fact.rules]]


def from_json(value: object) -> Fact | None:
    """Return the fact that `to_json` turned into a value; None for any other value."""
    match value:
        case [type_, list(rules)]:
            try:
                return Fact(_type(type_), tuple(map(_rule, rules)))
            except _NoFactError:
                return None
        case _:
            return None


def _stored(type_: tree.Type) -> Any:
    match type_:
        case tree.Plain(word):
            return word
        case tree.Format(name):
            return ["format", name]
        case tree.Named(token):
            return ["name", token]
        case tree.Constants(values):
            return ["constants", *values]
        case tree.ListOf(item):
            return ["list", _stored(item)]
        case tree.DictOf(value):
            return ["dict", _stored(value)]
        case tree.ArrayOf() | tree.SequenceOf() | tree.MappingOf():
            raise TypeError("no answer has such a type")
        case tree.OneOf(branches):
            return ["union", *map(_stored, branches)]
        case _:
            assert_never(type_)


def _type(value: object) -> tree.Type:
    match value:
        case str() if value in tree.PLAIN:
            return tree.PLAIN[value]
        case ["format", str(name)] if name in TYPED_FORMATS:
            return tree.Format(name)
        case ["name", str(token)] if REFERENCE.fullmatch(token):
            return tree.Named(token)
        case ["constants", *values] if values and all(map(_is_constant, values)):
            return tree.Constants(tuple(filter(_is_constant, values)))
        case ["union", _, _, *_]:
            return tree.OneOf(tuple(map(_type, value[1:])))
        case ["list", item]:
            return tree.ListOf(_type(item))
        case ["dict", value_type]:
            return tree.DictOf(_type(value_type))
        case _:
            raise _NoFactError


def _is_constant(value: object) -> TypeGuard[str | int]:
    return isinstance(value, int) or (isinstance(value, str) and WORD.fullmatch(value) is not None)


def _rule(value: object) -> tuple[str, int | float | str]:
    match value:
        case [str(name), int() | float() | str() as bound] if name in RULES:
            return name, bound
        case _:
            raise _NoFactError
