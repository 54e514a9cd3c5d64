"""What starts one function, at run time: which events it listens to, and what becomes of their data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from tightbeam._events.cron import CRON_EVENT, CronTrigger
from tightbeam._events.data import NO_DATA, encode_event, encode_json, load_event
from tightbeam._events.refs import EventRef, Trigger, sources_of
from tightbeam._payload.encoders import BAD_DATA
from tightbeam._results import from_json
from tightbeam._step_checks import is_unicode
from tightbeam.errors import EngineError, InvalidPayload, NonRetriableError, OutdatedBindings

__all__ = ["INVOKED", "Accepted", "EventMisfit", "On", "StartedEvent"]

On: TypeAlias = Trigger[..., Any, Any] | str | None
"""What a function may be registered with."""

INVOKED = "tightbeam/function.invoked"
"""The event of a run that was started by nothing else: of a function that listens to no event."""
_INVOKED_BY_NAME = frozenset({INVOKED, "inngest/function.invoked"})
"""Events that say nothing of their data: which of a function's own it is, the data tells."""


@dataclass(frozen=True, slots=True)
class StartedEvent:
    """An event as a handler gets it."""

    name: str
    data: Any


class EventMisfit(NonRetriableError):
    """A run's event isn't one that its function can be started with today. It names no value."""

    def __init__(self, function: str, event: str, problem: str) -> None:
        super().__init__(
            f'event "{event}" doesn\'t fit what starts the function "{function}" today: {problem}'
        )


