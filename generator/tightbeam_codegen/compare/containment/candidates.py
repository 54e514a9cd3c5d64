"""Values near the edges of two schemas, to be tried where nothing was proven."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tightbeam_codegen.compare.containment.formats import SAMPLES
from tightbeam_codegen.compare.containment.nodes import Node, UnsupportedError, elements
from tightbeam_codegen.read.load import JsonValue

__all__ = ["candidates"]

_MAX_EACH = 24
_MAX_DEPTH = 5
_MAX_LENGTH = 5_000
_ANY: tuple[JsonValue, ...] = (None, True, False, 0, 1, -1, 0.5, "", "a", "0", [], [0], {}, {"a": 0})
_ENDS = ("", "a", "A", "0", "-", " ", "_", "é", "aA0", "a@b.co", "Aa0!Aa0!Aa0!", "xn--a", "a.b", "\n")


def candidates(nodes: tuple[Node, ...]) -> Iterator[JsonValue]:
    """Yield values near the edges of some schemas, a few thousand at most.

    Args:
        nodes: the schemas.
    """
    yield from itertools.chain(*(_Edges().values(node, 0) for node in nodes), _ANY)


class _Edges:
    def __init__(self) -> None:
        self._active: set[Node] = set()

    def values(self, node: Node, depth: int) -> list[JsonValue]:
        """Return values near the edges of a schema."""
        if depth > _MAX_DEPTH or node in self._active or isinstance(node.schema, bool):
            return list(_ANY)
        self._active.add(node)
        try:
            found = list(itertools.islice(self._of(node, depth), 2_000 if depth == 0 else _MAX_EACH))
        except UnsupportedError:
            found = []
        finally:
            self._active.discard(node)
        return found

    def _of(self, node: Node, depth: int) -> Iterator[JsonValue]:
        keywords = node.keywords
        yield from keywords.get("enum", ())
        if "const" in keywords:
            yield keywords["const"]
        yield from keywords.get("examples", ())
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(keywords.get(keyword), str):
                yield from self.values(node.target(keyword), depth + 1)
        yield from _numbers(keywords)
        yield from _texts(keywords)
        if "properties" in keywords or "required" in keywords:
            yield from self._objects(node, depth)
        if any(each in keywords for each in ("items", "prefixItems", "contains", "minItems", "maxItems")):
            yield from self._arrays(node, depth)
        for keyword in ("anyOf", "oneOf", "allOf"):
            for index in range(len(keywords.get(keyword, ()))):
                yield from self.values(node.child(keyword, index), depth + 1)
        for keyword in ("not", "if", "then", "else"):
            if isinstance(keywords.get(keyword), dict):
                yield from self.values(node.child(keyword), depth + 1)
        yield from _ANY

    def _objects(self, node: Node, depth: int) -> Iterator[JsonValue]:
        keywords = node.keywords
        names = [name for name in keywords.get("properties", {}) if isinstance(name, str)]
        values = {name: self.values(node.child("properties", name), depth + 1) for name in names}
        required = keywords.get("required")
        needed: dict[str, JsonValue] = {}
        for name in required if isinstance(required, list) else ():
            needed[name] = values.get(name, [0])[0]
        every = {**needed, **{name: each[0] for name, each in values.items()}}
        yield from (needed, every)
        yield from ({**each, "undeclared": 0} for each in (needed, every))
        for name in every:
            yield {key: value for key, value in every.items() if key != name}
        for name, each in values.items():
            yield from ({**base, name: value} for value in each for base in (needed, every))

    def _arrays(self, node: Node, depth: int) -> Iterator[JsonValue]:
        prefix, rest = elements(node)
        keywords = node.keywords
        inner = self.values(rest, depth + 1) if rest is not None else list(_ANY)
        first: list[JsonValue] = [self.values(each, depth + 1)[0] for each in prefix]
        lengths = [
            keywords.get(keyword, 0) + step for keyword in ("minItems", "maxItems") for step in (0, 1, -1)
        ]
        for length in dict.fromkeys([0, 1, 2, *lengths]):
            if 0 <= length <= _MAX_LENGTH:
                yield [*first, *(inner[:1] * int(length))][: int(length)]
        yield from ([*first, value] for value in inner)
        yield from ([value, value] for value in inner[:4])


def _numbers(keywords: dict[str, Any]) -> Iterator[JsonValue]:
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        bound = keywords.get(keyword)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            yield from (bound, bound + 1, bound - 1, bound + 0.5, bound - 0.5, bound * 2, -bound)


def _texts(keywords: dict[str, Any]) -> Iterator[JsonValue]:
    for keyword in ("minLength", "maxLength"):
        length = keywords.get(keyword, -1)
        yield from ("a" * int(length + step) for step in (0, 1, -1) if 0 <= length + step <= _MAX_LENGTH)
    if "format" in keywords:
        yield from SAMPLES.get(str(keywords["format"]), ())
    if "pattern" in keywords or "format" in keywords:
        yield from _ENDS
        yield from (text for samples in SAMPLES.values() for text in samples[:2])
