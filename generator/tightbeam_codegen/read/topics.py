"""The pass that normalises: what the topics of definitions come to, under their final names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tightbeam_codegen.names import class_name, topic_name
from tightbeam_codegen.problems import Place, Problem, Problems
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.definitions import Unchanged, Use
from tightbeam_codegen.read.discover import check_modules
from tightbeam_codegen.read.documents import ModulePath, Resolved
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise import Names, Normaliser, Origin, TooMuch, settle
from tightbeam_codegen.read.normalise.naming import is_own
from tightbeam_codegen.read.normalise.places import NamePlace, topic_place
from tightbeam_codegen.read.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.read.normalise.shapes import Name, Ref, Rules, Shape, Union, names_in
from tightbeam_codegen.read.resolve import Node, SchemaStore, Unresolved

__all__ = [
    "NO_SHAPES",
    "Shapes",
    "TopicShape",
    "check_modules_of",
    "normalise",
    "normalise_exactly",
    "topic_alias",
]


@dataclass(frozen=True, slots=True)
class TopicShape:
    """A topic with what its schema comes to."""

    name: str
    attribute: str
    """Its name in Python."""
    shape: Shape
    doc: str
    place: Place
    """Where its name stands in the definition."""
    rules: Rules = ()
    """What its schema says beside the shape, where shapes are exact."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the topics of some definitions come to, and every class and alias that they are made of."""

    topics: Mapping[ModulePath, tuple[TopicShape, ...]]
    """By the module of the definition."""
    named: Mapping[Name, NamedShape]
    places: Mapping[Name, NamePlace]
    """The place that each class and alias is named after."""
    nodes: Mapping[Name, tuple[Node, ...]]
    """The schemas that each class is made of; all must hold."""
    names: Names
    """The names under which they don't meet."""
    uses: Mapping[ModulePath, tuple[Use, ...]]
    """What the topics of each definition use of other documents."""
    problems: Mapping[ModulePath, tuple[Problem, ...]]
    """What the topics of each definition drew first."""

    def in_module(self, module: ModulePath) -> list[NamedShape]:
        """Return the classes and aliases that are named after places in one module's files."""
        return [named for name, named in self.named.items() if name.module == module]

    @property
    def files(self) -> dict[ModulePath, Document]:
        """The file of each module with classes; of several files that are one module, the first by URI."""
        owners = sorted(self.places.items(), key=lambda item: item[1].document.uri, reverse=True)
        return {name.module: place.document for name, place in owners}


NO_SHAPES = Shapes({}, {}, {}, {}, Names(), {}, {})


def normalise(
    definitions: Sequence[Definition],
    unchanged: Iterable[Unchanged],
    resolved: Resolved,
    names: Names,
    problems: Problems,
) -> Shapes:
    """Normalise the schemas of all topics, as Python's types can say them.

    Args:
        definitions: the definitions, of which no two are one module.
        unchanged: others, which use shared documents too.
        resolved: the documents.
        names: the names to begin with; those that meet are settled.
        problems: takes open types, impossible schemas, and names that meet.

    Raises:
        TooMuch: the definitions are larger than the budget; this is noted.
    """
    uses = {use for each in unchanged for use in each.uses}
    return _normalise(definitions, uses, resolved, names, problems, exact=False)


def normalise_exactly(
    definitions: Sequence[Definition],
    unchanged: Iterable[Unchanged],
    resolved: Resolved,
    names: Names,
    problems: Problems,
) -> Shapes:
    """Normalise them once more, with all that a schema says and Python's types can't.

    Args:
        definitions: the definitions.
        unchanged: others, which use shared documents too.
        resolved: the documents.
        names: those of the first shapes. There may be more classes here, whose names are settled in turn.
        problems: takes errors that only these shapes have. All else was found with the first ones.

    Raises:
        TooMuch: as :func:`normalise`.
    """
    uses = {use for each in unchanged for use in each.exact_uses}
    found = Problems()
    try:
        return _normalise(definitions, uses, resolved, names, found, exact=True)
    finally:
        if not problems.has_errors:
            problems.extend(problem for problem in found if problem.severity == "error")


