"""One execution of a handler: its context, and what its end means for the run."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import uniform
from typing import Any, ClassVar, NoReturn

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._context import current_run
from tightbeam._engine.failure import Interrupt, has, is_retryable, never_counted, of_kind
from tightbeam._engine.limiter import Slot
from tightbeam._engine.lingering import has_ended, linger
from tightbeam._engine.protocol import Carrier
from tightbeam._engine.records import Run
from tightbeam._engine.step_log import Parking, StepLog
from tightbeam._engine.steps import AsyncStep, StepTasks
from tightbeam._engine.steps_sync import StepThread, SyncStep
from tightbeam._engine.store import Store
from tightbeam._function import AsyncFunction, Function, SyncFunction
from tightbeam._hooks.hook import InjectedFault
from tightbeam._hooks.hook_list import HookList
from tightbeam._hooks.info import RunOutcome
from tightbeam._publishing import publish_live, publish_live_sync
from tightbeam._results import from_json, return_type
from tightbeam.errors import NotJson

__all__ = [
    "Again",
    "Asleep",
    "Done",
    "Execution",
    "ExecutionResult",
    "Failed",
    "Parked",
    "Resume",
    "Services",
]

_MAX_DELAY = 300.0
"""Seconds up to which delays are doubled."""
_LEAST_JOURNAL_DELAY = 0.05
_MAX_JOURNAL_DELAY = 60.0
_LAST_WORDS = 0.5
"""Seconds that a program which is ending without leaving its client waits for the steps in flight."""


@dataclass(frozen=True, slots=True)
class Done:
    """The handler returned."""

    word: ClassVar[RunOutcome] = "completed"

    raw: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The run is over: the error can't be retried, or no attempt is left."""

    word: ClassVar[RunOutcome] = "failed"

    error: BaseException


@dataclass(frozen=True, slots=True)
class Again:
    """The run is to be tried again after so many seconds."""

    word: ClassVar[RunOutcome] = "retrying"

    attempt: int
    delay: float
    error: BaseException


@dataclass(frozen=True, slots=True)
class Resume:
    """Interrupted by a shutdown: the run goes on when the client is entered again."""

    word: ClassVar[RunOutcome] = "stopped"


@dataclass(frozen=True, slots=True)
class Parked:
    """What the run remembers doesn't fit today's code."""

    word: ClassVar[RunOutcome] = "parked"

    parking: Parking


@dataclass(frozen=True, slots=True)
class Asleep:
    """The run only sleeps, and for long: it is executed again when the first of these steps is over."""

    word: ClassVar[RunOutcome] = "sleeping"

    sleeps: frozenset[str]


ExecutionResult = Done | Failed | Again | Resume | Parked | Asleep


@dataclass(frozen=True, slots=True)
class Services:
    """What executions need of the engine."""

    store: Store
    carrier: Carrier
    """Publishes live messages."""
    max_payload_bytes: int
    retry_delay: float
    """Seconds before the first retry, doubled with each."""
    hooks: HookList
    """What is told of runs, steps and publishes."""

    @property
    def longest_delay(self) -> float:
        """Seconds that a retry waits at most."""
        return max(_MAX_DELAY, self.retry_delay)


class _Event:
    """What the run was started with."""

    __slots__ = ("data", "name")

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self.name = name
        self.data = data


class _RunContext:
    """What both kinds of context have."""

    def __init__(self, run: Run, log: StepLog, services: Services) -> None:
        self.event = _Event(run.event, from_json(run.data))
        self.run_id = run.id
        self._log = log
        self._services = services

    @property
    def attempt(self) -> int:
        """Failures since the last newly memoized step."""
        return self._log.attempt

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a run's context belongs to its process: pass on what another one needs, as arguments"
        )


class RunContext(_RunContext):
    """A `tightbeam.Context`."""

    def __init__(self, run: Run, log: StepLog, services: Services, step: AsyncStep) -> None:
        super().__init__(run, log, services)
        self.step = step

    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """See `tightbeam.Context`."""
        self._log.refuse_if_ended()
        services = self._services
        await publish_live(
            services.hooks, services.carrier, topic, data, kwargs, self.run_id, services.max_payload_bytes
        )


class RunContextSync(_RunContext):
    """A `tightbeam.ContextSync`."""

    def __init__(self, run: Run, log: StepLog, services: Services, step: SyncStep) -> None:
        super().__init__(run, log, services)
        self.step = step

    def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """See `tightbeam.ContextSync`."""
        self._log.refuse_if_ended()
        services = self._services
        publish_live_sync(
            services.hooks, services.carrier, topic, data, kwargs, self.run_id, services.max_payload_bytes
        )


