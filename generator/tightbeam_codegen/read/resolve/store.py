"""References followed: from a schema to the schema that its `$ref` means.

The library `referencing` looks references up. The store adds the dialect of each schema, and says what is
wrong where a reference leads nowhere.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urldefrag, urljoin

import referencing
from referencing import exceptions

from tightbeam_codegen.json_schema.dialects import Dialect
from tightbeam_codegen.json_schema.official import is_official, official_uri
from tightbeam_codegen.problems import Place, Problems, quoted
from tightbeam_codegen.read.api_documents import CONTAINERS
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.payload_pointers import Schema, schema_at, split_payload
from tightbeam_codegen.read.resolve.document_set import DocumentSet
from tightbeam_codegen.read.resolve.references import absolute, own_root
from tightbeam_codegen.read.resolve.sources import Sources
from tightbeam_codegen.read.resolve.specifications import resource
from tightbeam_codegen.read.resolve.unresolved import Unresolved, elsewhere, no_schema, no_target

__all__ = ["Node", "SchemaStore"]

_MARK = "urn:tightbeam:mark"
"""A resource that is looked up from where a reference led, to learn the base URI there."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A schema where it stands: its content, the base of its references, and its dialect."""

    schema: Schema
    base_uri: str
    """What relative references resolve against, without fragment."""
    dialect: Dialect

    @property
    def keywords(self) -> dict[str, Any]:
        """The schema as an object; `true` and `false` have no keywords."""
        return self.schema if isinstance(self.schema, dict) else {}

    @property
    def key(self) -> int | bool:
        """Equal for the same schema object in the same document, however it was reached."""
        return self.schema if isinstance(self.schema, bool) else id(self.schema)


