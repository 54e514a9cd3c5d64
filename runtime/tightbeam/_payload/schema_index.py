"""Find schemas in a bundle: by absolute URI, below others, and at the end of references."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urljoin

from tightbeam._payload.plain import pointer_token
from tightbeam._payload.subschemas import inside

__all__ = ["SchemaIndex", "SchemaLocation"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")


@dataclass(frozen=True)
class SchemaLocation:
    """A schema in a bundle, and where it is."""

    document: str
    """URI of the resource that it is in."""
    tokens: tuple[str, ...]
    """The way to it in the resource, unescaped."""
    base: str
    """The URI that its references are relative to."""
    schema: Any

    @functools.cached_property
    def ref(self) -> str:
        """A reference that leads here from anywhere."""
        return self.document + "#" + "".join(f"/{quote(pointer_token(token))}" for token in self.tokens)

    def child(self, *tokens: str | int) -> SchemaLocation:
        """Return the schema below this one at the end of a way."""
        schema, base = self.schema, self.base
        for token in tokens:
            schema = schema[token]
            base = _base(base, schema)
        return SchemaLocation(self.document, (*self.tokens, *map(str, tokens)), base, schema)


class SchemaIndex:
    """The schemas of a bundle, by URI."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        self._resources = resources

    @functools.cached_property
    def _named(self) -> dict[str, SchemaLocation]:
        """The resources, with those inside of others, and the anchors, by absolute URI."""
        named: dict[str, SchemaLocation] = {}
        stack = [
            SchemaLocation(uri, (), _base(uri, schema), schema) for uri, schema in self._resources.items()
        ]
        for location in stack:
            named[location.document] = location
        while stack:
            location = stack.pop()
            schema = location.schema
            if isinstance(schema, dict):
                named.setdefault(location.base, location)
                for keyword in ("$anchor", "$dynamicAnchor", "$id", "id"):
                    name = schema.get(keyword)
                    if isinstance(name, str) and (keyword.endswith("nchor") or name.startswith("#")):
                        named.setdefault(f"{location.base}#{name.removeprefix('#')}", location)
            stack.extend(location.child(*way) for way, _, _ in inside(schema))
        return named

    @functools.cached_property
    def declared_names(self) -> frozenset[str]:
        """Every property name that the schemas declare anywhere."""
        names: set[str] = set()
        stack: list[Any] = list(self._resources.values())
        while stack:
            node = stack.pop()
            if isinstance(node, dict) and isinstance(properties := node.get("properties"), dict):
                names.update(properties)
            stack.extend(inner for _, inner, _ in inside(node))
        return frozenset(names)

    def find(self, ref: str, base: str = "") -> SchemaLocation | None:
        """Find the schema that a reference leads to.

        Args:
            ref: the reference.
            base: the URI that it is relative to.

        Returns:
            The schema, or None if there is none.
        """
        uri, _, fragment = _join(base, ref).partition("#")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._named.get(f"{uri}#{fragment}")
        location = self._named.get(uri)
        for token in fragment.split("/")[1:] if location else ():
            token = token.replace("~1", "/").replace("~0", "~")
            schema = location.schema  # type: ignore[union-attr]
            try:
                location = location.child(int(token) if isinstance(schema, list) else token)  # type: ignore[union-attr]
            except (LookupError, TypeError, ValueError):
                return None
        return location


def _base(base: str, schema: object) -> str:
    if isinstance(schema, dict):
        name = schema.get("$id", schema.get("id"))
        if isinstance(name, str) and not name.startswith("#"):
            return _join(base, name).partition("#")[0]
    return base


def _join(base: str, ref: str) -> str:
    if ref.startswith("#"):
        return base.partition("#")[0] + ref
    scheme = _SCHEME.match(base)
    if _SCHEME.match(ref) or scheme is None:
        return ref
    # urljoin leaves schemes it doesn't know alone
    return scheme[0] + urljoin("http" + base[scheme.end() :], ref)[len("http") :]
