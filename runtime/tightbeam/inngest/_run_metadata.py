"""Metadata of hooks in events: from `SendInfo.metadata` to `RunInfo.metadata`, by way of Inngest's server.

An event of Inngest has no place beside its data, so metadata lies in the data, under a key of ours. Handlers
that we adapt get the data without that key. Other functions that listen to the event see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import inngest
import orjson

from tightbeam._hooks.hook_list import metadata_of
from tightbeam._hooks.info import SendInfo

__all__ = ["data_with", "event_without_metadata", "metadata_in", "with_metadata_of", "without_metadata"]

_KEY = "_tightbeam"
_ORIGINAL = "event"
"""The key under which the event of a failure has the event of the run that has failed."""

AnyContext = TypeVar("AnyContext", inngest.Context, inngest.ContextSync)


def with_metadata_of(send: SendInfo, events: Any) -> Any:
    """Return events of the SDK with the metadata that hooks have added; the same ones if there is none.

    Args:
        send: what hooks have written to.
        events: an event, or a list of them.
    """
    raw = metadata_of(send)
    if raw is None:
        return events
    if isinstance(events, list):
        return [_with(event, raw) for event in events]
    return _with(events, raw)


def _with(event: inngest.Event, raw: bytes) -> inngest.Event:
    return event.model_copy(update={"data": {**event.data, _KEY: orjson.loads(raw)}})


def data_with(data: Mapping[str, Any] | None, raw: bytes | None) -> Mapping[str, Any] | None:
    """Return the data of an invoked function with the metadata of the run that invokes it, if it has any."""
    return data if raw is None else {**(data or {}), _KEY: orjson.loads(raw)}


def metadata_in(event: inngest.Event) -> bytes | None:
    """Return the metadata of the send that has started a run, or the run whose failure is handled."""
    found = event.data.get(_KEY) or _original_data(event.data).get(_KEY)
    return orjson.dumps(found) if isinstance(found, Mapping) else None


def without_metadata(context: AnyContext) -> AnyContext:
    """Take the metadata out of the events of a context."""
    context.event = event_without_metadata(context.event)
    events = getattr(context, "events", None)
    if events:
        context.events = [event_without_metadata(event) for event in events]
    return context


def event_without_metadata(event: inngest.Event) -> inngest.Event:
    """Return an event as its sender has given it."""
    data: Mapping[str, Any] = event.data
    if _KEY in data:
        data = {key: value for key, value in data.items() if key != _KEY}
    if _KEY in (original := _original_data(data)):
        inner = {key: value for key, value in original.items() if key != _KEY}
        data = {**data, _ORIGINAL: {**_mapping(data.get(_ORIGINAL)), "data": inner}}
    return event if data is event.data else event.model_copy(update={"data": data})


def _original_data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(data.get(_ORIGINAL)).get("data"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
