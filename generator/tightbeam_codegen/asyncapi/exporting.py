"""A document of AsyncAPI 3.0 made of the model: channels, messages, operations, shared schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.schemas import Schemas, safe_key
from tightbeam_codegen.examples import Example
from tightbeam_codegen.model import ChannelModel, Model, TopicShape
from tightbeam_codegen.names import snake
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.check.model import Parameter
from tightbeam_codegen.read.load import JsonValue
from tightbeam_codegen.read.resolve import Node

__all__ = ["About", "ExampleOf", "Exported", "View", "export"]

VERSION = "3.0.0"
"""Of AsyncAPI."""
CONTENT_TYPE = "application/json"

View: TypeAlias = Literal["publisher", "subscriber"]
ExampleOf: TypeAlias = Callable[[ChannelModel, str], Example | None]
"""Returns a valid payload of a topic; None where none is known."""


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
    """Make a document of all channels of a model.

    Args:
        model: complete, and without errors.
        about: what the document says of itself.
        example_of: finds examples.
    """
    problems = Problems()
    schemas = Schemas(model.resolved.store, problems)
    for channel in model.channels:
        for topic in channel.topics:
            schemas.add(_payload(model, channel, topic))
    schemas.settle()
    if problems.has_errors:
        return Exported({}, problems.sorted())
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for channel in model.channels:
        key = _channel_key(channel)
        topics = {topic.name: topic_key for topic, topic_key in _keyed(channel)}
        channels[key] = _channel(channel, {each: f"{key}.{each}" for each in topics.values()})
        for topic in channel.topics:
            own = topics[topic.name]
            payload = schemas.payload(_payload(model, channel, topic))
            example = example_of(channel, topic.name)
            messages[f"{key}.{own}"] = _message(channel, topic, payload, example, own)
            operations[f"{key}.{own}"] = _operation(topic, key, own, about.view)
    document: dict[str, Any] = {
        "asyncapi": VERSION,
        "info": _info(about),
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
    if shared := schemas.components():
        document["components"]["schemas"] = shared
    return Exported(document, ())


def _payload(model: Model, channel: ChannelModel, topic: TopicShape) -> Node:
    definition = channel.definition
    dialect = model.resolved.dialects[definition.module]
    return model.resolved.store.payload(definition.document, ("topics", topic.name, "schema"), dialect)


def _info(about: About) -> dict[str, Any]:
    info = {"title": about.title, "version": about.version}
    return {**info, "description": about.description} if about.description else info


def _channel_key(channel: ChannelModel) -> str:
    return safe_key(".".join(channel.module))


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
    value: dict[str, Any] = {"address": address, "title": _title(definition.module[-1])}
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
    channel: ChannelModel, topic: TopicShape, payload: JsonValue, example: Example | None, key: str
) -> dict[str, Any]:
    value: dict[str, Any] = {"name": topic.name, "title": _title(topic.name)}
    summary, rest = _summary(topic.doc)
    if summary:
        value["summary"] = summary
    if rest:
        value["description"] = topic.doc
    value["contentType"] = CONTENT_TYPE
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
    chosen = next((each.py_name for each in channel.definition.topics if each.name == topic.name), None)
    if chosen is not None:
        ours["name"] = chosen
    return {**value, EXTENSION: ours} if ours else value


def _operation(topic: TopicShape, channel: str, message: str, view: View) -> dict[str, Any]:
    value: dict[str, Any] = {
        "action": "send" if view == "publisher" else "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": _title(topic.name),
    }
    if summary := _summary(topic.doc)[0]:
        value["summary"] = summary
    return {**value, "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}]}


def _title(name: str) -> str:
    """Return a name as a title: `Line added` for `line-added`."""
    words = snake(name).strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def _summary(text: str) -> tuple[str, bool]:
    """Return the first paragraph of a description, if it is short, and whether there is more."""
    first, _, rest = text.strip().partition("\n")
    if len(first) <= 200:
        return first, bool(rest)
    sentence, dot, _ = first.partition(". ")
    return (sentence + dot.strip(), True) if len(sentence) <= 200 else ("", True)
