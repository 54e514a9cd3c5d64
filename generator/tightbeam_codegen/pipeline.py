"""Definitions in, `{path: text}` out: the passes of the generator, in order.

Nothing is written here: `tightbeam_codegen.write` puts files on disk, `tightbeam_codegen.cli` has the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from tightbeam_codegen import ir
from tightbeam_codegen.assemble import Types, shapes_of
from tightbeam_codegen.bundle import bundled
from tightbeam_codegen.check import Definition, check_definition, check_overlaps, check_schema
from tightbeam_codegen.load import Document, JsonValue
from tightbeam_codegen.load.discover import check_modules, discover
from tightbeam_codegen.modules import TopicShape, channel_module, packages, shared_module
from tightbeam_codegen.names import snake
from tightbeam_codegen.normalise import Normaliser
from tightbeam_codegen.normalise.places import NamePlace, module_of
from tightbeam_codegen.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.normalise.shapes import Shape
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems
from tightbeam_codegen.render import Printer
from tightbeam_codegen.resolve import Node, SchemaStore, Sources
from tightbeam_codegen.resolve.dialects import DRAFTS, LATEST
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.typed import FactCache, type_facts

__all__ = ["Result", "generate"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: the files by posix path inside the output folder, and everything worth saying.

    There are no files where a problem is an error.
    """

    files: Mapping[str, str]
    problems: tuple[Problem, ...]
    inputs: Mapping[str, str]
    """Every file that was read, as shown, with its SHA-256."""


def generate(
    root: Path, settings: Settings, *, shown_root: str, version: str, cache: FactCache | None = None
) -> Result:
    """Compile all channel definitions below `root`.

    Never raises for what is wrong with a definition: that is in the result's problems.
    """
    problems = Problems()
    sources = Sources(root, shown_root, settings.refs)
    files: dict[str, str] = {}
    documents = _load(root, shown_root, sources, problems)
    metaschemas = _metaschemas(documents, sources, problems)
    definitions = [
        definition
        for document in documents
        if (definition := check_definition(document, settings, problems, metaschemas=metaschemas))
    ]
    check_overlaps(definitions, problems)
    if not problems.has_errors:
        run = _Run(definitions, sources, settings, problems)
        files = run.files(Printer(version, settings.line_length), cache)
    inputs = {document.shown: document.digest for document in sources.documents()}
    return Result({} if problems.has_errors else files, problems.sorted(), inputs)


def _load(root: Path, shown_root: str, sources: Sources, problems: Problems) -> list[Document]:
    documents: list[Document] = []
    for found in discover(root, shown_root, problems):
        try:
            documents.append(sources.at(found.path))
        except DefinitionErrors as error:
            problems.extend(error.problems)
        except OSError as error:
            problems.error(
                None, f"{found.shown} can't be read: {error.strerror}", "Check the file's permissions."
            )
    if not documents and not problems.has_errors:
        problems.error(
            None, f"no *.channel.json or *.channel.yaml below {shown_root}", "Start with `tightbeam init`."
        )
    return documents


def _metaschemas(documents: Iterable[Document], sources: Sources, problems: Problems) -> dict[str, JsonValue]:
    """The metaschemas that definitions name and a mapped folder has."""
    found: dict[str, JsonValue] = {}
    pending: list[JsonValue] = [document.value for document in documents]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            for keyword in ("$schema", "dialect"):
                uri = value.get(keyword)
                if (
                    isinstance(uri, str)
                    and uri.rstrip("#") not in DRAFTS
                    and sources.is_mapped(uri)
                    and uri not in found
                ):
                    try:
                        document = sources.find(uri.partition("#")[0])
                    except DefinitionErrors as error:
                        problems.extend(error.problems)
                        continue
                    if document is not None:
                        found[uri] = document.value
                        pending.append(document.value)
    return found


