"""What pages show of each channel, topic, event and shared type, read from the model once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.catalogue.event_snippets import EventSnippets
from tightbeam_codegen.catalogue.literals import JSON, laid_out
from tightbeam_codegen.catalogue.places import Own, Spot, Spots, anchor
from tightbeam_codegen.catalogue.rows import Row, rows_of
from tightbeam_codegen.catalogue.snippets import Bindings, ChannelSnippets
from tightbeam_codegen.catalogue.wording import Link, is_deprecated, rule_words, value_words
from tightbeam_codegen.compare.pairs import stem_of
from tightbeam_codegen.examples import Example, Examples, template_of
from tightbeam_codegen.model import ChannelModel, EventModel, Model, ModulePath
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.check.model import Parameter
from tightbeam_codegen.read.normalise.rules import STATED
from tightbeam_codegen.read.normalise.shapes import Name, NamedShape, ObjectShape, Ref, Shape
from tightbeam_codegen.read.payload_pointers import EVENT_PAYLOAD, schema_at
from tightbeam_codegen.read.topics import TopicShape, topic_alias

__all__ = [
    "ChannelView",
    "EventView",
    "Section",
    "Snippet",
    "TopicView",
    "TypeView",
    "Use",
    "Views",
    "read_views",
]

_BESIDE = (
    *("not", "if", "contains", "dependentRequired", "dependentSchemas", "dependencies", "propertyNames"),
    *("patternProperties", "unevaluatedItems", "unevaluatedProperties"),
)
"""Keywords that a table of properties doesn't show."""

_CONTAINERS = frozenset(["$defs", "definitions"])
_LONGEST_SCHEMA = 100_000
"""Characters of a schema that a page shows."""

_CLIENT = "`client` is a `tightbeam.Client(…)`, or what `tightbeam.connect(…)` gives in another process."
_SENDER = (
    "`client` is an entered `tightbeam.Client(…)`, or what `tightbeam.connect(…)` gives in another process."
)
_PAGE = "`token` is a route of yours that answers with a token for this channel."
_SERVER = "`gateway` is the gateway's origin. `serverKey` may never reach a browser."


@dataclass(frozen=True, slots=True)
class Section:
    """What topics and types have in common: a schema with its description."""

    title: str
    spot: Spot
    doc: str
    place: str
    rows: tuple[Row, ...]
    schema: str
    """As JSON."""
    beside: tuple[str, ...]
    """Keywords in the schema that the rows don't show."""
    closed: bool | None
    """Whether other properties are refused; None for what is no object."""
    is_deprecated: bool
    class_name: str = ""
    """Of a topic's payload in generated code."""
    is_whole: bool = True
    """Whether the rows are all that there are."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code under a heading."""

    language: str
    title: str
    text: str
    note: str = ""
    """What the code takes for granted, with names between backticks."""


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic."""

    section: Section
    payload: Name | None
    """The shared type that its payload is."""
    example: str | None
    """As JSON; None where none was found."""
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class TypeView:
    """A shared type."""

    name: Name
    section: Section


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel."""

    name: str
    page: str
    module: ModulePath
    stem: str
    """How comparisons name it."""
    description: str
    file: str
    parameters: tuple[Row, ...]
    example: str | None
    """A channel's name, where it has parameters."""
    python: str
    """What Python imports."""
    typescript: str
    topics: tuple[TopicView, ...]
    types: tuple[TypeView, ...]
    """Shared types of its own file."""


@dataclass(frozen=True, slots=True)
class EventView:
    """An event."""

    name: str
    page: str
    module: ModulePath
    stem: str
    """How comparisons name it."""
    description: str
    file: str
    python: str
    """What Python imports."""
    typescript: str
    data: TopicView | None
    """Its data, as of a topic; None for an event without data."""
    snippets: tuple[Snippet, ...]
    types: tuple[TypeView, ...]
    """Shared types of its own file."""


@dataclass(frozen=True, slots=True)
class Use:
    """Something that uses a type."""

    label: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class Views:
    """All that the site shows."""

    channels: tuple[ChannelView, ...]
    events: tuple[EventView, ...]
    types: Mapping[str, tuple[str, tuple[TypeView, ...]]]
    """The pages of shared documents, by path: the document's own, and its types."""
    uses: Mapping[Name, tuple[Use, ...]]
    spots: Spots

    @property
    def described(self) -> tuple[ChannelView | EventView, ...]:
        """Everything with a page of its own, apart from types."""
        return (*self.channels, *self.events)


