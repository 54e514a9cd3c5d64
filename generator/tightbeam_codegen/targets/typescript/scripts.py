"""The front end's part of one run: exact shapes of its own, and the files that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from tightbeam_codegen.incremental.incremental import Made, Use
from tightbeam_codegen.json_schema.dialects import LATEST, Dialect
from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.problems import Place, Problems
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.modules import TopicShape
from tightbeam_codegen.read.normalise import Name, Names, Normaliser, normalise
from tightbeam_codegen.read.normalise.places import topic_place
from tightbeam_codegen.read.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.read.resolve import Node, SchemaStore, Unresolved
from tightbeam_codegen.targets.typescript.emit import TypeScript

__all__ = ["Scripts"]

_Path = tuple[str, ...]


class Scripts:
    """Normalises once more, since TypeScript's types can say what Python's can't.

    Args:
        typescript: makes the files.
        store: resolves references.
        asserts_formats: whether `format` is law for a schema.
        assume_objects: whether a schema with `properties` and without `type` is taken for an object.
    """

    def __init__(
        self,
        typescript: TypeScript,
        store: SchemaStore,
        asserts_formats: Callable[[Node], bool],
        *,
        assume_objects: bool = False,
    ) -> None:
        self._typescript = typescript
        self._store = store
        self._asserts_formats = asserts_formats
        self._assume_objects = assume_objects
        self.names = Names()
        self._definitions: dict[Name, NamedShape] = {}
        self._files: dict[_Path, Document] = {}
        self._topics: dict[_Path, list[TopicShape]] = {}
        self.uses: dict[_Path, list[Use]] = {}
        """What the topics of each definition refer to in other documents."""

    def add(
        self,
        definitions: Iterable[tuple[Definition, Sequence[TopicShape], Dialect]],
        kept: Sequence[Made],
        names: Names,
        problems: Problems,
    ) -> None:
        """Take in definitions, and what unchanged ones use: the shared files hold that as well.

        Args:
            definitions: each with its topics as Python's shapes have them, and its draft.
            kept: the unchanged ones.
            names: those that Python's classes have. There may be more classes here, which meet by themselves.
            problems: takes the errors, unless there are some already: they would be the same.

        Raises:
            TooMuch: there is too much of it.
        """
        definitions = list(definitions)
        # What there is to say was said when Python's shapes were made, but for errors that only these have.
        found = Problems()

        def work(names: Names, problems: Problems) -> Normaliser:
            normaliser = Normaliser(
                self._store,
                problems,
                self._asserts_formats,
                names,
                assume_objects=self._assume_objects,
                exact=True,
            )
            for each in definitions:
                self._add(normaliser, *each)
            define_uses(self._store, normaliser, (use for made in kept for use in made.typescript_uses))
            return normaliser

        try:
            normaliser, self.names = normalise(work, names, found)
        finally:
            if not problems.has_errors:
                problems.extend(problem for problem in found.sorted() if problem.severity == "error")
        self._definitions = normaliser.definitions
        self._files = normaliser.files

    def _add(
        self,
        normaliser: Normaliser,
        definition: Definition,
        topics: Sequence[TopicShape],
        dialect: Dialect,
    ) -> None:
        normaliser.foreign.clear()
        document = definition.document
        self._topics[definition.module] = []
        for topic in topics:
            place = topic_place(document, definition.module, topic.name)
            schema = self._store.topic(document, topic.name, dialect)
            shape = normaliser.topic(schema, place, document)
            normaliser.describe(place, topic.doc)
            rules = normaliser.rules([schema], shape)
            self._topics[definition.module].append(replace(topic, shape=shape, rules=rules))
        self.uses[definition.module] = uses_of(self._store, normaliser)

    def channel(self, definition: Definition, bundle: str, problems: Problems) -> dict[str, str]:
        """The files of a definition that was taken in.

        Args:
            definition: the definition.
            bundle: its bundled schemas.
            problems: takes a warning for each schema that Ajv reads otherwise than the Python side.
        """
        topics, named = self._topics[definition.module], self._named(definition.module)
        files, differences = self._typescript.channel(definition, topics, named, bundle, self._year)
        for uri, difference in differences:
            place = self._place(definition, uri, difference.path)
            problems.warning(place, difference.message, difference.remedy)
        return files

    def _place(self, definition: Definition, uri: str, path: Sequence[str]) -> Place:
        """Where a schema of a bundle stands in its file."""
        document = definition.document
        for other in self._store.documents():
            if other is not document and as_uri(self._store.canonical_uri(other.uri)) == uri:
                return other.place(_pointer(other.value, path))
        if path and path[0] in ("$defs", "definitions"):
            # Topics stand there once more where validators have to find identifiers in them.
            name = path[1].removeprefix("topics/") if len(path) > 1 else ""
            own = path[1:2] != (name,) and name in {topic.name for topic in definition.topics}
            path = ("topics", name, "schema", *path[2:]) if own else ("$defs", *path[1:])
        elif uri != document.uri:
            dialect = self._store.dialect(definition.dialect) or LATEST
            for topic in definition.topics:
                root = self._store.own_root(document, topic.name, dialect)
                if root is not None and as_uri(root[0]) == uri:
                    path = (*map(str, topic.pointer), *path)
        return document.place(_pointer(document.value, path))

    def shared(self) -> dict[str, str]:
        """The files of documents that channels share, and those of no document."""
        files = self._typescript.support()
        for module in {name.module for name in self._definitions} - self._topics.keys():
            files |= self._typescript.shared(self._files[module], module, self._named(module))
        return files

    def _named(self, module: _Path) -> list[NamedShape]:
        named = self._definitions.items()
        return [definition for name, definition in named if name.module == module]

    def _year(self, dialect: str) -> int:
        return (self._store.dialect(dialect) or LATEST).year


def _pointer(value: Any, path: Sequence[str]) -> Pointer:
    """A path whose steps into arrays are numbers."""
    pointer: list[str | int] = []
    inner: Any = value
    for step in path:
        key: Any = int(step) if isinstance(inner, list) and step.isdecimal() else step
        pointer.append(key)
        try:
            inner = inner[key]
        except (LookupError, TypeError):
            break
    return tuple(pointer)


def uses_of(store: SchemaStore, normaliser: Normaliser) -> list[Use]:
    """What the topics that a normaliser was asked about last refer to in other documents."""
    uses = ((store.document(schema), schema) for schema in normaliser.foreign.values())
    return sorted((document.uri, store.pointer(schema)) for document, schema in uses if document is not None)


def define_uses(store: SchemaStore, normaliser: Normaliser, uses: Iterable[Use]) -> None:
    """Define shared schemas that unchanged definitions use. Raises TooMuch."""
    for uri, pointer in sorted(set(uses)):
        document = store.loaded(uri)
        if document is not None:
            try:
                normaliser.shared(store.at(document, pointer), document)
            except Unresolved:
                continue  # Can't be: a definition is kept only while all it refers to is as it was.
