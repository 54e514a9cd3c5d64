"""One run over sound definitions: from their schemas to the text of every module."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from tightbeam_codegen.incremental.incremental import Made, Use
from tightbeam_codegen.incremental.reach import Reach
from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.json_schema.metaschemas import named_metaschemas
from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.names import topic_name
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.api_documents import CONTAINERS, api_document
from tightbeam_codegen.read.bundle import bundled
from tightbeam_codegen.read.check import Definition, check_schema
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.chosen_names import ChosenNames
from tightbeam_codegen.read.cycles import Homes, ModulePath, homes_of
from tightbeam_codegen.read.discover import SUFFIXES, check_modules
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.modules import TopicShape, channel_module, packages, shared_module
from tightbeam_codegen.read.normalise import Names, Normaliser, TooMuch, normalise
from tightbeam_codegen.read.normalise.branches import telling_schemas
from tightbeam_codegen.read.normalise.naming import digits_of
from tightbeam_codegen.read.normalise.places import module_of, topic_place
from tightbeam_codegen.read.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.read.normalise.shapes import Name, Shape, names_in
from tightbeam_codegen.read.resolve import Node, SchemaStore, Sources
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.assemble import Types, shapes_of
from tightbeam_codegen.targets.python.import_order import with_stations
from tightbeam_codegen.targets.python.last_word import check_bundle
from tightbeam_codegen.targets.python.render import Printer
from tightbeam_codegen.targets.python.typed import FactCache, type_facts
from tightbeam_codegen.targets.typescript import Scripts, TypeScript, define_uses, uses_of

__all__ = ["Checked", "OutOfStep", "Run"]


class OutOfStep(Exception):
    """Definitions that are as they were have names in them that are no longer right."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition that passed its checks, with the warnings it drew."""

    definition: Definition
    problems: tuple[Problem, ...]


