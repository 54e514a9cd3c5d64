"""The context of a handler, the same with every engine, and the run that is current.

The type variables are spelt out for the reason given in `tightbeam._channels.refs`.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from typing_extensions import TypeVar

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._events.refs import Event
from tightbeam._step import Step, StepSync

__all__ = [
    "Context",
    "ContextSync",
    "CurrentStep",
    "PublishRight",
    "current_publish_right",
    "current_run",
    "current_step",
    "publishing_run",
]

Happened = TypeVar("Happened", bound=Event[str, Any], covariant=True, default=Event[str, Any])


class CurrentStep(NamedTuple):
    """The step whose function is running."""

    run_id: str
    step_id: str


current_run: ContextVar[str | None] = ContextVar("tightbeam_current_run", default=None)
"""Id of the run that the code belongs to; reaches tasks and threads that copy their context."""


class PublishRight:
    """Whether the code of an execution may still publish for its run; it keeps nothing else of that."""

    __slots__ = ("is_revoked", "run_id")

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.is_revoked = False

    def check(self) -> None:
        """Refuse to publish for a run that was cut short, since it is over or another process has it.

        Raises:
            StepMisuse: that is so.
        """
        if self.is_revoked:
            from tightbeam._engine.records import run_is_over  # not at import: seldom

            raise run_is_over(self.run_id)


current_publish_right: ContextVar[PublishRight | None] = ContextVar(
    "tightbeam_current_publish_right", default=None
)
"""Of the execution that the code belongs to, on the embedded engine; reaches as far as `current_run`."""


def publishing_run() -> str | None:
    """Return the id of the run that the code belongs to and publishes for, if any.

    Raises:
        StepMisuse: the run was cut short, since it was cancelled for example, and this is what is left of it.
    """
    right = current_publish_right.get()
    if right is not None:
        right.check()
    return current_run.get()


current_step: ContextVar[CurrentStep | None] = ContextVar("tightbeam_current_step", default=None)
"""The step whose function the code belongs to, so that a step inside it is refused."""


class Context(Protocol[Happened]):
    """The context of an async handler, the same with every engine.

    Its parameter is the event that starts the function, ``Context[UploadEvent]``, or the union of several;
    without one, it is the context of any event, with data of any type.
    """

    @property
    def event(self) -> Happened:
        """The event that started the run; its data is loaded when the handler starts."""
        ...

    @property
    def run_id(self) -> str:
        """The run's id; the same in every attempt."""
        ...

    @property
    def attempt(self) -> int:
        """Failures since the last newly memoized step; 0 at first."""
        ...

    @property
    def step(self) -> Step:
        """The parts of the run that are remembered."""
        ...

    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """Publish live: at most once, to the subscribers of this moment; again when the run is retried.

        It never waits for a reader or a disk.

        Args:
            topic: where to publish.
            data: the payload, a model or a dictionary.
            kwargs: none.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent.
            PayloadTooLarge: its encoding is over the limit; nothing was sent.
            StepMisuse: the run is over (embedded engine).
            PublishFailed: the server didn't take the message, or didn't answer (Inngest).
            InvalidParam: a name can't be sent (Inngest).
            SigningKeyError: there is no signing key, and this is no dev server (Inngest).
            TypeError: it isn't one topic and one payload.
        """
        ...


class ContextSync(Protocol[Happened]):
    """The context of a sync handler, the same with every engine: `Context` without ``await``."""

    @property
    def event(self) -> Happened:
        """The event that started the run. See `Context.event`."""
        ...

    @property
    def run_id(self) -> str:
        """The run's id; the same in every attempt."""
        ...

    @property
    def attempt(self) -> int:
        """Failures since the last newly memoized step; 0 at first."""
        ...

    @property
    def step(self) -> StepSync:
        """The parts of the run that are remembered."""
        ...

    def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """Publish live. See `Context.publish`."""
        ...
