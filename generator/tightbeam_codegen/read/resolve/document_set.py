"""The documents behind some definitions: which there are, their dialects, and what each refers to.

All of them are read beforehand, so that following a reference never reads a file.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urldefrag, urljoin

import referencing

from tightbeam_codegen.json_schema.dialects import LATEST, Dialect, custom_dialect, draft_at
from tightbeam_codegen.json_schema.official import is_official, is_unversioned, official_uri
from tightbeam_codegen.problems import DefinitionErrors, Problems
from tightbeam_codegen.read.api_documents import ApiDocument, api_document, say_null_as_a_type
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.payload_pointers import (
    EVENT_PAYLOAD,
    Schema,
    payloads_of,
    schema_at,
    shared_key,
)
from tightbeam_codegen.read.resolve.official_documents import identity
from tightbeam_codegen.read.resolve.origins import Origins
from tightbeam_codegen.read.resolve.references import bad_identifier, outgoing, own_id, own_root
from tightbeam_codegen.read.resolve.sources import Sources
from tightbeam_codegen.read.resolve.specifications import resource

__all__ = ["DocumentSet"]

_MAX_DOCUMENTS = 10_000


class DocumentSet:
    """The documents that definitions refer to, themselves included.

    Args:
        sources: reads documents.
        dialect: the metaschema of files that name none (`[tool.tightbeam] dialect`).
        problems: takes what is wrong with documents that are only referred to.
    """

    def __init__(self, sources: Sources, dialect: str, problems: Problems) -> None:
        self.origins = Origins()
        self.unusable: dict[str, str] = {}
        """Files that exist and can't be referred to: URI -> the reason, empty where it was reported."""
        self._sources = sources
        self._problems = problems
        self._documents: dict[str, Document] = {}
        self._dialects: dict[str, Dialect] = {}
        self._resources: dict[str, referencing.Resource[Any]] = {}
        self._canonical: dict[str, str] = {}
        self._outgoing: dict[str, tuple[str, ...]] = {}
        self._no_schemas: set[int] = set()
        self._apis: dict[str, ApiDocument] = {}
        """The documents that describe an API, and the files that such documents are split into."""
        self._default_dialect = LATEST
        self._default_dialect = self.dialect(dialect) or LATEST

    # -- loading ---------------------------------------------------------------------------------------------

    def add_definition(self, document: Document, dialect: Dialect) -> None:
        """Add a definition file.

        Args:
            document: the file.
            dialect: of schemas in the file that name none.
        """
        value = cast("dict[str, Any]", document.value)
        self._remember(document, dialect)
        definitions: dict[str, Any] = dict(value.get("$defs", {}))
        for pointer in payloads_of(document):
            schema = schema_at(document, pointer)
            own = self.dialect_of(schema, dialect)
            if (uri := own_root(document, pointer, dialect, own)) is not None:
                self._add_resource(uri, schema, own)
            else:
                # Where it stands no library looks for `$id` and anchors; among the definitions it does.
                definitions[shared_key(pointer)] = schema
        holders = {key: value[key] for key in ("topics", *EVENT_PAYLOAD) if key in value}
        body = {"$defs": definitions, dialect.definitions_keyword: definitions, **holders}
        self._no_schemas.update(map(id, (body, definitions)))
        if "topics" in value:
            self._no_schemas.update(map(id, (value["topics"], *value["topics"].values())))
        self._add_resource(document.uri, body, dialect)

    def find(self, uri: str, *, is_needed: bool = True) -> Document | None:
        """Add the document at a URI; None where it is known already, doesn't exist or can't be used.

        Args:
            uri: without fragment.
            is_needed: whether a file that can't be read is an error by itself. Else references to it are.
        """
        if uri in self._resources:
            return None
        try:
            document = self._sources.find(uri)
        except DefinitionErrors as error:
            first = error.problems[0]
            self.unusable[uri] = "" if is_needed else f"{first.place}: {first.message}"
            if is_needed:
                self._problems.extend(error.problems)
            return None
        if document is None:
            return None
        if not isinstance(document.value, dict | bool):
            self.unusable[uri] = f"{document.shown} isn't a schema"
            return None
        if (fault := bad_identifier(document.value)) is not None:
            pointer, message = fault
            self._problems.error(document.place(pointer), message, "Correct it, or leave it out.")
            self.unusable[uri] = ""
            return None
        # The dialect of a metaschema of the project is known only once the metaschema is read.
        stated = document.value.get("$schema") if isinstance(document.value, dict) else None
        if isinstance(stated, str) and urldefrag(stated)[0] != uri and not _needs_no_document(stated):
            self.find(urldefrag(stated)[0])
        api = api_document(document.value)
        if api is not None:
            self._apis[uri] = api
        default = api.dialect if api is not None else self._default_dialect
        dialect = self.dialect_of(document.value, default)
        self._remember(document, dialect)
        self._add_resource(uri, document.value, dialect)
        return document

    def find_references(self) -> None:
        """Add every document that the documents refer to, and those that they refer to in turn."""
        pending = list(self._documents.values())
        while pending:
            document = pending.pop()
            # Most of a document that describes an API may be of no use to any topic.
            is_needed = api_document(document.value) is None
            added = [self.find(uri, is_needed=is_needed) for uri in self._referred_uris(document)]
            pending.extend(each for each in added if each is not None)
            if len(self._documents) > _MAX_DOCUMENTS:
                message = f"more than {_MAX_DOCUMENTS} files are referred to"
                self._problems.error(None, message, "Split the schema root.")
                break
        self._pass_on_apis()

    def _pass_on_apis(self) -> None:
        """Let files that an API document is split into be read as it is, unless they say what they are."""
        pending = sorted(self._apis.items(), key=lambda item: item[0])
        while pending:
            uri, api = pending.pop(0)
            for other in sorted(self._referred_uris(self._documents[uri])):
                document = self._documents.get(other)
                if document is None or other in self._apis or not _is_part(document):
                    continue
                self._apis[other] = api
                if api.has_nullable:
                    say_null_as_a_type(document.value)
                self._dialects[other] = api.dialect
                self._add_resource(other, cast("dict[str, Any]", document.value), api.dialect)
                pending.append((other, api))

    def registry(self) -> referencing.Registry[Any]:
        """Return the registry in which the library looks references up."""
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no annotations

        resources = {**{uri: REGISTRY[uri] for uri in REGISTRY}, **self._resources}
        crawled: referencing.Registry[Any] = referencing.Registry()
        # The library crawls a set, whose order changes from process to process. Of two schemas with one
        # identifier the one that is crawled last counts: here it is the first one in every run.
        for uri, each in reversed(resources.items()):
            crawled = crawled.with_resource(uri, each).crawl()
        # Once more, since a copy that some document embeds may have taken the place of the metaschema.
        return crawled.with_resources((uri, each) for uri, each in resources.items() if is_official(uri))

    def _remember(self, document: Document, dialect: Dialect) -> None:
        self._documents[document.uri] = document
        self._dialects[document.uri] = dialect
        if not isinstance(document.value, dict):
            return
        for schema in self.origins.add(document):
            own = schema.get("$id", schema.get("id"))
            if isinstance(own, str) and "json-schema.org/" in own and not is_official(document.uri):
                self._add_copy(schema, own)

    def _add_copy(self, schema: dict[str, Any], own: str) -> None:
        """Add a copy of a metaschema under a URI of its own."""
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

    def dialect_of(self, schema: object, otherwise: Dialect) -> Dialect:
        """Return the dialect that a schema names by `$schema`, or `otherwise`."""
        uri = schema.get("$schema") if isinstance(schema, dict) else None
        return self.dialect(uri) or otherwise if isinstance(uri, str) else otherwise

    def dialect(self, uri: str) -> Dialect | None:
        """Return the dialect of a metaschema: a draft, or one in a mapped folder; None for any other."""
        if (draft := draft_at(uri)) is not None:
            return draft
        uri = uri.rstrip("#")
        if is_unversioned(uri):
            return None
        if uri not in self._documents:
            self.find(uri)
        document = self._documents.get(uri)
        if document is None or not isinstance(document.value, dict):
            return None
        base_uri = document.value.get("$schema")
        base = self.dialect(base_uri) if isinstance(base_uri, str) and base_uri.rstrip("#") != uri else LATEST
        return custom_dialect(uri, document.value, base) if base else None

    def api(self, document: Document) -> ApiDocument | None:
        """Return the API that a document describes, or is a part of the description of."""
        return self._apis.get(document.uri)

    def parts_of_apis(self) -> list[tuple[str, str]]:
        """Return the files that API documents are split into: URI, and how each is read."""
        own = ((uri, api.name) for uri, api in self._apis.items())
        return sorted(each for each in own if api_document(self._documents[each[0]].value) is None)

    def paths_of_apis(self) -> frozenset[str]:
        """Return how messages show the documents that describe APIs, and their parts."""
        return frozenset(self._documents[uri].shown for uri in self._apis)

    def document_dialect(self, document: Document) -> Dialect:
        """Return the dialect that a document is read by."""
        return self._dialects[document.uri]

    # -- what there is ---------------------------------------------------------------------------------------

    def all(self) -> list[Document]:
        """Return every document."""
        return list(self._documents.values())

    def get(self, uri: str) -> Document | None:
        """Return the document at a URI, if it is among these."""
        return self._documents.get(uri)

    def referred_to(self, document: Document) -> list[Document]:
        """Return the other documents that a document refers to itself."""
        others = map(self._documents.get, self._referred_uris(document))
        return [other for other in others if other is not None and other is not document]

    def reach(self, document: Document) -> list[Document]:
        """Return every other document that a document refers to, over others too."""
        reached: dict[str, Document] = {}
        pending = [document]
        while pending:
            for other in self.referred_to(pending.pop()):
                if other.uri not in reached and other is not document:
                    reached[other.uri] = other
                    pending.append(other)
        return list(reached.values())

    def stated_uri(self, uri: str) -> str | None:
        """Return the URI that the document at a URI gives itself; None where it gives none."""
        return self._canonical.get(uri)

    def canonical_uri(self, document: Document) -> str:
        """Return the URI that a document gives itself, or the one it is found by."""
        return self._canonical.get(document.uri, document.uri)

    def is_schema(self, value: object) -> bool:
        """Return whether a value is a schema, and not a part of a definition around one."""
        return isinstance(value, dict | bool) and id(value) not in self._no_schemas

    def _referred_uris(self, document: Document) -> tuple[str, ...]:
        """Return the URIs that a document refers to, remembered since it takes a walk over the document."""
        if document.uri not in self._outgoing:
            uris = outgoing(document.value, document.uri, self._dialects[document.uri])
            self._outgoing[document.uri] = tuple(dict.fromkeys(uris))
        return self._outgoing[document.uri]


def _is_part(document: Document) -> bool:
    """Return whether a file may be a part of the document that refers to it: it says nothing of itself."""
    is_definition = is_definition_uri(document.uri) or is_official(document.uri)
    return not is_definition and isinstance(document.value, dict) and "$schema" not in document.value


def _needs_no_document(stated: str) -> bool:
    """Return whether a `$schema` names one of the drafts, or JSON Schema in general."""
    return draft_at(stated) is not None or is_unversioned(stated)
