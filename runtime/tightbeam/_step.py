"""What ``ctx.step`` has, the same with every engine.

The type variables are spelt out for the reason given in `tightbeam._channels.refs`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVarTuple, overload

from typing_extensions import TypeVar

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._events.refs import Event, EventRef, Sendable, Sending
from tightbeam._function import Function

__all__ = ["Step", "StepKind", "StepRealtime", "StepRealtimeSync", "StepSync"]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")
Name = TypeVar("Name", bound=str)
Payload = TypeVar("Payload")
StepKind = Literal[
    "step.run",
    "step.sleep",
    "step.realtime.publish",
    "step.send_event",
    "step.wait_for_event",
    "step.invoke",
]
"""What a step does."""


class StepRealtime(Protocol):
    """Publishing as a step."""

    async def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """Publish once for each run and step id, however often the run is retried.

        When it returns, message and memo are stored. A retry returns the first data, whatever is passed then.
        On the embedded engine, an id that was used for another kind of step, channel or topic before parks
        the run; see `RunParked`.

        Args:
            id: names the step within its function; a second use is remembered apart from the first.
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: none.

        Returns:
            The published data, as the topic's Python type.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, nothing memoized.
            PayloadTooLarge: its encoding is over the limit; likewise.
            StepMisuse: the id isn't allowed, the step is inside another one or in flight, or the run is over.
            JournalFailed: message and memo couldn't be stored (embedded engine).
            NotStorable: they are larger than the journal can hold (embedded engine).
            PublishFailed: the server refused the message for good (Inngest).
            StepError: the message couldn't be sent, and no attempt is left (Inngest).
            InvalidParam: a name can't be sent (Inngest).
            SigningKeyError: there is no signing key, and this is no dev server (Inngest).
            TypeError: it isn't one topic and one payload.
        """
        ...


class Step(Protocol):
    """The parts of a run that are remembered."""

    @property
    def realtime(self) -> StepRealtime:
        """Publishing as a step."""
        ...

    async def run(
        self,
        id: str,
        fn: Callable[[*Arguments], Awaitable[Output]],
        /,
        *args: *Arguments,
        timeout: timedelta | None = None,
    ) -> Output:
        """Run a function and remember its result: a retry gets that, without running the function again.

        Args:
            id: names the step within its function; a second use is remembered apart from the first.
            fn: the async function. It may run more than once: when it fails, or when the process dies before
                its result is stored.
            args: its arguments.
            timeout: how long each attempt may take. One that takes longer is interrupted at its ``await``,
                has failed, and is tried again as after any error.

        Returns:
            The result after a round trip through JSON, as the return type that ``fn`` is annotated with.

        Raises:
            StepError: ``fn`` failed and no attempt is left; a `StepTimeout`, if the last one took too long.
            NotJson: the result isn't JSON or doesn't fit the annotation; not retried.
            NotStorable: the result is larger than the journal can hold; not retried (embedded engine).
            StepMisuse: the id isn't allowed, ``fn`` isn't an async function, the step is inside another one
                or in flight, or the run is over.
            Exception: whatever ``fn`` raised, if that isn't to be retried (`NonRetriableError`).
        """
        ...

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """Go on after a while, also when the process is restarted in between.

        Args:
            id: names the step within its function.
            duration: how long, from no time to ten years.

        Raises:
            StepMisuse: the id or the duration isn't allowed, the step is inside another one or in flight, or
                the run is over.
        """
        ...

    @overload
    async def send_event(
        self, step_id: str, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    async def send_event(
        self,
        step_id: str,
        event: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    async def send_event(self, step_id: str, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """Send an event once for each run and step id, however often the run is retried.

        What it starts and the memo are stored together (embedded engine).

        Args:
            step_id: names the step within its function.
            event: a reference to an event, or the name of one.
            data: a model or a dictionary; behind a name a JSON object.
            options: as `Client.send` has them.

        Returns:
            The ids of the runs that it starts (on Inngest of the event).

        Raises:
            NotRegistered: only a name is given, no function listens to it and no step waits for it (embedded
                engine).
            InvalidPayload: the data breaks the event's schema; nothing was sent, nothing memoized.
            PayloadTooLarge: its encoding is over the limit; likewise.
            NotJson: only a name is given, and the data isn't a JSON object.
            StepMisuse: the id isn't allowed, the step is inside another one or in flight, or the run is over.
            JournalFailed: it couldn't be stored (embedded engine).
            TypeError: it is no event, or an option isn't allowed.
        """
        ...

    @overload
    async def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: EventRef[..., Name, Payload],
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[Name, Payload] | None: ...
    @overload
    async def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: str,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[str, Any] | None: ...
    async def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: Any,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """Wait for an event that is sent from now on, also when the process is restarted in between.

        Args:
            id: names the step within its function.
            event: a reference to an event, or the name of one.
            timeout: how long, at most ten years.
            match: properties of the event's data that have these values; a key may be a path, ``"order.id"``.
            if_exp: an expression in CEL, in which ``event`` is the run's own event and ``async`` the one that
                comes (needs ``tightbeam[cel]`` on the embedded engine).

        Returns:
            The event, its data as its Python type; None if none came in time.

        Raises:
            StepMisuse: an argument isn't allowed, the step is inside another one or in flight, or the run is
                over.
        """
        ...

    async def invoke(
        self,
        id: str,
        /,
        *,
        function: Function[Output, ...],
        data: object = None,
        timeout: timedelta | None = None,
    ) -> Output:
        """Run another function of this client and wait for its result: a run of its own, started once.

        That run goes on if the time is over, or if this one is cancelled.

        Args:
            id: names the step within its function.
            function: what ``client.function`` returned.
            data: of the event that starts it: a model or a dictionary, a JSON object where the event has no
                definition; None where it has no data.
            timeout: how long to wait for its end; None for as long as it takes.

        Returns:
            The function's result, as its return type.

        Raises:
            StepError: the run failed, was cancelled (``error_type`` is ``RunCancelled``) or didn't end in
                time (``StepTimeout``).
            InvalidPayload: the data breaks the event's schema; nothing was started.
            NotJson: the event has no definition, and the data isn't a JSON object; or the result can't be
                JSON.
            NotRegistered: it isn't a function of this client (embedded engine).
            StepMisuse: the id isn't allowed, the step is inside another one or in flight, the run is over,
                or a hundred runs have invoked one another.
            TypeError: it takes data and none is given, or the reverse.
        """
        ...


class StepRealtimeSync(Protocol):
    """Publishing as a step, in a sync handler."""

    def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """Publish once for each run and step id. See `StepRealtime.publish`."""
        ...


class StepSync(Protocol):
    """The parts of a run that are remembered, in a sync handler."""

    @property
    def realtime(self) -> StepRealtimeSync:
        """Publishing as a step."""
        ...

    def run(
        self,
        id: str,
        fn: Callable[[*Arguments], Output],
        /,
        *args: *Arguments,
        timeout: timedelta | None = None,
    ) -> Output:
        """Run a plain function and remember its result. See `Step.run`.

        A plain function can't be interrupted: one that takes longer than ``timeout`` goes on to its end. What
        it returns then doesn't count.
        """
        ...

    def sleep(self, id: str, duration: timedelta, /) -> None:
        """Go on after a while. See `Step.sleep`."""
        ...

    @overload
    def send_event(
        self, step_id: str, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    def send_event(
        self,
        step_id: str,
        event: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    def send_event(self, step_id: str, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """Send an event as a step. See `Step.send_event`."""
        ...

    @overload
    def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: EventRef[..., Name, Payload],
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[Name, Payload] | None: ...
    @overload
    def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: str,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[str, Any] | None: ...
    def wait_for_event(
        self,
        id: str,
        /,
        *,
        event: Any,
        timeout: timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """Wait for an event. See `Step.wait_for_event`."""
        ...

    def invoke(
        self,
        id: str,
        /,
        *,
        function: Function[Output, ...],
        data: object = None,
        timeout: timedelta | None = None,
    ) -> Output:
        """Run another function and wait for its result. See `Step.invoke`."""
        ...
