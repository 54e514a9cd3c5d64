"""What a handler may rely on with every engine, and which run is current.

The type variables are spelt out for the reason given in `tightbeam._channels.refs`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, NamedTuple, Protocol, TypeVar, TypeVarTuple

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam.errors import StepMisuse

__all__ = [
    "Context",
    "ContextSync",
    "CurrentStep",
    "Event",
    "Step",
    "StepRealtime",
    "StepRealtimeSync",
    "StepSync",
    "check_sleep",
    "check_step_function",
    "check_step_id",
    "current_run",
    "current_step",
    "is_unicode",
    "wrong_step_kind",
]

Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


_NUMBERED = re.compile(r":\d+\Z")


def is_unicode(text: str) -> bool:
    """Whether it can be stored: bytes that aren't UTF-8 become lone surrogates in file names, say."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_step_id(id: object) -> None:
    """Refuse what can't be a step's id.

    Raises:
        StepMisuse: it isn't text, or ends like the number of a repeated use.
    """
    if not isinstance(id, str) or not id:
        raise StepMisuse("a step needs an id: a string that names it within its function")
    if not (id.isascii() or is_unicode(id)):
        raise StepMisuse("a step's id is Unicode text; this one holds half of a surrogate pair")
    if _NUMBERED.search(id):
        raise StepMisuse(f'step id "{id}" ends in a colon and digits, which number repeated uses of one id')


def check_step_function(id: object, function: object) -> None:
    """Refuse what isn't a function: most often a coroutine, which is what calling one gave.

    Raises:
        StepMisuse: it can't be called.
    """
    if callable(function):
        return
    if inspect.iscoroutine(function):
        function.close()  # nobody will await it
    called = "what calling it gave" if inspect.isawaitable(function) else type(function).__name__
    raise StepMisuse(
        f'step "{id}": step.run takes a function and its arguments, step.run("{id}", function, argument), '
        f"not {called}"
    )


_MAX_SLEEP = timedelta(days=3650)


def check_sleep(step_id: str, duration: object) -> None:
    """Refuse what a step can't sleep for.

    Raises:
        StepMisuse: it isn't a timedelta, or is negative or too long.
    """
    if not isinstance(duration, timedelta):
        raise StepMisuse(f'step "{step_id}": a sleep takes a timedelta, not {type(duration).__name__}')
    if duration < timedelta(0) or duration > _MAX_SLEEP:
        raise StepMisuse(f'step "{step_id}": a sleep lasts from no time to {_MAX_SLEEP.days} days')


def wrong_step_kind(step_id: str, *, wanted: str) -> StepMisuse:
    """The error for an async function where a plain one is wanted, or the reverse."""
    if wanted == "async":
        return StepMisuse(
            f'step "{step_id}": step.run takes an async function here; this one isn\'t: make it `async def`, '
            "or pass asyncio.to_thread and it"
        )
    return StepMisuse(f'step "{step_id}": step.run takes a plain function here; this one is async')


class CurrentStep(NamedTuple):
    """The step whose function is running."""

    run_id: str
    step_id: str


current_run: ContextVar[str | None] = ContextVar("tightbeam_current_run", default=None)
"""Id of the run the code belongs to; reaches tasks and threads that copy their context."""

current_step: ContextVar[CurrentStep | None] = ContextVar("tightbeam_current_step", default=None)


class Event(Protocol):
    """What a run was started with."""

    @property
    def name(self) -> str:
        """The event's name."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """The event's data: JSON."""
        ...


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
        """Publish once per run and step id, however often the run is retried; returns the published data.

        When it returns, message and memo are stored. A retry returns the first data whatever is passed then.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent, nothing memoized.
            StepMismatch: the id was used for another kind of step, channel or topic.
            EngineError: it couldn't be stored; nothing was sent.
        """
        ...


class Step(Protocol):
    """The parts of a run that are remembered."""

    @property
    def realtime(self) -> StepRealtime:
        """Publishing as a step."""
        ...

    async def run(
        self, id: str, fn: Callable[[*Arguments], Awaitable[Output]], /, *args: *Arguments
    ) -> Output:
        """Run ``fn`` and remember its result: a retry gets that, without running it again.

        The result is JSON, and comes back as the return type ``fn`` is annotated with. ``fn`` may run more
        than once (when it fails, or the process dies before its result is stored).

        Raises:
            StepError: ``fn`` failed and no attempt is left.
            NotJson: the result isn't JSON or doesn't fit the annotation; not retried.
        """
        ...

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """Go on after ``duration``, also when the process is restarted in between."""
        ...


class Context(Protocol):
    """What an async handler may rely on with every engine."""

    @property
    def event(self) -> Event:
        """What the run was started with."""
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
        """Publish live: at most once, to who listens now, never waiting; again when the run is retried.

        Raises:
            InvalidPayload: the data breaks the topic's schema; nothing was sent.
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
        """As `StepRealtime.publish`."""
        ...


class StepSync(Protocol):
    """The parts of a run that are remembered, in a sync handler."""

    @property
    def realtime(self) -> StepRealtimeSync:
        """Publishing as a step."""
        ...

    def run(self, id: str, fn: Callable[[*Arguments], Output], /, *args: *Arguments) -> Output:
        """As `Step.run`, for a plain function."""
        ...

    def sleep(self, id: str, duration: timedelta, /) -> None:
        """As `Step.sleep`."""
        ...


class ContextSync(Protocol):
    """What a sync handler may rely on with every engine: as `Context`, without ``await``."""

    @property
    def event(self) -> Event:
        """What the run was started with."""
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
        """As `Context.publish`."""
        ...