def _normalise(
    definitions: Sequence[Definition],
    uses: Iterable[Use],
    resolved: Resolved,
    names: Names,
    problems: Problems,
    *,
    exact: bool,
) -> Shapes:
    """Normalise again and again until no two classes have one name."""
    uses = sorted(uses)
    while True:
        found = Problems()
        attempt = _Attempt(resolved, names, found, exact=exact)
        try:
            for each in definitions:
                attempt.add(each)
            attempt.define(uses)
        except TooMuch:
            problems.extend(found)
            raise
        met = attempt.names_that_meet()
        settled, clashes = settle(met, names)
        if clashes or not met:
            break
        names = settled  # The digits of a place are used up after a few rounds.
    problems.extend(found)
    for clash in clashes:
        clash.report(problems)
    normaliser = attempt.normaliser
    return Shapes(
        {module: tuple(topics) for module, topics in attempt.topics.items()},
        normaliser.definitions,
        {name: origins[0].place for name, origins in normaliser.origins.items()},
        normaliser.nodes,
        names,
        attempt.uses,
        attempt.problems,
    )


def topic_alias(topic: TopicShape, module: ModulePath) -> Name | None:
    """Return the name that a topic's payload has besides: where it is a reference, or a union of classes.

    Args:
        topic: the topic.
        module: of its definition.
    """
    name = Name(module, class_name([topic.name]))
    names = set(names_in(topic.shape)) if isinstance(topic.shape, Ref | Union) else set()
    return name if names and name not in names else None


def check_modules_of(shapes: Shapes, definitions: Iterable[Definition], problems: Problems) -> None:
    """Refuse modules that are one file on some disk, and those that have the name of a package.

    Args:
        shapes: have the files of all classes.
        definitions: all definitions.
        problems: takes what can't stand side by side.
    """
    files = {(each.document.shown, each.module) for each in definitions}
    files |= {(place.document.shown, name.module) for name, place in shapes.places.items()}
    check_modules(sorted(files), problems)


class _Attempt:
    """One normalisation of all topics under one set of names."""

    def __init__(self, resolved: Resolved, names: Names, found: Problems, *, exact: bool) -> None:
        self.normaliser = Normaliser(
            resolved.store,
            found,
            resolved.asserts_formats,
            names,
            assume_objects=resolved.assume_objects,
            exact=exact,
        )
        self.topics: dict[ModulePath, list[TopicShape]] = {}
        self.uses: dict[ModulePath, tuple[Use, ...]] = {}
        self.problems: dict[ModulePath, tuple[Problem, ...]] = {}
        self._resolved = resolved
        self._found = found
        self._exact = exact
        self._documents: dict[ModulePath, Document] = {}

    def add(self, definition: Definition) -> None:
        """Normalise the topics of a definition."""
        known = len(self._found)
        document, module, store = definition.document, definition.module, self._resolved.store
        self._documents[module] = document
        self.normaliser.foreign.clear()
        topics = self.topics[module] = []
        for topic in definition.topics:
            node = store.topic(document, topic.name, self._resolved.dialects[module])
            place = topic_place(document, module, topic.name)
            shape = self.normaliser.topic(node, place, document)
            doc = topic.description or self.normaliser.doc(node, topic.name)
            self.normaliser.describe(place, doc)
            topics.append(
                TopicShape(
                    topic.name,
                    topic.py_name or topic_name(topic.name),
                    shape,
                    doc,
                    document.place(("topics", topic.name), key=True),
                    self.normaliser.rules([node], shape),
                )
            )
        self.uses[module] = _uses_of(self.normaliser, store)
        self.problems[module] = self._found.after(known)

    def names_that_meet(self) -> dict[Name, list[Origin]]:
        """Return the names that several classes come to, or a schema document's class and a topic's alias."""
        origins = self.normaliser.origins
        met = {name: found for name, found in origins.items() if len(found) > 1}
        for module, topics in self.topics.items() if not self._exact else ():
            for topic in topics:
                alias = topic_alias(topic, module)
                if alias is not None and not all(is_own(each.place) for each in origins.get(alias, ())):
                    place = topic_place(self._documents[module], module, topic.name)
                    met[alias] = [*met.get(alias, origins[alias]), Origin(("alias", topic.name), place)]
        return met

    def define(self, uses: Iterable[Use]) -> None:
        """Define the schemas of shared documents that unchanged definitions use."""
        store = self._resolved.store
        for uri, pointer in uses:
            document = store.loaded(uri)
            if document is not None:
                try:
                    self.normaliser.shared(store.at(document, pointer), document)
                except Unresolved:
                    continue  # A definition is unchanged only while all it refers to is; this can't happen.


def _uses_of(normaliser: Normaliser, store: SchemaStore) -> tuple[Use, ...]:
    """Return what the topics since the last reset use of other documents."""
    found = ((store.document(schema), schema) for schema in normaliser.foreign.values())
    return tuple(
        sorted((document.uri, store.pointer(schema)) for document, schema in found if document is not None)
    )
