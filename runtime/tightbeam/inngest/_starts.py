"""The steps of the SDK that start something or wait for it, with our events and functions beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast, overload

import inngest
from typing_extensions import TypeVar

from tightbeam._events.accepted import StartedEvent
from tightbeam._events.data import load_event
from tightbeam._events.refs import Event, EventRef, Sendable, Sending
from tightbeam._events.sending import SendCall, event_name
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._results import from_json, to_json
from tightbeam._starting.matching import as_expression, check_condition
from tightbeam._step_checks import check_wait
from tightbeam.errors import NotRegistered
from tightbeam.inngest._call import Call, ResultCodec, StepUse, run_kind
from tightbeam.inngest._errors import StepError, translating
from tightbeam.inngest._events import is_sdk_event, sdk_event
from tightbeam.inngest._memo import check_unchanged
from tightbeam.inngest._options import check_seconds
from tightbeam.inngest._run_metadata import data_with, event_without_metadata

if TYPE_CHECKING:
    from collections.abc import Generator

    from tightbeam._function import Function

__all__ = ["StartingStep", "StartingStepSync", "is_milliseconds"]

Output = TypeVar("Output")
Name = TypeVar("Name", bound=str)
Payload = TypeVar("Payload")
_Sdk = inngest.Event | list[inngest.Event]


class StartingStep(inngest.Step):
    """What ``ctx.step`` of an async handler starts and waits for."""

    __tightbeam__: Call

    @overload
    async def send_event(self, step_id: str, events: inngest.Event | list[inngest.Event]) -> list[str]: ...
    @overload
    async def send_event(
        self, step_id: str, events: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    async def send_event(
        self,
        step_id: str,
        events: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    async def send_event(self, step_id: str, events: Any, *data: Any, **options: Any) -> list[str]:  # type: ignore[misc]  # no event of ours has a keyword `events`
        """Send an event as a step, or events of the SDK as its own method does.

        Args:
            step_id: names the step within its function.
            events: an event, the name of one, or events of the SDK.
            data: a model or a dictionary; behind a name a JSON object.
            options: as `Client.send` has them.

        Returns:
            The events' ids.

        Raises:
            InvalidPayload: the data breaks the event's schema; nothing was sent, and the run isn't retried.
            NotJson: it isn't a JSON object, or holds an integer that Inngest would change.
            StepError: it couldn't be sent, and no attempt is left.
            StepMisuse: the id isn't allowed, or the step is inside another one.
        """
        with translating(), _as_kind("step.send_event"):
            return await super().send_event(step_id, _sdk_events(self.__tightbeam__, events, data, options))

    @overload
    async def wait_for_event(
        self,
        step_id: str,
        *,
        event: EventRef[..., Name, Payload],
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[Name, Payload] | None: ...
    @overload
    async def wait_for_event(
        self,
        step_id: str,
        *,
        event: str,
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> inngest.Event | None: ...
    async def wait_for_event(
        self,
        step_id: str,
        *,
        event: Any,
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """Wait for an event; the server waits, not this process.

        Args:
            step_id: names the step within its function.
            event: a reference to an event, or the name of one.
            timeout: how long, in milliseconds if it is a number.
            match: properties of the event's data that have these values; a key may be a path, ``"order.id"``.
            if_exp: an expression in CEL, in which ``event`` is the run's own event and ``async`` the one that
                comes.

        Returns:
            The event, the SDK's own where only a name is given; None if none came in time.

        Raises:
            InvalidPayload: the event that came doesn't fit; the run isn't retried.
            StepMisuse: an argument isn't allowed, or the step is inside another one.
        """
        call = self.__tightbeam__
        with translating():
            wait = _Wait(call, step_id, event, timeout, match, if_exp)
            async with call.turn():
                came = await super().wait_for_event(
                    step_id, event=wait.name, if_exp=wait.expression, timeout=timeout
                )
            call.notify_after(wait.use)
            return wait.event_of(came)

    @overload
    async def invoke(
        self,
        step_id: str,
        *,
        function: inngest.Function[Output],
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Output: ...
    @overload
    async def invoke(
        self,
        step_id: str,
        *,
        function: Function[Output, ...],
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Output: ...
    async def invoke(
        self,
        step_id: str,
        *,
        function: Any,
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Any:
        """Run another function and wait for its result.

        Args:
            step_id: names the step within its function.
            function: what ``client.function`` or ``create_function`` returned.
            data: of the event that starts it: a model or a dictionary.
            timeout: how long to wait for its end, in milliseconds if it is a number; None for as long as it
                takes.
            v: the version of the event's data.

        Returns:
            The function's result, as the return type that its handler is annotated with.

        Raises:
            StepError: the run failed, was cancelled or didn't end in time.
            InvalidPayload: the data breaks the event's schema; nothing was started.
            NotJson: the data isn't a JSON object, or holds an integer that Inngest would change.
            NotRegistered: it is a function of the embedded engine, or of another app.
            StepMisuse: an argument isn't allowed, or the step is inside another one.
        """
        call = self.__tightbeam__
        with translating():
            invoked = _Invoke(call, step_id, function, data, timeout)
            with invoked.translated():
                output = await super().invoke(
                    step_id, function=function, data=invoked.data, timeout=timeout, v=v
                )
            call.notify_after(invoked.use)
            return invoked.result_of(output)


class StartingStepSync(inngest.StepSync):
    """What ``ctx.step`` of a sync handler starts and waits for."""

    __tightbeam__: Call

    @overload
    def send_event(self, step_id: str, events: inngest.Event | list[inngest.Event]) -> list[str]: ...
    @overload
    def send_event(
        self, step_id: str, events: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    def send_event(
        self,
        step_id: str,
        events: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    def send_event(self, step_id: str, events: Any, *data: Any, **options: Any) -> list[str]:  # type: ignore[misc]  # as above
        """Send an event as a step. See `StartingStep.send_event`."""
        with translating(), _as_kind("step.send_event"):
            return super().send_event(step_id, _sdk_events(self.__tightbeam__, events, data, options))

    @overload
    def wait_for_event(
        self,
        step_id: str,
        *,
        event: EventRef[..., Name, Payload],
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Event[Name, Payload] | None: ...
    @overload
    def wait_for_event(
        self,
        step_id: str,
        *,
        event: str,
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> inngest.Event | None: ...
    def wait_for_event(
        self,
        step_id: str,
        *,
        event: Any,
        timeout: int | timedelta,
        match: Mapping[str, Any] | None = None,
        if_exp: str | None = None,
    ) -> Any:
        """Wait for an event. See `StartingStep.wait_for_event`."""
        call = self.__tightbeam__
        with translating():
            wait = _Wait(call, step_id, event, timeout, match, if_exp)
            with call.noting():
                came = super().wait_for_event(
                    step_id, event=wait.name, if_exp=wait.expression, timeout=timeout
                )
            call.notify_after(wait.use)
            return wait.event_of(came)

    @overload
    def invoke(
        self,
        step_id: str,
        *,
        function: inngest.Function[Output],
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Output: ...
    @overload
    def invoke(
        self,
        step_id: str,
        *,
        function: Function[Output, ...],
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Output: ...
    def invoke(
        self,
        step_id: str,
        *,
        function: Any,
        data: object = None,
        timeout: int | timedelta | None = None,
        v: str | None = None,
    ) -> Any:
        """Run another function and wait for its result. See `StartingStep.invoke`."""
        call = self.__tightbeam__
        with translating():
            invoked = _Invoke(call, step_id, function, data, timeout)
            with invoked.translated():
                output = super().invoke(step_id, function=function, data=invoked.data, timeout=timeout, v=v)
            call.notify_after(invoked.use)
            return invoked.result_of(output)


@contextmanager
def _as_kind(kind: Any) -> Generator[None]:
    """Have the SDK's ``step.run``, by which its own methods are made, stand for another kind of step."""
    token = run_kind.set(kind)
    try:
        yield
    finally:
        run_kind.reset(token)