class SchemaStore:
    """The schemas of definitions and of the documents that these refer to.

    Args:
        sources: reads documents.
        dialect: the metaschema of files that name none (`[tool.tightbeam] dialect`).
        problems: takes what is wrong with documents that are only referred to.
    """

    def __init__(self, sources: Sources, dialect: str, problems: Problems) -> None:
        self.documents = DocumentSet(sources, dialect, problems)
        self.origins = self.documents.origins
        self._sources = sources
        self._followed: dict[tuple[int, str, str, str], Node] = {}
        """Where references lead: each pass follows them, and many files have the same ones."""
        self._roots: dict[str, Node] = {}
        """Documents as schemas, by their URI."""
        self._registry: referencing.Registry[Any] = referencing.Registry()

    def load_references(self) -> None:
        """Read every document that the definitions refer to, and those that they refer to in turn."""
        self.documents.find_references()
        self._followed.clear()
        self._roots.clear()
        self._registry = self.documents.registry().with_resource(_MARK, referencing.Resource.opaque({}))

    # -- schemas ---------------------------------------------------------------------------------------------

    def payload(self, document: Document, pointer: Pointer, dialect: Dialect) -> Node:
        """Return the payload schema of a topic or an event.

        Args:
            document: the definition file.
            pointer: the way to the schema in it.
            dialect: of schemas in the file that name none.
        """
        uri, own = self.own_root(document, pointer, dialect) or (document.uri, dialect)
        return self.child(Node({}, uri, own), schema_at(document, pointer))

    def own_root(self, document: Document, pointer: Pointer, dialect: Dialect) -> tuple[str, Dialect] | None:
        """Return base URI and dialect of a payload schema that is its own document; None for any other."""
        own = self.documents.dialect_of(schema_at(document, pointer), dialect)
        uri = own_root(document, pointer, dialect, own)
        return (uri, own) if uri is not None else None

    def child(self, parent: Node, schema: Schema) -> Node:
        """Return a schema inside another one, with the base URI and the dialect that it states, if any."""
        dialect = parent.dialect
        if not isinstance(schema, dict) or not (dialect.id_keyword in schema or "$schema" in schema):
            return Node(schema, parent.base_uri, dialect)
        dialect = self.documents.dialect_of(schema, dialect)
        if not isinstance(schema.get(dialect.id_keyword, ""), str):
            return Node(schema, parent.base_uri, dialect)  # inside a keyword of the user's own
        own = resource(schema, dialect).id()
        base_uri = parent.base_uri if own is None else urldefrag(urljoin(parent.base_uri, own))[0]
        return Node(schema, base_uri, dialect)

    def at(self, document: Document, pointer: Pointer) -> Node:
        """Return the schema at a place of a document. Raises Unresolved."""
        root = Node({}, document.uri, self.documents.document_dialect(document))
        keys = (str(key).replace("~", "~0").replace("/", "~1") for key in pointer)
        return self.follow(root, "#" + "".join("/" + quote(key, safe="~") for key in keys))

    def part(self, document: Document, unit: tuple[str, ...]) -> Node:
        """Return a shared definition or single schema of a document; for an empty unit all but the former."""
        root: Any = document.value
        node = self._root(document)
        if not unit:
            tops = {container[0] for container in CONTAINERS}
            rest = {k: v for k, v in root.items() if k not in tops} if isinstance(root, dict) else root
            return Node(rest, node.base_uri, node.dialect)
        for key in unit:
            root = root[int(key)] if isinstance(root, list) else root[key]
        return self.child(node, root)

    def _root(self, document: Document) -> Node:
        """Return a document as a schema; remembered, since a copy of a metaschema takes time to identify."""
        if (known := self._roots.get(document.uri)) is None:
            outside = Node({}, document.uri, self.documents.document_dialect(document))
            schema: Any = document.value
            known = self._roots[document.uri] = self.child(outside, schema)
        return known

    # -- references ------------------------------------------------------------------------------------------

    def follow(self, node: Node, reference: str, keyword: str = "$ref") -> Node:
        """Return the schema that a reference means.

        Args:
            node: the schema that refers.
            reference: the reference.
            keyword: the keyword that has it, for the message.

        Raises:
            Unresolved: it leads nowhere, or to what is no schema.
        """
        key = (id(self.document(node.schema)), node.base_uri, node.dialect.uri, reference)
        if (known := self._followed.get(key)) is None:
            known = self._followed[key] = self._follow(node, reference, keyword)
        return known

    def _follow(self, node: Node, reference: str, keyword: str) -> Node:
        try:
            resolver = self._registry.resolver(node.base_uri)
            resolved = resolver.lookup(self.canonical_reference(node, reference))
        except (exceptions.Unresolvable, exceptions.NoSuchAnchor, exceptions.InvalidAnchor) as error:
            uri = urldefrag(urljoin(node.base_uri, reference))[0]
            if (reason := self.documents.unusable.get(uri)) is not None:
                raise no_schema(keyword, reference, reason) if reason else Unresolved("") from None
            document = self.documents.get(uri)
            raise no_target(keyword, reference, node.base_uri, error, document, self._sources) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            # A pointer through something that is neither object nor array, or a URI that isn't one.
            message = f"{keyword} {quoted(reference)} leads nowhere"
            raise Unresolved(message, "Correct the JSON pointer.") from None
        schema = resolved.contents
        if not self.documents.is_schema(schema):
            raise no_schema(keyword, reference)
        self._check_reach(node, reference, schema, keyword)
        scope = resolved.resolver.lookup(_MARK).resolver.dynamic_scope()
        base_uri = next((uri for uri, _ in scope), node.base_uri)
        return Node(schema, urldefrag(base_uri)[0], self._dialect_at(schema, node.dialect))

    def _check_reach(self, node: Node, reference: str, schema: Schema, keyword: str) -> None:
        """Refuse the `$id` of a file that the referring file doesn't refer to by its path, too.

        Otherwise what a reference means would depend on which other files happen to be read.
        """
        document, target = self.document(node.schema), self.document(schema)
        if reference.startswith("#") or document is None or target is None or document is target:
            return
        if is_official(target.uri) or self.documents.get(urldefrag(urljoin(node.base_uri, reference))[0]):
            return
        if not any(other is target for other in self.documents.reach(document)):
            raise elsewhere(keyword, reference, target)

    def canonical_reference(self, node: Node, reference: str) -> str:
        """Return a reference with a file's `$id` in place of its path: the base of what is in the file."""
        if reference.startswith("#"):
            return reference
        uri, fragment = absolute(node.base_uri, reference)
        known = official_uri(uri) or self.documents.stated_uri(uri)
        return reference if known is None else f"{known}#{fragment}" if fragment else known

    def _dialect_at(self, schema: Schema, otherwise: Dialect) -> Dialect:
        if isinstance(schema, dict) and isinstance(schema.get("$schema"), str):
            return self.documents.dialect_of(schema, otherwise)
        document = self.document(schema)
        if document is None:
            return otherwise
        dialect = self.documents.document_dialect(document)
        root: Any = None
        if (payload := split_payload(document, self.pointer(schema))) is not None:
            # Part of a payload schema, which may name a dialect. Documents that are no definitions have none.
            with contextlib.suppress(LookupError, TypeError):
                root = schema_at(document, payload[0])
        return self.documents.dialect_of(root, dialect)

    # -- where schemas stand ---------------------------------------------------------------------------------

    def document(self, schema: Schema) -> Document | None:
        """Return the document that a schema was read from; None for `true` and `false`."""
        return self.origins.document(schema)

    def pointer(self, schema: Schema) -> Pointer:
        """Return the JSON pointer of a schema in its document."""
        return self.origins.pointer(schema)

    def place(self, schema: Schema, *more: str | int) -> Place | None:
        """Return line and column of a schema, or of a value below it; None for `true` and `false`."""
        return self.origins.place(schema, *more)
