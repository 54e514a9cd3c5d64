"""The seam between the engine and what stores its runs and messages.

The engine (scheduler, executions, steps, subscriptions) knows these protocols only. A store is a folder
beside this file; it answers requests, which are values: see `tightbeam._engine.requests`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

from tightbeam._engine.observing import ReadEnds
from tightbeam._hooks.info import CommitInfo
from tightbeam._hub.hub import Loops
from tightbeam._hub.mailbox import IsOld
from tightbeam._message import Envelope

__all__ = ["After", "Answer", "Backend", "Outlet", "Query", "Request", "Store"]

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)
After = Callable[[bool], None]
"""Called on the event loop of a request's caller, with whether the request was carried out."""


class Request(Generic[Answer_co]):
    """One thing to do in a store, all of it or none; a frozen value, one class for each verb.

    A value holds no reference to the store or to a transaction, so a request may be carried out more than
    once (when its batch failed and is tried again), but is answered once.
    """

    __slots__ = ()


class Query(Request[Answer_co]):
    """A request that changes nothing."""

    __slots__ = ()


class Outlet(Protocol):
    """Where a store hands on the messages that it commits: the engine's hub.

    A store calls it from one thread at a time, which may be its own; `live` and what tells of runs, from any
    thread. No method waits for a disk or a reader.

    A store that several engines have open at once also calls `sent`, `skip`, `missed`, `date_live_before`,
    `live`, `settled`, `ended`, `cancelled` and `lost`: what another process does has no other way here. The
    stores of one engine never call them.
    """

    def reserve(self, channel: str, at_least: int, last: Callable[[], int], /) -> int:
        """Return the time of a durable message that is being stored, and is not committed yet.

        In a channel these times are at least a millisecond apart, and later than those of all live messages
        handed out before. Until `fan_out` or `release` live messages of the channel get earlier times.

        Args:
            channel: of the message.
            at_least: microseconds since 1970; the time is not before.
            last: reads the time of the channel's last stored message, or that of the last one that was
                trimmed if none is left; called only where that isn't known yet.
        """
        ...

    @property
    def measures(self) -> bool:
        """Whether `committed` is to be called, for which a store has to measure its commits."""
        ...

    def committed(self, commit: CommitInfo, /) -> None:
        """Note a commit, or that one has failed. Doesn't raise."""
        ...

    def release(self) -> None:
        """Forget the times that were reserved.

        Called at the end of each transaction that may have reserved any, after `fan_out` if it was committed.
        """
        ...

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        """Hand on the messages of a commit, in the order of their places. Doesn't raise.

        Args:
            committed: the messages.
            own: whether this process has published them all, so that its hooks are told of them first; if
                not, `sent` tells them of its own.
        """
        ...

    @property
    def is_read(self) -> bool:
        """Whether anybody in this process reads messages, or watches them or what becomes of runs."""
        ...

    def skip(self, place: int, /) -> bool:
        """Pass over the messages up to a place, which nobody here reads.

        Args:
            place: of the last of them; all of them were committed before this is called.

        Returns:
            False if somebody reads by now: nothing was passed over, and `fan_out` has to get them.
        """
        ...

    def missed(self, place: int, /) -> None:
        """Tell all readers that messages right after a place were dropped before this process read them.

        Args:
            place: of the last message that was fanned out.
        """
        ...

    def date_live_before(self, time_us: int, /) -> None:
        """Date live messages before a time from now on: no durable message still to come is before it.

        Their publishers' clocks know nothing of messages that are being stored elsewhere. A reader that
        resumes by the time of a live message would miss those. A later call takes the place of an earlier
        one.

        Args:
            time_us: microseconds since 1970, by the server's clock.
        """
        ...

    def wake(self, runs: Collection[str], /) -> None:
        """Have runs go on for which steps wait that have ended, once that is committed. Doesn't raise.

        Runs that are due are looked for, too, so that no runs at all may be given.

        Args:
            runs: their ids.
        """
        ...

    def sent(self, committed: Sequence[Envelope], /) -> None:
        """Tell hooks of messages that this process has committed; `fan_out` gets those of all processes.

        Doesn't raise.
        """
        ...

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> Loops | None:
        """Hand on live messages that any process has published, in order. Doesn't raise.

        Args:
            envelopes: the messages.
            relayed: whether they come from a program that has no part in the journal, and may name its runs.

        Returns:
            The event loops whose readers fall behind, to be given a turn (`tightbeam._hub.turns`).
        """
        ...

    def ended(self, runs: Collection[str] | None, /) -> None:
        """Tell those who wait for runs that these have ended or are parked, in another process.

        Args:
            runs: their ids; None: any run may have, since this process was cut off for a while.
        """
        ...

    def settled(self, runs: Collection[str] | None, read: ReadEnds, /) -> None:
        """Tell those who show runs that these have ended or are parked.

        Their messages have been handed on. Called by one thread, that of `fan_out`.

        Args:
            runs: their ids; None: any run may have.
            read: reads how runs have ended; may raise, and so does this then.
        """
        ...

    def cancelled(self, runs: Collection[str], /) -> None:
        """End the executions of runs that another process has cancelled, which is committed.

        Args:
            runs: their ids.
        """
        ...

    def lost(self, runs: Collection[str], /) -> None:
        """End the executions of runs that no longer belong to this process, and store nothing of them.

        Args:
            runs: their ids.
        """
        ...


