"""Finds what the topics of a channel can reach: documents, shared definitions, and references to nothing.

Every keyword that holds a schema is walked, in each dialect by its own table: a reference below `not` or
`propertyNames` has to lead somewhere just as one below `properties`, though no type comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias
from urllib.parse import quote, urldefrag, urljoin

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.dialects import Dialect, draft_at
from tightbeam_codegen.json_schema.keywords import REFERENCES
from tightbeam_codegen.json_schema.official import is_official, is_unversioned, official_uri
from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.problems import Place, Problems, quoted
from tightbeam_codegen.read.api_documents import CONTAINERS
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load import Document, JsonValue, Pointer
from tightbeam_codegen.read.payload_pointers import split_payload
from tightbeam_codegen.read.resolve import Node, SchemaStore, Unresolved
from tightbeam_codegen.read.resolve.references import own_id

__all__ = ["Reach", "Unit", "entries_of", "fragment", "unit_of"]

_TELLING = frozenset([*REFERENCES, "$schema", "$id", "id"])
"""Without one of these there is nothing to learn of a schema but what is inside it."""
_DYNAMIC_ANCHORS = ("$dynamicAnchor", "$recursiveAnchor")

Unit: TypeAlias = tuple[str, tuple[str, ...]]
"""A part of a document that is kept or left out as a whole: (document URI, pointer).