class Accepted:
    """What starts one function."""

    __slots__ = ("_function", "_refs", "_sources", "crons", "names")

    def __init__(self, function: str, on: object) -> None:
        """Read what a function is registered with.

        Args:
            function: the function's id.
            on: an event, a schedule, several of them, the name of an event, or None.

        Raises:
            EngineError: it is something else, or two events of one name.
        """
        self._function = function
        self._sources = sources_of(on) if isinstance(on, Trigger) else ()
        refs = [each for each in self._sources if isinstance(each, EventRef)]
        self._refs: dict[str, EventRef[..., str, Any]] = {ref.name: ref for ref in refs}
        self.crons: tuple[CronTrigger, ...] = tuple(
            each for each in self._sources if isinstance(each, CronTrigger)
        )
        """Its schedules."""
        if len(self._refs) < len(refs):
            raise EngineError(
                f'function "{function}": on= has two events of one name, from different bindings'
            )
        if isinstance(on, str):
            if not on:
                raise EngineError(f'function "{function}": on= is the name of an event')
            if not is_unicode(on):
                raise EngineError(
                    "a function's id and event are Unicode text; one holds half of a surrogate pair"
                )
        elif on is not None and not isinstance(on, Trigger):
            raise EngineError(
                f'function "{function}": on= is an event, several joined by |, a schedule, or the name of an '
                f"event, not {type(on).__name__}"
            )
        self.names: tuple[str, ...] = (on,) if isinstance(on, str) else tuple(self._refs)
        """The names of the events that it listens to."""

    @property
    def is_typed(self) -> bool:
        """Whether there are definitions of the events that start it."""
        return bool(self._sources)

    def ref(self, name: str) -> EventRef[..., str, Any] | None:
        """Return the event of that name that starts it, if there is a definition."""
        return self._refs.get(name)

    def invoked(self, data: tuple[object, ...], limit: int) -> tuple[str, bytes]:
        """Return the event that starts the function where a caller names it, not an event.

        Args:
            data: what the caller passes: one argument, or none.
            limit: how many bytes the data of an event with a definition may have.

        Returns:
            The event's name, and its data as JSON.

        Raises:
            TypeError: there is more or less data than the function takes, or it doesn't tell which event it
                is.
            InvalidPayload: the data breaks the event's schema.
            PayloadTooLarge: its encoding is over the limit.
            NotJson: the function has no typed event, and the data isn't a JSON object.
        """
        if len(data) > 1:
            raise TypeError(f'function "{self._function}" takes one event, and no more data than its')
        given = next(iter(data), None)
        if not self._sources:
            name = self.names[0] if self.names else INVOKED
            return name, encode_json(name, given)
        source, *others = self._sources
        if others:
            source = self._source_of(data)
        else:
            has_data = isinstance(source, EventRef) and source.payload_type is not None
            if has_data is not bool(data):
                takes = "takes its event's data" if has_data else "takes no data: nor does what starts it"
                raise TypeError(f'function "{self._function}" {takes}')
        if isinstance(source, EventRef):
            return source.name, encode_event(source, given, limit)
        return CRON_EVENT, NO_DATA

    def _source_of(self, data: tuple[object, ...]) -> Trigger[..., Any, Any]:
        """Return the one event or schedule, of several, whose data is of that class.

        Raises:
            TypeError: there is none, or more than one.
        """
        if not data:
            raise TypeError(
                f'function "{self._function}" is started by several events: pass the data of one, a model, '
                "or None where it has none"
            )
        fitting = [each for each in self._sources if _takes_class(each, data[0])]
        if len(fitting) == 1:
            return fitting[0]
        problem = (
            f"and {' and '.join(map(repr, fitting))} take a {type(data[0]).__name__}: send the event instead"
            if fitting
            else f"which is meant is told by a model of one of them, not by {type(data[0]).__name__}"
        )
        raise TypeError(f'function "{self._function}" is started by several events, {problem}')

    def arguments(self, data: object) -> tuple[object, ...]:
        """Return what `invoked` takes, of a keyword whose default is None.

        Args:
            data: the keyword; None counts only where it tells which of several events is meant.
        """
        return () if data is None and len(self._sources) < 2 else (data,)

    def started(self, name: str, raw: bytes) -> StartedEvent:
        """Return the event of a run as its handler gets it: its name is true, its data is of its type.

        Args:
            name: of the event, as it was stored or received.
            raw: its data as JSON.

        Raises:
            EventMisfit: it isn't one that starts the function, or its data doesn't load.
        """
        if not self._sources:
            return StartedEvent(name, from_json(raw))
        if name in self._refs:
            try:
                return StartedEvent(name, load_event(self._refs[name], raw))
            except (InvalidPayload, OutdatedBindings) as error:
                raise EventMisfit(self._function, name, _problem_of(error)) from error
        if name == CRON_EVENT and self.crons:
            return StartedEvent(CRON_EVENT, None)
        if name not in _INVOKED_BY_NAME:
            raise EventMisfit(self._function, name, "it isn't one of its events")
        return self._started_by_json(name, raw)

    def _started_by_json(self, name: str, raw: bytes) -> StartedEvent:
        """Return the event that invoked the function, of which there is nothing but JSON.

        Raises:
            EventMisfit: the data fits none of the function's events, or more than one.
        """
        sources: list[Trigger[..., Any, Any]] = list(self._sources)
        if len(sources) > 1:
            try:
                fitting = [each for each in sources if _takes_json(each, raw)]
                sources = fitting or [each for each in sources if _loads_json(each, raw)]
            except OutdatedBindings as error:
                raise EventMisfit(self._function, name, _problem_of(error)) from error
        if len(sources) == 1:
            source = sources[0]
            if isinstance(source, EventRef):
                return self.started(source.name, raw)
            return StartedEvent(CRON_EVENT, None)
        problem = "it doesn't tell which: its data fits " + (
            f"{' and '.join(map(repr, sources))}" if sources else "none of its events"
        )
        raise EventMisfit(self._function, name, problem)


def _problem_of(error: InvalidPayload | OutdatedBindings) -> str:
    return "; ".join(map(str, error.issues)) if isinstance(error, InvalidPayload) else str(error)


def _takes_class(source: Trigger[..., Any, Any], data: object) -> bool:
    """Return whether an object is the data of an event by its class: a model, or a dictionary for a map."""
    if not isinstance(source, EventRef) or source.payload_type is None:
        return data is None
    compiled = source.__topic__.compiled or source.__topic__.compile()
    return isinstance(data, compiled.classes) or (compiled.takes_maps and isinstance(data, dict))


def _takes_json(source: Trigger[..., Any, Any], raw: bytes) -> bool:
    """Return whether JSON is the data of an event, by its schema."""
    plain = from_json(raw)
    if not isinstance(source, EventRef) or source.payload_type is None:
        return not plain
    is_valid = (source.__topic__.compiled or source.__topic__.compile()).is_valid
    try:
        return is_valid(plain)
    except BAD_DATA:  # such as an integer beyond 64 bits
        return False


def _loads_json(source: Trigger[..., Any, Any], raw: bytes) -> bool:
    """Return whether JSON loads as the data of an event, undeclared properties passed over."""
    if not isinstance(source, EventRef) or source.payload_type is None:
        return False
    try:
        load_event(source, raw)
    except InvalidPayload:
        return False
    return True
