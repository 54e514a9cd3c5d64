"""Types that were worked out in earlier runs, in one entry of the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tightbeam_codegen.targets.python.stored import from_json, to_json
from tightbeam_codegen.targets.python.typed import Fact

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import JsonValue
    from tightbeam_codegen.targets.protocol import Store

__all__ = ["MAX_FACTS", "FactStore"]

MAX_FACTS = 50_000
"""Beyond it the store begins anew: one run of a large project asks a few thousand questions."""

_ENTRY = "facts-2"
"""The number counts the forms that facts were stored in."""


class FactStore:
    """Answers from `cache`; keeps new ones in it."""

    def __init__(self, cache: Store) -> None:
        self._cache = cache
        self._entries: dict[str, JsonValue] | None = None

    def get(self, keys: Iterable[str]) -> Mapping[str, Fact]:
        """Those of `keys` that are known."""
        known = self._known()
        found = {key: from_json(known[key]) for key in keys if key in known}
        return {key: fact for key, fact in found.items() if fact is not None}

    def put(self, facts: Mapping[str, Fact]) -> None:
        """Keep `facts` for later runs."""
        known = self._known()
        if len(known) + len(facts) > MAX_FACTS:
            known.clear()
        for key, fact in facts.items():
            known[key] = to_json(fact)
        self._cache.put(_ENTRY, known)

    def _known(self) -> dict[str, JsonValue]:
        if self._entries is None:
            stored = self._cache.get(_ENTRY)
            self._entries = stored if isinstance(stored, dict) else {}
        return self._entries
