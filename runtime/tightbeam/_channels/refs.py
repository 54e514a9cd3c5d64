"""Define channels, topics and references to them: what generated modules are built of.

Importing a generated channel must cost little, so nothing here builds a validator or imports a schema: a
class body only notes names and types, and each topic is compiled at its first use (`tightbeam._payload`).

Every ``TypeVar`` is spelt out: a PEP 695 class has its variance inferred, becomes covariant in what may be
published, and lets a wrong publish type-check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, ParamSpec, Protocol, TypeVar, cast

from tightbeam._channels.template import Kind, ParamValue, Template

if TYPE_CHECKING:
    from tightbeam._payload.compiled import CompiledTopic
    from tightbeam._transactions.connections import AsyncTransaction, SyncTransaction

__all__ = [
    "Channel",
    "Message",
    "TopicRef",
    "TopicSpec",
    "channel_from_name",
    "channel_params",
    "open_channel",
    "topic",
    "topics",
]

PayloadArgs = ParamSpec("PayloadArgs")
"""What a publish call may pass for one topic: exactly one positional argument, ``Model | ModelDict``."""

TopicName = TypeVar("TopicName", bound=str, covariant=True)
Data = TypeVar("Data", covariant=True)
ChannelMessage = TypeVar("ChannelMessage", covariant=True)
Publishing = ParamSpec("Publishing")
"""What a publish call may pass for one topic, its options too."""
Input = TypeVar("Input")
Input_contra = TypeVar("Input_contra", contravariant=True)
_C = TypeVar("_C", bound="Channel[Any]")


@dataclass(frozen=True, slots=True)
class Message(Generic[TopicName, Data]):
    """One received message; comparing ``topic`` to a literal narrows ``data``."""

    channel: str
    """The channel's name, such as ``uploads:u1``."""
    topic: TopicName
    """The topic's name as on the wire."""
    data: Data
    """The payload, as the topic's Python type."""
    run_id: str | None
    """The run that published it, or None when it was published outside a run."""
    id: str | None
    """Stable over repeats of one durable publish; None for live messages."""
    created_at: datetime
    """When it was published (aware, UTC)."""
    position: str | None
    """Where to resume after this message (``after=``); None for live messages."""
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What hooks of the publisher have put beside the data, such as a trace context; most often empty."""


if TYPE_CHECKING:
    # Type checkers learn from these what a publish takes in a transaction. A keyword can't stand between
    # `P.args` and `P.kwargs`, so the payload's type is taken out of `P`, by way of `Takes`, and the call is
    # put together again with the keyword. Other ways fail in mypy (a self type with `[Input]`) or in pyrefly
    # (a method in place of the property), which then refuse dictionaries that are right.

    class Takes(Protocol[Input_contra]):
        """What takes one payload."""

        def __takes__(self, payload: Input_contra, /) -> None: ...

    class PublishInTransaction(Protocol[Input_contra]):
        """The call of ``publish`` with ``transaction=``."""

        def call(self, payload: Input_contra, /, *, transaction: AsyncTransaction) -> None: ...

    class PublishInTransactionSync(Protocol[Input_contra]):
        """The call of ``publish_sync`` with ``transaction=``."""

        def call(self, payload: Input_contra, /, *, transaction: SyncTransaction) -> None: ...

    class PublishArguments(Protocol[Publishing]):
        """What a call takes behind its topic."""

        def call(self, *data: Publishing.args, **options: Publishing.kwargs) -> None:
            """State the arguments; only type checkers read it."""
            ...

    class Publishable(Protocol[Publishing]):
        """A topic, with the arguments that ``publish`` takes for it in a transaction."""

        @property
        def __publishing__(self) -> PublishArguments[Publishing]:
            """The arguments; only type checkers read it."""
            ...

    class PublishableSync(Protocol[Publishing]):
        """A topic, with the arguments that ``publish_sync`` takes for it in a transaction."""

        @property
        def __publishing_sync__(self) -> PublishArguments[Publishing]:
            """The arguments; only type checkers read it."""
            ...


class TopicRef(Generic[PayloadArgs, TopicName, Data]):
    """Reference to a topic of a channel: where a message goes, what may be published there, what comes back.

    A channel gives it: ``uploads_channel(upload_id="u1").status``. Two references are equal if the names of
    their channels and topics are.
    """

    __slots__ = ("__channel_class__", "__topic__", "__weakref__", "channel", "topic")

    channel: str
    """The channel's name, such as ``uploads:u1``."""
    topic: TopicName
    """The topic's name as on the wire."""

    __channel_class__: type[Channel[Any]]
    __topic__: TopicSpec

    def __init__(self, channel: Channel[Any], topic: TopicSpec) -> None:
        set_field = object.__setattr__
        set_field(self, "channel", channel.name)
        set_field(self, "topic", topic.name)
        set_field(self, "__channel_class__", type(channel))
        set_field(self, "__topic__", topic)

    if TYPE_CHECKING:

        def __takes__(self, *data: PayloadArgs.args, **kwargs: PayloadArgs.kwargs) -> None: ...

        @property
        def __publishing__(self: Takes[Input]) -> PublishInTransaction[Input]: ...

        @property
        def __publishing_sync__(self: Takes[Input]) -> PublishInTransactionSync[Input]: ...

    @property
    def payload_type(self) -> object:
        """The topic's Python type: a model class, a union, ``list[X]``, ``str``."""
        return self.__topic__.payload_type

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TopicRef):
            return NotImplemented
        return self.channel == other.channel and self.topic == other.topic

    def __hash__(self) -> int:
        return hash((self.channel, self.topic))

    def __repr__(self) -> str:
        return f"<TopicRef {self.topic!r} of {self.__channel_class__.__name__} {self.channel!r}>"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _restore_ref, (self.__channel_class__, self.channel, self.topic)


