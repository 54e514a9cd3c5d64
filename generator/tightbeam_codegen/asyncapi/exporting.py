"""A document of AsyncAPI 3.0 made of the model: channels, messages, operations, shared schemas.

An event is a channel whose address is the event's name, with one message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.descriptions import CONTENT_TYPE, message_head, summary_of, title_of
from tightbeam_codegen.asyncapi.event_channels import event_channel, event_doc, event_message
from tightbeam_codegen.asyncapi.references import looks_like_reference
from tightbeam_codegen.asyncapi.schemas import Schemas, safe_key
from tightbeam_codegen.examples import Example
from tightbeam_codegen.model import ChannelModel, EventModel, Model, TopicShape
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.check.model import Parameter, Topic
from tightbeam_codegen.read.load import JsonValue
from tightbeam_codegen.read.resolve import Node

__all__ = ["About", "ExampleOf", "Exported", "View", "export"]

VERSION = "3.0.0"
"""Of AsyncAPI."""

View: TypeAlias = Literal["publisher", "subscriber"]
ExampleOf: TypeAlias = Callable[[ChannelModel | EventModel, str], Example | None]
"""Returns a valid payload of a topic or an event, by its name; None where none is known."""


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of itself."""

    title: str = "Channels"
    version: str = "1.0.0"
    description: str = ""
    view: View = "publisher"
    """The application that is described: one that sends the messages, or one that receives them."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A document, and what can't be said in it."""

    document: Mapping[str, Any]
    problems: tuple[Problem, ...]


def export(model: Model, about: About, example_of: ExampleOf) -> Exported:
    """Make a document of all channels and events of a model.

    Args:
        model: complete, and without errors.
        about: what the document says of itself.
        example_of: finds examples.
    """
    problems = Problems()
    schemas = Schemas(model.resolved.store, problems)
    for defined in model.described:
        for payload in defined.definition.payloads:
            schemas.add(_payload(model, defined, payload))
    schemas.settle()
    if problems.has_errors:
        return Exported({}, problems.sorted())
    entries = _Entries(model, schemas, example_of, about.view)
    for channel in model.channels:
        entries.add_channel(channel)
    for event in model.events:
        entries.add_event(event)
    document: dict[str, Any] = {
        "asyncapi": VERSION,
        "info": _info(about),
        "defaultContentType": CONTENT_TYPE,
        "channels": entries.channels,
        "operations": entries.operations,
        "components": {"messages": entries.messages},
    }
    if shared := schemas.components():
        document["components"]["schemas"] = shared
    return Exported(document, ())


class _Entries:
    """The channels, messages and operations of a document, by their keys.

    Args:
        model: has the documents of definitions.
        schemas: write payloads; they have collected all of them.
        example_of: finds examples.
        view: whose operations they are.
    """

    def __init__(self, model: Model, schemas: Schemas, example_of: ExampleOf, view: View) -> None:
        self.channels: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}
        self._model = model
        self._schemas = schemas
        self._example_of = example_of
        self._view: View = view

    def add_channel(self, channel: ChannelModel) -> None:
        """Add a channel, with a message and an operation for each topic."""
        key = _channel_key(channel)
        topics = {topic.name: topic_key for topic, topic_key in _keyed(channel)}
        self.channels[key] = _channel(channel, {each: f"{key}.{each}" for each in topics.values()})
        for topic, stated in zip(channel.topics, channel.definition.topics, strict=True):
            own = topics[topic.name]
            payload = self._schemas.payload(_payload(self._model, channel, stated))
            example = self._example(channel, topic.name)
            self.messages[f"{key}.{own}"] = _message(stated, topic, payload, example, own)
            self.operations[f"{key}.{own}"] = _operation(topic.name, topic.doc, key, own, self._view)

    def add_event(self, event: EventModel) -> None:
        """Add a channel for an event, with one message and one operation."""
        key, own = _channel_key(event), safe_key(event.module[-1])
        stated = event.definition.payload
        payload = None if stated is None else self._schemas.payload(_payload(self._model, event, stated))
        example = None if stated is None else self._example(event, stated.name)
        self.channels[key] = event_channel(event, {own: f"{key}.{own}"})
        self.messages[f"{key}.{own}"] = event_message(event, payload, example)
        doc = event_doc(event)
        self.operations[f"{key}.{own}"] = _operation(event.module[-1], doc, key, own, self._view)

    def _example(self, defined: ChannelModel | EventModel, payload: str) -> Example | None:
        example = self._example_of(defined, payload)
        return None if example is None or looks_like_reference(example.value) else example


