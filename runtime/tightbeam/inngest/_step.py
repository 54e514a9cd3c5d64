"""``ctx.step`` on Inngest: the SDK's, with publishing as a step, and with results as they are annotated."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, cast

import inngest

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._payload.load import load
from tightbeam._publishing import single_payload
from tightbeam._results import to_json
from tightbeam._skipped_sleeps import take_skip
from tightbeam._step_checks import check_sleep, check_step_function, wrong_step_kind
from tightbeam._step_timeouts import check_timeout, in_time, in_time_sync
from tightbeam.inngest._call import Call, ResultCodec, StepUse, run_kind
from tightbeam.inngest._durable_publish import DurablePublish
from tightbeam.inngest._errors import StepError, both_step_errors, translating
from tightbeam.inngest._members import ai_in_turn, ai_noted, copied
from tightbeam.inngest._memo import value_of
from tightbeam.inngest._starts import StartingStep, StartingStepSync, is_milliseconds

__all__ = [
    "RealtimeStep",
    "RealtimeStepSync",
    "StepRealtime",
    "StepRealtimeSync",
    "upgraded_step",
    "upgraded_step_sync",
]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")
Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])

_UNSET: Any = object()


def _in_turn(method: Method) -> Method:
    """Wrap a method of the SDK's step: it takes turns with the other steps of its call."""

    @functools.wraps(method)
    async def in_turn(self: RealtimeStep, /, *args: Any, **kwargs: Any) -> object:
        async with self.__tightbeam__.turn():
            return await method(self, *args, **kwargs)

    return cast("Method", in_turn)


def _noted(method: Callable[..., object]) -> Callable[..., object]:
    """Wrap a method of the SDK's sync step: note what ends the call."""

    @functools.wraps(method)
    def noted(self: RealtimeStepSync, /, *args: Any, **kwargs: Any) -> object:
        with self.__tightbeam__.noting():
            return method(self, *args, **kwargs)

    return noted


class RealtimeStep(StartingStep):
    """``ctx.step`` of an async handler: the SDK's, with ``realtime``."""

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
        timeout: timedelta | None = None,
    ) -> Output:
        """Run a function that is retried when it fails, and remember its result.

        Args:
            step_id: names the step within its function.
            handler: the async function. It may run more than once: when it fails, or when the process dies
                before the server has its result.
            handler_args: its arguments.
            output_type: how the client's serializer makes the result, in place of the annotation.
            timeout: how long each attempt may take. One that takes longer is interrupted at its ``await``,
                has failed, and is tried again as after any error.

        Returns:
            The result after a round trip through JSON, as the return type that ``handler`` is annotated with.

        Raises:
            StepError: the function failed and no attempt is left; a `tightbeam.StepTimeout`, if the last one
                took too long.
            StepMisuse: the id isn't allowed, it isn't a function, or the step is inside another one.
            NotJson: the result isn't JSON or doesn't fit the annotation; not retried.
        """
        call = self.__tightbeam__
        with translating():
            check_step_function(step_id, handler)
            check_timeout(step_id, timeout)
            bounded = handler if timeout is None else _bounded(handler, timeout)
            use = call.use(step_id, run_kind.get())
            if output_type is not _UNSET:
                value = await _once(self, use, bounded, handler_args, output_type=output_type)
                call.notify_after(use)
                return cast("Output", value)
            outcome = ResultCodec(handler, f'The result of step "{use.step_id}"', strict=call.strict)

            async def work(*args: *Arguments) -> object:
                returned: object = bounded(*args)
                if inspect.isawaitable(returned):
                    return outcome.dump_memo(await returned)
                if call.strict:
                    raise wrong_step_kind(use.step_id, wanted="async")
                return outcome.dump_memo(returned)  # as the SDK does

            result = outcome.load(await _once(self, use, work, handler_args))
            call.notify_after(use)
            return cast("Output", result)

    async def sleep(self, step_id: str, duration: int | timedelta) -> None:
        """Go on after a while; the server waits, not this process.

        Args:
            step_id: names the step within its function.
            duration: how long, in milliseconds if it is a number.

        Raises:
            StepMisuse: the id or the duration isn't allowed, or the step is inside another one.
        """
        call = self.__tightbeam__
        with translating():
            use = call.use(step_id, "step.sleep")
            if call.strict and not is_milliseconds(duration):
                check_sleep(use.step_id, duration)
            await super().sleep(step_id, 0 if take_skip(use.step_id) else duration)
            call.notify_after(use)

    if not TYPE_CHECKING:  # their types are the SDK's
        invoke_by_id = _in_turn(inngest.Step.invoke_by_id)
        sleep_until = _in_turn(inngest.Step.sleep_until)


class RealtimeStepSync(StartingStepSync):
    """``ctx.step`` of a sync handler: the SDK's, with ``realtime``."""

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
        timeout: timedelta | None = None,
    ) -> Output:
        """Run a plain function as a step. See `RealtimeStep.run`.

        A plain function can't be interrupted: one that takes longer than ``timeout`` goes on to its end. What
        it returns then doesn't count.
        """
        call = self.__tightbeam__
        with translating():
            check_step_function(step_id, handler)
            check_timeout(step_id, timeout)
            bounded = handler if timeout is None else _bounded_sync(handler, timeout)
            use = call.use(step_id, run_kind.get())
            if output_type is not _UNSET:
                value = _once_sync(self, use, bounded, handler_args, output_type=output_type)
                call.notify_after(use)
                return cast("Output", value)
            outcome = ResultCodec(handler, f'The result of step "{use.step_id}"', strict=call.strict)

            def work(*args: *Arguments) -> object:
                returned: object = bounded(*args)
                if inspect.isawaitable(returned):
                    if inspect.iscoroutine(returned):
                        returned.close()
                    raise wrong_step_kind(use.step_id, wanted="plain")
                return outcome.dump_memo(returned)

            result = outcome.load(_once_sync(self, use, work, handler_args))
            call.notify_after(use)
            return cast("Output", result)

    def sleep(self, step_id: str, duration: int | timedelta) -> None:
        """Go on after a while. See `RealtimeStep.sleep`."""
        call = self.__tightbeam__
        with translating():
            use = call.use(step_id, "step.sleep")
            if call.strict and not is_milliseconds(duration):
                check_sleep(use.step_id, duration)
            super().sleep(step_id, 0 if take_skip(use.step_id) else duration)
            call.notify_after(use)

    if not TYPE_CHECKING:  # their types are the SDK's
        invoke_by_id = _noted(inngest.StepSync.invoke_by_id)
        sleep_until = _noted(inngest.StepSync.sleep_until)


