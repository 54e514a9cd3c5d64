"""The pass that resolves: every document that definitions refer to, found and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from tightbeam_codegen.json_schema.dialects import LATEST, Dialect
from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.api_documents import CONTAINERS, api_document
from tightbeam_codegen.read.check import AnyDefinition, check_schema
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.definitions import Unchanged
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.reach import Reach
from tightbeam_codegen.read.resolve import Node, SchemaStore, Sources
from tightbeam_codegen.read.resolve.metaschemas import named_metaschemas
from tightbeam_codegen.settings import Settings

__all__ = ["ModulePath", "Reached", "Resolved", "find_reached", "resolve"]

ModulePath: TypeAlias = tuple[str, ...]
"""A module of the generated package, without the package itself."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The documents behind some definitions, and how the schemas in them are read."""

    store: SchemaStore
    """Has the documents, and follows references between them."""
    dialects: Mapping[ModulePath, Dialect]
    """The dialect of each definition."""
    assume_objects: bool
    """Whether a schema with `properties` and without `type` is taken for an object."""
    _assert_formats: bool
    _stated: Mapping[str, bool]
    """Whether `format` is law in each definition, by its URI."""
    unchecked: Set[str]
    """The URIs of documents that are checked where topics reach them: only those refer to them that describe
    an API, of which most may be of no use to any topic."""
    is_sound: bool = True
    """Whether all keywords of schema documents have the form that later passes rely on."""

    def asserts_formats(self, node: Node) -> bool:
        """Return whether `format` is law for a schema."""
        document = self.store.document(node.schema)
        return self._stated.get(document.uri if document else "", self._assert_formats)

    def year_of(self, dialect: str) -> int:
        """Return the draft of a dialect, as the year that orders drafts."""
        return (self.store.documents.dialect(dialect) or LATEST).year


def resolve(
    definitions: Sequence[AnyDefinition],
    unchanged: Iterable[Unchanged],
    sources: Sources,
    settings: Settings,
    problems: Problems,
) -> Resolved:
    """Find and check every document that definitions refer to, over other documents too.

    Args:
        definitions: the definitions.
        unchanged: others, which use shared documents too.
        sources: reads documents.
        settings: the dialect of documents that name none, and what `format` means.
        problems: takes what is wrong.
    """
    used = {uri for each in unchanged for uri, _ in (*each.uses, *each.exact_uses)}
    store = SchemaStore(sources, settings.dialect, problems)
    dialects = {each.module: store.documents.dialect(each.dialect) or LATEST for each in definitions}
    for each in definitions:
        store.documents.add_definition(each.document, dialects[each.module])
    for uri in sorted(used):
        store.documents.find(uri)
    store.load_references()
    own = {each.document.uri for each in definitions}
    shared = Problems()
    needed = _needed({*own, *used}, store)
    others = [each for each in store.documents.all() if each.uri not in own]
    _check_shared([each for each in others if each.uri in needed], store, sources, shared)
    problems.extend(shared)
    for each in definitions:
        _check_formats(each, own, store, settings, problems)
    stated = {each.document.uri: each.assert_formats for each in definitions}
    return Resolved(
        store,
        dialects,
        settings.assume_objects,
        settings.assert_formats,
        stated,
        {each.uri for each in others} - needed,
        not shared.has_errors,
    )


def _needed(used: Iterable[str], store: SchemaStore) -> set[str]:
    """Return the URIs of documents that are referred to by others than those that describe an API.

    Args:
        used: the URIs of documents to begin with.
        store: has the documents.
    """
    needed: set[str] = set()
    pending = [each for uri in used if (each := store.documents.get(uri)) is not None]
    while pending:
        document = pending.pop()
        if document.uri not in needed:
            needed.add(document.uri)
            if api_document(document.value) is None:
                pending += store.documents.referred_to(document)
    return needed


def _check_shared(
    documents: Sequence[Document], store: SchemaStore, sources: Sources, problems: Problems
) -> None:
    """Check the schema documents among `documents` by their dialects' metaschemas.

    Definitions are checked as such. Of a document that describes an API only what topics reach is checked.
    """
    metaschemas = named_metaschemas(documents, sources, problems)
    for document in documents:
        if (
            is_definition_uri(document.uri)
            or is_official(document.uri)
            or store.documents.api(document) is not None
        ):
            continue
        dialect = store.documents.document_dialect(document).uri
        check_schema(document, (), dialect, problems, metaschemas=metaschemas)


def _check_formats(
    definition: AnyDefinition, own: Set[str], store: SchemaStore, settings: Settings, problems: Problems
) -> None:
    """Refuse a definition that reads `format` otherwise than a file it refers to, which has one model."""
    if definition.assert_formats == settings.assert_formats:
        return
    for other in store.documents.referred_to(definition.document):
        if other.uri not in own and not is_official(other.uri):
            stated = str(definition.assert_formats).lower()
            problems.error(
                definition.document.place(("assert_formats",)),
                f"assert_formats is {stated} here, but not for {other.shown}, which this refers to",
                "Say the same in both: set assert_formats in [tool.tightbeam] and leave it out here.",
            )


@dataclass(frozen=True, slots=True)
class Reached:
    """The parts of documents that a definition's topics reach, and the warnings drawn for that reason."""

    reach: Reach
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether all keywords of reached schemas in API documents have the form that later passes expect."""
        return all(problem.severity != "error" for problem in self.problems)


def find_reached(
    definitions: Iterable[AnyDefinition], resolved: Resolved, sources: Sources, problems: Problems
) -> dict[ModulePath, Reached]:
    """Find the parts of documents that topics reach, and check those that are checked for this reason alone.

    Args:
        definitions: the definitions.
        resolved: their documents.
        sources: find metaschemas that documents name.
        problems: takes references that lead nowhere, and what is wrong in reached parts of API documents, and
            in documents that only those refer to.
    """
    reached: dict[ModulePath, Reached] = {}
    checked: dict[str, Problems] = {}
    for each in definitions:
        reach = Reach(resolved.store, each.document, resolved.dialects[each.module], problems)
        for topic in each.payloads:
            reach.add_payload(topic.pointer)
        reach.complete()
        own = Problems()
        for uri, document in reach.documents.items():
            if uri in resolved.unchecked:
                if uri not in checked:
                    checked[uri] = Problems()
                    _check_shared([document], resolved.store, sources, checked[uri])
                own.extend(checked[uri])
        _check_api_documents(reach, resolved.store, own)
        problems.extend(own)
        reached[each.module] = Reached(reach, own.sorted())
    return reached


def _check_api_documents(reach: Reach, store: SchemaStore, problems: Problems) -> None:
    """Check the schemas that topics reach in documents of which the rest is no schema."""
    for document in reach.documents.values():
        if (api := store.documents.api(document)) is None:
            continue
        is_part = api_document(document.value) is None
        warnings = Warnings("notice")
        dialect = store.documents.document_dialect(document).uri
        shared = [(*way, name) for way in CONTAINERS for name in reach.definitions(document, way)]
        whole = [()] if is_part and reach.has(document, ()) else []
        for pointer in (*shared, *reach.single_schemas(document, is_sure=True), *whole):
            check_schema(
                document, pointer, dialect, problems, warnings=warnings, own_keywords=api.own_keywords
            )
        warnings.report(problems)
