"""Types that were worked out in earlier runs, in one entry of the cache."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tightbeam_codegen.targets.python.typed import TypeFact

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import JsonValue
    from tightbeam_codegen.targets.protocol import Store

__all__ = ["MAX_FACTS", "FactStore"]

MAX_FACTS = 50_000
"""Beyond it the store begins anew: one run of a large project asks a few thousand questions."""

_ENTRY = "facts"
# A fact becomes part of a module. The cache is the user's own, but a bad byte in it shall not become code.
_TYPE = re.compile(
    r"(?:(?:_t|_p|_dt|_uuid|_ipaddress)\.[A-Za-z0-9]++|str|int|float|bool|list|dict|None|True|False|R[0-9]++"
    r"|'s[0-9]++'|-?[0-9]++|[\[\], |])++"
)
_RULE = re.compile(r"[a-z_]+")


class FactStore:
    """Answers from `cache`; keeps new ones in it."""

    def __init__(self, cache: Store) -> None:
        self._cache = cache
        self._entries: dict[str, JsonValue] | None = None

    def get(self, keys: Iterable[str]) -> Mapping[str, TypeFact]:
        """Those of `keys` that are known."""
        known = self._known()
        found = {key: _read(known[key]) for key in keys if key in known}
        return {key: fact for key, fact in found.items() if fact is not None}

    def put(self, facts: Mapping[str, TypeFact]) -> None:
        """Keep `facts` for later runs."""
        known = self._known()
        if len(known) + len(facts) > MAX_FACTS:
            known.clear()
        for key, fact in facts.items():
            known[key] = [fact.type, [[name, value] for name, value in fact.rules]]
        self._cache.put(_ENTRY, known)

    def _known(self) -> dict[str, JsonValue]:
        if self._entries is None:
            stored = self._cache.get(_ENTRY)
            self._entries = stored if isinstance(stored, dict) else {}
        return self._entries


def _read(entry: JsonValue) -> TypeFact | None:
    """The fact in an entry, or None for anything that isn't one."""
    if not isinstance(entry, list) or len(entry) != 2:
        return None
    text, listed = entry
    if not isinstance(text, str) or not _TYPE.fullmatch(text) or not isinstance(listed, list):
        return None
    rules: list[tuple[str, int | float | str]] = []
    for rule in listed:
        if not isinstance(rule, list) or len(rule) != 2:
            return None
        name, value = rule
        if not isinstance(name, str) or not _RULE.fullmatch(name) or not isinstance(value, (int, float, str)):
            return None
        rules.append((name, value))
    return TypeFact(text, tuple(rules))