Shared definitions are units one by one; the rest of a document is one, with an empty pointer. In a document
that describes an API the rest is no schema: there each other schema that is referred to is a unit, such as
the payload of a webhook.
"""


class Reach:
    """The units that topics reach, and the keywords in them that the validator needs spelt otherwise.

    Args:
        store: resolves references.
        definition: the definition file.
        dialect: the draft of payload schemas that name none.
        problems: takes references that lead nowhere.
    """

    def __init__(
        self, store: SchemaStore, definition: Document, dialect: Dialect, problems: Problems
    ) -> None:
        self.definition = definition
        self.dialect = dialect
        self.documents: dict[str, Document] = {}
        """By URI; the definition file only where something refers to it."""
        self.respelt: dict[int, dict[str, str | None]] = {}
        """Identity of an object -> its keywords with the value to write, None for those to leave out."""
        self._store = store
        self._problems = problems
        self._units: set[Unit] = set()
        self._single: dict[str, dict[Pointer, bool]] = {}
        """By document URI, what references lead to in API documents besides shared definitions, and whether
        one of the references stands in a schema: else it may be a parameter, or a response."""
        self._pending: list[tuple[Node, Any, bool]] = []
        """A part to scan, the object in the document that it stands for, and whether it is a schema."""
        self._seen: set[int] = set()
        self._dynamic = False
        self._identified: dict[str, list[dict[str, Any]]] = {}
        """The schemas of documents that say they have a URI, by this URI."""
        self._by_own_uri: dict[str, Place | None] = {}
        """The URIs of schemas by which references are spelt, each with the place of the first of these."""

    def add_payload(self, pointer: Pointer) -> None:
        """Take in the payload schema at a pointer in the definition file."""
        if not self._is_new((self.definition.uri, tuple(map(str, pointer)))):
            return
        payload = self._store.payload(self.definition, pointer, self.dialect)
        self._pending.append((payload, payload.schema, True))

    def complete(self) -> None:
        """Follow references until nothing new turns up."""
        while self._pending:
            self._scan(*self._pending.pop())
            if self._dynamic and not self._pending:
                self._add_dynamic()
        for uri, place in self._by_own_uri.items():
            if len(self._identified.get(uri, ())) > 1:
                message = f"two schemas have the `$id` {quoted(uri)}, of which the validator would find one"
                self._problems.error(place, message, "Give each its own, or leave `$id` and `$schema` out.")
        self._by_own_uri.clear()

    def has(self, document: Document, unit: tuple[str, ...]) -> bool:
        """Return whether a unit of a document is reached.

        Args:
            document: the document.
            unit: the pointer of a shared definition; empty for the rest of the document.
        """
        return (document.uri, unit) in self._units

    def single_schemas(self, document: Document, *, is_sure: bool = False) -> list[Pointer]:
        """Return where schemas stand that are reached in an API document, besides its shared definitions.

        Args:
            document: the document.
            is_sure: leave out what may be something else, such as a parameter.
        """
        return [
            pointer for pointer, sure in self._single.get(document.uri, {}).items() if sure or not is_sure
        ]

    def definitions(self, document: Document, container: tuple[str, ...]) -> dict[str, JsonValue]:
        """Return the shared definitions that are reached, by name.

        Args:
            document: the document.
            container: where they stand in it, such as `("$defs",)`.
        """
        entries = entries_of(document, container)
        return {name: schema for name, schema in entries.items() if self.has(document, (*container, name))}

    # -- units -----------------------------------------------------------------------------------------------

    def _is_new(self, unit: Unit) -> bool:
        known = unit in self._units
        self._units.add(unit)
        return not known

    def _add(self, document: Document, pointer: Pointer, *, is_schema: bool = True) -> None:
        """Take in the part of a document that a pointer leads into.

        Args:
            document: the document.
            pointer: a place in it.
            is_schema: whether a schema is there for sure.
        """
        payload = split_payload(document, pointer) if document is self.definition else None
        if payload is not None:
            self.add_payload(payload[0])
            return
        if document.uri not in self.documents:
            self.documents[document.uri] = document
            root = self._store.part(document, ())
            if isinstance(document.value, dict) and document is not self.definition:
                self._note_identity(root, document.value, document.value)
                if is_definition_uri(document.uri) and "$schema" in document.value:
                    # In a definition it is for editors, and no validator knows what it names.
                    self._spell(
                        document.value, "$schema", self._store.documents.document_dialect(document).uri
                    )
        if is_official(document.uri):
            for unit in _units_of(document):
                self._add_unit(document, unit)
            return
        unit = unit_of(pointer)
        if pointer and not unit and self._store.documents.api(document) is not None:
            single = self._single.setdefault(document.uri, {})
            single[pointer] = is_schema or single.get(pointer, False)
            unit = tuple(map(str, pointer))
        self._add_unit(document, unit)

    def _add_unit(self, document: Document, unit: tuple[str, ...]) -> None:
        if self._is_new((document.uri, unit)):
            part = self._store.part(document, unit)
            self._pending.append((part, part.schema if unit else document.value, True))

    def _add_dynamic(self) -> None:
        """Take in what a dynamic reference may lead to: dynamic anchors in the documents in scope."""
        for document in [self.definition, *self.documents.values()]:
            for unit in _units_of(document):
                if (document is not self.definition or unit) and not self.has(document, unit):
                    part = self._store.part(document, unit).schema
                    if _is_dynamic(part):
                        self._add_unit(document, unit)
                        self.documents.setdefault(document.uri, document)

    # -- walking ---------------------------------------------------------------------------------------------

    def _scan(self, root: Node, original: Any, is_schema: bool) -> None:
        stack: list[tuple[Any, Node, bool]] = [(root.schema, root, is_schema)]
        while stack:
            value, node, is_schema = stack.pop()
            counts = True
            if isinstance(value, dict):
                source = original if value is root.schema else value
                if id(source) in self._seen:
                    continue
                if is_schema:
                    self._seen.add(id(source))
                if not _TELLING.isdisjoint(value):
                    node = node if value is node.schema else self._store.child(node, value)
                    self._note_identity(node, value, source)
                    self._follow(node, value, source, is_schema=is_schema)
                # Up to draft 7 keywords beside a `$ref` count for nothing, so that they may lead nowhere.
                counts = is_schema and not (node.dialect.ref_hides_siblings and "$ref" in value)
            inner = inside(value, node.dialect.keywords)
            stack.extend((item, node, known and counts) for _, item, known in inner)

    def _spell(self, original: dict[str, Any], keyword: str, value: str | None) -> None:
        """Note that a keyword has to be spelt otherwise than in the document."""
        if original[keyword] != value:
            self.respelt.setdefault(id(original), {})[keyword] = value

    def _note_identity(self, node: Node, schema: dict[str, Any], original: dict[str, Any]) -> None:
        """Spell `$schema` and `$id` as the validators read them."""
        stated = schema.get("$schema")
        if isinstance(stated, str):
            draft = draft_at(stated)
            if draft is not None and stated.removesuffix("#") != draft.uri:
                self._spell(original, "$schema", draft.uri)
            elif is_unversioned(stated):
                self._spell(original, "$schema", node.dialect.uri)
            elif draft is None and (metaschema := self._store.documents.get(stated.rstrip("#"))):
                self._add(metaschema, ())
        keyword = node.dialect.id_keyword
        if isinstance(schema.get(keyword), str):
            self._spell(original, keyword, self._identifier(node, schema, original))

    def _identifier(self, node: Node, schema: dict[str, Any], original: dict[str, Any]) -> str | None:
        own = own_id(schema, node.dialect)
        if own is None:
            return None
        same = self._identified.setdefault(as_uri(urldefrag(urljoin(node.base_uri, own))[0]), [])
        if not own.startswith("#") and original not in same:
            same.append(original)
        document = self._store.document(original)
        if own.startswith("#") or document is None or is_official(document.uri):
            return as_uri(own)
        if official_uri(urldefrag(urljoin(node.base_uri, own))[0]) is None:
            return as_uri(own)
        # A copy of a metaschema: under the URI of the real one, validators would find the one or the other.
        if official_uri(node.base_uri) is None:
            return as_uri(node.base_uri)
        return as_uri(f"{document.uri}?copy={quote(fragment(self._store.pointer(original)), safe='')}")

    def _follow(
        self, node: Node, schema: dict[str, Any], original: dict[str, Any], *, is_schema: bool
    ) -> None:
        """Take in what the references of one object lead to; those of a schema have to lead somewhere."""
        for keyword in REFERENCES:
            reference = schema.get(keyword)
            if not isinstance(reference, str):
                continue
            self._dynamic = self._dynamic or keyword != "$ref"
            try:
                target = self._store.follow(Node(schema, node.base_uri, node.dialect), reference, keyword)
                spelt = as_uri(self._store.canonical_reference(node, reference))
                # Behind an empty fragment of a file the validator compiles each file again and again.
                self._spell(original, keyword, spelt.removesuffix("#") or spelt)
            except Unresolved as error:
                if is_schema and error.message and keyword in node.dialect.keywords:
                    self._problems.error(self._store.place(original, keyword), error.message, error.remedy)
                elif not is_schema:
                    self._spell(original, keyword, None)  # The validator would look for it all the same.
                continue
            document = self._store.document(target.schema)
            own = self._own_uri(target, document) if keyword == "$ref" and document is not None else None
            if own is not None and own != as_uri(node.base_uri):
                self._spell(original, keyword, own)
                self._by_own_uri.setdefault(own, self._store.place(target.schema, target.dialect.id_keyword))
            if document is not None:
                self._add(document, self._store.pointer(target.schema), is_schema=is_schema)
                if target.schema is not document.value:
                    # It may stand below a keyword that no dialect knows, such as `components`.
                    self._pending.append((target, target.schema, True))
            elif isinstance(target.schema, bool) and (document := self._store.documents.get(target.base_uri)):
                # `true` and `false` have no identity, so that the whole document is kept for them.
                for unit in _units_of(document):
                    self._add(document, unit)

    def _own_uri(self, node: Node, document: Document) -> str | None:
        """Return the URI of a resource in a document that names another draft, None for any other.

        The validator reads a resource by its own draft only where it is referred to by its own URI.
        """
        own = own_id(node.schema, node.dialect)
        if node.schema is document.value or own is None or "$schema" not in node.keywords:
            return None
        if node.dialect == self._store.documents.document_dialect(document):
            return None
        uri = urldefrag(urljoin(node.base_uri, own))[0]
        return None if own.startswith("#") or official_uri(uri) else as_uri(uri)


def unit_of(pointer: Pointer) -> tuple[str, ...]:
    """Return the shared definition that a pointer leads into; empty for anything else."""
    for container in CONTAINERS:
        depth = len(container)
        if pointer[:depth] == container and len(pointer) > depth:
            return (*container, str(pointer[depth]))
    return ()


def _units_of(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield every unit of a document."""
    yield ()
    for container in CONTAINERS:
        for name in entries_of(document, container):
            yield (*container, name)


def _is_dynamic(value: Any) -> bool:
    """Return whether there is a dynamic anchor in a value."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and any(value.get(keyword) for keyword in _DYNAMIC_ANCHORS):
            return True
        stack.extend(item for _, item, _ in inside(value))
    return False


def entries_of(document: Document, container: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return the shared definitions of a document in one container.

    Args:
        document: the document.
        container: the keywords on the way to them from the top, such as `("$defs",)`.
    """
    value = document.value
    for keyword in container:
        value = value.get(keyword) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def fragment(pointer: Pointer) -> str:
    """Return a JSON pointer as the fragment of a URI."""
    return "".join(f"/{quote(str(key).replace('~', '~0').replace('/', '~1'), safe='~')}" for key in pointer)
