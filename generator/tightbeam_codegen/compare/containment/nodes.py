"""The schemas of a bundle as nodes: each with its dialect, its children, and the targets of its references.

Two nodes of which every keyword that decides something is the same, behind references too, are one object,
even if one is the reader's and the other one the writer's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import Bundle
from tightbeam._payload.subschemas import HOLDERS, SCHEMA_MAPS
from tightbeam_codegen.compare.containment.answers import Side
from tightbeam_codegen.compare.containment.values import value_of
from tightbeam_codegen.json_schema.keywords import IDENTIFIERS, KEYWORDS, NOTES, REFERENCES
from tightbeam_codegen.json_schema.uris import pointer_key

__all__ = ["Node", "NodeTable", "UnsupportedError", "elements"]

_YEARS = {4: 4, 6: 6, 7: 7, 19: 2019, 20: 2020}
_MARK = re.compile("\x01([^\x01]*)\x01")
_NOT_COMPARED = NOTES | {"$schema", "$vocabulary", "$defs", "definitions"} | IDENTIFIERS
_MAX_TARGETS = 300


class UnsupportedError(Exception):
    """Something can't be compared; the argument is a clause that says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A schema where it stands."""

    owner: _Schemas
    at: SchemaLocation
    year: int
    scope: tuple[str, ...]
    """The resources that were entered on the way here, where dynamic references ask for them."""
    number: int
    """Orders nodes by when they were made."""

    @property
    def schema(self) -> Any:
        """The schema itself."""
        return self.at.schema

    @property
    def keywords(self) -> dict[str, Any]:
        """The schema's keywords; a boolean schema has none."""
        schema = self.at.schema
        if not isinstance(schema, dict):
            return {}
        if self.year <= 7 and isinstance(schema.get("$ref"), str):
            return {"$ref": schema["$ref"]}
        return schema

    def child(self, *way: str | int) -> Node:
        """Return a schema inside of this one."""
        return self.owner.child(self, way)

    def target(self, keyword: str) -> Node:
        """Return the target of a reference. Raises `UnsupportedError` where there is none."""
        return self.owner.target(self, keyword)


class NodeTable:
    """Makes equal nodes one object."""

    def __init__(self) -> None:
        self._by_key: dict[object, Node] = {}
        self._values = _Schemas(Bundle("values", _EMPTY), {}, self, is_dynamic=False)

    def side(self, side: Side) -> tuple[Bundle, Node]:
        """Return the bundle of a side, as the runtime reads it, and the node of its schema."""
        text = json.dumps(side.bundle)
        bundle = Bundle("compared", json.loads(text))
        topic = bundle.topics[side.topic]
        is_dynamic = '"$dynamicRef"' in text or '"$recursiveRef"' in text
        schemas = _Schemas(bundle, bundle.resources, self, is_dynamic=is_dynamic)
        return bundle, schemas.root(topic.ref, topic.dialect)

    def of_schema(self, schema: Any) -> Node:
        """Return the node of a schema of the newest dialect without references."""
        location = SchemaLocation("", (), "", schema)
        return self._values.node(location, 2020, ())

    def of_texts(self, texts: frozenset[str]) -> Node:
        """Return the node of a schema that allows the values with some texts (`values.text_of`)."""
        return self.of_schema({"enum": [value_of(text) for text in sorted(texts)]})

    def count(self) -> int:
        """Return how many nodes there are."""
        return len(self._by_key)

    def intern(self, key: object, node: Node) -> Node:
        """Return the first node with a key."""
        return self._by_key.setdefault(key, node)


_EMPTY: Mapping[str, Any] = {"assertFormats": False, "resources": {}, "topics": {}, "params": {}}


