"""Instances of a schema by chance: most of them nearly right, some of them right, whatever the schema says.

A validator judges them; the sampler only has to come near the edges between right and wrong.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator
from typing import Any

from referencing import Registry
from referencing.exceptions import Unresolvable

__all__ = ["samples"]

_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "uuid": "0b1f3a52-6b1e-4b7c-9a53-3c1f5c0f7a11",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/a",
    "uri-reference": "a/b",
    "iri": "https://example.com/a",
    "iri-reference": "a/b",
    "email": "a@example.com",
    "hostname": "example.com",
    "regex": "^a$",
    "json-pointer": "/a",
    "duration": "P1D",
    "uri-template": "https://example.com/{a}",
}
_WORDS = (
    "",
    "a",
    "A-1",
    "name",
    "1.2.3",
    "https://example.com/",
    "0123456789abcdef",
    "a/b",
    "*",
    "2026-01-02",
    "é",
)
_ANYTHING = (None, True, False, 0, 1, -1, 2.5, 10**6, "", "text", [], [1], {}, {"a": 1})
_DEEPEST = 6
_BRANCHES = ("oneOf", "anyOf")
Resolver = Any
"""A resolver of `referencing`, which has no public name."""


def samples(schema: Any, base: str, registry: Registry[Any], seed: int) -> Iterator[Any]:
    """Give instances without end; the same ones for a seed.

    Args:
        schema: the schema, as parsed.
        base: its address in the registry, against which references are resolved.
        registry: the documents that references lead to.
        seed: of the chance.
    """
    sampler = _Sampler(random.Random(seed))
    resolver = registry.resolver(base)
    while True:
        made = sampler.instance(schema, resolver, 0)
        yield made
        yield sampler.mutated(made)


class _Sampler:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def instance(self, schema: Any, resolver: Resolver, depth: int) -> Any:
        """Make something that the schema may accept."""
        chance = self._chance
        merged: dict[str, Any] = {}
        for part, _ in self._parts(schema, resolver, 0):
            for key, value in part.items():
                if key == "properties" and isinstance(value, dict):
                    merged["properties"] = {**merged.get("properties", {}), **value}
                elif key == "required" and isinstance(value, list):
                    merged["required"] = [*merged.get("required", ()), *value]
                else:
                    merged.setdefault(key, value)
        for known in ("const", "enum", "examples", "default"):
            if known in merged and (known in ("const", "enum") or chance.random() < 0.2):
                values = merged[known] if known in ("enum", "examples") else [merged[known]]
                if isinstance(values, list) and values:
                    return chance.choice(values)
        return self._of_kind(self._kind(merged), merged, resolver, depth)

    def _parts(self, schema: Any, resolver: Resolver, hops: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """Give the schemas that must hold together: its own, what it refers to, a branch of each union."""
        if not isinstance(schema, dict) or hops > 12:
            return
        yield schema, resolver
        reference = schema.get("$ref")
        if isinstance(reference, str):
            try:
                found = resolver.lookup(reference)
            except (Unresolvable, ValueError):
                return
            yield from self._rebased(found.contents, found.resolver, hops + 1)
        for inner in schema.get("allOf") or ():
            yield from self._rebased(inner, resolver, hops + 1)
        for keyword in _BRANCHES:
            branches = schema.get(keyword)
            if isinstance(branches, list) and branches:
                yield from self._rebased(self._chance.choice(branches), resolver, hops + 1)
        if isinstance(schema.get("then"), dict) and self._chance.random() < 0.5:
            yield from self._rebased(schema["then"], resolver, hops + 1)

    def _rebased(self, schema: Any, resolver: Resolver, hops: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """Give a schema's parts; their own schemas carry the resolver that their references need."""
        for part, at in self._parts(schema, resolver, hops):
            yield {key: _Bound.wrap(key, value, at) for key, value in part.items()}, at

    def _kind(self, schema: dict[str, Any]) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list) and kinds:
            return str(self._chance.choice(kinds))
        if isinstance(kinds, str):
            return kinds
        if schema.keys() & {"properties", "required", "additionalProperties", "patternProperties"}:
            return "object"
        if schema.keys() & {"items", "minItems", "prefixItems"}:
            return "array"
        if schema.keys() & {"minimum", "maximum", "multipleOf"}:
            return "number"
        if schema.keys() & {"pattern", "format", "minLength", "maxLength"}:
            return "string"
        return "any"

    def _of_kind(self, kind: str, schema: dict[str, Any], resolver: Resolver, depth: int) -> Any:
        chance = self._chance
        match kind:
            case "object":
                return self._object(schema, resolver, depth)
            case "array":
                return self._array(schema, resolver, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(kind, schema)
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
            case _:
                return chance.choice(_ANYTHING)

    def _object(self, schema: dict[str, Any], resolver: Resolver, depth: int) -> dict[str, Any]:
        chance = self._chance
        properties = schema.get("properties") or {}
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        optional = [name for name in properties if name not in required]
        share = 0.5 / (1 + depth) if depth < _DEEPEST else 0
        chosen = [name for name in optional if chance.random() < min(share, 4 / (1 + len(optional)))]
        made: dict[str, Any] = {}
        for name in [*required, *chosen]:
            made[name] = self._inner(properties.get(name, True), resolver, depth)
        extra = schema.get("additionalProperties")
        if depth < _DEEPEST and chance.random() < (0.6 if isinstance(extra, dict | _Bound) else 0.05):
            made[chance.choice(("extra", "x-extra", "é"))] = self._inner(extra, resolver, depth)
        return made

    def _array(self, schema: dict[str, Any], resolver: Resolver, depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        least = least if isinstance(least, int) else 0
        prefix = schema.get("prefixItems") or ()
        items = schema.get("items", True)
        if isinstance(items, list):
            prefix, items = items, schema.get("additionalItems", True)
        most = least + (self._chance.randint(0, 2) if depth < _DEEPEST else 0)
        return [
            self._inner(prefix[index] if index < len(prefix) else items, resolver, depth)
            for index in range(min(max(most, len(prefix)), 30))
        ]

    def _inner(self, schema: Any, resolver: Resolver, depth: int) -> Any:
        if depth > 2 * _DEEPEST:
            return None
        if isinstance(schema, _Bound):
            schema, resolver = schema.schema, schema.resolver
        return self.instance(schema, resolver, depth + 1)

    def _string(self, schema: dict[str, Any]) -> str:
        if isinstance(form := schema.get("format"), str) and form in _FORMATS:
            return _FORMATS[form]
        pattern = schema.get("pattern")
        words = list(_WORDS)
        self._chance.shuffle(words)
        if isinstance(pattern, str):
            with contextlib.suppress(re.error):
                words = [word for word in words if re.search(pattern, word)] or words
        text = words[0]
        least = schema.get("minLength")
        if isinstance(least, int) and len(text) < least:
            text = text.ljust(min(least, 2_000), "x")
        return text

    def _number(self, kind: str, schema: dict[str, Any]) -> Any:
        least, most = schema.get("minimum"), schema.get("maximum")
        edges = [
            edge for edge in (least, most) if isinstance(edge, int | float) and not isinstance(edge, bool)
        ]
        number = self._chance.choice([*edges, *(edge + 1 for edge in edges), 0, 1, 7, 100])
        if kind == "number" and self._chance.random() < 0.3:
            return number + 0.5
        return number

    def mutated(self, value: Any) -> Any:
        """Make something else of an instance: one place changed, taken out, or added to."""
        chance = self._chance
        if isinstance(value, dict) and value and chance.random() < 0.8:
            name = chance.choice(list(value))
            if chance.random() < 0.3:
                return {key: inner for key, inner in value.items() if key != name}
            if chance.random() < 0.15:
                return {**value, "unknown-to-all": 1}
            return {**value, name: self.mutated(value[name])}
        if isinstance(value, list) and value and chance.random() < 0.8:
            index = chance.randrange(len(value))
            return [*value[:index], self.mutated(value[index]), *value[index + 1 :]]
        return chance.choice(_ANYTHING)


class _Bound:
    """A schema below a referenced document, with the resolver for its own references."""

    def __init__(self, schema: Any, resolver: Resolver) -> None:
        self.schema = schema
        self.resolver = resolver

    @staticmethod
    def wrap(keyword: str, value: Any, resolver: Resolver) -> Any:
        """Bind the schemas that a keyword's value holds."""
        match keyword, value:
            case "properties", dict():
                return {name: _Bound.of(inner, resolver) for name, inner in value.items()}
            case (("additionalProperties" | "items"), dict() | bool()):
                return _Bound.of(value, resolver)
            case (("prefixItems" | "items"), list()):
                return [_Bound.of(inner, resolver) for inner in value]
            case _:
                return value

    @staticmethod
    def of(schema: Any, resolver: Resolver) -> Any:
        return schema if isinstance(schema, _Bound) else _Bound(schema, resolver)
