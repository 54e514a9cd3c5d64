"""``ctx.step`` on Inngest: the SDK's, with publishing as a step, and with results as they are annotated."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, cast

import inngest

from tightbeam import _probes
from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._context import check_step_function, check_step_id, current_step, wrong_step_kind
from tightbeam._message import Envelope
from tightbeam._payload.load import load
from tightbeam._publishing import MAX_PAYLOAD_BYTES, encode_within, single_payload
from tightbeam._results import to_json
from tightbeam.errors import TightbeamError
from tightbeam.inngest._call import Call, Outcome, Use
from tightbeam.inngest._errors import StepError, translated
from tightbeam.inngest._memo import memo_of, value_of

__all__ = ["RealtimeStep", "RealtimeStepSync", "StepRealtime", "StepRealtimeSync"]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")
Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])

_UNSET: Any = object()


def _in_turn(method: Method) -> Method:
    """A method of the SDK's step, one at a time with the other steps of its call."""

    @functools.wraps(method)
    async def in_turn(self: RealtimeStep, /, *args: Any, **kwargs: Any) -> object:
        async with self.tightbeam_call.turn():
            return await method(self, *args, **kwargs)

    return cast("Method", in_turn)


def _noted(method: Callable[..., object]) -> Callable[..., object]:
    """Wrap a method of the SDK's sync step: note what ends the call."""

    @functools.wraps(method)
    def noted(self: RealtimeStepSync, /, *args: Any, **kwargs: Any) -> object:
        with self.tightbeam_call.noting():
            return method(self, *args, **kwargs)

    return noted


class RealtimeStep(inngest.Step):
    """``ctx.step`` of an async handler: the SDK's, with ``realtime``."""

    tightbeam_call: Call

    @property
    def realtime(self) -> StepRealtime:
        """Publishing as a step."""
        return StepRealtime(self)

    async def run(
        self,
        step_id: str,
        handler: Callable[[*Arguments], Awaitable[Output]],
        *handler_args: *Arguments,
        output_type: object = _UNSET,
    ) -> Output:
        """Run logic that is retried when it fails, and remembered when it doesn't.

        The result is JSON, and comes back as the return type that ``handler`` is annotated with, unless
        ``output_type`` says how the client's serializer makes it.
        """
        call = self.tightbeam_call
        try:
            check_step_function(step_id, handler)
            use = call.use(step_id)
            if output_type is not _UNSET:
                made = await self.tightbeam_once(use, handler, handler_args, output_type=output_type)
                return cast("Output", _after(use, made))
            outcome = Outcome(handler, f'The result of step "{use.step_id}"', strict=call.strict)

            async def work(*args: *Arguments) -> object:
                made: object = handler(*args)
                if inspect.isawaitable(made):
                    return outcome.dump_memo(await made)
                if call.strict:
                    raise wrong_step_kind(use.step_id, wanted="async")
                return outcome.dump_memo(made)  # as the SDK does

            memo = await self.tightbeam_once(use, work, handler_args)
            return cast("Output", _after(use, outcome.load(memo)))
        except TightbeamError as error:
            raise translated(error) from error.__cause__

    async def tightbeam_once(
        self, use: Use, work: Callable[..., Any], args: tuple[object, ...], **options: object
    ) -> object:
        """Do the work as a step, in turn, and return what is remembered of it."""
        call = self.tightbeam_call

        async def attempt(*given: object) -> object:
            call.refuse_orphan()
            token = current_step.set(call.current(use))
            try:
                made = work(*given)
                return await made if inspect.isawaitable(made) else made
            except TightbeamError as error:
                raise translated(error) from error.__cause__
            finally:
                current_step.reset(token)

        sdk_run: Callable[..., Awaitable[object]] = super().run
        try:
            async with call.turn():
                return await sdk_run(use.id, attempt, *args, **options)
        except inngest.StepError as error:
            raise _both_step_errors(use, error) from error.__cause__

    if not TYPE_CHECKING:  # their types are the SDK's
        invoke_by_id = _in_turn(inngest.Step.invoke_by_id)
        sleep_until = _in_turn(inngest.Step.sleep_until)
        wait_for_event = _in_turn(inngest.Step.wait_for_event)


