"""The pass that normalises: what the topics of definitions come to, under their final names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tightbeam_codegen.names import topic_name
from tightbeam_codegen.problems import Place, Problem, Problems
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition, Topic
from tightbeam_codegen.read.definitions import Unchanged, Use
from tightbeam_codegen.read.discover import check_modules
from tightbeam_codegen.read.documents import ModulePath, Resolved
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise import Claim, Names, Normaliser, TooMuch, settle
from tightbeam_codegen.read.normalise.naming import is_own
from tightbeam_codegen.read.normalise.places import NamePlace, event_places, payload_place
from tightbeam_codegen.read.normalise.shapes import Name, NamedShape, Ref, Rules, Shape, Union, names_in
from tightbeam_codegen.read.resolve import Node, Unresolved

__all__ = [
    "NO_SHAPES",
    "Shapes",
    "TopicShape",
    "check_modules_of",
    "normalise",
    "topic_alias",
]


@dataclass(frozen=True, slots=True)
class TopicShape:
    """A topic, or the data of an event, with what its schema comes to."""

    name: str
    attribute: str
    """Its name in Python."""
    shape: Shape
    doc: str
    place: Place
    """The place of its name in the definition."""
    class_name: str = field(compare=False)
    """The name that its class has, or its alias for another one's; made of the place."""
    rules: Rules = ()
    """The keywords of its schema that the shape doesn't hold, where shapes are exact."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of the topics of some definitions, and every class and alias in them."""

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
    """The schemas of other documents that the topics of each definition use."""
    problems: Mapping[ModulePath, tuple[Problem, ...]]
    """The problems that each definition's topics were the first to draw."""

    @property
    def files(self) -> dict[ModulePath, Document]:
        """The file of each module with classes; of several files that are one module, the first by URI."""
        owners = sorted(self.places.items(), key=lambda item: item[1].document.uri, reverse=True)
        return {name.module: place.document for name, place in owners}


NO_SHAPES = Shapes({}, {}, {}, {}, Names(), {}, {})


def normalise(
    definitions: Sequence[AnyDefinition],
    unchanged: Iterable[Unchanged],
    resolved: Resolved,
    names: Names,
    problems: Problems,
    *,
    exact: bool = False,
) -> Shapes:
    """Normalise the schemas of all topics, again and again until no two classes have one name.

    Args:
        definitions: the definitions, of which no two are one module.
        unchanged: others, whose topics use shared documents too.
        resolved: the documents.
        names: the names to begin with.
        problems: takes open types, impossible schemas, and names that meet. Of exact shapes it takes errors
            alone, and none if there are some: the shapes that the names are from have drawn everything else.
        exact: whether shapes say what Python's types can't.

    Raises:
        TooMuch: the definitions are larger than the budget; this is noted.
    """
    uses = sorted({use for each in unchanged for use in (each.exact_uses if exact else each.uses)})
    while True:
        noted = Problems()
        attempt = _Attempt(resolved, names, noted, exact=exact)
        try:
            for each in definitions:
                attempt.add(each)
            attempt.define(uses)
        except TooMuch:
            _note(noted, problems, exact=exact)
            raise
        met = attempt.names_that_meet()
        settled, clashes = settle(met, names)
        if clashes or not met:
            for clash in clashes:
                clash.report(noted)
            _note(noted, problems, exact=exact)
            return attempt.shapes(names)
        names = settled  # The digits of a place are used up after a few rounds.


def _note(noted: Problems, problems: Problems, *, exact: bool) -> None:
    if not exact:
        problems.extend(noted)
    elif not problems.has_errors:
        problems.extend(problem for problem in noted if problem.severity == "error")


def topic_alias(topic: TopicShape, module: ModulePath) -> Name | None:
    """Return the name that a topic's payload has besides: where it is a reference, or a union of classes.

    Args:
        topic: the topic.
        module: of its definition.
    """
    name = Name(module, topic.class_name)
    names = set(names_in(topic.shape)) if isinstance(topic.shape, Ref | Union) else set()
    return name if names and name not in names else None


