"""One execution of a handler, and what its end means for the run."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from tightbeam._context import current_publish_right, current_run
from tightbeam._engine.failure import Interrupt, has, is_retryable, leaves, never_counted, of_kind
from tightbeam._engine.limiter import Slot
from tightbeam._engine.lingering import has_ended, linger
from tightbeam._engine.records import ClaimLost, Run
from tightbeam._engine.results import (
    Again,
    Asleep,
    Cancelled,
    Done,
    ExecutionResult,
    Failed,
    Lost,
    Parked,
    Resume,
)
from tightbeam._engine.run_context import RunContext, RunContextSync, Services
from tightbeam._engine.run_delays import retry_seconds
from tightbeam._engine.step_log import StepLog
from tightbeam._engine.step_starts import Starts
from tightbeam._engine.steps import StepIo, Steps
from tightbeam._engine.steps_async import AsyncStep, StepTasks
from tightbeam._engine.steps_sync import StepThread, SyncStep
from tightbeam._events.accepted import EventMisfit, StartedEvent
from tightbeam._function import Function
from tightbeam._hooks.hook import InjectedFault
from tightbeam._registry import AsyncFunction, SyncFunction
from tightbeam._results import return_type
from tightbeam.errors import NotJson, StepMisuse

__all__ = ["Execution"]

_LEAST_JOURNAL_DELAY = 0.05
_MAX_JOURNAL_DELAY = 60.0
"""Seconds between executions of a run that ended because the journal failed, doubled from the least on."""
_ENDING_GRACE = 0.5
"""Seconds that a program which is ending without leaving its client waits for the steps in flight."""


class Execution:
    """One execution, from the top of the handler to its end; it belongs to the engine's event loop."""

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
            run: the run.
            function: its function, whose handler is called.
            services: what the engine lends.
            slot: of the function's concurrency limit.
            cut_off: returns whether the program is ending without leaving the client.
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
        self._io: StepIo | None = None
        self._cut_short: ExecutionResult | None = None
        self._is_calling = False
        """Whether the handler is being called, so that cancelling the task interrupts it."""
        self._is_interrupted = False
        """Whether that was done, since the execution was cut short."""
        self._is_over = False
        self.recording = asyncio.Lock()
        """Held while it is stored how it ended."""
        self.is_recorded = False
        """Whether that is stored already, though the handler may go on."""
        self.is_logged = False
        """Whether that is logged already, too."""
        self.failed: BaseException | None = None
        """What the run has failed with, while that is stored and those who wait for it are told."""
        self.gone = asyncio.Event()
        """Set when how it ended is stored, and it is no longer in memory."""
        self.log = StepLog(run, function.retries, services.hooks)

    async def perform(self) -> ExecutionResult:
        """Call the handler, wait for the steps it left in flight, and return what that means for the run."""
        self._task = asyncio.current_task()
        current_run.set(self._run.id)
        current_publish_right.set(self.log.publish_right)
        what = f'The result of function "{self._function.id}"'
        raw = b"null"
        error: BaseException | None = None
        is_to_end = self.is_to_end  # before this task had its first turn
        self._is_calling = not is_to_end
        try:
            if is_to_end:
                raise self.log.interrupt()
            result = return_type(self._function.__wrapped__, what)
            raw = result.dump(await self._call())
            result.load(raw)
        except BaseException as raised:  # noqa: BLE001 - a handler may raise anything; `_result_of` says what it means
            error = raised
        self._is_calling = False
        if self._is_interrupted and self._task is not None:
            self._task.uncancel()  # what interrupted the handler is no reason not to wait for its steps
        if self._task is not None and self._task.cancelling() and self._cut_off():
            self.log.stop()  # the event loop is closing, which is no fault of the run's
        if self._tasks is not None:
            self._tasks.wake_sleepers()
        await self._idle()
        if error is None and self._has_swallowed_an_interrupt():
            error = Interrupt()
        self.log.end()
        linger(self._run.id, self.goes_on_on_thread, self.log.record_extras())
        if self._tasks is not None:
            self._tasks.wake_sleepers()
        self._is_over = True
        if self._cut_short is not None:
            self.revoke()
            if isinstance(self._cut_short, Failed) and isinstance(error, asyncio.CancelledError):
                self._cut_short.error.__cause__ = error  # where the handler was
            return self._cut_short
        return Done(raw) if error is None else self._result_of(error)

    async def _idle(self) -> None:
        """Wait for the steps that are in flight; not for long if the program is ending."""
        try:
            async with asyncio.timeout(_ENDING_GRACE if self._cut_off() else None):
                await self.log.wait_until_idle()
        except TimeoutError:
            linger(self._run.id, self.goes_on, self.log.record_extras())
        except asyncio.CancelledError:
            if not self.log.stopping:
                raise

    def _has_swallowed_an_interrupt(self) -> bool:
        """Return whether a handler that returned was to end before, so that it may have stopped half-way."""
        cancelled = self.log.stopping and self._task is not None and self._task.cancelling() > 0
        return cancelled or self.log.interrupted

    def cut_short(self, result: ExecutionResult) -> bool:
        """Interrupt the handler for good: however it ends, the run ends so.

        An await is interrupted at once. A plain function can't be: what it does ends with its next step.

        Args:
            result: how the run ends; the first one stands.

        Returns:
            False if the handler has ended already, and how that is stored is no longer to be changed.
        """
        if self._is_over:
            return False
        self._cut_short = self._cut_short or result
        self.log.cut_short()
        if self._tasks is not None:
            self._tasks.wake_sleepers()
            self._tasks.cancel()
        self.wake()
        self._slot.stop_waiting()
        is_async = isinstance(self._function, AsyncFunction)
        # Once: `finally` blocks may wait for something.
        if is_async and self._is_calling and not self._is_interrupted and self._task is not None:
            self._is_interrupted = True
            self._task.cancel()
        return True

    @property
    def is_cut_short(self) -> bool:
        """Whether the run ends before its handler does."""
        return self._cut_short is not None

    @property
    def is_to_end(self) -> bool:
        """Whether it ends with its next step; if it hasn't begun, without a call of the handler."""
        return self.is_cut_short or self.log.stopping

    @property
    def was_cancelled(self) -> bool:
        """Whether the run was cancelled, so that the execution ends with that."""
        return isinstance(self._cut_short, Cancelled)

    def stop(self) -> None:
        """Interrupt the handler, since the client is being left; the run goes on another time."""
        self.log.stop()
        if self._tasks is not None:
            self._tasks.wake_sleepers()
            self._tasks.cancel()
        if self._task is not None:
            self._task.cancel()

    @property
    def holds_slot(self) -> bool:
        """Whether it executes, and doesn't only sleep."""
        return self._slot.is_held

    def look_at_clock(self) -> None:
        """Have what waits for a time look whether it has come: the clock was moved."""
        if self._tasks is not None:
            self._tasks.look_at_clock()

    def wake(self) -> None:
        """Have steps look that wait for something: it may have come."""
        if self._io is not None:
            self._io.wake()

    def abandon(self) -> None:
        """Have the context of a handler that didn't stop in time refuse to be used."""
        self.log.end()
        self.revoke()
        self.linger()

    def revoke(self) -> None:
        """Refuse what a run that was cut short would still publish, by its context or by the client."""
        self.log.publish_right.is_revoked = True

    def linger(self) -> None:
        """Have the run not executed here before this handler has ended, although it belongs to another."""
        linger(self._run.id, self.goes_on, self.log.record_extras())

    def goes_on_on_thread(self) -> bool:
        """Return whether a plain handler still executes, between two of its steps, although it was left."""
        return self._thread is not None and self._thread.is_alive()

    def goes_on(self) -> bool:
        """Return whether the handler still executes, although it was interrupted."""
        thread, task = self._thread, self._task
        if thread is not None:
            return thread.is_alive()
        if isinstance(self._function, SyncFunction):
            return False
        return task is not None and not task.done() and not task.get_loop().is_closed()

    async def _call(self) -> object:
        services, handler = self._services, self._function.__wrapped__
        event = self._started()
        if isinstance(self._function, AsyncFunction):
            self._io = tasks = self._tasks = StepTasks(self.log, services.store, self._slot)
            step = AsyncStep(*self._steps(tasks))
            returned: object = await handler(RunContext(event, self.log, services, step))
            return returned
        self._io = thread = StepThread(self.log, services.store, self._slot)
        step_sync = SyncStep(*self._steps(thread))
        ctx = RunContextSync(event, self.log, services, step_sync)
        return await self._on_thread(handler, ctx, thread)

    def _steps(self, io: StepIo) -> tuple[Steps, Starts]:
        services, limit = self._services, self._services.max_payload_bytes
        steps = Steps(self.log, io, limit)
        return steps, Starts(steps, self.log, io, services.registry, limit)

    def _started(self) -> StartedEvent:
        """Return the run's event, its data loaded.

        Raises:
            Interrupt: it doesn't fit today's code, so the run is parked.
        """
        try:
            return self._function.accepts.started(self._run.event, self._run.data)
        except EventMisfit as misfit:
            raise self.log.park(None, misfit, str(misfit)) from misfit

    def _result_of(self, error: BaseException) -> ExecutionResult:
        """Return what an error that the handler raised means for the run."""
        log = self.log
        if has(error, ClaimLost):
            return Lost()
        if log.parking is not None:
            return Parked(log.parking)
        if log.stopping:
            return Resume()
        if log.leaving is not None:
            return Asleep(log.leaving)
        if any(of_kind(leaf, StepMisuse) and leaf.run_id == self._run.id for leaf in leaves(error)):
            return Cancelled(elsewhere=True)
        if not is_retryable(error):
            return Failed(error)
        if never_counted(error):
            first = max(self._services.retry_delay, _LEAST_JOURNAL_DELAY)
            longest = max(first, _MAX_JOURNAL_DELAY)
            return Again(log.attempt, min(first * 2.0 ** min(self.journal_failures, 30), longest), error)
        if has(error, Interrupt):
            # A step with attempts left has raised it; the handler may have wrapped it since.
            error = log.cause or error
        elif log.attempt >= log.retries:
            return Failed(error)
        if has(error, InjectedFault):
            return Again(log.attempt + 1, 0.0, error)
        delay, default = self._function.options.retry_delay, self._services.retry_delay
        seconds = retry_seconds(error, self._function.id, delay, log.attempt, default)
        return Again(log.attempt + 1, seconds, error)

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
            except BaseException as raised:  # noqa: BLE001 - the event loop decides what it means
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
