"""The SDK's contexts with ours added: the same objects, copied, under a class that has ``publish``."""

from __future__ import annotations

from typing import Any, Generic

import inngest
from typing_extensions import TypeVar

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._events.refs import Event
from tightbeam._publishing import MAX_PAYLOAD_BYTES, publish_live, publish_live_sync
from tightbeam.inngest._call import Call
from tightbeam.inngest._errors import translating
from tightbeam.inngest._members import copied, group_in_turn, group_noted
from tightbeam.inngest._step import RealtimeStep, RealtimeStepSync, upgraded_step, upgraded_step_sync

Happened = TypeVar("Happened", bound=Event[str, Any], covariant=True, default=inngest.Event)

__all__ = ["Context", "ContextSync", "upgraded", "upgraded_sync"]


class Context(inngest.Context, Generic[Happened]):
    """The SDK's context of an async handler, with ``publish`` and ``step.realtime``.

    It satisfies `tightbeam.Context`, so that a handler written for that runs here too. Its parameter is the
    event that starts the function, ``Context[UploadEvent]``; without one, ``event`` is the SDK's own.
    """

    event: Happened  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # typed events aren't the SDK's
    """The event that started the run. ``events`` is the SDK's, as it came."""
    step: RealtimeStep  # pyright: ignore[reportIncompatibleVariableOverride]  # no SDK step is assigned here
    """The SDK's steps, with ``realtime``."""

    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """Publish live: at most once, to the subscribers of this moment.

        Inngest replays a handler for each of its steps, so a publish outside steps is sent in each replay.

        Args:
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: none.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, and the run isn't retried.
            PayloadTooLarge: the server would cut it; nothing was sent.
            InvalidParam: a name can't be sent.
            PublishFailed: the server didn't take it, or didn't answer.
            SigningKeyError: there is no signing key, and this is no dev server; nothing was sent.
        """
        carrier = self.step.__tightbeam__.carrier
        with translating():
            await publish_live(carrier.hooks, carrier, topic, data, kwargs, self.run_id, MAX_PAYLOAD_BYTES)


class ContextSync(inngest.ContextSync, Generic[Happened]):
    """The SDK's context of a sync handler, with ``publish`` and ``step.realtime``; no ``await``."""

    event: Happened  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # as above
    """The event that started the run. See `Context`."""
    step: RealtimeStepSync  # pyright: ignore[reportIncompatibleVariableOverride]  # as above
    """The SDK's steps, with ``realtime``."""

    def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """Publish live. See `Context.publish`."""
        carrier = self.step.__tightbeam__.carrier
        with translating():
            publish_live_sync(carrier.hooks, carrier, topic, data, kwargs, self.run_id, MAX_PAYLOAD_BYTES)


def upgraded(ctx: inngest.Context, call: Call) -> Context[Any]:
    """Copy a context as one of ours; both share their state, and so the counter of step ids."""
    context = copied(Context, ctx, inngest.Context)
    context.step = upgraded_step(ctx.step, call)
    if hasattr(ctx, "group"):
        context.group = group_in_turn(ctx.group, call)
    return context


def upgraded_sync(ctx: inngest.ContextSync, call: Call) -> ContextSync[Any]:
    """Copy the context of a sync handler as one of ours. See `upgraded`."""
    context = copied(ContextSync, ctx, inngest.ContextSync)
    context.step = upgraded_step_sync(ctx.step, call)
    if hasattr(ctx, "group"):
        context.group = group_noted(ctx.group, call)
    return context