class _Run:
    """One run over sound definitions: what every pass needs and what it leaves for the next."""

    def __init__(
        self,
        definitions: list[Definition],
        sources: Sources,
        settings: Settings,
        problems: Problems,
    ) -> None:
        self.definitions = definitions
        self.settings = settings
        self.sources = sources
        self.problems = problems
        self.store = SchemaStore(sources, settings.dialect, problems)
        self.dialects = {d.module: self.store.dialect(d.dialect) or LATEST for d in definitions}
        self.assert_formats = {d.document.uri: d.assert_formats for d in definitions}

    def files(self, printer: Printer, cache: FactCache | None) -> dict[str, str]:
        """All files of the package; of no use where a problem turned up on the way."""
        self._resolve()
        normaliser = Normaliser(self.store, self.problems, self._asserts_formats)
        topics = {definition.module: self._topics(definition, normaliser) for definition in self.definitions}
        named = normaliser.definitions
        shapes: list[Shape] = [topic.shape for found in topics.values() for topic in found]
        types = Types(named, type_facts([*shapes, *shapes_of(named.values())], cache))
        modules = self._modules(topics, types)
        files = {_path(module.path): printer.module(module) for module in modules}
        files |= {
            _path(("_schemas", *d.module)): printer.schemas(self._schemas(d, topics[d.module], types))
            for d in self.definitions
        }
        files |= {_path((*p.path, "__init__")): printer.package(p) for p in packages(modules)}
        for definition in self.definitions:
            for depth in range(len(definition.module)):
                path = ("_schemas", *definition.module[:depth], "__init__")
                files[_path(path)] = printer.package(ir.Package(path[:-1], ()))
        return files

    def _resolve(self) -> None:
        for definition in self.definitions:
            self.store.add_definition(definition.document, self.dialects[definition.module])
        self.store.load_references()
        own = {definition.document.uri for definition in self.definitions}
        shared = [document for document in self.store.documents() if document.uri not in own]
        metaschemas = _metaschemas(shared, self.sources, self.problems)
        for document in shared:
            dialect = self.store.document_dialect(document).uri
            check_schema(document, (), dialect, self.problems, metaschemas=metaschemas)
        for definition in self.definitions:
            self._check_formats(definition, own)

    def _check_formats(self, definition: Definition, own: Set[str]) -> None:
        """A shared file has one model for all who refer to it: `format` must mean one thing to all."""
        if definition.assert_formats == self.settings.assert_formats:
            return
        for other in self.store.referred_to(definition.document):
            if other.uri not in own:
                stated = str(definition.assert_formats).lower()
                self.problems.error(
                    definition.document.place(("assert_formats",)),
                    f"assert_formats is {stated} here, but not for {other.shown}, which this refers to",
                    "Say the same in both: set assert_formats in [tool.tightbeam] and leave it out here.",
                )

    def _asserts_formats(self, node: Node) -> bool:
        document = self.store.document(node.schema)
        uri = document.uri if document else ""
        return self.assert_formats.get(uri, self.settings.assert_formats)

    def _topics(self, definition: Definition, normaliser: Normaliser) -> list[TopicShape]:
        topics = []
        for topic in definition.topics:
            node = self.store.topic(definition.document, topic.name, self.dialects[definition.module])
            shape = normaliser.topic(node, NamePlace(definition.module, (topic.name,)))
            attribute = topic.py_name or snake(topic.name)
            doc = topic.description or normaliser.doc(node)
            place = definition.document.place(("topics", topic.name), key=True)
            topics.append(TopicShape(topic.name, attribute, topic.name, shape, doc, place))
        return topics

    def _modules(self, topics: Mapping[tuple[str, ...], list[TopicShape]], types: Types) -> list[ir.Module]:
        by_module: dict[tuple[str, ...], list[NamedShape]] = {}
        for name, definition in types.definitions.items():
            by_module.setdefault(name.module, []).append(definition)
        homes = {module_of(document): document for document in self.store.documents()}
        channels = {definition.module for definition in self.definitions}
        modules = [
            channel_module(d, topics[d.module], by_module.get(d.module, []), types, self.problems)
            for d in self.definitions
        ]
        shared = [module for module in by_module if module not in channels]
        check_modules(
            [(d.document.shown, d.module) for d in self.definitions] + [(homes[m].shown, m) for m in shared],
            self.problems,
        )
        modules += [shared_module(homes[module], module, by_module[module], types) for module in shared]
        return sorted(modules, key=lambda module: module.path)

    def _schemas(self, definition: Definition, topics: list[TopicShape], types: Types) -> ir.Schemas:
        text = bundled(
            self.store,
            definition.document,
            self.dialects[definition.module],
            {topic.name: types.may_hold_null(topic.shape) for topic in topics},
            {param.name: param.schema for param in definition.params},
            assert_formats=definition.assert_formats,
        )
        return ir.Schemas(
            ("_schemas", *definition.module), definition.document.path, definition.document.digest, text
        )


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(parts) + ".py"