class RealtimeStepSync(inngest.StepSync):
    """``ctx.step`` of a sync handler: the SDK's, with ``realtime``."""

    tightbeam_call: Call

    @property
    def realtime(self) -> StepRealtimeSync:
        """Publishing as a step."""
        return StepRealtimeSync(self)

    def run(
        self,
        step_id: str,
        handler: Callable[[*Arguments], Output],
        *handler_args: *Arguments,
        output_type: object = _UNSET,
    ) -> Output:
        """As `RealtimeStep.run`."""
        call = self.tightbeam_call
        try:
            check_step_function(step_id, handler)
            use = call.use(step_id)
            if output_type is not _UNSET:
                made = self.tightbeam_once(use, handler, handler_args, output_type=output_type)
                return cast("Output", _after(use, made))
            outcome = Outcome(handler, f'The result of step "{use.step_id}"', strict=call.strict)

            def work(*args: *Arguments) -> object:
                made: object = handler(*args)
                if inspect.isawaitable(made):
                    if inspect.iscoroutine(made):
                        made.close()
                    raise wrong_step_kind(use.step_id, wanted="plain")
                return outcome.dump_memo(made)

            return cast("Output", _after(use, outcome.load(self.tightbeam_once(use, work, handler_args))))
        except TightbeamError as error:
            raise translated(error) from error.__cause__

    def tightbeam_once(
        self, use: Use, work: Callable[..., Any], args: tuple[object, ...], **options: object
    ) -> object:
        """As `RealtimeStep.tightbeam_once`."""
        call = self.tightbeam_call

        def attempt(*given: object) -> object:
            call.refuse_orphan()
            token = current_step.set(call.current(use))
            try:
                return work(*given)
            except TightbeamError as error:
                raise translated(error) from error.__cause__
            finally:
                current_step.reset(token)

        sdk_run: Callable[..., object] = super().run
        try:
            with call.noting():
                return sdk_run(use.id, attempt, *args, **options)
        except inngest.StepError as error:
            raise _both_step_errors(use, error) from error.__cause__

    if not TYPE_CHECKING:  # their types are the SDK's
        invoke_by_id = _noted(inngest.StepSync.invoke_by_id)
        sleep_until = _noted(inngest.StepSync.sleep_until)
        wait_for_event = _noted(inngest.StepSync.wait_for_event)


def _after(use: Use, made: object) -> object:
    if _probes.step_probes:
        _probes.step_boundary("after", use.step_id)
    return made


def _both_step_errors(use: Use, error: inngest.StepError) -> inngest.StepError:
    return error if isinstance(error, StepError) else StepError(use.step_id, error)


class StepRealtime:
    """``ctx.step.realtime``: publishing as a step."""

    def __init__(self, step: RealtimeStep) -> None:
        self._step = step

    async def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """Publish as a step: once it is remembered it isn't sent again; returns the published data.

        At least once: a process that dies between sending and being remembered sends it again, under the
        same id, and subscribers of `tightbeam.inngest` drop it. A replay returns the first data, whatever is
        passed then.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, and the run isn't retried.
            PayloadTooLarge: the server would cut it; nothing was sent.
            PublishFailed: the server refused it for good.
            StepError: it couldn't be sent, and no attempt is left.
        """
        try:
            step = self._step
            use, envelope = _prepare(step.tightbeam_call, id, topic, single_payload(topic, data, kwargs))

            async def send() -> object:
                await step.tightbeam_call.carrier.publish(_checked(envelope))
                return memo_of(json.loads(_checked(envelope).data))

            memo = await step.tightbeam_once(use, send, ())
            _after(use, None)
            return load(topic, to_json(value_of(memo), "What was published"))
        except TightbeamError as error:
            raise translated(error) from error.__cause__


class StepRealtimeSync:
    """``ctx.step.realtime`` of a sync handler: publishing as a step."""

    def __init__(self, step: RealtimeStepSync) -> None:
        self._step = step

    def publish(
        self,
        id: str,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> Data:
        """As `StepRealtime.publish`."""
        try:
            step = self._step
            use, envelope = _prepare(step.tightbeam_call, id, topic, single_payload(topic, data, kwargs))

            def send() -> object:
                step.tightbeam_call.carrier.publish_sync(_checked(envelope))
                return memo_of(json.loads(_checked(envelope).data))

            memo = step.tightbeam_once(use, send, ())
            _after(use, None)
            return load(topic, to_json(value_of(memo), "What was published"))
        except TightbeamError as error:
            raise translated(error) from error.__cause__


def _prepare(
    call: Call, id: str, ref: TopicRef[..., str, Any], payload: object
) -> tuple[Use, Envelope | TightbeamError]:
    """Check and encode before the step; what is wrong is raised in it, so that a remembered one stands."""
    check_step_id(id)
    use = call.use(id)
    try:
        raw = encode_within(ref, payload, MAX_PAYLOAD_BYTES)
    except TightbeamError as error:
        return use, error
    message_id = f"{call.run_id}:{id}:{use.number}"
    return use, Envelope(ref.channel, ref.topic, raw, call.run_id, message_id, time_ns() // 1000)


def _checked(envelope: Envelope | TightbeamError) -> Envelope:
    if isinstance(envelope, TightbeamError):
        raise envelope
    return envelope
