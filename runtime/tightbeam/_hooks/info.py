"""The values that hooks get. Their ``repr`` shows no payload: a hook reads that by a property."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson

from tightbeam._channels.refs import TopicRef
from tightbeam._context import StepKind
from tightbeam._message import Address, Envelope

__all__ = [
    "ConnectionInfo",
    "MessageInfo",
    "PublishInfo",
    "RunInfo",
    "RunOutcome",
    "SendInfo",
    "StepInfo",
    "StepKind",
    "StepOutcome",
    "envelope_of",
]

StepOutcome = Literal["completed", "failed", "interrupted"]
"""How a step ended. ``"interrupted"``: its execution was cut short, and the step is executed again later."""
RunOutcome = Literal[
    "completed", "failed", "cancelled", "retrying", "parked", "sleeping", "stopped", "continued"
]
"""How the execution of a run ended.

``"continued"``: on Inngest, the server calls the handler again behind the step that is new. ``"stopped"``:
the process shuts down, and the run resumes when a client is entered again."""


class _Info:
    """Shows its public attributes, but for those that may hold a payload."""

    __slots__ = ()
    _shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"<{type(self).__name__} {shown}>"


class MessageInfo(_Info):
    """One message: checked, encoded, on its way."""

    __slots__ = ("__envelope__", "relayed")
    _shown = ("channel", "topic", "run_id", "id", "size", "relayed")

    relayed: bool
    """Whether another process published it, by way of this one's gateway."""

    def __init__(self, envelope: Envelope, *, relayed: bool = False) -> None:
        self.__envelope__: Envelope = envelope
        self.relayed = relayed

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
        raw = self.__envelope__.metadata
        parsed = None if raw is None else orjson.loads(raw)
        return parsed if isinstance(parsed, dict) else {}

    @property
    def size(self) -> int:
        """How many bytes the encoded payload has."""
        return len(self.__envelope__.data)

    @property
    def payload(self) -> bytes:
        """The encoded payload, JSON. It holds what your users wrote: keep it out of logs and traces."""
        return self.__envelope__.data


def envelope_of(message: MessageInfo) -> Envelope:
    """Return the message itself, for hooks of this package."""
    return message.__envelope__


class PublishInfo(_Info):
    """One publish, from its call to its end."""

    __slots__ = ("channel", "message", "metadata", "run_id", "step_id", "template", "topic")
    _shown = ("channel", "topic", "run_id", "step_id")

    channel: str
    """The channel's name, such as ``uploads:u1``."""
    topic: str
    """The topic's name as on the wire."""
    template: str
    """The template of the channel's name, such as ``uploads:{uploadId}``."""
    run_id: str | None
    """The run that publishes; None outside runs."""
    step_id: str | None
    """The step of a durable publish; None for a live one."""
    metadata: dict[str, Any]
    """Written by hooks: travels beside the data, as JSON of 4 KiB at most."""
    message: MessageInfo | None
    """The message; None until the payload has been checked and encoded."""

    def __init__(self, ref: TopicRef[..., str, Any], run_id: str | None, step_id: str | None = None) -> None:
        self.channel = ref.channel
        self.topic = ref.topic
        self.template = ref.__channel_class__.__tightbeam__.template.text
        self.run_id = run_id
        self.step_id = step_id
        self.metadata = {}
        self.message = None

    @property
    def durable(self) -> bool:
        """Whether a step publishes."""
        return self.step_id is not None


class SendInfo(_Info):
    """One ``client.send``."""

    __slots__ = ("ids", "names")
    _shown = ("names", "ids")

    names: tuple[str, ...]
    """The names of the events: one, except where the Inngest SDK's form sends several."""
    ids: tuple[str, ...]
    """The ids that ``send`` returns: of runs, on Inngest of events. Empty until it has ended."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.ids = ()


class RunInfo(_Info):
    """One execution of a run's handler. A run is executed again for a retry; on Inngest after each step."""

    __slots__ = ("_result", "attempt", "channels", "event", "function", "outcome", "run_id")
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
    outcome: RunOutcome | None
    """How the execution has ended; None until then."""

    def __init__(
        self,
        run_id: str,
        function: str,
        event: str,
        attempt: int,
        channels: frozenset[str] = frozenset(),
    ) -> None:
        self.run_id = run_id
        self.function = function
        self.event = event
        self.attempt = attempt
        self.channels = channels
        self.outcome = None
        self._result: bytes | None = None

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
    """How many messages came over it."""
    dropped: int
    """How many live messages were dropped because the reader was too slow (gateway)."""
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