class TopicSpec:
    """What a channel class states about one topic, and what was compiled for it."""

    __slots__ = ("attribute", "compiled", "name", "owner", "payload_type")

    def __init__(self, name: str, payload_type: object) -> None:
        self.name: str = name
        self.payload_type: object = payload_type
        self.attribute: str = ""
        self.owner: type[Channel[Any]] | None = None
        self.compiled: CompiledTopic | None = None

    def __repr__(self) -> str:
        return f"<topic {self.name!r} of {self.owner.__name__ if self.owner else None}>"

    def __set_name__(self, owner: type[Channel[Any]], attribute: str) -> None:
        self.owner = owner
        self.attribute = attribute

    def ref(self, channel: Channel[Any]) -> TopicRef[..., str, Any]:
        """Return the reference to this topic of a channel, which the channel keeps in its ``__dict__``."""
        ref: TopicRef[..., str, Any] = TopicRef(channel, self)
        # setdefault: two threads that come here together must leave with one object.
        return cast("TopicRef[..., str, Any]", channel.__dict__.setdefault(self.attribute, ref))

    def compile(self) -> CompiledTopic:
        """Return what publishing and loading need of this topic, built at the first call.

        Raises:
            OutdatedBindings: its schema is missing or can't be compiled.
        """
        from tightbeam._payload.compiled import compile_topic, compiling  # not at import: it costs too much

        assert self.owner is not None  # noqa: S101 - a topic is declared in the body of a channel class
        with compiling:
            if self.compiled is None:
                module = self.owner.__tightbeam__.schemas
                self.compiled = compile_topic(self.name, self.payload_type, module)
            return self.compiled


class TopicDescriptor(TopicSpec):
    """A topic in its class body, which gives each channel its `TopicRef`.

    It isn't a data descriptor: the channel's ``__dict__`` goes first, so a second look-up doesn't come here.
    """

    __slots__ = ()

    def __get__(
        self, channel: Channel[Any] | None, owner: type[Channel[Any]]
    ) -> TopicSpec | TopicRef[..., str, Any]:
        return self if channel is None else self.ref(channel)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSpec:
    """What a channel class states about itself, in an attribute with a name that no topic has."""

    template: Template
    schemas: str
    """Absolute name of the module that holds the bundled schemas."""
    topics: Mapping[str, TopicSpec]
    """By wire name, in the order of the definition."""


