"""All documents that a set of definitions can reach, and `$ref` look-ups in them.

Resolution itself is the library `referencing`'s. This module finds the documents beforehand (so that a
look-up never reads a file) and remembers which document and JSON pointer every schema object came from: the
identity that names, messages and the normaliser's memo go by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from urllib.parse import quote, urldefrag, urljoin

import referencing
from referencing import exceptions

from tightbeam_codegen.json_schema.dialects import LATEST, Dialect, custom_dialect, draft_at
from tightbeam_codegen.json_schema.official import is_official, is_unversioned, official_uri
from tightbeam_codegen.problems import DefinitionErrors, Place, Problems, quoted
from tightbeam_codegen.read.api_documents import CONTAINERS, api_document
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.resolve.official_documents import identity
from tightbeam_codegen.read.resolve.references import (
    Schema,
    absolute,
    bad_identifier,
    is_own_root,
    outgoing,
    own_id,
    own_root_uri,
)
from tightbeam_codegen.read.resolve.sources import Sources
from tightbeam_codegen.read.resolve.specifications import resource
from tightbeam_codegen.read.resolve.unresolved import Unresolved, elsewhere, no_schema, no_target

__all__ = ["Node", "SchemaStore"]

_Resolver: TypeAlias = "referencing._core.Resolver[Any]"  # pyright: ignore[reportAttributeAccessIssue]  # hidden

_MAX_DOCUMENTS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A schema where it stands: what it says, what its references are relative to, and its draft."""

    schema: Schema
    resolver: _Resolver
    dialect: Dialect

    @property
    def keywords(self) -> dict[str, Any]:
        """The schema as an object; `true` and `false` have no keywords."""
        return self.schema if isinstance(self.schema, dict) else {}

    @property
    def base_uri(self) -> str:
        """What relative references resolve against, without fragment."""
        return urldefrag(self.resolver._base_uri)[0]

    @property
    def key(self) -> int | bool:
        """Equal for the same schema object in the same document, however it was reached."""
        return self.schema if isinstance(self.schema, bool) else id(self.schema)


