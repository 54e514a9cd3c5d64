"""Engines: what executes runs, remembers steps and carries messages.

`Engine` is all that the client needs of one; implementations are folders beside this file, imported on
demand.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from tightbeam._engine.store import Answer, Query
from tightbeam._message import Address, Envelope

if sys.version_info >= (3, 12):
    from typing import NotRequired, TypedDict
else:
    from typing import NotRequired  # comes with Pydantic, which takes no other there

    from typing_extensions import TypedDict

if TYPE_CHECKING:
    from tightbeam._engine.details import RunDetail, RunRecord
    from tightbeam._engine.observing import RunObserver
    from tightbeam._engine.requests import SendEvent
    from tightbeam._hooks.hook_list import HookList
    from tightbeam._registry import Registry
    from tightbeam._transactions.work import Transactional

__all__ = [
    "BatchFeed",
    "Carrier",
    "Engine",
    "Feed",
    "Front",
    "RunSource",
    "Selection",
    "SubscriptionToken",
]

Selection = Mapping[str, Sequence[str]]
"""Names of topics, by channel."""


class SubscriptionToken(TypedDict):
    """The answer of a token route, and what ``useRealtime`` takes: it reads ``key`` and ``apiBaseUrl``."""

    key: str
    """The token."""
    apiBaseUrl: str
    """The address of the gateway."""
    topics: NotRequired[list[str]]
    """The topics that it allows: each name once, if it is for several channels."""
    channels: NotRequired[list[str]]
    """The names of the channels that it is for."""
    reset: NotRequired[bool]
    """True if messages after ``since`` are no longer retained, so that the page has missed some."""


class Feed(Protocol):
    """The messages of one subscription, still encoded."""

    @property
    def dropped(self) -> int:
        """How many live messages were dropped because the reader was too slow."""
        ...

    async def ready(self) -> None:
        """Return when nothing that is published from now on will be missed.

        A remote one connects here, or at the first `next`.

        Raises:
            SubscribeFailed: Inngest's server refused it or can't be reached; no gateway is at that URL, or
                its certificate isn't trusted.
            GatewayRefused: the gateway doesn't let it in.
        """
        ...

    def give_up(self) -> None:
        """Stop connecting, since the caller of `ready` was cancelled; a later `ready` or `next` begins again.

        A `next` that is cancelled leaves the connection alone: its caller comes back.
        """
        ...

    async def next(self) -> Envelope | None:
        """Wait for the next message and return it; None when there will be no more.

        Raises:
            PositionLost: where it should start is no longer retained.
            SubscriberTooSlow: its reader fell behind.
        """
        ...

    def position_of(self, envelope: Envelope, /) -> str | None:
        """Return where to resume after this message; None for a live one."""
        ...

    @property
    def position(self) -> str | None:
        """Where to resume after what was handed out so far; None where nothing can be resumed."""
        ...

    def close(self) -> None:
        """Unsubscribe; what is buffered may still be read."""
        ...


class Carrier(Protocol):
    """Carries messages, whose payloads are checked and encoded already."""

    @property
    def server(self) -> str | None:
        """The origin of the server that takes them; None where that is this process."""
        ...

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        ...

    @property
    def dropped(self) -> int:
        """How many live messages its subscriptions have dropped."""
        ...

    async def publish(self, envelope: Envelope, /) -> None:
        """Publish live. Called by a coroutine."""
        ...

    def publish_sync(self, envelope: Envelope, /) -> None:
        """Publish live. Called on any thread."""
        ...

    def transactional(self) -> Transactional:
        """Return what stores messages and events in transactions of the caller.

        Raises:
            EngineError: messages don't go to a database that the caller may have transactions on.
        """
        ...

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> Feed:
        """Subscribe.

        Args:
            addresses: what to follow.
            after: a position, ``"start"`` or ``"latest"`` to begin with stored messages; None to begin with
                what is published from now on.

        Raises:
            NotEntered: messages that are stored were asked for, and the engine isn't started.
        """
        ...

    async def token(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """Return a token for a subscriber elsewhere. Called by a coroutine.

        Args:
            selection: names of topics, by channel.
            since: where the subscriber begins: a time, ``"latest"``, or None for what comes from now on.

        Raises:
            NoGateway: no gateway serves the channels.
            InvalidParam: there is no such channel or topic, or ``since`` isn't a time.
        """
        ...

    def token_sync(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """Return a token as `token` does. Called on any thread."""
        ...


class BatchFeed(Feed, Protocol):
    """A feed for streams that carry many messages at once, and keep their reader's place."""

    async def next_batch(self) -> list[Envelope]:
        """Wait for messages and return all there are; none when there will be no more.

        Raises:
            PositionLost: where it should start is no longer retained.
            SubscriberTooSlow: its reader fell behind.
        """
        ...

    @property
    def place(self) -> str | None:
        """The position, or None before there is one: while ``"start"`` or ``"latest"`` stands for it."""
        ...

    def advance(self) -> str | None:
        """Return the position, moved past messages to other addresses if all of its own were handed out."""
        ...

    def last_time(self, channel: str, /) -> int:
        """Return the time of the last message of a channel that was replayed; or 0."""
        ...

    @property
    def addresses(self) -> frozenset[Address]:
        """What it follows."""
        ...

    def follow(self, addresses: Iterable[Address], /) -> None:
        """Follow these addresses from now on."""
        ...

    @property
    def is_crowded(self) -> bool:
        """Whether more than half of its buffer was filled when the last message came, and still is."""
        ...

    def note_drops(self) -> None:
        """Count the messages that were dropped since the last time, for the log."""
        ...


