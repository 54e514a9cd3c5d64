"""The front end's part of one run: exact shapes of its own, and the files that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tightbeam_codegen.check import Definition
from tightbeam_codegen.incremental import Made, Use
from tightbeam_codegen.modules import TopicShape
from tightbeam_codegen.normalise import Normaliser
from tightbeam_codegen.normalise.places import NamePlace, module_of
from tightbeam_codegen.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.resolve import Dialect, Node, SchemaStore, Unresolved
from tightbeam_codegen.resolve.dialects import LATEST
from tightbeam_codegen.typescript.emit import TypeScript

__all__ = ["Scripts"]

_Path = tuple[str, ...]


class Scripts:
    """Normalises once more, since TypeScript's types can say what Python's can't.

    Args:
        typescript: makes the files.
        store: resolves references.
        asserts_formats: whether `format` is law for a schema.
    """

    def __init__(
        self, typescript: TypeScript, store: SchemaStore, asserts_formats: Callable[[Node], bool]
    ) -> None:
        self._typescript = typescript
        self._store = store
        # What there is to say was said when Python's shapes were made, but for errors that only these have.
        self._found = Problems()
        self._normaliser = Normaliser(store, self._found, asserts_formats, exact=True)
        self._topics: dict[_Path, list[TopicShape]] = {}
        self.uses: dict[_Path, list[Use]] = {}
        """What the topics of each definition refer to in other documents."""

    def add(self, definition: Definition, topics: Sequence[TopicShape], dialect: Dialect) -> None:
        """Take in a definition. Raises TooMuch."""
        self._normaliser.foreign.clear()
        document = definition.document
        self._topics[definition.module] = [
            replace(
                topic,
                shape=self._normaliser.topic(
                    self._store.topic(document, topic.name, dialect),
                    NamePlace(definition.module, (topic.name,)),
                    document,
                ),
            )
            for topic in topics
        ]
        self.uses[definition.module] = uses_of(self._store, self._normaliser)

    def add_kept(self, kept: Iterable[Made]) -> None:
        """Take in what unchanged definitions use: the shared files hold that as well. Raises TooMuch."""
        define_uses(self._store, self._normaliser, (use for made in kept for use in made.typescript_uses))

    def report(self, problems: Problems) -> None:
        """Note the errors, unless there are some already: they would be the same."""
        if not problems.has_errors:
            problems.extend(problem for problem in self._found.sorted() if problem.severity == "error")

    def channel(self, definition: Definition, bundle: str) -> dict[str, str]:
        """The files of a definition that was taken in, given its bundled schemas."""
        topics, named = self._topics[definition.module], self._named(definition.module)
        return self._typescript.channel(definition, topics, named, bundle, self._year)

    def shared(self) -> dict[str, str]:
        """The files of documents that channels share, and those of no document."""
        documents = {module_of(document): document for document in self._store.documents()}
        files = self._typescript.support()
        for module in {name.module for name in self._normaliser.definitions} - self._topics.keys():
            files |= self._typescript.shared(documents[module], module, self._named(module))
        return files

    def _named(self, module: _Path) -> list[NamedShape]:
        named = self._normaliser.definitions.items()
        return [definition for name, definition in named if name.module == module]

    def _year(self, dialect: str) -> int:
        return (self._store.dialect(dialect) or LATEST).year


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