class SchemaStore:
    """The documents reachable from some definition files.

    Args:
        sources: where documents are read.
        dialect: the metaschema of files that name none (`[tool.tightbeam] dialect`).
        problems: takes what is wrong with documents that are only referred to.
    """

    def __init__(self, sources: Sources, dialect: str, problems: Problems) -> None:
        self._sources = sources
        self._problems = problems
        self._documents: dict[str, Document] = {}
        self._dialects: dict[str, Dialect] = {}
        self._resources: dict[str, referencing.Resource[Any]] = {}
        self._canonical: dict[str, str] = {}
        self._outgoing: dict[str, tuple[str, ...]] = {}
        self._origin: dict[int, tuple[int | Document, str | int]] = {}
        self._order: dict[int, int] = {}
        self._home: dict[int, Document] = {}
        self._no_schemas: set[int] = set()  # what of the definition files is around their schemas
        self._useless: dict[str, str] = {}
        """Files that are there and can't be referred to: URI -> why, empty where that was said."""
        self._followed: dict[tuple[int, str, str, str], Node] = {}
        """Where a reference leads: asked for by each pass, and of many files again and again."""
        self._roots: dict[str, Node] = {}
        """Documents as schemas, by their URI."""
        self._registry: referencing.Registry[Any] = referencing.Registry()
        self._default_dialect = LATEST
        self._default_dialect = self.dialect(dialect) or LATEST

    # -- loading ---------------------------------------------------------------------------------------------

    def add_definition(self, document: Document, dialect: Dialect) -> None:
        """Take in a channel definition file; `dialect` counts for schemas in it that name none."""
        value = cast("dict[str, Any]", document.value)
        self._remember(document, dialect)
        definitions: dict[str, Any] = dict(value.get("$defs", {}))
        for name, topic in value["topics"].items():
            schema = topic["schema"]
            if (root := self.own_root(document, name, dialect)) is not None:
                self._add_resource(root[0], schema, root[1])
            else:
                # Below `topics` no library looks for `$id` and anchors; among the definitions it does.
                definitions[f"topics/{name}"] = schema
        body = {"$defs": definitions, dialect.definitions_keyword: definitions, "topics": value["topics"]}
        self._no_schemas.update(map(id, (body, definitions, value["topics"], *value["topics"].values())))
        self._add_resource(document.uri, body, dialect)

    def add_shared(self, uri: str) -> None:
        """Take in a document that is referred to from elsewhere; nothing happens where there is none."""
        self._find(uri)

    def load_references(self) -> None:
        """Read every document that the definitions refer to, and what those refer to in turn."""
        pending = list(self._documents.values())
        while pending:
            document = pending.pop()
            for uri in self._referred_uris(document):
                found = self._find(uri)
                if found is not None:
                    pending.append(found)
            if len(self._documents) > _MAX_DOCUMENTS:
                self._problems.error(
                    None, f"more than {_MAX_DOCUMENTS} files are referred to", "Split the schema root."
                )
                break
        self._followed.clear()
        self._roots.clear()
        resources = {**_metaschemas(), **self._resources}
        crawled = referencing.Registry().with_resources(resources.items()).crawl()
        # Once more, since a copy that some document embeds may have taken the place of the metaschema.
        again = {uri: resource for uri, resource in resources.items() if is_official(uri)}
        self._registry = crawled.with_resources(again.items())

    def _find(self, uri: str) -> Document | None:
        if uri in self._resources:
            return None
        try:
            document = self._sources.find(uri)
        except DefinitionErrors as error:
            self._problems.extend(error.problems)
            self._useless[uri] = ""
            return None
        if document is None:
            return None
        if not isinstance(document.value, dict | bool):
            self._useless[uri] = f"{document.shown} isn't a schema"
            return None
        if (spot := bad_identifier(document.value)) is not None:
            message = "this isn't a URI or the end of one"
            self._problems.error(document.place(spot), message, "Correct it, or leave it out.")
            self._useless[uri] = ""
            return None
        # The dialect of a metaschema found so is known only once it is read.
        schema_uri = document.value.get("$schema") if isinstance(document.value, dict) else None
        if isinstance(schema_uri, str) and urldefrag(schema_uri)[0] != uri and not _is_plain(schema_uri):
            self._find(urldefrag(schema_uri)[0])
        api = api_document(document.value)
        default = api.dialect if api is not None else self._default_dialect
        dialect = self.dialect_of(document.value, default)
        self._remember(document, dialect)
        self._add_resource(uri, document.value, dialect)
        return document

    def _remember(self, document: Document, dialect: Dialect) -> None:
        self._documents[document.uri] = document
        self._dialects[document.uri] = dialect
        if isinstance(document.value, dict | list):
            self._trace(document)

    def _trace(self, document: Document) -> None:
        stack: list[tuple[Any, tuple[int | Document, str | int]]] = [(document.value, (document, ""))]
        while stack:
            value, origin = stack.pop()
            self._origin[id(value)] = origin
            self._order[id(value)] = len(self._order)
            self._home[id(value)] = document
            if isinstance(value, dict):
                own = value.get("$id", value.get("id"))
                if isinstance(own, str) and "json-schema.org/" in own and not is_official(document.uri):
                    self._add_copy(value, own)
            items = list(value.items() if isinstance(value, dict) else enumerate(value))
            stack.extend(
                (child, (id(value), key)) for key, child in reversed(items) if isinstance(child, dict | list)
            )

    def _add_copy(self, schema: dict[str, Any], own: str) -> None:
        """Take in a copy of a metaschema, which goes by a URI of its own."""
        if (uri := identity(own, schema)) != own:
            self._resources.setdefault(uri, resource(schema, self.dialect_of(schema, LATEST)))

    def _add_resource(self, uri: str, schema: Schema, dialect: Dialect) -> None:
        added = self._resources[uri] = resource(schema, dialect)
        own = own_id(schema, dialect)
        if own is not None and not own.startswith("#"):
            canonical = urldefrag(urljoin(uri, identity(own, schema)))[0]
            if official_uri(canonical) is None:
                self._canonical[uri] = canonical
                self._resources.setdefault(canonical, added)

    # -- dialects --------------------------------------------------------------------------------------------

    def dialect_of(self, schema: Schema, otherwise: Dialect) -> Dialect:
        """The draft that a schema resource names by `$schema`, or `otherwise`."""
        uri = schema.get("$schema") if isinstance(schema, dict) else None
        return self.dialect(uri) or otherwise if isinstance(uri, str) else otherwise

    def dialect(self, uri: str) -> Dialect | None:
        """The draft with this metaschema URI: one of the five, or one found through the mapped folders."""
        if (draft := draft_at(uri)) is not None:
            return draft
        uri = uri.rstrip("#")
        if is_unversioned(uri):
            return None
        if uri not in self._documents:
            self._find(uri)
        document = self._documents.get(uri)
        if document is None or not isinstance(document.value, dict):
            return None
        base_uri = document.value.get("$schema")
        base = self.dialect(base_uri) if isinstance(base_uri, str) and base_uri.rstrip("#") != uri else LATEST
        return custom_dialect(uri, document.value, base) if base else None

    # -- look-ups --------------------------------------------------------------------------------------------

    def topic(self, document: Document, name: str, dialect: Dialect) -> Node:
        """The schema of one topic of a definition file."""
        value = cast("dict[str, Any]", document.value)
        schema: Schema = value["topics"][name]["schema"]
        uri, own = self.own_root(document, name, dialect) or (document.uri, dialect)
        return self.child(Node({}, self._registry.resolver(uri), own), schema)

    def own_root(self, document: Document, name: str, dialect: Dialect) -> tuple[str, Dialect] | None:
        """The base URI and draft of a topic's schema that is a document of its own; None for any other."""
        value = cast("dict[str, Any]", document.value)
        schema: Schema = value["topics"][name]["schema"]
        if not is_own_root(schema, dialect):
            return None
        own = self.dialect_of(schema, dialect)
        return own_root_uri(document, name, schema, own), own

    def child(self, parent: Node, schema: Schema) -> Node:
        """A schema inside another: a change of base URI or draft is taken note of."""
        dialect = parent.dialect
        if not isinstance(schema, dict) or not (dialect.id_keyword in schema or "$schema" in schema):
            return Node(schema, parent.resolver, dialect)
        dialect = self.dialect_of(schema, dialect)
        if not isinstance(schema.get(dialect.id_keyword, ""), str):
            return Node(schema, parent.resolver, dialect)  # inside a keyword of the user's own
        return Node(schema, parent.resolver.in_subresource(resource(schema, dialect)), dialect)

    def follow(self, node: Node, reference: str, keyword: str = "$ref") -> Node:
        """The schema that a reference of `node` means; the keyword is for the message. Raises Unresolved."""
        here = self.document(node.schema)
        key = (id(here), node.resolver._base_uri, node.dialect.uri, reference)
        if (known := self._followed.get(key)) is None:
            known = self._followed[key] = self._follow(node, reference, keyword)
        return known

    def _follow(self, node: Node, reference: str, keyword: str) -> Node:
        try:
            found = node.resolver.lookup(self.canonical_reference(node, reference))
        except (exceptions.Unresolvable, exceptions.NoSuchAnchor, exceptions.InvalidAnchor) as error:
            uri = urldefrag(urljoin(node.base_uri, reference))[0]
            if (why := self._useless.get(uri)) is not None:
                raise no_schema(keyword, reference, why) if why else Unresolved("") from None
            found_in = self._documents.get(uri)
            raise no_target(keyword, reference, node.base_uri, error, found_in, self._sources) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            # A pointer through something that is neither object nor array, or a URI that isn't one.
            message = f"{keyword} {quoted(reference)} leads nowhere"
            raise Unresolved(message, "Correct the JSON pointer.") from None
        schema = found.contents
        if not isinstance(schema, dict | bool) or id(schema) in self._no_schemas:
            raise no_schema(keyword, reference)
        self._check_reach(node, reference, schema, keyword)
        dialect = self._dialect_at(schema, node.dialect)
        return Node(schema, found.resolver, dialect)

    def _check_reach(self, node: Node, reference: str, schema: Schema, keyword: str) -> None:
        """A file is found by the `$id` it gives itself only by those that refer to it by its path, too.

        Otherwise what a reference means would depend on which other files happen to be read.
        """
        here, there = self.document(node.schema), self.document(schema)
        if reference.startswith("#") or here is None or there is None or here is there:
            return
        if is_official(there.uri):
            return
        if urldefrag(urljoin(node.base_uri, reference))[0] not in self._documents and not any(
            other is there for other in self.reach(here)
        ):
            raise elsewhere(keyword, reference, there)

    def reach(self, document: Document) -> list[Document]:
        """Everything that a document refers to, over others too."""
        found: dict[str, Document] = {}
        pending = [document]
        while pending:
            for other in self.referred_to(pending.pop()):
                if other.uri not in found and other is not document:
                    found[other.uri] = other
                    pending.append(other)
        return list(found.values())

    def canonical_uri(self, uri: str) -> str:
        """The URI that a document gives itself, or the one it is found by."""
        return self._canonical.get(uri, uri)

    def canonical_reference(self, node: Node, reference: str) -> str:
        """The reference, with a file's path replaced by its own `$id`: what is in it is relative to that."""
        if reference.startswith("#"):
            return reference
        uri, fragment = absolute(node.resolver._base_uri, reference)
        known = official_uri(uri) or self._canonical.get(uri)
        return reference if known is None else f"{known}#{fragment}" if fragment else known

    def _dialect_at(self, schema: Schema, otherwise: Dialect) -> Dialect:
        if isinstance(schema, dict) and isinstance(schema.get("$schema"), str):
            return self.dialect_of(schema, otherwise)
        document = self.document(schema)
        if document is not None and document.uri in self._dialects:
            root = self._owning_topic(schema)
            return (
                self.dialect_of(root, self._dialects[document.uri]) if root else self._dialects[document.uri]
            )
        return otherwise

    def _owning_topic(self, schema: Schema) -> dict[str, Any] | None:
        """The topic schema with its own `$schema` that this one is part of, if there is one."""
        document = self.document(schema)
        pointer = self.pointer(schema)
        if (
            document is None
            or pointer[:1] != ("topics",)
            or len(pointer) < 3
            or not isinstance(document.value, dict)
        ):
            return None
        topics: Any = document.value.get("topics")
        root = topics[pointer[1]].get("schema") if isinstance(topics, dict) else None
        return root if isinstance(root, dict) and "$schema" in root else None

    # -- where things are ------------------------------------------------------------------------------------

    def document(self, schema: Schema) -> Document | None:
        """The document a schema object was read from; None for `true` and `false`, which have no identity."""
        return self._home.get(id(schema)) if isinstance(schema, dict) else None

    def is_official(self, schema: Schema) -> bool:
        """Tell whether a schema stands in one of JSON Schema's own metaschemas."""
        document = self.document(schema)
        return document is not None and is_official(document.uri)

    def pointer(self, schema: Schema) -> Pointer:
        """The JSON pointer of a schema object in its document, as a tuple."""
        keys: list[str | int] = []
        origin = self._origin.get(id(schema))
        while origin is not None and not isinstance(origin[0], Document):
            keys.append(origin[1])
            origin = self._origin.get(origin[0])
        return tuple(reversed(keys))

    @property
    def size(self) -> int:
        """The number of objects and arrays in all documents."""
        return len(self._order)

    def order(self, schema: Schema) -> int:
        """A number that grows with the place of a schema object in its document."""
        return self._order.get(id(schema), -1)

    def place(self, schema: Schema, *more: str | int) -> Place | None:
        """Line and column of a schema object, or of something below it."""
        document = self.document(schema)
        return document.place((*self.pointer(schema), *more)) if document else None

    def documents(self) -> list[Document]:
        """Everything the definitions can reach, themselves included."""
        return list(self._documents.values())

    def referred_to(self, document: Document) -> list[Document]:
        """The other documents that one refers to itself."""
        found = (self._documents.get(uri) for uri in self._referred_uris(document))
        return [other for other in found if other is not None and other is not document]

    def _referred_uris(self, document: Document) -> tuple[str, ...]:
        """Each once; found once, since all of the document has to be walked for it."""
        if document.uri not in self._outgoing:
            uris = outgoing(document.value, document.uri, self._dialects[document.uri])
            self._outgoing[document.uri] = tuple(dict.fromkeys(uris))
        return self._outgoing[document.uri]

    def loaded(self, uri: str) -> Document | None:
        """The document at a URI, if the definitions refer to it."""
        return self._documents.get(uri)

    def document_dialect(self, document: Document) -> Dialect:
        """The draft that a document is read by."""
        return self._dialects[document.uri]

    def at(self, document: Document, pointer: Pointer) -> Node:
        """The schema at a place of a document. Raises Unresolved."""
        root = Node({}, self._registry.resolver(document.uri), self._dialects[document.uri])
        keys = (str(key).replace("~", "~0").replace("/", "~1") for key in pointer)
        return self.follow(root, "#" + "".join("/" + quote(key, safe="~") for key in keys))

    def _root(self, document: Document) -> Node:
        """Give a document as a schema; remembered, since a copy of a metaschema is read for its identity."""
        if (known := self._roots.get(document.uri)) is None:
            outside = Node({}, self._registry.resolver(document.uri), self._dialects[document.uri])
            schema: Any = document.value
            known = self._roots[document.uri] = self.child(outside, schema)
        return known

    def part(self, document: Document, unit: tuple[str, ...]) -> Node:
        """A shared definition of a document, or (for an empty unit) all of it but those."""
        root: Any = document.value
        node = self._root(document)
        if not unit:
            tops = {container[0] for container in CONTAINERS}
            rest = {k: v for k, v in root.items() if k not in tops} if isinstance(root, dict) else root
            return Node(rest, node.resolver, node.dialect)
        for key in unit:
            root = root[key]
        return self.child(node, root)


def _is_plain(stated: str) -> bool:
    """Tell whether a `$schema` needs no document: it names one of the drafts, or JSON Schema in general."""
    return draft_at(stated) is not None or is_unversioned(stated)


def _metaschemas() -> dict[str, referencing.Resource[Any]]:
    """The five drafts' own metaschemas: a schema may refer to them."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no annotations

    return {uri: REGISTRY[uri] for uri in REGISTRY}
