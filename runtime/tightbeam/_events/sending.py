"""One send call: which event it is, its data as JSON, and its options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from tightbeam._events.accepted import Accepted
from tightbeam._events.data import encode_event, encode_json, json_object, load_event
from tightbeam._events.refs import EventRef, Trigger
from tightbeam._starting.options import check_key, due_time
from tightbeam._step_checks import is_unicode

__all__ = ["SendCall", "SendOptions", "event_name"]

_OPTIONS = ("id", "delay", "at")


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What a send call says besides the event and its data."""

    id: str | None = None
    """An idempotency key: for each function, one run is started for it."""
    due_at: int | None = None
    """When the runs start, in microseconds since 1970; None for at once."""
    dated: bool = False
    """Whether that is a moment (``at=``), not a while from now."""

    @classmethod
    def of(cls, given: Mapping[str, Any], /) -> Self:
        """Return the options that the keywords of a call give.

        Args:
            given: the keywords.

        Raises:
            TypeError: there is no such option, one is of another type, or two exclude each other.
            ValueError: a value isn't allowed.
        """
        for name in given:
            if name not in _OPTIONS:
                raise TypeError(f"send has no option {name!r}; there are: {', '.join(_OPTIONS)}")
        at = given.get("at")
        return cls(check_key(given.get("id")), due_time(given.get("delay"), at), at is not None)


class SendCall:
    """One call of ``send``: which event it is, and what its data must fit."""

    __slots__ = ("_data", "name", "options", "ref")

    def __init__(self, event: object, data: tuple[object, ...], options: Mapping[str, Any]) -> None:
        """Read the arguments of a send call.

        Args:
            event: a reference to an event, or the name of one.
            data: the positional arguments behind it.
            options: the keyword arguments.

        Raises:
            TypeError: it is neither, there is more or less data than it takes, or an option isn't allowed.
            ValueError: the value of an option isn't allowed.
        """
        self.ref: EventRef[..., str, Any] | None = event if isinstance(event, EventRef) else None
        """The event, where there is a definition."""
        self.name = event_name(event) if self.ref is None else self.ref.name
        """The event's name."""
        self.options = SendOptions.of(options)
        """The options of the call."""
        self._data = data
        if self.ref is None:
            if len(data) > 1:
                raise TypeError("send takes the name of an event and its data, both positional")
        elif self.ref.payload_type is None:
            if data:
                raise TypeError(f'send takes no data for the event "{self.name}": it has none')
        elif len(data) != 1:
            raise TypeError(f'send takes the event "{self.name}" and its data, both positional')

    def encode(self, functions: Iterable[Accepted], limit: int) -> bytes:
        """Check the data and encode it, so that every function that is started by it can load it.

        Args:
            functions: what starts these functions.
            limit: how many bytes the data of an event with a definition may have.

        Raises:
            InvalidPayload: the data breaks the event's schema.
            PayloadTooLarge: its encoding is over the limit.
            NotJson: the data of an event without a definition isn't a JSON object.
        """
        refs = dict.fromkeys(ref for each in functions if (ref := each.ref(self.name)) is not None)
        given = self._data[0] if self._data else None
        if self.ref is None:
            if not refs:
                return encode_json(self.name, given)
            plain = json_object(self.name, given)
            return [encode_event(ref, plain, limit) for ref in refs][-1]
        raw = encode_event(self.ref, given, limit)
        for ref in refs:
            if ref != self.ref:  # of other bindings: it is enough that the function can read it
                load_event(ref, raw)
        return raw


def event_name(event: object, call: str = "send") -> str:
    """Return what was given as the name of an event.

    Args:
        event: what was given.
        call: to what, for the error.

    Raises:
        TypeError: it isn't text.
        ValueError: it is no Unicode text, as the names of all events are.
    """
    if isinstance(event, str):
        if not (event.isascii() or is_unicode(event)):
            raise ValueError(f"{call} takes a name in Unicode; this one holds half of a surrogate pair")
        return event
    if isinstance(event, Trigger):
        raise TypeError(f"{call} takes one event, or the name of one, not {event!r}")
    raise TypeError(f"{call} takes an event, or the name of one, not {type(event).__name__}")
