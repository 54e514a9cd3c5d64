"""The values that hooks get. Their ``repr`` shows no payload: a hook reads that by a property."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol
from weakref import ref

import orjson

from tightbeam._channels.refs import TopicRef
from tightbeam._message import Address, Envelope
from tightbeam._step import StepKind

__all__ = [
    "RESERVED_METADATA",
    "ClientInfo",
    "CommitInfo",
    "ConnectionInfo",
    "MessageInfo",
    "Numbers",
    "PublishInfo",
    "RunCount",
    "RunInfo",
    "RunOutcome",
    "SendInfo",
    "StepInfo",
    "StepKind",
    "StepOutcome",
    "decoded_metadata",
    "metadata_of_hooks",
    "sender_metadata",
]

StepOutcome = Literal["completed", "failed", "interrupted"]
"""How a step ended. ``"interrupted"``: its execution was cut short, and the step is executed again later."""
RunOutcome = Literal[
    "completed", "failed", "cancelled", "retrying", "parked", "sleeping", "stopped", "continued"
]
"""How the execution of a run ended.

``"continued"``: on Inngest, the server calls the handler again behind the step that is new. ``"stopped"``:
the process shuts down, and the run resumes when a client is entered again."""


sender_metadata: ContextVar[bytes | None] = ContextVar("tightbeam_sender_metadata", default=None)
"""What hooks of another process have put beside the event that a gateway passes on."""


class _Info:
    """Shows its public attributes, but for those that may hold a payload."""

    __slots__ = ()
    _shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"<{type(self).__name__} {shown}>"


class MessageInfo(_Info):
    """One message: checked, encoded, on its way."""

    __slots__ = ("__envelope__", "relayed", "template")
    _shown = ("channel", "topic", "run_id", "id", "size", "relayed")

    relayed: bool
    """Whether another process published it, by way of this one's gateway."""
    template: str | None
    """The template of the channel's name; None in `Hook.sent`, where no channel object is at hand."""

    def __init__(self, envelope: Envelope, *, relayed: bool = False, template: str | None = None) -> None:
        self.__envelope__: Envelope = envelope
        self.relayed = relayed
        self.template = template

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self.__envelope__.channel

    @property
    def topic(self) -> str:
        """The topic's name as on the wire."""
        return self.__envelope__.topic

    @property
    def run_id(self) -> str | None:
        """The run that published it; None outside runs."""
        return self.__envelope__.run_id

    @property
    def id(self) -> str | None:
        """The id of a durable message, the same however often it comes; None for a live one."""
        return self.__envelope__.id

    @property
    def durable(self) -> bool:
        """Whether a step published it."""
        return self.__envelope__.id is not None

    @property
    def created_at(self) -> datetime:
        """When it was published (aware, UTC)."""
        return self.__envelope__.created_at

    @property
    def metadata(self) -> Mapping[str, Any]:
        """JSON that travels beside the data: that of hooks, and ids and positions of the wire."""
        return decoded_metadata(self.__envelope__.metadata)

    @property
    def size(self) -> int:
        """How many bytes the encoded payload has."""
        return len(self.__envelope__.data)

    @property
    def payload(self) -> bytes:
        """The encoded payload, JSON. It holds what your users wrote: keep it out of logs and traces."""
        return self.__envelope__.data


class PublishInfo(_Info):
    """One publish, from its call to its end."""

    __slots__ = (
        "channel",
        "in_transaction",
        "message",
        "metadata",
        "run_id",
        "server",
        "step_id",
        "template",
        "topic",
    )
    _shown = ("channel", "topic", "run_id", "step_id", "server")

    channel: str
    """The channel's name, such as ``uploads:u1``."""
    topic: str
    """The topic's name as on the wire."""
    template: str
    """The template of the channel's name, such as ``uploads:{uploadId}``."""
    run_id: str | None
    """The run that publishes; None outside runs."""
    step_id: str | None
    """The step of a durable publish; None for a live one, and for one in a transaction of the caller."""
    in_transaction: bool
    """Whether it is part of a transaction of the caller (``transaction=``), which may be rolled back yet."""
    metadata: dict[str, Any]
    """Written by hooks: travels beside the data, as JSON of 4 KiB at most."""
    message: MessageInfo | None
    """The message; None until the payload has been checked and encoded."""
    server: str | None
    """The origin of the server that takes the message; None where that is this process."""

    def __init__(
        self,
        topic: TopicRef[..., str, Any],
        run_id: str | None,
        step_id: str | None = None,
        *,
        server: str | None = None,
        in_transaction: bool = False,
    ) -> None:
        self.channel = topic.channel
        self.topic = topic.topic
        self.template = topic.__channel_class__.__tightbeam__.template.text
        self.run_id = run_id
        self.step_id = step_id
        self.metadata = {}
        self.message = None
        self.server = server
        self.in_transaction = in_transaction

    @property
    def durable(self) -> bool:
        """Whether a step publishes, or it is part of a transaction."""
        return self.step_id is not None or self.in_transaction


