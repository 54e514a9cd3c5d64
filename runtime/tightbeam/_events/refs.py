"""Define events and triggers: what generated modules declare, and what starts functions.

As in `tightbeam._channels.refs`, nothing here builds a validator or imports a schema, and every ``TypeVar``
is spelt out. Those with a default are used by classes only: some type checkers put the default in where a
function's type variable is solved by a declaration.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.util import resolve_name
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, cast

from typing_extensions import ParamSpec, TypeVar, override

if TYPE_CHECKING:
    from tightbeam._payload.compiled import CompiledTopic
    from tightbeam._transactions.connections import AsyncTransaction, SyncTransaction

__all__ = [
    "DataEventRef",
    "EmptyEventRef",
    "Event",
    "EventRef",
    "Sendable",
    "Trigger",
    "empty_event",
    "event",
]

Payload = ParamSpec("Payload")
"""What may be passed as an event's data: one positional argument, ``Model | ModelDict``; none for ``[]``."""
Sending = ParamSpec("Sending")
"""What a send call may pass for one event: its data, and the options of the call."""
Input = TypeVar("Input")
EventName = TypeVar("EventName", bound=str, covariant=True)
Data = TypeVar("Data", covariant=True)
AnyName = TypeVar("AnyName", bound=str, covariant=True, default=str)
AnyData = TypeVar("AnyData", covariant=True, default=Any)
Started = TypeVar("Started", bound="Event[str, Any]", covariant=True)
Other = TypeVar("Other")
OtherStarted = TypeVar("OtherStarted", bound="Event[str, Any]")


class Event(Protocol[AnyName, AnyData]):
    """The event that started a run; comparing ``name`` to a literal narrows ``data``.

    Without parameters: of any name, its data ``Any``.
    """

    @property
    def name(self) -> AnyName:
        """The event's name."""
        ...

    @property
    def data(self) -> AnyData:
        """The event's data: its model; JSON where no definition says what it is."""
        ...


class Sendable(Protocol[Sending]):
    """An event that ``send`` takes, with the arguments that it takes for it.

    For helpers that pass them on: ``def forward(event: Sendable[P], /, *data: P.args, **options: P.kwargs)``.
    """

    def __sending__(self, *data: Sending.args, **options: Sending.kwargs) -> None:
        """State the arguments of ``send``; only type checkers read it."""
        ...


if TYPE_CHECKING:
    # As `Sendable`, with the keyword ``transaction=``, which differs between ``send`` and ``send_sync``.

    class SendableInTransaction(Protocol[Sending]):
        """An event, with the arguments that ``send`` takes for it in a transaction."""

        def __sending_inside__(self, *data: Sending.args, **options: Sending.kwargs) -> None: ...

    class SendableInTransactionSync(Protocol[Sending]):
        """An event, with the arguments that ``send_sync`` takes for it in a transaction."""

        def __sending_inside_sync__(self, *data: Sending.args, **options: Sending.kwargs) -> None: ...


class Trigger(Generic[Payload, Data, Started]):
    """What starts a function: an event, a schedule, or several of them, joined as a union is."""

    __slots__ = ("__sources__", "__weakref__")

    __sources__: tuple[Trigger[..., Any, Event[str, Any]], ...]
    """The single events and schedules that it consists of; empty where it is one itself."""

    def __init__(self, sources: tuple[Trigger[..., Any, Event[str, Any]], ...] = ()) -> None:
        object.__setattr__(self, "__sources__", sources)

    def __or__(
        self, other: Trigger[..., Other, OtherStarted], /
    ) -> Trigger[[Data | Other], Data | Other, Started | OtherStarted]:
        """Return what starts a function by either."""
        given: object = other
        if not isinstance(given, Trigger):
            return NotImplemented
        return Trigger(tuple(dict.fromkeys((*sources_of(self), *sources_of(other)))))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.__sources__))

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Trigger, (self.__sources__,)


def sources_of(trigger: Trigger[..., Any, Event[str, Any]]) -> tuple[Trigger[..., Any, Event[str, Any]], ...]:
    """Return the single events and schedules that a trigger consists of."""
    return trigger.__sources__ or (trigger,)


