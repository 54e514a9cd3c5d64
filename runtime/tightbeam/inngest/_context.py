"""The SDK's contexts with ours added: the same objects, copied, under a class that has ``publish``."""

from __future__ import annotations

from typing import TypeVar, cast

import inngest

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._publishing import MAX_PAYLOAD_BYTES, build_message, single_payload
from tightbeam.errors import TightbeamError
from tightbeam.inngest._call import Call
from tightbeam.inngest._errors import translated
from tightbeam.inngest._members import ai_in_turn, ai_noted, group_in_turn, group_noted
from tightbeam.inngest._step import RealtimeStep, RealtimeStepSync

__all__ = ["Context", "ContextSync", "upgraded", "upgraded_sync"]


class Context(inngest.Context):
    """The SDK's context of an async handler, with ``publish`` and ``step.realtime``.

    It satisfies `tightbeam.Context`, so that a handler written for that runs here too.
    """

    step: RealtimeStep  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody assigns an SDK step here

    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """Publish live: at most once, to who listens now; again whenever the code around it is replayed.

        Inngest replays a handler for each of its steps, so outside steps it is sent once for each of them.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, and the run isn't retried.
            PayloadTooLarge: the server would cut it; nothing was sent.
            PublishFailed: the server didn't take it, or didn't answer.
        """
        try:
            await self.step.tightbeam_call.carrier.publish(
                build_message(topic, single_payload(topic, data, kwargs), self.run_id, MAX_PAYLOAD_BYTES)
            )
        except TightbeamError as error:
            raise translated(error) from error.__cause__


class ContextSync(inngest.ContextSync):
    """The SDK's context of a sync handler, with ``publish`` and ``step.realtime``; no ``await``."""

    step: RealtimeStepSync  # pyright: ignore[reportIncompatibleVariableOverride]  # as above

    def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """As `Context.publish`."""
        try:
            self.step.tightbeam_call.carrier.publish_sync(
                build_message(topic, single_payload(topic, data, kwargs), self.run_id, MAX_PAYLOAD_BYTES)
            )
        except TightbeamError as error:
            raise translated(error) from error.__cause__


Kind = TypeVar("Kind")


def _copied(ours: type[Kind], original: object, sdks: type) -> Kind:
    # The fields aren't named: a release of the SDK may add some. A middleware may have put a class of its own
    # in place of the SDK's: what that overrides and ours doesn't, it goes on overriding.
    theirs = type(original)
    kind = ours if theirs is sdks else cast("type[Kind]", type(ours.__name__, (ours, theirs), {}))
    made = object.__new__(kind)
    made.__dict__.update(original.__dict__)
    return made


def upgraded(ctx: inngest.Context, call: Call) -> Context:
    """The context with our methods; the original's state, the counter of step ids too, is shared."""
    made = _copied(Context, ctx, inngest.Context)
    made.step = _copied(RealtimeStep, ctx.step, inngest.Step)
    made.step.tightbeam_call = call
    if hasattr(ctx.step, "ai"):
        made.step.ai = ai_in_turn(ctx.step.ai, call)
    if hasattr(ctx, "group"):
        made.group = group_in_turn(ctx.group, call)
    return made


def upgraded_sync(ctx: inngest.ContextSync, call: Call) -> ContextSync:
    """As `upgraded`, of a sync handler."""
    made = _copied(ContextSync, ctx, inngest.ContextSync)
    made.step = _copied(RealtimeStepSync, ctx.step, inngest.StepSync)
    made.step.tightbeam_call = call
    if hasattr(ctx.step, "ai"):
        made.step.ai = ai_noted(ctx.step.ai, call)
    if hasattr(ctx, "group"):
        made.group = group_noted(ctx.group, call)
    return made
