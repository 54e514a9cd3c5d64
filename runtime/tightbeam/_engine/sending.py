"""From a call of a sender to the request that stores what it starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tightbeam._clock import LONGEST
from tightbeam._engine.new_runs import new_run
from tightbeam._engine.requests import SendEvent
from tightbeam._events.sending import SendCall
from tightbeam._function import Function
from tightbeam._registry import Registry
from tightbeam.errors import NotRegistered

__all__ = ["FOREVER_US", "event_to_send", "registered"]

FOREVER_US = LONGEST // timedelta(microseconds=1)
"""How long a step waits that has no time limit."""


def event_to_send(registry: Registry, sent: SendCall, limit: int, metadata: bytes | None = None) -> SendEvent:
    """Return the request for an event: it starts a run of each function that listens to it.

    Args:
        registry: the functions.
        sent: the call.
        limit: how many bytes the data of an event with a definition may have.
        metadata: JSON of hooks, for the runs.

    Raises:
        InvalidPayload: the data breaks the event's schema.
        PayloadTooLarge: its encoding is over the limit.
        NotJson: the data of an event without a definition isn't a JSON object.
    """
    functions = registry.listening(sent.name)
    data = sent.encode((function.accepts for function in functions), limit)
    options = sent.options
    runs = tuple(
        new_run(
            function,
            sent.name,
            data,
            due_at=options.due_at,
            key=options.id,
            metadata=metadata,
            dated=options.dated,
        )
        for function in functions
    )
    # An event that has a definition is known, although nothing may listen to it yet.
    refusal = registry.nothing_listens(sent.name) if sent.ref is None else None
    return SendEvent(runs, sent.name, data, options.id, refusal)


def registered(registry: Registry, function: object, call: str) -> Function[Any]:
    """Return a function that a caller names.

    Args:
        registry: the functions.
        function: what the caller gave.
        call: what the caller called.

    Raises:
        NotRegistered: it isn't one of this client.
    """
    if isinstance(function, Function) and registry.find(function.id) is function:
        return function
    raise NotRegistered(f"{call} takes what `@client.function` of this client returned")