class EventRef(Trigger[Payload, Data, Event[EventName, Data]], Generic[Payload, EventName, Data]):
    """Reference to an event: what may be sent, and what the functions get that it starts.

    A generated module declares it: ``upload_event``. Two references are equal if the names of their events
    are, and come from the same bindings.
    """

    __slots__ = ("__topic__", "name")

    name: EventName
    """The event's name, such as ``app/upload``."""

    __topic__: EventSpec

    def __init__(self, spec: EventSpec) -> None:
        # Not for users: generated modules call `event` and `empty_event`.
        super().__init__()
        object.__setattr__(self, "name", spec.name)
        object.__setattr__(self, "__topic__", spec)

    @property
    def payload_type(self) -> object:
        """The Python type of the event's data: a model class, a union, a dictionary; None without data."""
        return self.__topic__.payload_type

    def __sending__(self, *data: Payload.args, **options: Payload.kwargs) -> None:
        """State the arguments of ``send``; only type checkers read it."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EventRef):
            return NotImplemented
        return self.name == other.name and self.__topic__.schemas == other.__topic__.schemas

    def __hash__(self) -> int:
        return hash((self.name, self.__topic__.schemas))

    def __repr__(self) -> str:
        return f"<EventRef {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        spec = self.__topic__
        return _restore, (type(self), spec.name, spec.payload_type, spec.schemas)


class DataEventRef(EventRef[[Input], EventName, Data], Generic[Input, EventName, Data]):
    """Reference to an event that has data."""

    __slots__ = ()

    @override
    def __sending__(
        self,
        data: Input,
        /,
        *,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> None: ...

    if TYPE_CHECKING:

        def __sending_inside__(
            self,
            data: Input,
            /,
            *,
            transaction: AsyncTransaction,
            id: str | None = None,
            delay: timedelta | None = None,
            at: datetime | None = None,
        ) -> None: ...

        def __sending_inside_sync__(
            self,
            data: Input,
            /,
            *,
            transaction: SyncTransaction,
            id: str | None = None,
            delay: timedelta | None = None,
            at: datetime | None = None,
        ) -> None: ...


class EmptyEventRef(EventRef[[], EventName, None], Generic[EventName]):
    """Reference to an event without data."""

    __slots__ = ()

    @override
    def __sending__(
        self, *, id: str | None = None, delay: timedelta | None = None, at: datetime | None = None
    ) -> None: ...

    if TYPE_CHECKING:

        def __sending_inside__(
            self,
            *,
            transaction: AsyncTransaction,
            id: str | None = None,
            delay: timedelta | None = None,
            at: datetime | None = None,
        ) -> None: ...

        def __sending_inside_sync__(
            self,
            *,
            transaction: SyncTransaction,
            id: str | None = None,
            delay: timedelta | None = None,
            at: datetime | None = None,
        ) -> None: ...


class EventSpec:
    """What a generated module states about an event, and what was compiled for it."""

    __slots__ = ("compiled", "name", "payload_type", "schemas")

    def __init__(self, name: str, payload_type: object, schemas: str) -> None:
        self.name: str = name
        self.payload_type: object = payload_type
        self.schemas: str = schemas
        """Absolute name of the module that holds the bundled schema; empty for an event without data."""
        self.compiled: CompiledTopic | None = None

    def compile(self) -> CompiledTopic:
        """Return what sending and loading need of this event, built at the first call.

        Raises:
            OutdatedBindings: its schema is missing or can't be compiled.
        """
        from tightbeam._payload.compiled import compile_topic, compiling  # not at import: it costs too much

        with compiling:
            if self.compiled is None:
                self.compiled = compile_topic(self.name, self.payload_type, self.schemas, kind="event")
            return self.compiled


def event(
    name: str, payload_type: object, /, *, module: str, schemas: str
) -> DataEventRef[Input, EventName, Data]:  # pyright: ignore[reportInvalidTypeVarUse]  # solved by the declaration
    """Declare an event in a generated module.

    Args:
        name: the event's name.
        payload_type: the Python type of its data.
        module: the generated module's ``__name__``.
        schemas: the module that holds its schema, relative to the package of ``module``.
    """
    spec = EventSpec(name, payload_type, resolve_name(schemas, module.rpartition(".")[0]))
    return cast("DataEventRef[Input, EventName, Data]", DataEventRef(spec))


def empty_event(name: str, /) -> EmptyEventRef[EventName]:  # pyright: ignore[reportInvalidTypeVarUse]  # solved by the declaration
    """Declare an event without data in a generated module.

    Args:
        name: the event's name.
    """
    return cast("EmptyEventRef[EventName]", EmptyEventRef(EventSpec(name, None, "")))


def _restore(
    cls: type[EventRef[..., str, Any]], name: str, payload_type: object, schemas: str
) -> EventRef[..., str, Any]:
    return cls(EventSpec(name, payload_type, schemas))
