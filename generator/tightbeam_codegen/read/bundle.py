"""The schemas that a channel's topics or an event need at run time, in one self-contained JSON text.

Documents go in as they were written, so every reference in them means what it meant; only shared definitions
that no payload of the definition can reach are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, cast

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import Dialect
from tightbeam_codegen.json_schema.keywords import ASSERTING, IDENTIFIERS
from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.read.api_documents import CONTAINERS
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition, Parameter
from tightbeam_codegen.read.load import Document, JsonValue, Pointer
from tightbeam_codegen.read.normalise.discriminate import discriminating_schemas
from tightbeam_codegen.read.normalise.shapes import Name, is_open
from tightbeam_codegen.read.payload_pointers import is_event, schema_at, shared_key, split_payload
from tightbeam_codegen.read.reach import Reach, fragment
from tightbeam_codegen.read.resolve import Node, SchemaStore, Unresolved
from tightbeam_codegen.read.topics import Shapes

__all__ = ["Bundle", "bundle"]

_COMPONENTS = ("components", "schemas")


def dotted(name: Name) -> str:
    """Return the module and name of a class, in the module of its file."""
    return ".".join((*name.module, name.name))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The schemas that the payloads of a definition need at run time, in one self-contained JSON value."""

    value: Mapping[str, JsonValue]
    """Shares parts with the documents, and must not be changed."""
    branches: Mapping[Name, Sequence[JsonValue]]
    """Class -> where the schemas are that a value of a union must fit to be loaded as it."""

    def text(self, called: Callable[[Name], str] = dotted) -> str:
        """Return the JSON text.

        Args:
            called: what generated code calls a class.
        """
        branches = {called(name): schemas for name, schemas in self.branches.items()}
        value = {**self.value, "branches": dict(sorted(branches.items()))} if branches else self.value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def bundle(definition: AnyDefinition, reach: Reach, store: SchemaStore, shapes: Shapes) -> Bundle:
    """Bundle the schemas of one definition.

    Args:
        definition: the definition.
        reach: what its payloads reach.
        store: resolves references.
        shapes: what its payloads come to: how values of unions are told apart, and where anything may stand.
    """
    document, dialect, bundler = definition.document, reach.dialect, _Bundler(store, reach)
    inline: list[Pointer] = []
    entries: dict[str, JsonValue] = {}
    resources: dict[str, JsonValue] = dict(bundler.resources())
    topics = shapes.topics[definition.module]
    for payload, topic in zip(definition.payloads, topics, strict=True):
        pointer = payload.pointer
        if (root := store.own_root(document, pointer, dialect)) is not None:
            uri, own = as_uri(root[0]), root[1]
            schema = schema_at(document, pointer)
            resources[uri] = bundler.with_dialect(schema, schema, own)
            ref = (f"{uri}#", own.uri)
        elif (whole := bundler.whole_document(pointer)) is not None:
            ref = whole
        else:
            inline.append(pointer)
            ref = (f"{document.uri}#{fragment(pointer)}", dialect.uri)
        entries[payload.name] = {"ref": ref[0], "dialect": ref[1], "open": is_open(topic.shape, shapes.named)}
    resources[document.uri] = _definition_resource(reach, document, dialect, inline)
    value: dict[str, JsonValue] = {
        "assertFormats": definition.assert_formats,
        "resources": resources,
        "topics": entries,
        "params": {param.name: param.schema for param in _params(definition)},
    }
    schemas = discriminating_schemas((topic.shape for topic in topics), shapes.named, shapes.nodes)
    return Bundle(bundler.written(value), {name: bundler.refs(nodes) for name, nodes in schemas.items()})


def _params(definition: AnyDefinition) -> tuple[Parameter, ...]:
    return () if isinstance(definition, EventDefinition) else definition.params