class Front(Protocol):
    """What serves an engine's channels over a network: a gateway."""

    def mint(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """Make a token for a subscriber elsewhere. Called on any thread.

        Args:
            selection: names of topics, by channel.
            since: where the subscriber begins: a time, ``"latest"``, or None for what comes from now on.

        Raises:
            InvalidParam: there is no such channel or topic, ``since`` isn't a time, or it is too much.
            EngineError: the gateway doesn't know its own address.
        """
        ...

    def check_application(self, application: object, /) -> None:
        """Check the ASGI application whose lifespan enters the client.

        Raises:
            ValueError: it has mounted the gateway where no reader looks for it.
        """
        ...


class RunSource(Protocol):
    """What shows runs and changes single ones: an engine in this process, or a gateway elsewhere.

    Each method has a twin for threads that run no event loop.
    """

    async def read(self, query: Query[Answer], /) -> Answer:
        """Answer a query about what is stored: see `tightbeam._engine.requests`.

        A gateway answers `ReadRun` and `ScanRuns` only.

        Raises:
            NotEntered: the engine isn't started.
        """
        ...

    def read_sync(self, query: Query[Answer], /) -> Answer:
        """Answer a query. Called on a thread without an event loop."""
        ...

    async def cancel_run(self, run_id: str, /) -> None:
        """End a run that hasn't ended; returns when that is stored.

        Raises:
            NoSuchRun: there is no such run.
            RunStateError: it has ended.
            NotEntered: the engine isn't started, or is left meanwhile.
            JournalFailed: it couldn't be stored.
        """
        ...

    def cancel_run_sync(self, run_id: str, /) -> None:
        """End a run as `cancel_run` does. Called on any thread but that of the engine's event loop."""
        ...

    async def retry_run(self, run_id: str, /) -> None:
        """Let a run that failed or was cancelled go on with what it remembers, at once.

        Raises:
            NoSuchRun: there is no such run.
            NotRegistered: its function isn't registered.
            RunStateError: it has neither failed nor was it cancelled.
            NotEntered: the engine isn't started.
            JournalFailed: it couldn't be stored.
        """
        ...

    def retry_run_sync(self, run_id: str, /) -> None:
        """Let a run go on as `retry_run` does. Called on any thread."""
        ...

    async def resume_run(self, run_id: str, /) -> None:
        """Let a parked run be tried again.

        Raises:
            NoSuchRun: there is no such run.
            NotRegistered: its function isn't registered.
            RunStateError: it isn't parked.
            NotEntered: the engine isn't started.
            JournalFailed: it couldn't be stored.
        """
        ...

    def resume_run_sync(self, run_id: str, /) -> None:
        """Let a parked run be tried again. Called on any thread."""
        ...

    async def wait_for_run(self, run_id: str, seconds: float | None, /) -> RunRecord:
        """Wait until a run has ended or is parked; at once, if it has or is.

        Args:
            run_id: of the run.
            seconds: how long to wait at most; None for as long as it takes.

        Raises:
            TimeoutError: it goes on after that time.
            NoSuchRun: there is no such run.
            NotEntered: the engine isn't started, or is left before the run has ended.
        """
        ...

    def wait_for_run_sync(self, run_id: str, seconds: float | None, /) -> RunRecord:
        """Wait as `wait_for_run` does. Called on any thread but that of the engine's event loop."""
        ...


class Engine(Carrier, RunSource, Protocol):
    """What executes runs, remembers their steps and carries messages, in this process."""

    @property
    def hooks(self) -> HookList:
        """The hooks that see and surround what it does; a gateway attaches its own."""
        ...

    # -- its life ------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it is started, by this process."""
        ...

    async def open(self, registry: Registry, /) -> None:
        """Start: recover what was unfinished, execute what is due.

        Raises:
            EngineError: it is open already.
            JournalRefused: the journal can't be opened, or is in use for longer than it is waited for.
            JournalFailed: it was opened, but not recovered; opening may be tried again.
        """
        ...

    async def close(self) -> None:
        """Stop within a bound; nothing that was accepted is lost."""
        ...

    def check_entered(self) -> None:
        """Refuse if it isn't started, by this process.

        Raises:
            NotEntered: it isn't.
        """
        ...

    def leaves_since(self, since: float | None, /) -> None:
        """Note that the program began to shut down, so that the bound of `close` counts from then.

        Args:
            since: by the monotonic clock; the first time counts. None if it doesn't shut down after all.
        """
        ...

    # -- runs ----------------------------------------------------------------------------------------------

    async def send(self, request: SendEvent, /) -> list[str]:
        """Start the runs of an event and hand it to the steps that wait for it, all or none.

        Args:
            request: the event.

        Returns:
            The ids of the runs.

        Raises:
            NotEntered: the engine isn't started.
            NotRegistered: there is nothing that the event may start or be handed to.
            JournalFailed: it couldn't be stored.
        """
        ...

    def send_sync(self, request: SendEvent, /) -> list[str]:
        """Start runs as `send` does. Called on a thread without an event loop."""
        ...

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """Start a run and wait for its end.

        Args:
            name: of the event.
            data: of the event, as JSON.
            function_id: the function.

        Returns:
            The result, as JSON.

        Raises:
            NotEntered: the engine isn't started, or is left before the run has ended.
            RunParked: what the run remembers doesn't fit today's code.
            RunCancelled: the run was cancelled.
            Exception: what the run has failed with.
        """
        ...

    async def read_detail(self, run_id: str, /) -> RunDetail | None:
        """Return a run with its steps, also those that are executed now; None if there is no such run.

        Raises:
            NotEntered: the engine isn't started.
        """
        ...

    # -- messages ------------------------------------------------------------------------------------------

    @property
    def max_payload_bytes(self) -> int:
        """The largest encoded payload."""
        ...

    @property
    def position(self) -> str | None:
        """Where to resume what comes from now on; None before there is a journal."""
        ...

    def position_of(self, place: int, /) -> str:
        """Return where to resume after the durable message at a place (`Envelope.seq`)."""
        ...

    async def position_since(self, channels: Iterable[str], since_ms: int, /) -> str:
        """Return where a reader resumes that remembers the time of the last message it saw.

        Args:
            channels: what it follows.
            since_ms: that time, in milliseconds since 1970.

        Raises:
            PositionLost: what came after that time is no longer retained.
            NotEntered: it isn't started.
        """
        ...

    def has_lost(self, since_ms: int, /) -> bool:
        """Return whether messages after this time are no longer retained, as far as that is known at once.

        Nothing is read, so that a token can be made on any thread.
        """
        ...

    def feed(
        self,
        addresses: Iterable[Address],
        after: str | None,
        /,
        *,
        max_messages: int,
        max_bytes: int,
        on_full: Callable[[], None] | None = None,
        at_replay_end: Callable[[], Awaitable[list[Envelope]]] | None = None,
    ) -> BatchFeed:
        """Subscribe, with a buffer of this size.

        Args:
            addresses: what to follow.
            after: the position to replay from; None to begin with what is published from now on.
            max_messages: how many messages the buffer holds.
            max_bytes: how many bytes it holds.
            on_full: called when the buffer is full, with the hub's lock held, on any thread; again only after
                something was taken.
            at_replay_end: returns what the reader gets between the replayed messages and those that come.

        Raises:
            NotEntered: a position was given, and it isn't started.
        """
        ...

    async def relay(self, envelope: Envelope, /) -> None:
        """Publish live for another process, whose run the message may name."""
        ...

    def announce(self, envelope: Envelope, /) -> None:
        """Hand on a frame that isn't a message (what becomes of a run); from any thread, without waiting."""
        ...

    def watch(self, offer: Callable[[Envelope], object], /) -> Callable[[], None]:
        """Have a function called with every message and frame that readers here may get, from now on.

        Args:
            offer: called on any thread; doesn't raise or wait.

        Returns:
            What ends that.
        """
        ...

    # -- runs of several processes -------------------------------------------------------------------------

    def observe(self, observer: RunObserver, /) -> None:
        """Tell an observer of the runs of all processes, while the engine shares them."""
        ...

    @property
    def shares_runs(self) -> bool:
        """Whether other processes may execute runs of the same journal, so that hooks hear of few of them."""
        ...

    # -- its gateway ---------------------------------------------------------------------------------------

    def serve(self, front: Front, /) -> None:
        """Have tokens made by this gateway from now on."""
        ...

    def check_application(self, application: object, /) -> None:
        """Check the ASGI application whose lifespan enters the client: see `Front`."""
        ...