class SendInfo(_Info):
    """One event that starts runs: ``client.send``, ``client.run``."""

    __slots__ = ("ids", "is_scheduled", "metadata", "names", "server")
    _shown = ("names", "ids", "server", "is_scheduled")

    names: tuple[str, ...]
    """The names of the events: one, except where the Inngest SDK's form sends several."""
    ids: tuple[str, ...]
    """The ids that ``send`` returns: of runs, on Inngest of events. Empty until it has ended."""
    metadata: dict[str, Any]
    """Written by hooks: is kept with the runs, as JSON of 4 KiB at most, and found in `RunInfo.metadata`.
    At a gateway it begins with what the sender's hooks have written."""
    server: str | None
    """The origin of the server that takes the event; None where that is this process."""

    is_scheduled: bool
    """Whether a schedule starts the runs, and not a caller."""

    def __init__(
        self, names: tuple[str, ...], *, server: str | None = None, is_scheduled: bool = False
    ) -> None:
        self.names = names
        self.is_scheduled = is_scheduled
        self.ids = ()
        self.metadata = dict(decoded_metadata(sender_metadata.get()))
        self.server = server


class RunInfo(_Info):
    """One execution of a run's handler. A run is executed again for a retry; on Inngest after each step."""

    __slots__ = (
        "__calls_handler__",
        "_metadata",
        "_result",
        "attempt",
        "channels",
        "event",
        "function",
        "in_request",
        "outcome",
        "run_id",
    )
    _shown = ("run_id", "function", "event", "attempt", "outcome")

    run_id: str
    """The run's id, the same in every execution."""
    function: str
    """The function's id."""
    event: str
    """The name of the event that started the run."""
    attempt: int
    """Failures since the last newly remembered step, when the execution begins."""
    channels: frozenset[str]
    """Where the run had published durably before this execution (embedded engine)."""
    in_request: bool
    """Whether a server executes it by a request to this process (Inngest), which surrounds it."""
    outcome: RunOutcome | None
    """How the execution has ended; None until then."""

    def __init__(
        self,
        run_id: str,
        function: str,
        event: str,
        attempt: int,
        channels: frozenset[str] = frozenset(),
        *,
        metadata: bytes | None = None,
        in_request: bool = False,
        calls_handler: bool = True,
    ) -> None:
        self.run_id = run_id
        self.function = function
        self.event = event
        self.attempt = attempt
        self.channels = channels
        self.in_request = in_request
        self.outcome = None
        self.__calls_handler__: bool = calls_handler  # not where a run ends that only waits
        self._metadata = metadata
        self._result: bytes | None = None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What hooks have written into `SendInfo.metadata`; the same in each execution of the run."""
        return decoded_metadata(self._metadata)

    @property
    def result(self) -> bytes | None:
        """What the handler returned, as JSON, once the run is completed; keep it out of logs and traces."""
        return self._result

    def end(self, outcome: RunOutcome, result: bytes | None = None) -> None:
        """Note how the execution has ended; the caller of the hooks does it."""
        self.outcome, self._result = outcome, result


class StepInfo(_Info):
    """One use of a step."""

    __slots__ = ("attempt", "function", "kind", "outcome", "remembered", "run_id", "step_id")
    _shown = ("run_id", "function", "step_id", "kind", "attempt", "remembered", "outcome")

    run_id: str
    """The run whose step it is."""
    function: str
    """The id of the run's function."""
    step_id: str
    """The step's id; of its second use ``id:1``."""
    kind: StepKind
    """What the step does."""
    attempt: int
    """Failures since the last newly remembered step, when this use begins."""
    remembered: bool | None
    """Whether its result is remembered, so that nothing is done; None in `Hook.before_step` on Inngest, whose
    server knows."""
    outcome: StepOutcome | None
    """How its execution has ended; an interrupted one goes on in another execution of the run."""

    def __init__(
        self,
        run_id: str,
        function: str,
        step_id: str,
        kind: StepKind,
        attempt: int,
        *,
        remembered: bool | None,
    ) -> None:
        self.run_id = run_id
        self.function = function
        self.step_id = step_id
        self.kind = kind
        self.attempt = attempt
        self.remembered = remembered
        self.outcome = None