async def _once(
    step: RealtimeStep, use: StepUse, work: Callable[..., Any], args: tuple[object, ...], **options: object
) -> object:
    """Do the work as a step of the SDK's, in turn, and return what the server remembers of it."""
    call = step.__tightbeam__

    async def attempt(*given: object) -> object:
        with call.executing(use):
            returned = work(*given)
            return await returned if inspect.isawaitable(returned) else returned

    # Not the SDK's own method: a middleware may have put a class of its own between.
    run: Callable[..., Awaitable[object]] = super(RealtimeStep, step).run
    try:
        async with call.turn():
            return await run(use.id, attempt, *args, **options)
    except inngest.StepError as error:
        raise _both_step_errors(use, error) from error.__cause__


def _once_sync(
    step: RealtimeStepSync,
    use: StepUse,
    work: Callable[..., Any],
    args: tuple[object, ...],
    **options: object,
) -> object:
    """Do the work as a step of the SDK's, and return what the server remembers of it. See `_once`."""
    call = step.__tightbeam__

    def attempt(*given: object) -> object:
        with call.executing(use):
            return work(*given)

    run: Callable[..., object] = super(RealtimeStepSync, step).run
    try:
        with call.noting():
            return run(use.id, attempt, *args, **options)
    except inngest.StepError as error:
        raise _both_step_errors(use, error) from error.__cause__


def _both_step_errors(use: StepUse, error: inngest.StepError) -> inngest.StepError:
    return error if isinstance(error, StepError) else both_step_errors(use.step_id, error)


def _bounded(handler: Callable[[*Arguments], object], timeout: timedelta) -> Callable[[*Arguments], object]:
    """Wrap a step's async function: it is interrupted when it takes too long."""

    def bounded(*args: *Arguments) -> object:
        returned = handler(*args)
        return in_time(timeout, lambda: returned) if isinstance(returned, Awaitable) else returned

    return bounded


def _bounded_sync(
    handler: Callable[[*Arguments], object], timeout: timedelta
) -> Callable[[*Arguments], object]:
    """Wrap a step's plain function: what it returns doesn't count when it takes too long."""
    return lambda *args: in_time_sync(timeout, partial(handler, *args))


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
        """Publish as a step: once the server remembers it, it isn't sent again.

        At least once: a process that dies between sending and being remembered sends the message again, under
        the same id, and subscribers of `tightbeam.inngest` drop the second. A replay returns the first data,
        whatever is passed then.

        Args:
            id: names the step within its function.
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: none.

        Returns:
            The published data, as the topic's Python type.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, and the run isn't retried.
            PayloadTooLarge: the server would cut it; nothing was sent.
            InvalidParam: a name can't be sent.
            PublishFailed: the server refused it for good.
            SigningKeyError: there is no signing key, and this is no dev server; nothing was sent.
            StepError: it couldn't be sent, and no attempt is left.
            StepMisuse: the id isn't allowed, or the step is inside another one.
        """
        step = self._step
        with translating():
            publish = DurablePublish(step.__tightbeam__, id, topic, single_payload(topic, data, kwargs))

            async def send() -> object:
                with publish.sending() as message:
                    await step.__tightbeam__.carrier.publish(message)
                return publish.memo

            memo = await _once(step, publish.use, send, ())
            step.__tightbeam__.notify_after(publish.use)
            return load(topic, to_json(value_of(memo), "What was published"))


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
        """Publish as a step. See `StepRealtime.publish`."""
        step = self._step
        with translating():
            publish = DurablePublish(step.__tightbeam__, id, topic, single_payload(topic, data, kwargs))

            def send() -> object:
                with publish.sending() as message:
                    step.__tightbeam__.carrier.publish_sync(message)
                return publish.memo

            memo = _once_sync(step, publish.use, send, ())
            step.__tightbeam__.notify_after(publish.use)
            return load(topic, to_json(value_of(memo), "What was published"))


def upgraded_step(step: inngest.Step, call: Call) -> RealtimeStep:
    """Copy the SDK's step as one of ours; both share the counter of step ids."""
    upgraded = copied(RealtimeStep, step, inngest.Step)
    upgraded.__tightbeam__ = call
    if hasattr(step, "ai"):
        upgraded.ai = ai_in_turn(step.ai, call)
    return upgraded


def upgraded_step_sync(step: inngest.StepSync, call: Call) -> RealtimeStepSync:
    """Copy the SDK's step of a sync handler as one of ours. See `upgraded_step`."""
    upgraded = copied(RealtimeStepSync, step, inngest.StepSync)
    upgraded.__tightbeam__ = call
    if hasattr(step, "ai"):
        upgraded.ai = ai_noted(step.ai, call)
    return upgraded