class Run:
    """What every pass needs, and what it leaves for the next.

    Args:
        checked: the definitions to compile.
        kept: those of an earlier run that are as they were; the shared modules hold what they use, too.
        sources: where documents are read.
        settings: what generation depends on besides.
        problems: takes what is wrong.
    """

    def __init__(
        self,
        checked: Sequence[Checked],
        kept: Sequence[Made],
        sources: Sources,
        settings: Settings,
        problems: Problems,
    ) -> None:
        self.checked = checked
        self.definitions = [each.definition for each in checked]
        self.kept = kept
        self.settings = settings
        self.sources = sources
        self.problems = problems
        self.store = SchemaStore(sources, settings.dialect, problems)
        self.dialects = {d.module: self.store.dialect(d.dialect) or LATEST for d in self.definitions}
        self.assert_formats = {d.document.uri: d.assert_formats for d in self.definitions}
        self.uses: dict[tuple[str, ...], list[Use]] = {}
        self.reaches: dict[tuple[str, ...], Reach] = {}
        self.found: dict[tuple[str, ...], tuple[Problem, ...]] = {}
        self.chosen: ChosenNames | None = None
        self.names = Names()
        self.surroundings = ""
        self.owners: dict[Name, Document] = {}
        """The file of each class and alias."""
        self.files: dict[str, str] = {}
        """All files of the package, once compiled; of no use where a problem turned up on the way."""
        self.typescript: dict[str, str] = {}
        """Likewise those of the front end, where they are asked for."""

    def compile(
        self, printer: Printer, cache: FactCache | None, typescript: TypeScript | None = None
    ) -> list[Made]:
        """Run the passes.

        Returns:
            What became of each definition, nothing where there is too much of them.

        Raises:
            OutOfStep: those that were kept can't be.
        """
        self._resolve()
        try:
            normaliser, topics = self._normalised()
            scripts = self._scripts(typescript, topics) if typescript else None
        except TooMuch:
            return []
        if self.chosen:
            self.chosen.report_unused(self.names, (entry for made in self.kept for entry in made.chosen))
        self._check_modules(normaliser)
        self.owners = normaliser.owners
        named = normaliser.definitions
        shapes: list[Shape] = [topic.shape for found in topics.values() for topic in found]
        facts = type_facts([*shapes, *shapes_of(named.values())], cache)
        types = Types(named, facts, self._homes(topics, normaliser))
        modules_in_use = {name.module for name in named}
        names = f"{self.names!r} {scripts.names if scripts else ''} {types.homes.described(modules_in_use)}"
        self.surroundings = hashlib.sha256(names.encode(errors="surrogatepass")).hexdigest()
        if any(made.surroundings != self.surroundings for made in self.kept):
            raise OutOfStep
        own = {definition.module for definition in self.definitions}
        modules = with_stations(self._modules(topics, types, normaliser.files), frozenset(own))
        made = [
            self._made(
                d, modules[d.module], topics[d.module], types, printer, scripts, nodes=normaliser.nodes
            )
            for d in self.definitions
        ]
        self.typescript = scripts.shared() if scripts else {}
        for path, module in modules.items():
            if path not in own:
                self.files[_path(path)] = printer.module(module)
        for each in (*made, *self.kept):
            self.files |= each.files
            self.typescript |= each.typescript
        self._add_packages([*made, *self.kept], printer)
        return made

    def diagnose(self) -> None:
        """Look for what is wrong besides, where nothing will be generated."""
        self._resolve()
        with contextlib.suppress(TooMuch):
            self._normalised()

    def _resolve(self) -> None:
        for definition in self.definitions:
            self.store.add_definition(definition.document, self.dialects[definition.module])
        for uri in {uri for made in self.kept for uri, _ in (*made.uses, *made.typescript_uses)}:
            self.store.add_shared(uri)
        self.store.load_references()
        own = {definition.document.uri for definition in self.definitions}
        shared = [document for document in self.store.documents() if document.uri not in own]
        metaschemas = named_metaschemas(shared, self.sources, self.problems)
        for document in shared:
            if (
                document.path.endswith(SUFFIXES)
                or is_official(document.uri)
                or api_document(document.value) is not None
            ):
                # A definition is checked as one, now or when it was compiled; of an API document, what is
                # reached.
                continue
            dialect = self.store.document_dialect(document).uri
            check_schema(document, (), dialect, self.problems, metaschemas=metaschemas)
        for definition in self.definitions:
            self._check_formats(definition, own)

    def _check_formats(self, definition: Definition, own: Set[str]) -> None:
        """A shared file has one model for all who refer to it: `format` must mean one thing to all."""
        if definition.assert_formats == self.settings.assert_formats:
            return
        for other in self.store.referred_to(definition.document):
            if other.uri not in own and not is_official(other.uri):
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

    def _normalised(self) -> tuple[Normaliser, dict[ModulePath, list[TopicShape]]]:
        """All shapes under their final names. Raises TooMuch."""
        topics: dict[ModulePath, list[TopicShape]] = {}
        if self.settings.names:
            self.chosen = ChosenNames(self.settings, self.sources, self.problems)
            self.names = self.chosen.names()
        # Of definitions that meet in one module, one; that they do has been said.
        checked = {each.definition.module: each for each in self.checked}

        def work(names: Names, problems: Problems) -> Normaliser:
            normaliser = Normaliser(
                self.store,
                problems,
                self._asserts_formats,
                names,
                assume_objects=self.settings.assume_objects,
            )
            topics.update(
                {module: self._topics(each, normaliser, problems) for module, each in checked.items()}
            )
            define_uses(self.store, normaliser, (use for made in self.kept for use in made.uses))
            return normaliser

        normaliser, self.names = normalise(work, self.names, self.problems)
        return normaliser, topics

    def _topics(self, checked: Checked, normaliser: Normaliser, problems: Problems) -> list[TopicShape]:
        definition, known = checked.definition, len(problems)
        normaliser.foreign.clear()
        dialect = self.dialects[definition.module]
        reach = self.reaches[definition.module] = Reach(self.store, definition.document, dialect, problems)
        for topic in definition.topics:
            reach.add_topic(topic.name)
        reach.complete()
        found = self._check_api_documents(reach)
        topics = []
        for topic in definition.topics:
            node = self.store.topic(definition.document, topic.name, dialect)
            place = topic_place(definition.document, definition.module, topic.name)
            shape = normaliser.topic(node, place, definition.document)
            attribute = topic.py_name or topic_name(topic.name)
            doc = topic.description or normaliser.doc(node, topic.name)
            normaliser.describe(place, doc)
            key_place = definition.document.place(("topics", topic.name), key=True)
            topics.append(TopicShape(topic.name, attribute, topic.name, shape, doc, key_place))
        self.uses[definition.module] = uses_of(self.store, normaliser)
        self.found[definition.module] = (*checked.problems, *problems.after(known), *found)
        problems.extend(found)
        return topics

    def _check_api_documents(self, reach: Reach) -> Problems:
        """Check the schemas that topics reach in documents of which the rest is no schema."""
        found = Problems()
        for document in reach.documents.values():
            if (api := api_document(document.value)) is None:
                continue
            warnings = Warnings()
            for container in CONTAINERS:
                for name in reach.definitions(document, container):
                    check_schema(
                        document,
                        (*container, name),
                        self.store.document_dialect(document).uri,
                        found,
                        warnings=warnings,
                        own_keywords=api.own_keywords,
                    )
            warnings.report(found)
        return found

    def _scripts(self, typescript: TypeScript, topics: Mapping[ModulePath, list[TopicShape]]) -> Scripts:
        """The front end's part, from exact shapes of the same schemas. Raises TooMuch."""
        scripts = Scripts(
            typescript, self.store, self._asserts_formats, assume_objects=self.settings.assume_objects
        )
        definitions = [(d, topics[d.module], self.dialects[d.module]) for d in self.definitions]
        scripts.add(definitions, self.kept, self.names, self.problems)
        return scripts

    def _check_modules(self, normaliser: Normaliser) -> None:
        """A module has its own name on every disk, and no package has it too."""
        made = {(made.definition.document.shown, made.definition.module) for made in self.kept}
        made |= {(definition.document.shown, definition.module) for definition in self.definitions}
        made |= {(document.shown, name.module) for name, document in normaliser.owners.items()}
        check_modules(sorted(made), self.problems)

    def _homes(self, topics: Mapping[ModulePath, list[TopicShape]], normaliser: Normaliser) -> Homes:
        """Where classes stand whose files refer to each other in a circle."""
        named = normaliser.definitions
        edges: dict[ModulePath, set[ModulePath]] = {}
        for document in self.store.documents():
            others = map(module_of, self.store.referred_to(document))
            edges.setdefault(module_of(document), set()).update(others)
        # A document may also be referred to by the `$id` that it gives itself.
        for module, found in topics.items():
            edges[module].update(name.module for topic in found for name in names_in(topic.shape))
        for name, definition in named.items():
            used = (other for shape in shapes_of([definition]) for other in names_in(shape))
            edges[name.module].update(other.module for other in used)
        digits = {name: digits_of(origins[0].place) for name, origins in normaliser.origins.items()}
        return homes_of(edges, {definition.module for definition in self.definitions}).with_names(digits)

    def _modules(
        self,
        topics: Mapping[ModulePath, list[TopicShape]],
        types: Types,
        files: Mapping[ModulePath, Document],
    ) -> dict[ModulePath, ir.Module]:
        by_module: dict[ModulePath, list[NamedShape]] = {name.module: [] for name in types.definitions}
        for name, definition in types.definitions.items():
            by_module.setdefault(types.homes.of(name.module), []).append(definition)
        # A module without classes of its own may be the home of others.
        documents = {**{module_of(document): document for document in self.store.documents()}, **files}
        taken: dict[ModulePath, set[Name]] = {}
        for name in types.definitions:
            taken.setdefault(name.module, set()).add(name)
        modules = {
            d.module: channel_module(
                d,
                topics[d.module],
                by_module.get(d.module, []),
                taken.get(d.module, set()),
                types,
                self.problems,
            )
            for d in self.definitions
        }
        shared = [module for module in by_module if module not in modules]
        modules |= {
            module: shared_module(documents[module], module, by_module[module], types) for module in shared
        }
        return dict(sorted(modules.items()))

    def _made(
        self,
        definition: Definition,
        module: ir.Module,
        topics: list[TopicShape],
        types: Types,
        printer: Printer,
        scripts: Scripts | None,
        *,
        nodes: Mapping[Name, Sequence[Node]],
    ) -> Made:
        schemas = self._schemas(definition, topics, types, nodes)
        channel = module.channel
        found = Problems()
        typescript = scripts.channel(definition, schemas.text, found) if scripts else {}
        self.problems.extend(found)
        return Made(
            definition=definition,
            reach={document.uri: document.digest for document in self.store.reach(definition.document)},
            chosen=self.chosen.used_in(definition.document, self.names) if self.chosen else (),
            surroundings=self.surroundings,
            shares_module=self._shares_module(definition, types.homes),
            uses=self.uses[definition.module],
            typescript_uses=scripts.uses[definition.module] if scripts else (),
            exports=(channel.class_name, channel.function) if channel else (),
            files={
                _path(module.path): printer.module(module),
                _path(schemas.path): printer.schemas(schemas),
            },
            typescript=typescript,
            problems=(*self.found[definition.module], *found),
        )

    def _shares_module(self, definition: Definition, homes: Homes) -> bool:
        """Whether classes of other files stand in a definition's module, too."""
        if homes.is_in_circle(definition.module):
            return True
        return bool(self._owners_of.get(definition.module, set()) - {definition.document.uri})

    @functools.cached_property
    def _owners_of(self) -> dict[ModulePath, set[str]]:
        """The URIs of the files whose classes stand in each module; asked for once all have owners."""
        found: dict[ModulePath, set[str]] = {}
        for name, document in self.owners.items():
            found.setdefault(name.module, set()).add(document.uri)
        return found

    def _schemas(
        self,
        definition: Definition,
        topics: list[TopicShape],
        types: Types,
        nodes: Mapping[Name, Sequence[Node]],
    ) -> ir.Schemas:
        telling = telling_schemas((topic.shape for topic in topics), types.definitions, nodes)
        homes = types.homes
        branches = {
            ".".join((*homes.of(name.module), homes.name_at_home(name))): schemas
            for name, schemas in telling.items()
        }
        text = bundled(
            self.store,
            self.reaches[definition.module],
            {topic.name: types.is_open(topic.shape) for topic in topics},
            {param.name: param.schema for param in definition.params},
            dict(sorted(branches.items())),
            assert_formats=definition.assert_formats,
        )
        if not self.problems.has_errors:
            check_bundle(definition, text, self.problems)
        return ir.Schemas(
            ("_schemas", *definition.module), definition.document.path, definition.document.digest, text
        )

    def _add_packages(self, made: Sequence[Made], printer: Printer) -> None:
        self._check_packages(made)
        channels = {each.definition.module: each.exports for each in made}
        shared = {tuple(path.removesuffix(".py").split("/")) for path in self.files} - channels.keys()
        for package in packages(channels, (path for path in shared if path[0] != "_schemas")):
            self.files[_path((*package.path, "__init__"))] = printer.package(package)
        for path in {("_schemas", *module[:depth]) for module in channels for depth in range(len(module))}:
            self.files[_path((*path, "__init__"))] = printer.package(ir.Package(path, ()))

    def _check_packages(self, made: Sequence[Made]) -> None:
        """What a package offers differs in name from all else in it."""
        modules = {each.definition.module: each.definition.document for each in made}
        taken: dict[tuple[str, ...], Document] = dict(modules)
        for each in sorted(made, key=lambda each: each.definition.module):
            document = each.definition.document
            for name in each.exports:
                other = taken.setdefault((*each.definition.module[:-1], name), document)
                if other is not document:
                    self.problems.error(
                        document.place(()),
                        f"its {name!r} would be the same name as one that {other.shown} gives to the package",
                        "Rename the file, or set `x-tightbeam-name`.",
                    )


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(parts) + ".py"