def _sdk_events(call: Call, events: Any, data: tuple[Any, ...], options: dict[str, Any]) -> _Sdk:
    """Return the events of the SDK that a call of ``send_event`` means."""
    if is_sdk_event(events) and not data and not options:
        return cast("_Sdk", events)
    return [sdk_event(SendCall(events, data, options), call.carrier.accepted.values())]


class _Wait:
    """A step that waits for an event: its arguments, and what becomes of the event."""

    def __init__(
        self,
        call: Call,
        step_id: str,
        event: object,
        timeout: object,
        match: Mapping[str, Any] | None,
        if_exp: str | None,
    ) -> None:
        self._ref = event if isinstance(event, EventRef) else None
        self.name: str = event_name(event, "step.wait_for_event") if self._ref is None else self._ref.name
        if call.strict and not is_milliseconds(timeout):
            check_wait(step_id, timeout)
        check_seconds(step_id, timeout)
        check_condition(step_id, match, if_exp)
        self.expression: str | None = as_expression(match, if_exp)
        self.use: StepUse = call.use(step_id, "step.wait_for_event")

    def event_of(self, came: inngest.Event | None) -> object:
        """Return the event as the handler gets it."""
        if came is None:
            return None
        came = event_without_metadata(came)
        if self._ref is None:
            return came
        raw = to_json(dict(came.data), f'The data of event "{self.name}"')
        return StartedEvent(self.name, load_event(self._ref, raw))