class Execution:
    """One execution, from the top of the handler to its end; belongs to the engine's event loop."""

    def __init__(
        self,
        run: Run,
        function: Function[Any],
        services: Services,
        slot: Slot,
        *,
        cut_off: Callable[[], bool],
        journal_failures: int = 0,
    ) -> None:
        """Prepare an execution.

        Args:
            run: what to execute.
            function: whose handler is called.
            services: what the engine lends.
            slot: of its function's concurrency limit.
            cut_off: whether the program is ending without leaving the client.
            journal_failures: how often in a row the run has ended because the journal failed.
        """
        self._run = run
        self._function = function
        self._services = services
        self._slot = slot
        self._cut_off = cut_off
        self.journal_failures = journal_failures
        self._task: asyncio.Task[object] | None = None
        self._thread: threading.Thread | None = None
        self._tasks: StepTasks | None = None
        self.log = StepLog(run, function.retries, services.hooks)

    async def perform(self) -> ExecutionResult:
        """Call the handler; wait for the steps it left in flight; say what that means for the run."""
        self._task = asyncio.current_task()
        current_run.set(self._run.id)
        what = f'The result of function "{self._function.id}"'
        raw = b"null"
        error: BaseException | None = None
        try:
            result = return_type(self._function.__wrapped__, what)
            raw = result.dump(await self._call())
            result.load(raw)
        except BaseException as raised:  # noqa: BLE001 - a handler may raise anything; what it means is said below
            error = raised
        if self._task is not None and self._task.cancelling() and self._cut_off():
            self.log.stop()  # the event loop is closing, which is no fault of the run's
        if self._tasks is not None:
            self._tasks.wake_sleepers()
        await self._idle()
        if error is None and self._was_told_to_end():
            error = Interrupt()
        self.log.end()
        if self._tasks is not None:
            self._tasks.wake_sleepers()
        return Done(raw) if error is None else self._judge(error)

    async def _idle(self) -> None:
        """Wait for the steps that are in flight; where the program is ending, not for long."""
        try:
            async with asyncio.timeout(_LAST_WORDS if self._cut_off() else None):
                await self.log.idle()
        except TimeoutError:
            linger(self._run.id, self.goes_on)
        except asyncio.CancelledError:
            if not self.log.stopping:
                raise

    def _was_told_to_end(self) -> bool:
        """Whether a handler that returned has swallowed the order to end: it may have stopped half-way."""
        cancelled = self.log.stopping and self._task is not None and self._task.cancelling() > 0
        return cancelled or self.log.interrupted

    def stop(self) -> None:
        """Shutdown: interrupt the handler; it goes on another time."""
        self.log.stop()
        if self._tasks is not None:
            self._tasks.wake_sleepers()
            self._tasks.cancel()
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """The handler didn't stop in time: from now on its context is of no use to it."""
        self.log.end()
        linger(self._run.id, self.goes_on)

    def goes_on(self) -> bool:
        """Whether the handler still executes, for all that it was told."""
        thread, task = self._thread, self._task
        if thread is not None:
            return thread.is_alive()
        if isinstance(self._function, SyncFunction):
            return False
        return task is not None and not task.done() and not task.get_loop().is_closed()

    async def _call(self) -> object:
        run, services, handler = self._run, self._services, self._function.__wrapped__
        if isinstance(self._function, AsyncFunction):
            tasks = self._tasks = StepTasks(self.log, services.store, self._slot)
            step = AsyncStep(tasks, services.max_payload_bytes)
            returned: object = await handler(RunContext(run, self.log, services, step))
            return returned
        thread = StepThread(self.log, services.store, self._slot)
        ctx = RunContextSync(run, self.log, services, SyncStep(thread, services.max_payload_bytes))
        return await self._on_thread(handler, ctx, thread)

    def _judge(self, error: BaseException) -> ExecutionResult:
        log = self.log
        if log.parking is not None:
            return Parked(log.parking)
        if log.stopping:
            return Resume()
        if log.leaving is not None:
            return Asleep(log.leaving)
        if not is_retryable(error):
            return Failed(error)
        if never_counted(error):
            first = max(self._services.retry_delay, _LEAST_JOURNAL_DELAY)
            longest = max(first, _MAX_JOURNAL_DELAY)
            return Again(log.attempt, min(first * 2.0 ** min(self.journal_failures, 30), longest), error)
        if has(error, Interrupt):
            # Raised by a step that has attempts left, whatever the handler has made of it since.
            error = log.cause or error
        elif log.attempt >= log.retries:
            return Failed(error)
        if of_kind(error, InjectedFault):
            return Again(log.attempt + 1, 0.0, error)
        services = self._services
        delay = min(services.retry_delay * 2.0 ** min(log.attempt, 30), services.longest_delay)
        return Again(log.attempt + 1, delay * uniform(0.5, 1.0), error)  # noqa: S311 - jitter, not a secret

    async def _on_thread(
        self, handler: Callable[..., object], ctx: RunContextSync, steps: StepThread
    ) -> object:
        """Call a sync handler on a thread of its own, which never keeps the process alive."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        context, run_id = contextvars.copy_context(), self._run.id

        def settle(returned: object, error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result((returned, error))

        def work() -> None:
            returned: object = None
            error: BaseException | None = None
            steps.handler_thread = threading.get_ident()
            try:
                returned = context.run(handler, ctx)
            except BaseException as raised:  # noqa: BLE001 - carried to the event loop, which decides what it means
                error = raised
            self._thread = None
            has_ended(run_id)
            with contextlib.suppress(RuntimeError):  # the event loop is closed: the run resumes another time
                loop.call_soon_threadsafe(settle, returned, error)

        self._thread = threading.Thread(target=work, name=f"tightbeam-run-{run_id}", daemon=True)
        self._thread.start()
        returned, error = await ended
        if error is not None:
            raise error
        if isinstance(returned, Awaitable):
            if inspect.iscoroutine(returned):
                returned.close()
            raise NotJson("a sync handler returned an awaitable: write it with `async def`")
        return returned