class Store(Protocol):
    """An open journal: carries out requests, from any thread and any event loop, and answers them.

    **One engine, or many.** A journal in a file or in memory is open in one store at a time, which belongs to
    one engine: `Recover` takes over all runs that are there, and messages are fanned out within the process.
    A journal on a server may be open in any number of stores, in any number of processes: each claims runs
    for itself, `Recover` takes over those of processes that are dead, and each fans out the messages of all
    (`Outlet.fan_out`), live ones included (``carries_live``).

    **Together.** Each request is atomic: after an error, a crash or a power cut all of it is there or
    nothing. A message and the memo of its step are one thing (`MemoizePublish`). A store may commit several
    requests at once, but one that fails never takes another with it.

    **Durable.** A request is answered when it is on stable storage (for a store in memory: when it is
    applied).

    **In order.** Requests that change something are carried out in the order in which they were submitted,
    from whatever threads. A query sees every request that was answered before the query was submitted; it may
    see those that are still to be answered. After a commit first its messages are fanned out
    (`Outlet.fan_out`), then its requests are answered, where one engine has the journal; where many have it,
    requests are answered at once, and messages are fanned out in an order that is the same everywhere.
    Fan-outs follow the order of the places. Places are integers that grow from message to message; they need
    not be consecutive.

    **Cancelled callers.** A request that was submitted is carried out, and its messages are fanned out,
    also if its caller no longer awaits the answer.

    **Errors**, each of which leaves nothing of its request behind:

    * `JournalFailed`: storage failed (full, unplugged, removed); the same request may succeed later.
    * `NotStorable`: a value that the store can't hold, ever.
    * `MemoizedAlready`: the step has its memo, so that another execution of the run goes on.
    * `PositionLost`: the position isn't one of this journal, or what comes after it was trimmed.
    * `NotEntered`: the store is closed, or this is a forked child of the process that opened it; raised at
      once.
    * `TypeError`: the store doesn't know requests of this class.

    Each caller gets an exception of its own.
    """

    @property
    def last_place(self) -> int:
        """The place of the last message when the store was opened; 0 if there was none."""
        ...

    @property
    def trimmed_us(self) -> int:
        """The time of the latest message that was trimmed; 0 if none was. Read from any thread."""
        ...

    @property
    def carries_live(self) -> bool:
        """Whether live messages reach readers by `publish_live`, since some are in other processes."""
        ...

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> Loops | None:
        """Hand a live message to the readers of all processes; called on any thread.

        It reaches them after what this process has committed before, also here, and waits for nothing.
        Called only where ``carries_live`` is true. Doesn't raise.

        Args:
            envelope: the message.
            relayed: see `Outlet.live`.

        Returns:
            The event loops of this process whose readers fall behind, as `Outlet.live` returned them.
        """
        ...

    def published_before(self) -> IsOld | None:
        """Return what tells messages that this process has stored, and that aren't handed on yet.

        A reader that begins now with what is published from now on doesn't want them. None if there are none:
        always, where messages are fanned out before their requests are answered.
        """
        ...

    @property
    def is_lost(self) -> bool:
        """Whether storage is gone and nothing can be stored until it is back, which the store has logged."""
        ...

    def doubted(self, run_id: str, /) -> Request[None] | None:
        """Return what is to be carried out before the function of a step is called, if anything is.

        Where other processes may have taken this one for dead, since it stood still: whether the run is
        still this process's is to be asked then, so that a step that has ended elsewhere isn't done again.
        """
        ...

    def position_of(self, place: int, /) -> str:
        """Return the position at which a reader resumes after the message at a place. Reads nothing."""
        ...

    def listen(self) -> None:
        """Note that most requests come from the running event loop, so that waking it may be made cheap."""
        ...

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        """Queue a request from a coroutine.

        The future is never done when this returns, so that awaiting it gives the event loop a turn.
        Cancelling it doesn't cancel the request.

        Args:
            request: what to do.
            after: called on the event loop just before the future is resolved, also if that was cancelled.

        Raises:
            NotEntered: the store is closed.
        """
        ...

    def call(self, request: Request[Answer], /) -> Answer:
        """Carry out a request for a thread that runs no event loop, and wait for the answer.

        Raises:
            NotEntered: the store is closed; and what else the request may meet.
        """
        ...

    async def close(self, within: float, /) -> None:
        """Carry out what was submitted before, then let the journal go. Closing twice is allowed.

        After so many seconds it returns in any case, and the rest is done in the background.
        """
        ...

    def close_at_exit(self, within: float, /) -> None:
        """Close from a program that ends without leaving its client: put back all runs (`PutBackAll`) first.

        Called on the main thread, without an event loop, in the process that opened the store.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """What a client keeps its journal in, before that is opened: a file, memory, a server.

    Making one touches nothing. One backend may be opened again after its store was closed.
    """

    @property
    def name(self) -> str:
        """What messages for people call it: the path of a file."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether other processes can try to open the same journal: not for memory.

        Those of a file take turns: while a client has it open, `open` raises `JournalRefused` in all others.
        A server lets all of them in at once.
        """
        ...

    def open(self, outlet: Outlet, /) -> Store:
        """Open the journal, make it if it isn't there; called on a thread, may take a while.

        Raises:
            JournalRefused: it can't be opened, and was left untouched. If another client has it open, which
                may be waited for, ``holder`` is the id of that client's process, or 0.
        """
        ...

    def unheard(self, *, forked: bool) -> str | None:
        """Return why no reader can hear what this process publishes on a client that isn't entered.

        Args:
            forked: this process is the child of one in which the client was entered or had readers.

        Returns:
            A sentence for the log, with the way out; None if there is no such reason.
        """
        ...