def _payload(model: Model, defined: ChannelModel | EventModel, payload: Topic) -> Node:
    dialect = model.resolved.dialects[defined.module]
    return model.resolved.store.payload(defined.definition.document, payload.pointer, dialect)


def _info(about: About) -> dict[str, Any]:
    info = {"title": about.title, "version": about.version}
    return {**info, "description": about.description} if about.description else info


def _channel_key(defined: ChannelModel | EventModel) -> str:
    # No channel and no event become one module.
    return safe_key(".".join(defined.module))


def _keyed(channel: ChannelModel) -> list[tuple[TopicShape, str]]:
    """Return the topics of a channel with the keys of their messages: their own names where these will do."""
    taken: set[str] = set()
    keyed: list[tuple[TopicShape, str]] = []
    for topic in channel.topics:
        key = safe_key(topic.name)
        if key.casefold() in taken:
            # Attributes of a channel in Python differ by construction.
            key = f"{key}.{safe_key(topic.attribute)}"
        taken.add(key.casefold())
        keyed.append((topic, key))
    return keyed


def _channel(channel: ChannelModel, messages: Mapping[str, str]) -> dict[str, Any]:
    definition = channel.definition
    address, parameters = definition.name, {}
    for param in definition.params:
        key = safe_key(param.name).replace(".", "x2e")
        address = address.replace(f"{{{param.name}}}", f"{{{key}}}")
        parameters[key] = _parameter(param, key)
    value: dict[str, Any] = {"address": address, "title": title_of(definition.module[-1])}
    if definition.description:
        value["description"] = definition.description
    if parameters:
        value["parameters"] = parameters
    value["messages"] = {
        key: {"$ref": f"#/components/messages/{message}"} for key, message in messages.items()
    }
    ours: dict[str, Any] = {"file": definition.document.path}
    if definition.separator != ":":
        ours["separator"] = definition.separator
    if definition.class_name is not None:
        ours["name"] = definition.class_name
    if isinstance(definition.document.value, dict) and "assert_formats" in definition.document.value:
        ours["assertFormats"] = definition.assert_formats
    return {**value, EXTENSION: ours}


def _parameter(param: Parameter, key: str) -> dict[str, Any]:
    """Return a parameter; what AsyncAPI has no word for stands in our extension."""
    schema = param.schema
    value: dict[str, Any] = {}
    if param.description:
        value["description"] = param.description
    if param.enum is not None:
        value["enum"] = [_text(each) for each in param.enum]
    if isinstance(default := schema.get("default"), str | int):
        value["default"] = _text(default)
    if isinstance(examples := schema.get("examples"), list):
        value["examples"] = [_text(each) for each in examples if isinstance(each, str | int)]
    ours: dict[str, Any] = {} if key == param.name else {"name": param.name}
    if schema != {"type": "string", **value}:
        ours["schema"] = {keyword: inner for keyword, inner in schema.items() if keyword != "description"}
    return {**value, EXTENSION: ours} if ours else value


def _text(value: str | int) -> str:
    """Return the value of a parameter as it stands in a channel's name."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _message(
    stated: Topic, topic: TopicShape, payload: JsonValue, example: Example | None, key: str
) -> dict[str, Any]:
    value = {**message_head(topic.name, topic.name, topic.doc), "contentType": CONTENT_TYPE}
    # Messages of a channel are told apart by the topic that stands beside the payload.
    value["headers"] = {
        "type": "object",
        "properties": {"topic": {"type": "string", "const": topic.name}},
        "required": ["topic"],
    }
    value["payload"] = payload
    if example is not None:
        value["examples"] = [{"headers": {"topic": topic.name}, "payload": example.value}]
    ours: dict[str, Any] = {} if key == topic.name else {"topic": topic.name}
    if stated.py_name is not None:
        ours["name"] = stated.py_name
    return {**value, EXTENSION: ours} if ours else value


def _operation(name: str, doc: str, channel: str, message: str, view: View) -> dict[str, Any]:
    value: dict[str, Any] = {
        "action": "send" if view == "publisher" else "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": title_of(name),
    }
    if summary := summary_of(doc)[0]:
        value["summary"] = summary
    return {**value, "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}]}
