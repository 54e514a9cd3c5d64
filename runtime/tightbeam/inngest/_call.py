"""One call request: an execution of a handler from its beginning to the next new step, as Inngest has it.

The SDK ends it by an exception that isn't an `Exception`, out of the step that was new. Where several steps
run at a time (`asyncio.gather`, a `TaskGroup`) the others would go on after that, unmemoized, and publish
what the next call publishes again. So steps take turns here, and once one has ended the call no other begins.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from tightbeam._context import CurrentStep, current_step
from tightbeam._exception_groups import leaf_is_retryable, leaves, of_kind
from tightbeam._hooks.hook_list import Around, HookList, notify_step
from tightbeam._hooks.info import StepInfo, StepKind
from tightbeam._results import ReturnType, from_json, return_type
from tightbeam._step_checks import check_step_id
from tightbeam.errors import NotJson, RetryAfterError, StepMisuse, TightbeamError
from tightbeam.inngest._errors import printable, translated, translating
from tightbeam.inngest._memo import memo_of, value_of
from tightbeam.inngest._publish import InngestCarrier

__all__ = ["NO_INTERRUPT", "Call", "ResultCodec", "StepExecution", "StepUse", "run_kind"]

run_kind: ContextVar[StepKind] = ContextVar("tightbeam_run_kind", default="step.run")
"""What a ``step.run`` stands for, where a method of the SDK calls it."""
_in_parallel: ContextVar[bool] = ContextVar("tightbeam_in_parallel", default=False)
NO_INTERRUPT = (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
"""Exceptions that aren't the SDK's own way of ending a call."""


class StepUse:
    """One use of a step id."""

    __slots__ = ("id", "kind", "number")

    def __init__(self, id: str, number: int, kind: StepKind) -> None:
        self.id: str = id
        self.number: int = number
        """How often the id was used before in this call: the same in every replay."""
        self.kind: StepKind = kind

    @property
    def step_id(self) -> str:
        """The id as Inngest counts repeats: `id`, `id:1`, `id:2`."""
        return f"{self.id}:{self.number}" if self.number else self.id


class ResultCodec:
    """Encodes the results of a function, and loads them as the return type that it is annotated with.

    Results must fit the annotation where the function was registered by `Client.function`. Where it was
    written for the SDK, a result that doesn't fit is left to the SDK's serializer.
    """

    __slots__ = ("_kind", "_strict")

    def __init__(self, function: Callable[..., object], what: str, *, strict: bool) -> None:
        """Read the annotation.

        Args:
            function: whose results.
            what: the beginning of error messages, such as ``The result of step "a"``.
            strict: whether results must fit the annotation.

        Raises:
            NotJson: strictly, if Pydantic can't build the annotated type.
        """
        self._strict = strict
        self._kind: ReturnType | None = None
        try:
            self._kind = return_type(function, what)
        except NotJson:
            if strict:
                raise

    def dump(self, value: object) -> object:
        """Return a result as plain JSON data.

        Raises:
            NotJson: strictly, if it can't be JSON or doesn't fit.
        """
        if self._kind is None:
            return value
        try:
            return from_json(self._kind.dump(value))
        except NotJson:
            if self._strict:
                raise
            return value

    def dump_memo(self, value: object) -> object:
        """Return the memo of a result: what the server is to remember, for `load`."""
        return memo_of(self.dump(value)) if self._kind is not None else value

    def load(self, memo: object) -> Any:
        """Return the result of a memo.

        Raises:
            NotJson: strictly, if it doesn't fit the annotation.
        """
        if self._kind is None:
            return memo
        plain = value_of(memo)
        try:
            return self._kind.recall(_json_bytes(plain))
        except NotJson:
            if self._strict:
                raise
            return plain


class Call:
    """One call request: the state that its context and its steps share."""

    def __init__(
        self,
        run_id: str,
        function: str,
        attempt: int,
        carrier: InngestCarrier,
        *,
        strict: bool,
        metadata: bytes | None = None,
    ) -> None:
        """Begin a call.

        Args:
            run_id: the run that it belongs to.
            function: the id of the run's function.
            attempt: the run's attempt, as the server counts it.
            carrier: takes messages to the server.
            strict: whether results must fit their annotations.
            metadata: of the run, which those that it invokes get, too.
        """
        self.run_id = run_id
        self.function = function
        self.attempt = attempt
        self.carrier = carrier
        self.strict = strict
        self.metadata = metadata
        self._counts: dict[str, int] = {}
        self._count_lock = threading.Lock()
        self._turn = asyncio.Lock()
        self._interrupt: BaseException | None = None
        self._interrupted: asyncio.Task[Any] | None = None

    @property
    def hooks(self) -> HookList:
        """The hooks of the client."""
        return self.carrier.hooks

    def use(self, id: str, kind: StepKind) -> StepUse:
        """Count a use of a step id, before anything is awaited: its number is the same in each replay.

        Args:
            id: of the step, as the handler names it.
            kind: what the step does.

        Raises:
            StepMisuse: the step is inside another one, or the id isn't allowed.
            InjectedFault: a test has the handler fail here.
        """
        inside = current_step.get()
        if inside is not None and inside.run_id == self.run_id:
            raise StepMisuse(f'step "{id}" inside step "{inside.step_id}": steps can\'t be nested')
        if self.strict:
            check_step_id(id)
        with self._count_lock:
            number = self._counts.get(id, 0)
            self._counts[id] = number + 1
        use = StepUse(id, number, kind)
        if self.hooks.before_step:
            notify_step(self.hooks.before_step, self.info(use, remembered=None))
        return use

    def info(self, use: StepUse, *, remembered: bool | None) -> StepInfo:
        """Return the description of a step for hooks."""
        return StepInfo(
            self.run_id, self.function, use.step_id, use.kind, self.attempt, remembered=remembered
        )

    def notify_after(self, use: StepUse) -> None:
        """Notify hooks that the handler has a step's result, which the server has remembered.

        Raises:
            InjectedFault: a test has the handler fail here.
        """
        if self.hooks.after_step:
            notify_step(self.hooks.after_step, self.info(use, remembered=True))

    def executing(self, use: StepUse) -> StepExecution:
        """Return a context in which a step's function runs."""
        return StepExecution(self, use)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for the turn of a step: steps of one call run one at a time. See `noting`."""
        async with self._turn:
            with self.noting():
                yield

    @contextmanager
    def noting(self) -> Generator[None]:
        """Note the exception by which the SDK ends the call, when it leaves this context."""
        try:
            yield
        except NO_INTERRUPT:
            raise
        except BaseException as interrupt:
            task = running_task()
            if task is not None:
                # A task that no handler awaits would log the exception, and with it the step's output.
                task.add_done_callback(_retrieved)
            if self._interrupt is None:
                self._interrupt = interrupt
                self._interrupted = task
            raise

    @contextmanager
    def parallel(self) -> Generator[None]:
        """Return a context for ``ctx.group.parallel``: steps may begin after an interrupt of the same task.

        The SDK catches the interrupt of each step of the group, to report all of them at once. Elsewhere a
        step that begins after an interrupt of its task shows that the handler has caught it: `refuse_orphan`.
        """
        token = _in_parallel.set(True)
        try:
            yield
        finally:
            _in_parallel.reset(token)

    def refuse_orphan(self) -> None:
        """Refuse to begin a step's function after the call has ended: the next call runs the step.

        Raises:
            CancelledError: another task has ended the call.
            BaseException: what ended the call, once more: the handler has caught it and gone on.
        """
        if self._interrupt is None:
            return
        if running_task() is not self._interrupted:
            raise asyncio.CancelledError("the call has ended: this step runs when it is replayed")
        if not _in_parallel.get():
            raise self._interrupt

    def ended_by(self, error: BaseException) -> BaseException:
        """Return the exception that the SDK is to get when the handler ends in an exception.

        The one that ended the call goes before errors that followed it: its step is finished, and must be
        kept.
        """
        group = error if of_kind(error, BaseExceptionGroup) else None
        for leaf in leaves(group) if group is not None else ():
            if not of_kind(leaf, Exception):
                return leaf  # a TaskGroup wraps what ends the call
        if self._interrupt is not None and of_kind(error, Exception):
            return self._interrupt
        if group is not None:
            for leaf in leaves(group):
                if of_kind(leaf, TightbeamError) and not leaf_is_retryable(leaf):
                    leaf.__cause__ = printable(group)
                    return translated(leaf)
            for leaf in leaves(group):
                if of_kind(leaf, RetryAfterError):
                    leaf.__cause__ = printable(group)
                    return translated(leaf)
            return printable(group)
        if of_kind(error, asyncio.CancelledError) and self._interrupt is not None:
            task = running_task()
            if task is None or not task.cancelling():
                return self._interrupt  # the handler went on after its end, and met `refuse_orphan`
        return translated(error) if of_kind(error, Exception) else error

    @property
    def interrupt(self) -> BaseException | None:
        """What ended the call, if the handler has swallowed it (``gather(…, return_exceptions=True)``)."""
        return self._interrupt


class StepExecution:
    """A context in which a step's function runs: it is the current step, and hooks surround it.

    Errors of ours leave it as the SDK understands them.
    """

    __slots__ = ("_call", "_hooks", "_info", "_token", "_translating", "_use")

    def __init__(self, call: Call, use: StepUse) -> None:
        self._call = call
        self._use = use
        self._info = call.info(use, remembered=False)
        self._hooks = Around(call.hooks.step, self._info)
        self._translating = translating()

    def __enter__(self) -> None:
        """Refuse to run after the call has ended; see `Call.refuse_orphan`."""
        self._call.refuse_orphan()
        self._token = current_step.set(CurrentStep(self._call.run_id, self._use.step_id))
        self._hooks.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is None:
            self._info.outcome = "completed"
        else:
            self._info.outcome = "failed" if of_kind(error, Exception) else "interrupted"
        self._hooks.leave(error)
        current_step.reset(self._token)
        self._translating.__exit__(kind, error, trace)


def running_task() -> asyncio.Task[Any] | None:
    """Return the current task, or None in a thread without an event loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _retrieved(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _json_bytes(memo: object) -> bytes:
    from tightbeam._results import to_json

    return to_json(memo, "What the server remembers")