def check_modules_of(shapes: Shapes, definitions: Iterable[AnyDefinition], problems: Problems) -> None:
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

    def __init__(self, resolved: Resolved, names: Names, noted: Problems, *, exact: bool) -> None:
        self._normaliser = Normaliser(
            resolved.store,
            noted,
            resolved.asserts_formats,
            names,
            assume_objects=resolved.assume_objects,
            exact=exact,
        )
        self._resolved = resolved
        self._noted = noted
        self._exact = exact
        self._topics: dict[ModulePath, tuple[TopicShape, ...]] = {}
        self._places: list[tuple[NamePlace, TopicShape]] = []
        self._events: list[NamePlace] = []
        """The types of events, as places of names."""
        self._uses: dict[ModulePath, tuple[Use, ...]] = {}
        self._problems: dict[ModulePath, tuple[Problem, ...]] = {}

    def add(self, definition: AnyDefinition) -> None:
        """Normalise the payloads of a definition."""
        known, module, store = len(self._noted), definition.module, self._resolved.store
        self._normaliser.foreign.clear()
        self._topics[module] = tuple(self._topic(definition, topic) for topic in definition.payloads)
        foreign = ((store.document(schema), schema) for schema in self._normaliser.foreign.values())
        uses = ((document.uri, store.pointer(schema)) for document, schema in foreign if document is not None)
        self._uses[module] = tuple(sorted(uses))
        self._problems[module] = self._noted.after(known)
        if isinstance(definition, EventDefinition):
            self._events.extend(event_places(definition))

    def _topic(self, definition: AnyDefinition, topic: Topic) -> TopicShape:
        document, module, normaliser = definition.document, definition.module, self._normaliser
        node = self._resolved.store.payload(document, topic.pointer, self._resolved.dialects[module])
        place = payload_place(definition, topic)
        shape = normaliser.topic(node, place, document)
        doc = topic.description or normaliser.doc(node, topic.name)
        normaliser.describe(place, doc)
        key = document.place(topic.pointer[:-1], key=True)
        attribute = topic.py_name or topic_name(topic.name)
        rules = normaliser.rules([node], shape)
        shaped = TopicShape(topic.name, attribute, shape, doc, key, place.name.name, rules)
        self._places.append((place, shaped))
        return shaped

    def define(self, uses: Iterable[Use]) -> None:
        """Define the schemas of shared documents that unchanged definitions use."""
        store = self._resolved.store
        for uri, pointer in uses:
            document = store.documents.get(uri)
            if document is not None:
                # A definition is unchanged only while all it refers to is, so that this leads somewhere.
                with contextlib.suppress(Unresolved):
                    self._normaliser.shared(store.at(document, pointer), document)

    def names_that_meet(self) -> dict[Name, list[Claim]]:
        """Return the names that several classes come to, or a schema document's class and another type."""
        claims = self._normaliser.named.claims
        met = {name: several for name, several in claims.items() if len(several) > 1}
        for place, topic in () if self._exact else self._places:
            alias = topic_alias(topic, place.module)
            if alias is not None and not all(is_own(each.place) for each in claims.get(alias, ())):
                met[alias] = [*met.get(alias, claims[alias]), Claim(("alias", topic.name), place)]
        for place in () if self._exact else self._events:
            if not all(is_own(each.place) for each in claims.get(place.name, ())):
                met[place.name] = [*met.get(place.name, claims[place.name]), Claim(("event",), place)]
        return met

    def shapes(self, names: Names) -> Shapes:
        """Return what the topics came to under these names."""
        return Shapes(
            self._topics,
            self._normaliser.named.by_name,
            {name: claims[0].place for name, claims in self._normaliser.named.claims.items()},
            self._normaliser.named.nodes,
            names,
            self._uses,
            self._problems,
        )
