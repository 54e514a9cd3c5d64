"""Events as the SDK has them: what is sent, what starts a function, and what a handler gets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import inngest

from tightbeam._events.accepted import Accepted
from tightbeam._events.sending import SendCall
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._results import from_json
from tightbeam.errors import NotJson
from tightbeam.inngest._memo import MAX_INTEGER, is_changed

__all__ = ["event_names", "is_sdk_event", "sdk_event", "sdk_triggers"]


def sdk_triggers(accepts: Accepted) -> list[inngest.TriggerCron | inngest.TriggerEvent]:
    """Return the triggers of a function as the SDK has them."""
    events = [inngest.TriggerEvent(event=name) for name in accepts.names]
    crons = [
        inngest.TriggerCron(cron=cron.expression if cron.tz == "UTC" else f"TZ={cron.tz} {cron.expression}")
        for cron in accepts.crons
    ]
    return [*events, *crons]


def is_sdk_event(events: object) -> bool:
    """Return whether it is an event of the SDK, or a list of them."""
    several = events if isinstance(events, list) else [events]
    return all(isinstance(each, inngest.Event) for each in several)


def event_names(events: Any) -> tuple[str, ...]:
    """Return the names of events of the SDK."""
    return tuple(each.name for each in (events if isinstance(events, list) else [events]))


def sdk_event(sent: SendCall, functions: Iterable[Accepted]) -> inngest.Event:
    """Return an event of ours as the SDK sends it.

    Args:
        sent: the event.
        functions: what starts the functions that the data must fit, besides the event's own schema.

    Raises:
        InvalidPayload: the data breaks the event's schema.
        PayloadTooLarge: its encoding is over the limit of payloads.
        NotJson: the data of an event without a definition isn't a JSON object; or it holds an integer that
            Inngest would change.
    """
    plain = from_json(sent.encode(functions, MAX_PAYLOAD_BYTES))
    if is_changed(plain):
        raise NotJson(
            f'the data of event "{sent.name}" holds an integer beyond ±{MAX_INTEGER}, which Inngest '
            "would change: it keeps numbers as 64-bit floats; send it as a string"
        )
    options = sent.options
    due = 0 if options.due_at is None else options.due_at // 1000
    return inngest.Event(name=sent.name, data=plain, id=options.id or "", ts=due)
