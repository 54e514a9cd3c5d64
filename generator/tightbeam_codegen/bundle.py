"""The schemas that a channel's topics need at run time, in one self-contained JSON text.

Documents go in as they were written, so every reference in them means what it meant; only shared definitions
that no topic of the channel can reach are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urldefrag, urljoin

from tightbeam_codegen.load import Document, JsonValue, Pointer
from tightbeam_codegen.normalise.keywords import ASSERTING
from tightbeam_codegen.resolve import Dialect, Node, SchemaStore, Unresolved
from tightbeam_codegen.resolve.references import inside
from tightbeam_codegen.uris import as_uri

__all__ = ["bundled"]

_DEFINITIONS = ("$defs", "definitions")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IDENTIFIERS = ("$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor")

_Unit: TypeAlias = tuple[str, tuple[str, ...]]
"""A part of a document that is kept or left out as a whole: (document URI, pointer)."""


def bundled(
    store: SchemaStore,
    document: Document,
    dialect: Dialect,
    topics: Mapping[str, bool],
    params: Mapping[str, JsonValue],
    branches: Mapping[str, Sequence[Node]],
    *,
    assert_formats: bool,
) -> str:
    """The JSON text for one definition file.

    Args:
        store: resolves references.
        document: the definition file.
        dialect: the draft of topics that name none.
        topics: topic name -> whether anything at all may stand somewhere in a payload.
        params: parameter name -> schema.
        branches: class -> the schemas that a value of a union must fit to be loaded as it.
        assert_formats: whether `format` is law.
    """
    reach = _Reach(store, document, dialect)
    for name in topics:
        reach.add_topic(name)
    reach.complete()
    inline: list[str] = []
    entries: dict[str, JsonValue] = {}
    resources: dict[str, JsonValue] = dict(reach.resources())
    for name, is_open in topics.items():
        if (root := store.own_root(document, name, dialect)) is not None:
            uri, own = as_uri(root[0]), root[1]
            schema = _topic_schema(document, name)
            resources[uri] = reach.with_dialect(schema, schema, own)
            ref = (f"{uri}#", own.uri)
        elif (whole := reach.whole_document(name)) is not None:
            ref = whole
        else:
            inline.append(name)
            ref = (f"{document.uri}#{_fragment(('topics', name, 'schema'))}", dialect.uri)
        entries[name] = {"ref": ref[0], "dialect": ref[1], "open": is_open}
    resources[document.uri] = _definition_resource(reach, document, dialect, inline)
    text: dict[str, JsonValue] = {
        "assertFormats": assert_formats,
        "resources": resources,
        "topics": entries,
        "params": dict(params),
    }
    if branches:
        text["branches"] = {name: reach.refs(nodes) for name, nodes in branches.items()}
    return reach.text(text)


class _Reach:
    """What the topics can reach: shared definitions one by one, and the rest of a document all or nothing."""

    def __init__(self, store: SchemaStore, definition: Document, dialect: Dialect) -> None:
        self._store = store
        self._definition = definition
        self._dialect = dialect
        self._documents: dict[str, Document] = {}
        self._units: set[_Unit] = set()
        self._pending: list[tuple[Node, Any]] = []
        """What to look at, and the object in the document that it stands for."""
        self._rewritten: dict[int, dict[str, JsonValue]] = {}
        self._dynamic = False

    def add_topic(self, name: str) -> None:
        """Take in the schema of a topic."""
        if (self._definition.uri, ("topics", name)) not in self._units:
            self._units.add((self._definition.uri, ("topics", name)))
            topic = self._store.topic(self._definition, name, self._dialect)
            self._pending.append((topic, topic.schema))

    def whole_document(self, name: str) -> tuple[str, str] | None:
        """The URI and draft of the document that a topic is nothing but a reference to, if it is one."""
        node = self._store.topic(self._definition, name, self._dialect)
        schema = node.schema
        if (
            not isinstance(schema, dict)
            or not isinstance(schema.get("$ref"), str)
            or ASSERTING.intersection(schema) != frozenset(["$ref"])
        ):
            return None
        try:
            target = self._store.follow(node, schema["$ref"])
        except Unresolved:
            return None
        document = self._store.document(target.schema)
        if document is None or document.value is not target.schema:
            return None
        return f"{as_uri(self._store.canonical_uri(document.uri))}#", target.dialect.uri

    def _add(self, document: Document, pointer: Pointer) -> None:
        """Take in the part of a document that a pointer leads into."""
        if document is self._definition and pointer[:1] == ("topics",):
            self.add_topic(str(pointer[1]))
            return
        unit = (str(pointer[0]), str(pointer[1])) if pointer[:1] in (("$defs",), ("definitions",)) else ()
        self._documents[document.uri] = document
        if (document.uri, unit) not in self._units:
            self._units.add((document.uri, unit))
            part = self._store.part(document, unit)
            self._pending.append((part, part.schema if unit else document.value))

    def complete(self) -> None:
        """Follow references until nothing new turns up."""
        while self._pending:
            self._scan(*self._pending.pop())
            if self._dynamic and not self._pending:
                # A dynamic reference may lead to any definition of any document in scope.
                for document in [self._definition, *self._documents.values()]:
                    for keyword in _DEFINITIONS:
                        for name in _entries(document, keyword):
                            self._add(document, (keyword, name))

    def resources(self) -> Iterable[tuple[str, JsonValue]]:
        """The documents besides the definition file, less the shared definitions that aren't needed."""
        for uri, document in sorted(self._documents.items()):
            value: Any = document.value
            if document is self._definition:
                continue
            if isinstance(value, dict):
                kept = {keyword: self.definitions(document, keyword) for keyword in _DEFINITIONS}
                value = {
                    key: kept.get(key, inner) for key, inner in value.items() if key not in kept or kept[key]
                }
            dialect = self._store.document_dialect(document)
            yield as_uri(self._store.canonical_uri(uri)), self.with_dialect(value, document.value, dialect)

    def with_dialect(self, schema: Any, original: Any, dialect: Dialect) -> Any:
        """A schema document, or what is left of it, that names its draft."""
        if not isinstance(schema, dict):
            return schema
        stated = {} if "$schema" in schema else {"$schema": dialect.uri}
        made = {**stated, **schema}
        if isinstance(own := made.get(dialect.id_keyword), str):
            made[dialect.id_keyword] = as_uri(own)
        if id(original) in self._rewritten:
            self._rewritten[id(made)] = self._rewritten[id(original)]
        return made

    def text(self, value: Any) -> str:
        """The JSON text; every reference to a file by its path names the `$id` that the file gives itself.

        The validator takes what is in a document to be relative to the URI by which the document was
        found, so each must be found by its own. And it insists on the characters of URIs, in `$id` too.
        """
        if self._rewritten:
            value = self._rewrite(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def _rewrite(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._rewrite(item) for item in value]
        if not isinstance(value, dict):
            return value
        copy = {key: self._rewrite(item) for key, item in value.items()}
        return {**copy, **self._rewritten.get(id(value), {})}

    def definitions(self, document: Document, keyword: str) -> dict[str, JsonValue]:
        """The needed entries of a document's `$defs` or `definitions`."""
        return {
            name: schema
            for name, schema in _entries(document, keyword).items()
            if (document.uri, (keyword, name)) in self._units
        }

    def refs(self, nodes: Iterable[Node]) -> list[JsonValue]:
        """Where schemas of the topics are in the text, each with its draft; less those that have no place."""
        found: list[JsonValue] = []
        for node in nodes:
            if (document := self._store.document(node.schema)) is None:
                continue
            uri, pointer = as_uri(self._store.canonical_uri(document.uri)), self._store.pointer(node.schema)
            if document is self._definition:
                uri, pointer = self._place(pointer)
            found.append({"ref": f"{uri}#{_fragment(pointer)}", "dialect": node.dialect.uri})
        return found

    def _place(self, pointer: Pointer) -> tuple[str, Pointer]:
        """Where something of the definition file is: in a topic's own document, or among the definitions.

        The latter where it may stand below an `$id` that no validator sees elsewhere.
        """
        document = self._definition
        if pointer[:1] != ("topics",):
            return document.uri, pointer
        name = str(pointer[1])
        if (root := self._store.own_root(document, name, self._dialect)) is not None:
            return as_uri(root[0]), pointer[3:]
        if _identifies(_topic_schema(document, name)):
            return document.uri, (self._dialect.definitions_keyword, f"topics/{name}", *pointer[3:])
        return document.uri, pointer

    def _scan(self, root: Node, original: Any) -> None:
        stack: list[tuple[Any, Node]] = [(root.schema, root)]
        while stack:
            value, node = stack.pop()
            if isinstance(value, list):
                stack.extend((item, node) for item in value)
            elif isinstance(value, dict):
                node = node if value is node.schema else self._store.child(node, value)
                self._follow(node, value, original if value is root.schema else value)
                stack.extend((item, node) for item in inside(value))

    def _spell(self, original: dict[str, Any], keyword: str, uri: str) -> None:
        """Note that a keyword has to be spelt otherwise than in the document."""
        if original[keyword] != uri:
            self._rewritten.setdefault(id(original), {})[keyword] = uri

    def _follow(self, node: Node, schema: dict[str, Any], original: dict[str, Any]) -> None:
        dialect = schema.get("$schema")
        if isinstance(dialect, str) and (metaschema := self._store.loaded(dialect.rstrip("#"))):
            self._add(metaschema, ())
        identifier = node.dialect.id_keyword
        if isinstance(own := schema.get(identifier), str):
            self._spell(original, identifier, as_uri(own))
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if not isinstance(reference, str):
                continue
            self._dynamic = self._dynamic or keyword != "$ref"
            try:
                self._spell(original, keyword, as_uri(self._store.canonical_reference(node, reference)))
                target = self._store.follow(Node(schema, node.resolver, node.dialect), reference)
            except (Unresolved, ValueError):
                continue  # Reported where the schema is normalised, if it means anything there.
            document = self._store.document(target.schema)
            own = self._own_uri(target, document) if keyword == "$ref" and document is not None else None
            if own is not None and own != as_uri(node.base_uri):
                self._spell(original, keyword, own)
            if document is not None:
                self._add(document, self._store.pointer(target.schema))
            elif isinstance(target.schema, bool) and (document := self._store.loaded(target.base_uri)):
                # `true` and `false` can't be told where they stand: the whole document is kept for them.
                for unit in [(), *((k, name) for k in _DEFINITIONS for name in _entries(document, k))]:
                    self._add(document, unit)

    @staticmethod
    def _own_uri(node: Node, document: Document) -> str | None:
        """The URI of a resource in a document that names its own draft: only by that its draft is noticed."""
        own = node.keywords.get(node.dialect.id_keyword)
        if node.schema is document.value or not isinstance(own, str) or "$schema" not in node.keywords:
            return None
        return None if own.startswith("#") else as_uri(urldefrag(urljoin(node.base_uri, own))[0])


def _fragment(pointer: Pointer) -> str:
    return "".join(f"/{quote(str(key).replace('~', '~0').replace('/', '~1'), safe='~')}" for key in pointer)


def _entries(document: Document, keyword: str) -> dict[str, JsonValue]:
    value = document.value
    entries = value.get(keyword) if isinstance(value, dict) else None
    return entries if isinstance(entries, dict) else {}


def _topic_schema(document: Document, name: str) -> Any:
    value: Any = document.value
    return value["topics"][name]["schema"]


def _definition_resource(
    reach: _Reach, document: Document, dialect: Dialect, inline: Iterable[str]
) -> JsonValue:
    """The definition file as a schema document: `#/$defs/…` and `#/topics/…` in it mean what they say."""
    topics: dict[str, JsonValue] = {name: {"schema": _topic_schema(document, name)} for name in inline}
    definitions = reach.definitions(document, "$defs")
    found: dict[str, JsonValue] = {"$schema": dialect.uri, "$defs": definitions, "topics": topics}
    identified: dict[str, JsonValue] = {}
    for name in inline:
        schema = _topic_schema(document, name)
        if _identifies(schema):
            # Below `topics` no validator looks for `$id` and anchors; among the definitions it does.
            identified[f"topics/{name}"] = schema
    keyword = dialect.definitions_keyword
    if identified or (keyword != "$defs" and _identifies(definitions)):
        found[keyword] = {**definitions, **identified}
    return found


def _identifies(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_identifies, value))
    if isinstance(value, dict):
        # A property may be called `id`: its schema is no text.
        named = any(isinstance(value.get(key), str | bool) for key in _IDENTIFIERS)
        return named or any(map(_identifies, value.values()))
    return False