class _Invoke:
    """A step that runs another function: its arguments, and what becomes of the result."""

    def __init__(self, call: Call, step_id: str, function: object, data: object, timeout: object) -> None:
        if not isinstance(function, inngest.Function):
            raise NotRegistered("step.invoke takes what `client.function` of this client returned")
        app = call.carrier.app
        if app is not None and function.id != f"{app}-{function.local_id}":  # which the SDK would call
            raise NotRegistered(
                f'step.invoke takes a function of the app "{app}", not "{function.id}" of another one: '
                "step.invoke_by_id(…, app_id=…) runs that"
            )
        if call.strict and timeout is not None and not is_milliseconds(timeout):
            check_wait(step_id, timeout)
        check_seconds(step_id, timeout)
        self.data = data_with(_plain(call, function.local_id, data), call.metadata)
        self.use: StepUse = call.use(step_id, "step.invoke")
        handler = getattr(function, "__wrapped__", None)
        what = f'The result of step "{self.use.step_id}"'
        # What `create_function` made isn't callable: its result needn't fit the annotation.
        strict = call.strict and callable(function)
        self._codec = None if handler is None else ResultCodec(handler, what, strict=strict)

    @contextmanager
    def translated(self) -> Generator[None]:
        """Raise the failure of the run as the error of both sides."""
        try:
            yield
        except inngest.StepError as error:
            raise (
                error if isinstance(error, StepError) else StepError(self.use.step_id, error)
            ) from error.__cause__

    def result_of(self, output: object) -> object:
        """Return the result as the handler gets it."""
        return output if self._codec is None else self._codec.load(output)


def _plain(call: Call, function: str, data: object) -> Mapping[str, Any] | None:
    """Return data for a function as JSON, checked by the event that starts it where that has a definition."""
    accepts = call.carrier.accepted.get(function)
    if accepts is None:
        return cast("Mapping[str, Any] | None", data)
    _, raw = accepts.invoked(accepts.arguments(data), MAX_PAYLOAD_BYTES)
    plain: dict[str, Any] = from_json(raw)
    check_unchanged(plain, f'the data for function "{function}"')
    return plain


def is_milliseconds(duration: object) -> bool:
    """Return whether a duration is a number, which the SDK takes beside timedeltas."""
    return isinstance(duration, int) and not isinstance(duration, bool)