class _Bundler:
    """Writes the documents as the validators read them."""

    def __init__(self, store: SchemaStore, reach: Reach) -> None:
        self._store = store
        self._reach = reach
        self._respelt = dict(reach.respelt)

    def whole_document(self, pointer: Pointer) -> tuple[str, str] | None:
        """Return the URI and draft of a document if a payload schema is nothing but a reference to it."""
        node = self._store.payload(self._reach.definition, pointer, self._reach.dialect)
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
        return f"{self._uri(document)}#", target.dialect.uri

    def resources(self) -> Iterable[tuple[str, JsonValue]]:
        """Yield the documents besides the definition file, without the parts that no payload reaches."""
        for document in (document for _, document in sorted(self._reach.documents.items())):
            value: Any = document.value
            if document is self._reach.definition:
                continue
            dialect = self._store.documents.document_dialect(document)
            if isinstance(value, dict):
                kept = self._kept(document)
                # If only definitions are needed, references in the rest of the document would lead nowhere.
                rest = value.keys() if self._reach.has(document, ()) else {"$schema", dialect.id_keyword}
                value = {
                    key: kept.get(key, inner) for key, inner in value.items() if kept.get(key, key in rest)
                }
                if identified := self._identified(document):
                    keyword = dialect.definitions_keyword
                    value[keyword] = {**value.get(keyword, {}), **identified}
            yield self._uri(document), self.with_dialect(value, document.value, dialect)

    def _kept(self, document: Document) -> dict[str, JsonValue]:
        """Return the shared definitions that are reached, by the keyword at the top of the document."""
        kept: dict[str, JsonValue] = {}
        for container in CONTAINERS:
            reached: JsonValue = self._reach.definitions(document, container) or None
            if len(container) == 1:
                kept[container[0]] = reached
            elif reached:
                kept[container[0]] = {**self._beside(document, container), container[1]: reached}
        if not self._reach.has(document, ()):
            for pointer in sorted(self._reach.single_schemas(document), key=len):
                _keep(kept, document.value, pointer)
        return kept

    def _identified(self, document: Document) -> dict[str, JsonValue]:
        """Return the schemas of an API document that are found by an `$id` or an anchor, by their pointers.

        Where they stand no validator looks for these; among the definitions it does.
        """
        if self._store.documents.api(document) is None:
            return {}
        shared = self._reach.definitions(document, _COMPONENTS)
        found = {fragment((*_COMPONENTS, name)): schema for name, schema in shared.items()}
        for pointer in self._reach.single_schemas(document):
            found[fragment(pointer)] = reduce(getitem, pointer, cast("Any", document.value))
        return {place: schema for place, schema in found.items() if _names_itself(schema)}

    def _beside(self, document: Document, container: tuple[str, ...]) -> dict[str, JsonValue]:
        """Return the neighbours of a container in another keyword, such as `messages` beside `schemas`."""
        value: Any = document.value
        outer = value[container[0]] if self._reach.has(document, ()) else {}
        return {key: inner for key, inner in outer.items() if key != container[1]}

    def with_dialect(self, schema: Any, original: Any, dialect: Dialect) -> Any:
        """Return a schema document that names its draft.

        Args:
            schema: the document, or the reached parts of it.
            original: the whole document.
            dialect: of the document.
        """
        if not isinstance(schema, dict):
            return schema
        stated = {} if "$schema" in schema else {"$schema": dialect.uri}
        named = {**stated, **schema}
        if id(original) in self._respelt:
            self._respelt[id(named)] = self._respelt[id(original)]
        return named

    def written(self, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the value in which every reference to a file by its path names the file's own `$id`.

        The validator takes references in a document to be relative to the URI by which the document was
        found, so that each must be found by its own. The validator also insists on the characters of URIs.
        """
        return {key: self._written(item) for key, item in value.items()} if self._respelt else value

    def _written(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._written(item) for item in value]
        if not isinstance(value, dict):
            return value
        respelt = self._respelt.get(id(value), {})
        return {
            key: respelt.get(key) or self._written(item)
            for key, item in value.items()
            if respelt.get(key, "") is not None
        }

    def refs(self, nodes: Iterable[Node]) -> list[JsonValue]:
        """Return references to schemas of topics, each with its draft; `true` and `false` have no place."""
        refs: list[JsonValue] = []
        for node in nodes:
            if (document := self._store.document(node.schema)) is None:
                continue
            uri, pointer = self._uri(document), self._store.pointer(node.schema)
            if document is self._reach.definition:
                uri, pointer = self._place(pointer)
            refs.append({"ref": f"{uri}#{fragment(pointer)}", "dialect": node.dialect.uri})
        return refs

    def _uri(self, document: Document) -> str:
        return as_uri(self._store.documents.canonical_uri(document))

    def _place(self, pointer: Pointer) -> tuple[str, Pointer]:
        """Return the resource and the place in it that a part of the definition file has in the bundle.

        That is a payload's own document, or the definitions, where validators look for an `$id`.
        """
        document, dialect = self._reach.definition, self._reach.dialect
        if (payload := split_payload(document, pointer)) is None:
            return document.uri, pointer
        way, rest = payload
        if (root := self._store.own_root(document, way, dialect)) is not None:
            return as_uri(root[0]), rest
        if _identifies(schema_at(document, way)):
            return document.uri, (dialect.definitions_keyword, shared_key(way), *rest)
        return document.uri, pointer


def _keep(kept: dict[str, JsonValue], document: Any, pointer: Pointer) -> None:
    """Add the schema at a pointer, with nothing around it but the way to it.

    Args:
        kept: what is kept of the document; an array in it becomes an object, whose keys are indexes.
        document: the whole document.
        pointer: the way to the schema.
    """
    inner: Any = kept
    for key in pointer[:-1]:
        document = document[key]
        present = inner.get(str(key))
        if present is document:
            return  # It is inside a schema that is kept whole.
        inner[str(key)] = present if present is not None else {}
        inner = inner[str(key)]
    inner[str(pointer[-1])] = document[pointer[-1]]


def _definition_resource(
    reach: Reach, document: Document, dialect: Dialect, inline: Iterable[Pointer]
) -> JsonValue:
    """Return the definition file as a schema document, in which pointers into it lead on.

    Args:
        reach: has the shared definitions that are kept.
        document: the file.
        dialect: of the file.
        inline: the ways to the payload schemas that stand in it.
    """
    definitions = reach.definitions(document, ("$defs",))
    resource: dict[str, JsonValue] = {"$schema": dialect.uri, "$defs": definitions}
    identified: dict[str, JsonValue] = {}
    topics: dict[str, JsonValue] = {}
    if not is_event(document):
        resource["topics"] = topics
    for pointer in inline:
        schema = schema_at(document, pointer)
        if is_event(document):
            resource["schema"] = schema
        else:
            topics[str(pointer[1])] = {"schema": schema}
        if _identifies(schema):
            # Where it stands no validator looks for `$id` and anchors; among the definitions it does.
            identified[shared_key(pointer)] = schema
    keyword = dialect.definitions_keyword
    if identified or (keyword != "$defs" and _identifies({keyword: definitions})):
        resource[keyword] = {**definitions, **identified}
    return resource


def _names_itself(schema: object) -> bool:
    """Tell whether a schema has a draft of its own and an identifier by which it is referred to."""
    return isinstance(schema, dict) and "$schema" in schema and not IDENTIFIERS.isdisjoint(schema)


def _identifies(schema: object) -> bool:
    """Tell whether an `$id` or an anchor is in a schema."""
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and any(isinstance(value.get(key), str | bool) for key in IDENTIFIERS):
            return True
        stack.extend(inner for _, inner, _ in inside(value))
    return False
