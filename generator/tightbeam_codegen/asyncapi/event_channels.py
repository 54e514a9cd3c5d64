"""An event as a channel of AsyncAPI: its address is the event's name, and its one message the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.descriptions import CONTENT_TYPE, message_head, title_of
from tightbeam_codegen.examples import Example
from tightbeam_codegen.model import EventModel
from tightbeam_codegen.read.load import JsonValue

__all__ = ["EVENT", "event_channel", "event_doc", "event_message"]

EVENT = "event"
"""The key of our extension that has an event's name, and tells its channel from others."""


def event_channel(event: EventModel, messages: Mapping[str, str]) -> dict[str, Any]:
    """Return the channel of an event.

    Args:
        event: the event.
        messages: the key of its message below `components`, by its key in the channel.
    """
    definition = event.definition
    is_template = not {"{", "}"}.isdisjoint(definition.name)
    value: dict[str, Any] = {
        # Braces would be the placeholders of a template. A name with some stands in our extension alone.
        "address": None if is_template else definition.name,
        "title": title_of(definition.module[-1]),
    }
    if definition.description:
        value["description"] = definition.description
    value["messages"] = {
        key: {"$ref": f"#/components/messages/{message}"} for key, message in messages.items()
    }
    ours: dict[str, Any] = {"file": definition.document.path, EVENT: definition.name}
    if definition.class_name is not None:
        ours["name"] = definition.class_name
    if isinstance(definition.document.value, dict) and "assert_formats" in definition.document.value:
        ours["assertFormats"] = definition.assert_formats
    return {**value, EXTENSION: ours}


def event_message(event: EventModel, payload: JsonValue, example: Example | None) -> dict[str, Any]:
    """Return the message of an event.

    Args:
        event: the event.
        payload: the schema of its data; None for an event without data.
        example: valid data, if some is known.
    """
    value = message_head(event.definition.name, event.module[-1], event_doc(event))
    if payload is None:
        return value
    value |= {"contentType": CONTENT_TYPE, "payload": payload}
    return value if example is None else {**value, "examples": [{"payload": example.value}]}


def event_doc(event: EventModel) -> str:
    """Return the description of an event: its own, else that of its data."""
    return event.definition.description or next((each.doc for each in event.topics), "")