def read_views(model: Model, bindings: Bindings, named: Callable[[str], str] = str) -> Views:
    """Read what the site shows.

    Args:
        model: without errors, and with exact shapes.
        bindings: how code finds the bindings.
        named: gives the names of files in pages, from those that messages show.
    """
    spots = Spots(model)
    reader = _Reader(spots, bindings, named)
    channels = tuple(sorted(map(reader.channel, model.channels), key=_listed_at))
    events = tuple(sorted(map(reader.event, model.events), key=_listed_at))
    types = {
        page: (named(document.shown), tuple(map(reader.type, names)))
        for page, (document, names) in sorted(spots.types.items())
    }
    return Views(channels, events, types, _uses(channels, events, types), spots)


def _listed_at(view: ChannelView | EventView) -> tuple[ModulePath, tuple[list[str | int], str]]:
    """Return where a channel or an event stands among others: by folder, then by name."""
    return view.module[:-1], _in_order(view.name)


def _in_order(name: str) -> tuple[list[str | int], str]:
    """Return by what names are ordered as people do: `run-9` stands before `run-10`."""
    # A number is at each second place, so that numbers meet only numbers.
    parts = re.split(r"([0-9]{1,18})", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


class _Reader:
    def __init__(self, spots: Spots, bindings: Bindings, named: Callable[[str], str]) -> None:
        self._spots = spots
        self._named_file = named
        self._bindings = bindings
        self._named: dict[ModulePath, list[NamedShape]] = {}
        for name, shape in spots.shapes.named.items():
            self._named.setdefault(name.module, []).append(shape)

    def channel(self, channel: ChannelModel) -> ChannelView:
        definition, module = channel.definition, channel.module
        page = self._spots.definition(module)
        examples = Examples(channel.bundle)
        params = examples.parameters(definition)
        topics = self._spots.shapes.topics[module]
        snippets = ChannelSnippets(channel, topics, self._named.get(module, []), params, self._bindings)
        name = None
        if definition.params and params is not None:
            name = template_of(definition).format(params)
        return ChannelView(
            definition.name,
            page,
            module,
            stem_of(definition),
            definition.description,
            self._named_file(definition.document.shown),
            tuple(map(_parameter, definition.params)),
            name,
            snippets.python_import,
            snippets.typescript_import,
            tuple(self._topic(channel, topic, page, examples, snippets) for topic in topics),
            tuple(map(self.type, self._spots.own_types.get(module, ()))),
        )

    def _topic(
        self,
        channel: ChannelModel,
        topic: TopicShape,
        page: str,
        examples: Examples,
        snippets: ChannelSnippets,
    ) -> TopicView:
        definition = channel.definition
        example = examples.of(topic.name)
        schema = schema_at(definition.document, ("topics", topic.name, "schema"))
        section = self._payload(channel, topic, topic.name, Spot(page, (topic.name,)), schema)
        return TopicView(
            section,
            self._shared_type(topic),
            None if example is None else laid_out(example.value, JSON),
            (
                Snippet("Python", "Publish", snippets.python_publish(topic, example), _CLIENT),
                Snippet("Python", "Subscribe", snippets.python_subscribe(topic)),
                Snippet("TypeScript", "Subscribe", snippets.typescript_subscribe(topic), _PAGE),
                Snippet(
                    "TypeScript",
                    "Publish from a server",
                    snippets.typescript_publish(topic, example),
                    _SERVER,
                ),
            ),
        )

    def event(self, event: EventModel) -> EventView:
        definition, module = event.definition, event.module
        page = self._spots.definition(module)
        snippets = EventSnippets(event, self._bindings)
        data: TopicView | None = None
        example: Example | None = None
        for topic in self._spots.shapes.topics[module]:
            example = Examples(event.bundle).of(topic.name)
            schema = schema_at(definition.document, EVENT_PAYLOAD)
            # The page has the description already.
            section = replace(self._payload(event, topic, "Data", Spot(page, ("data",)), schema), doc="")
            shown = None if example is None else laid_out(example.value, JSON)
            data = TopicView(section, self._shared_type(topic), shown, ())
        code = (
            Snippet("Python", "Send", snippets.python_send(example), _SENDER),
            Snippet("Python", "Write a function", snippets.python_function()),
            Snippet("TypeScript", "Send from a server", snippets.typescript_send(example), _SERVER),
        )
        return EventView(
            definition.name,
            page,
            module,
            stem_of(definition),
            definition.description or next((each.doc for each in event.topics), ""),
            self._named_file(definition.document.shown),
            snippets.python_import,
            snippets.typescript_import,
            None if data is None else replace(data, snippets=code),
            code,
            tuple(map(self.type, self._spots.own_types.get(module, ()))),
        )

    def _shared_type(self, topic: TopicShape) -> Name | None:
        """Return the shared type that a payload is."""
        shape = topic.shape
        return shape.target if isinstance(shape, Ref) and self._spots.of_type(shape.target) else None

    def _payload(
        self, defined: ChannelModel | EventModel, topic: TopicShape, title: str, spot: Spot, schema: Any
    ) -> Section:
        shape, rules = topic.shape, topic.rules
        if isinstance(shape, Ref):
            rules = (*rules, *self._spots.shapes.named[shape.target].rules)
        section = self._section(title, spot, topic.doc, topic.place, shape, rules, schema)
        return replace(section, class_name=_class_of(defined, topic.name))

    def type(self, name: Name) -> TypeView:
        named, place = self._spots.shapes.named[name], self._spots.shapes.places[name]
        spot = self._spots.of_type(name)
        if spot is None:
            raise ValueError(f"{name.name} has no place of its own")
        shape: Shape = Ref(name) if isinstance(named, ObjectShape) else named.shape
        section = self._section(name.name, spot, named.doc, place.spot, shape, named.rules, place.schema)
        return TypeView(name, section)

    def _section(
        self, title: str, spot: Spot, doc: str, place: Place, shape: Shape, rules: Any, schema: Any
    ) -> Section:
        named = self._spots.shapes.named[shape.target] if isinstance(shape, Ref) else None
        rows, is_whole = rows_of(shape, rules, spot.way, self._spots)
        return Section(
            title,
            spot,
            doc.strip(),
            str(replace(place, path=self._named_file(place.path))),
            tuple(rows),
            _schema_text(schema),
            tuple(_beside(schema)),
            named.closed if isinstance(named, ObjectShape) else None,
            is_deprecated(rules),
            is_whole=is_whole,
        )


def _class_of(defined: ChannelModel | EventModel, name: str) -> str:
    """Return the name of a payload in Python, by the name of its topic or event; empty for a plain type."""
    topic = next(each for each in defined.topics if each.name == name)
    alias = topic_alias(topic, defined.module)
    if alias is not None:
        return alias.name
    return topic.shape.target.name if isinstance(topic.shape, Ref) else ""


def _parameter(param: Parameter) -> Row:
    type_ = " | ".join(map(value_words, param.enum)) if param.enum else param.kind
    stated = tuple((keyword, param.schema[keyword]) for keyword in STATED if keyword in param.schema)
    return Row(
        anchor([Own("~param"), param.name]),
        0,
        param.name,
        param.name,
        (type_,),
        tuple(rule_words(stated)),  # type: ignore[arg-type]  # the values of these keywords are scalars
        param.description,
        is_required=True,
        is_deprecated=param.schema.get("deprecated") is True,
    )


def _schema_text(schema: Any) -> str:
    """Return a schema as JSON: without the types that have their own places, and cut if it is very long."""
    if isinstance(schema, dict):
        schema = {keyword: value for keyword, value in schema.items() if keyword not in _CONTAINERS}
    text = laid_out(schema, JSON)
    return text if len(text) <= _LONGEST_SCHEMA else f"{text[:_LONGEST_SCHEMA]}\n…"


def _beside(schema: Any) -> Iterator[str]:
    """Yield the keywords of a schema that its rows don't show, those of schemas inside included."""
    found: set[str] = set()
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            found.update(node.keys() & set(_BESIDE))
        stack.extend(inner for _, inner, _ in inside(node))
    yield from (keyword for keyword in _BESIDE if keyword in found)


def _uses(
    channels: Sequence[ChannelView],
    events: Sequence[EventView],
    types: Mapping[str, tuple[str, tuple[TypeView, ...]]],
) -> dict[Name, tuple[Use, ...]]:
    uses: dict[Name, dict[Use, None]] = {}

    def note(section: Section, label: str, payload: Name | None) -> None:
        linked = [word.name for row in section.rows for word in row.type if isinstance(word, Link)]
        for name in [*([payload] if payload else []), *linked]:
            uses.setdefault(name, {})[Use(label, section.spot)] = None

    for channel in channels:
        for topic in channel.topics:
            note(topic.section, f"{channel.name} · {topic.section.title}", topic.payload)
    for event in events:
        if event.data is not None:
            note(event.data.section, event.name, event.data.payload)
    owners = [each.types for each in channels] + [each.types for each in events]
    owners += [views for _, views in types.values()]
    for views in owners:
        for each in views:
            note(each.section, each.section.title, None)
    return {name: tuple(found) for name, found in uses.items()}