class ConnectionInfo(_Info):
    """One connection over which messages come: a reader's at a gateway, or this process's own to a server."""

    __slots__ = ("dropped", "messages", "reason", "server", "side", "topics", "transport")
    _shown = ("side", "transport", "server", "topics", "messages", "dropped", "reason")

    side: Literal["gateway", "client"]
    """Whether a reader reads from this process, or a subscription here from a server."""
    transport: Literal["websocket", "sse"]
    """How messages are carried: over a WebSocket, or as server-sent events."""
    server: str | None
    """The origin of the server that a client reads from; None at a gateway."""
    topics: tuple[Address, ...]
    """Channel and topic of everything that is followed when the connection begins."""
    messages: int
    """How many messages came over it so far."""
    dropped: int
    """How many live messages were dropped so far because the reader was too slow (gateway)."""
    reason: str | None
    """Why it ended, in words; None until then."""

    def __init__(
        self,
        side: Literal["gateway", "client"],
        transport: Literal["websocket", "sse"],
        topics: tuple[Address, ...],
        server: str | None = None,
    ) -> None:
        self.side = side
        self.transport = transport
        self.topics = topics
        self.server = server
        self.messages = 0
        self.dropped = 0
        self.reason = None


class CommitInfo(NamedTuple):
    """One commit of the embedded engine's journal, which stores what was waiting together."""

    seconds: float
    """How long it took, from the begin of the transaction until it was on the disk."""
    requests: int
    """How many requests it stored, or tried to: steps, messages, states of runs."""
    failed: bool
    """Whether nothing was stored: the disk is full, say."""


class RunCount(NamedTuple):
    """How many unfinished runs of a function are in a state."""

    function: str
    state: str
    """``"ready"``, ``"running"``, ``"sleeping"`` or ``"parked"``."""
    runs: int
    age: float
    """Seconds since the oldest of them was due, where they are ready; else 0."""


class Numbers(Protocol):
    """What can be asked of a client."""

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        ...

    @property
    def dropped(self) -> int:
        """How many live messages were dropped since the client was made."""
        ...

    def count_runs(self) -> tuple[RunCount, ...]:
        """Count unfinished runs; none where the client isn't entered, or has no runs of its own."""
        ...

    def read_lag(self) -> float | None:
        """Read how many seconds stored messages have waited to be handed on; None if nothing holds any."""
        ...


class ClientInfo:
    """A client, for hooks that measure: its numbers, when they are asked for. It doesn't keep the client."""

    __slots__ = ("_source",)

    def __init__(self, source: Numbers) -> None:
        self._source = ref(source)

    @property
    def is_gone(self) -> bool:
        """Whether the client exists no longer."""
        return self._source() is None

    @property
    def subscribers(self) -> int:
        """How many subscriptions of the client are open; on the embedded engine those at its gateway too."""
        source = self._source()
        return 0 if source is None else source.subscribers

    @property
    def dropped(self) -> int:
        """How many live messages its subscriptions have dropped, since their readers were too slow."""
        source = self._source()
        return 0 if source is None else source.dropped

    def count_runs(self) -> tuple[RunCount, ...]:
        """Count the unfinished runs by function and state (embedded engine, while the client is entered).

        It reads the journal and waits for that, so call it now and then, not at each publish.
        """
        source = self._source()
        return () if source is None else source.count_runs()

    def read_lag(self) -> float | None:
        """Read for how many seconds durable messages have waited for other transactions of their server.

        It is None where nothing can hold messages back, as in a file, and while the client isn't entered. It
        asks the server and waits for that, so call it now and then.
        """
        source = self._source()
        return None if source is None else source.read_lag()


RESERVED_METADATA = frozenset({"id", "position", "dropped"})
"""Keys that the wire uses itself."""


def metadata_of_hooks(raw: bytes) -> Mapping[str, Any]:
    """Return what hooks have put beside a message, without the keys of the wire."""
    metadata = decoded_metadata(raw)
    return MappingProxyType({key: value for key, value in metadata.items() if key not in RESERVED_METADATA})


def decoded_metadata(raw: bytes | None) -> Mapping[str, Any]:
    """Return the metadata that was kept as JSON; empty if there is none."""
    if raw is None:
        return {}
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
