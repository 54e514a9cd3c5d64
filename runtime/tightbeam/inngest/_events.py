"""Events as the SDK has them: what is sent, what starts a function, and what a handler gets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import inngest

from tightbeam._events.accepted import Accepted
from tightbeam._events.refs import Trigger
from tightbeam._events.sending import SendCall
from tightbeam._hooks.info import SendInfo
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._results import from_json
from tightbeam._starting.schedule import check_schedules
from tightbeam.inngest._memo import check_unchanged
from tightbeam.inngest._run_metadata import with_metadata_of

__all__ = ["SdkSendCall", "is_sdk_event", "sdk_event", "sdk_triggers", "typed_trigger"]


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
    check_unchanged(plain, f'the data of event "{sent.name}"')
    options = sent.options
    due = 0 if options.due_at is None else options.due_at // 1000
    return inngest.Event(name=sent.name, data=plain, id=options.id or "", ts=due)


class SdkSendCall:
    """One call of `Client.send`: with events of the SDK, or with one of ours."""

    def __init__(
        self, events: object, data: tuple[object, ...], options: dict[str, Any], server: str
    ) -> None:
        """Read the arguments.

        Args:
            events: the first one.
            data: the positional arguments behind it.
            options: the keyword arguments.
            server: where it is sent, for hooks.

        Raises:
            TypeError: they aren't those of an event of the SDK, of a typed event, or of a name.
            ValueError: the value of an option isn't allowed.
        """
        self.skip_middleware: bool = False
        self._theirs: Any = None
        self._ours: SendCall | None = None
        if is_sdk_event(events):
            self._theirs = events
            self.skip_middleware = options.pop("skip_middleware", False)
            if data or options:
                raise TypeError(
                    "an event of the SDK has its data and id itself: send takes skip_middleware only"
                )
            names = _names(events)
        else:
            self._ours = SendCall(events, data, options)
            names = (self._ours.name,)
        self.info = SendInfo(names, server=server)

    def events(self, functions: Iterable[Accepted]) -> Any:
        """Return what the SDK's method takes; it may raise what `sdk_event` raises.

        Args:
            functions: what starts the functions that the data must fit.
        """
        events = self._theirs if self._ours is None else sdk_event(self._ours, functions)
        return with_metadata_of(self.info, events)


def typed_trigger(options: dict[str, Any]) -> Accepted | None:
    """Return what starts a function where its trigger isn't one of the SDK's.

    Raises:
        TypeError: typed events are in a list.
    """
    trigger = options.get("trigger")
    if isinstance(trigger, Trigger):
        check_schedules(str(options.get("fn_id")), trigger, here=False)
        return Accepted(str(options.get("fn_id")), trigger)
    if isinstance(trigger, list) and any(isinstance(each, Trigger) for each in trigger):
        raise TypeError("several typed triggers are joined by |: trigger=upload_event | deleted_event")
    return None


def _names(events: Any) -> tuple[str, ...]:
    return tuple(each.name for each in (events if isinstance(events, list) else [events]))