class Channel(Generic[ChannelMessage]):
    """A channel: a name, and one `TopicRef` for each of its topics.

    Its type parameter is the union of all its messages. Immutable; equal to another channel of the same
    class and name. Besides ``name`` and dunders every attribute is a topic.
    """

    name: str
    """The channel's name, such as ``uploads:u1``."""

    __tightbeam__: ClassVar[ChannelSpec]

    def __init_subclass__(
        cls,
        *,
        template: str,
        schemas: str,
        params: Mapping[str, str] = MappingProxyType({}),
        separator: str = ":",
    ) -> None:
        super().__init_subclass__()
        declared = {value.name: value for value in vars(cls).values() if isinstance(value, TopicSpec)}
        module = resolve_name(schemas, cls.__module__.rpartition(".")[0])
        cls.__tightbeam__ = ChannelSpec(
            Template(template, cast("Mapping[str, Kind]", params), separator), module, declared
        )

    def __init__(self, name: str) -> None:
        # Not for users: generated factories go through `open_channel`, which checks the parameters.
        self.__dict__["name"] = name

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self!r} is immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Channel):
            return NotImplemented
        return type(self) is type(other) and self.name == other.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        # Without the references that are kept in __dict__: the copy makes its own.
        return _restore_channel, (type(self), self.name)


def topic(name: str, payload_type: object, /) -> TopicRef[PayloadArgs, TopicName, Data]:  # pyright: ignore[reportInvalidTypeVarUse]  # solved by the declaration
    """Declare a topic in a generated channel class.

    The result stands where a `TopicRef` is declared, and is a descriptor that gives each channel its own.

    Args:
        name: the topic's name on the wire.
        payload_type: the topic's Python type.
    """
    return cast("TopicRef[PayloadArgs, TopicName, Data]", TopicDescriptor(name, payload_type))


def open_channel(cls: type[_C], params: Mapping[str, object], /) -> _C:
    """Open a channel.

    Args:
        cls: the channel class.
        params: its parameters, by wire name.

    Raises:
        InvalidParam: a value that can't be part of a channel name, or that its schema refuses.
    """
    spec = cls.__tightbeam__
    name = spec.template.format(params)
    if spec.template.params:
        _check_params(spec, params)
    return cls(name)


def channel_from_name(cls: type[_C], name: str, /) -> _C:
    """Open the channel of a class that has this name.

    Args:
        cls: the channel class.
        name: such as ``uploads:u1``.

    Raises:
        InvalidParam: the name doesn't fit the channel's template, or a parameter in it breaks its schema.
    """
    spec = cls.__tightbeam__
    params = spec.template.parse(name)
    if params:
        _check_params(spec, params)
    return cls(name)


def channel_params(channel: Channel[Any], /) -> dict[str, ParamValue]:
    """Return the parameters in a channel's name, by wire name; the inverse of opening it."""
    return type(channel).__tightbeam__.template.parse(channel.name)


def topics(channel: Channel[Any], /) -> dict[str, TopicRef[..., str, Any]]:
    """Return the references to all topics of a channel, by wire name."""
    declared = type(channel).__tightbeam__.topics.values()
    return {topic.name: channel.__dict__.get(topic.attribute) or topic.ref(channel) for topic in declared}


def _check_params(spec: ChannelSpec, params: Mapping[str, object]) -> None:
    from tightbeam._payload.params import check_params  # not at import: it pulls in the validator

    check_params(spec.schemas, spec.template, params)


def _restore_channel(cls: type[_C], name: str) -> _C:
    return cls(name)


def _restore_ref(cls: type[Channel[Any]], name: str, topic_name: str) -> TopicRef[..., str, Any]:
    return topics(cls(name))[topic_name]