class _Schemas:
    """The schemas of one bundle."""

    def __init__(
        self, bundle: Bundle, resources: Mapping[str, Any], table: NodeTable, *, is_dynamic: bool
    ) -> None:
        self._bundle = bundle
        self._resources = resources
        self._table = table
        self._texts: dict[tuple[int, str], str] = {}
        self._nodes: dict[tuple[int, str, int, tuple[str, ...]], Node] = {}
        self._kept: list[object] = []
        self._joined: dict[tuple[int, ...], dict[str, Any]] = {}
        self._is_dynamic = is_dynamic
        self._years: dict[str, int] = {}

    def root(self, ref: str, dialect: str) -> Node:
        """Return the node of a topic's schema."""
        location = self._root(ref)
        return self.node(location, self._year_at(location, dialect), self._entered((), location.base))

    def _root(self, ref: str) -> SchemaLocation:
        """Find a topic's schema, without the index of all schemas if the document has no other base URI."""
        uri, _, fragment = ref.partition("#")
        resource = self._resources.get(uri)
        if not isinstance(resource, dict) or resource.keys() & {"$id", "id"}:
            return self._find(ref, "")
        location = SchemaLocation(uri, (), uri, resource)
        for token in fragment.split("/")[1:]:
            name = pointer_key(token)
            location = location.child(int(name) if isinstance(location.schema, list) else name)
        return location

    def node(self, at: SchemaLocation, year: int, scope: tuple[str, ...]) -> Node:
        """Return the node of a location."""
        known_key = (id(at.schema), at.base, year, scope)
        if not isinstance(at.schema, bool) and (known := self._nodes.get(known_key)) is not None:
            return known
        node = Node(self, at, year, scope, self._table.count())
        key = self._key(node)
        node = self._table.intern(key, node)
        self._kept.append(at.schema)  # so that its id stays its own
        self._nodes[known_key] = node
        return node

    @property
    def asserts_formats(self) -> bool:
        """Whether `format` is law."""
        return self._bundle.assert_formats

    def any_of(self, node: Node, nodes: list[Node]) -> Node:
        """Return the node of a schema that allows what one of some schemas does.

        Args:
            node: a schema at the place where this one is to stand.
            nodes: the schemas.
        """
        if any(each.at.base != node.at.base or each.year != node.year for each in nodes):
            raise UnsupportedError("schemas of several documents can't be joined")
        key = tuple(id(each.schema) for each in nodes)
        schema = self._joined.setdefault(key, {"anyOf": [each.schema for each in nodes]})
        at = SchemaLocation(node.at.document, node.at.tokens, node.at.base, schema)
        return self.node(at, node.year, node.scope)

    def child(self, node: Node, way: tuple[str | int, ...]) -> Node:
        """Return the node of a schema inside of another one."""
        at = node.at.child(*way)
        year = node.year
        schema = at.schema
        if isinstance(schema, dict) and isinstance(schema.get("$schema"), str) and at.base != node.at.base:
            year = self._year(schema["$schema"])
        return self.node(at, year, self._entered(node.scope, at.base))

    def target(self, node: Node, keyword: str) -> Node:
        """Return the node that a reference leads to."""
        reference = node.at.schema[keyword]
        location = self._find(reference, node.at.base)
        year = self._year_at(location, "")
        scope = self._entered(node.scope, location.base)
        if keyword == "$dynamicRef" and "#" in reference:
            location = self._dynamic(location, reference, scope)
        elif keyword == "$recursiveRef" and location.schema.get("$recursiveAnchor") is True:
            location = self._recursive(location, scope)
        return self.node(location, year, self._entered(scope, location.base))

    def _dynamic(self, at: SchemaLocation, reference: str, scope: tuple[str, ...]) -> SchemaLocation:
        name = reference.partition("#")[2]
        if not isinstance(at.schema, dict) or at.schema.get("$dynamicAnchor") != name:
            return at
        for base in scope:
            found = self._bundle.index.find(f"{base}#{name}")
            if found is not None and found.schema.get("$dynamicAnchor") == name:
                return found
        return at

    def _recursive(self, at: SchemaLocation, scope: tuple[str, ...]) -> SchemaLocation:
        for base in scope:
            found = self._bundle.index.find(base)
            if found is not None and found.schema.get("$recursiveAnchor") is True:
                return found
        return at

    def _entered(self, scope: tuple[str, ...], base: str) -> tuple[str, ...]:
        return (*scope, base) if self._is_dynamic and base not in scope else scope

    def _find(self, reference: str, base: str) -> SchemaLocation:
        location = self._bundle.index.find(reference, base)
        if location is None or not isinstance(location.schema, dict | bool):
            raise UnsupportedError("a reference can't be followed")
        return location

    def _year(self, dialect: str) -> int:
        if dialect not in self._years:
            metaschema = self._resources.get(dialect.rstrip("#"))
            if isinstance(metaschema, dict) and "$vocabulary" in metaschema:
                raise UnsupportedError("a metaschema with vocabularies of its own can't be compared")
            self._years[dialect] = _YEARS[self._bundle.draft(dialect)]
        return self._years[dialect]

    def _year_at(self, at: SchemaLocation, dialect: str) -> int:
        """Return the dialect of the nearest schema around a location that names one."""
        schema: Any = self._resources.get(at.document)
        stated = dialect
        for token in (None, *at.tokens):
            if token is not None:
                schema = schema[int(token)] if isinstance(schema, list) else schema[token]
            if not isinstance(schema, dict) or not isinstance(schema.get("$schema"), str):
                continue
            if token is None or "$id" in schema or "id" in schema:
                stated = schema["$schema"]
        return self._year(stated)

    # -- equal nodes -----------------------------------------------------------------------------------------

    def _key(self, node: Node) -> object:
        text = self._text(node.at, node.year)
        formats = self._bundle.assert_formats
        if "\x01" not in text:
            return (text, node.year, formats)
        if self._is_dynamic:
            return (self, id(node.at.schema), node.at.base, node.scope)
        numbers: dict[str, int] = {}
        texts = [text]
        for each in texts:
            for reference in _MARK.findall(each):
                if reference not in numbers and len(numbers) < _MAX_TARGETS:
                    numbers[reference] = len(numbers)
                    location = self._bundle.index.find(reference)
                    texts.append(
                        "?" if location is None else self._text(location, self._year_at(location, ""))
                    )
        whole = "\x02".join(texts)
        return (_MARK.sub(lambda mark: f"\x01{numbers.get(mark[1], mark[1])}", whole), node.year, formats)

    def _text(self, at: SchemaLocation, year: int) -> str:
        """Return what a schema says, without notes; references are marked, and absolute."""
        schema = at.schema
        if not isinstance(schema, dict):
            return repr(schema)
        key = (id(schema), at.base)
        if (known := self._texts.get(key)) is not None:
            return known
        keywords: Iterable[str] = KEYWORDS[year].keys() & schema.keys() - _NOT_COMPARED
        if year <= 7 and isinstance(schema.get("$ref"), str):
            keywords = ("$ref",)
        parts = [self._said(at, keyword, year) for keyword in sorted(keywords)]
        if "$schema" in schema and at.tokens:
            parts.append(f"in {schema['$schema']}")
        text = self._texts[key] = "{" + ",".join(parts) + "}"
        self._kept.append(schema)
        return text

    def _said(self, at: SchemaLocation, keyword: str, year: int) -> str:
        """Return what a keyword of a schema says."""
        value = at.schema[keyword]
        if keyword in REFERENCES and isinstance(value, str):
            found = self._bundle.index.find(value, at.base)
            return f"{keyword}\x01{found.ref if found else value}\x01"
        if not isinstance(value, dict | list):
            return f"{keyword}:{value!r}"
        if keyword not in HOLDERS:
            return f"{keyword}:{json.dumps(value, sort_keys=True)}"
        if isinstance(value, list):
            texts = [self._text(at.child(keyword, index), year) for index in range(len(value))]
            return f"{keyword}[{'|'.join(texts)}]"
        if keyword not in SCHEMA_MAPS:
            return f"{keyword}:{self._text(at.child(keyword), year)}"
        inner: list[str] = []
        for name, each in sorted(value.items()):
            is_list = isinstance(each, list)  # the names in draft 7's `dependencies`
            text = repr(sorted(each)) if is_list else self._text(at.child(keyword, name), year)
            inner.append(f"{name!r}:{text}")
        return f"{keyword}({'|'.join(inner)})"


def elements(node: Node) -> tuple[list[Node], Node | None]:
    """Return the schemas of the first items of an array, and that of the others."""
    keywords = node.keywords
    first, others = ("prefixItems", "items") if node.year >= 2020 else ("items", "additionalItems")
    if node.year < 2020 and not isinstance(keywords.get("items"), list):
        return [], node.child("items") if "items" in keywords else None
    prefix = [node.child(first, index) for index in range(len(keywords.get(first, ())))]
    return prefix, node.child(others) if others in keywords else None
