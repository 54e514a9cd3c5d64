"""Cancel, retry and resume runs, and wait for them, while a client is entered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import Future as ThreadFuture
from dataclasses import replace
from typing import Any

from tightbeam._context import current_run
from tightbeam._engine.details import ENDED, RunRecord, RunState
from tightbeam._engine.execution import Execution
from tightbeam._engine.reports import log_result
from tightbeam._engine.requests import CancelRun, EndRun, FindSettled, IsExecuted, ReadRun, RetryFrom, Unpark
from tightbeam._engine.results import Cancelled, Done, Failed, Lost
from tightbeam._engine.run_waiters import Ending, RunWaiters, Waiter
from tightbeam._engine.step_log import StepCall
from tightbeam._engine.store import Store
from tightbeam._engine.traces import run_error
from tightbeam._hooks.hook_list import Around, HookList
from tightbeam._hooks.info import RunInfo
from tightbeam._registry import Registry
from tightbeam.errors import EngineError, JournalFailed, NoSuchRun, NotEntered

__all__ = ["GRACE", "Operator"]

GRACE = 5.0
"""Seconds that cancelling waits for `finally` blocks, and for what can't be interrupted."""

_EVERY = 1.0
"""Seconds between two looks at the runs of other processes that are waited for."""
_POLL = 1.0
"""Seconds after which a thread looks whether the event loop that it waits for is closed."""


class Operator:
    """Carries out what people ask of single runs; from any event loop or thread."""

    def __init__(
        self,
        store: Store,
        hooks: HookList,
        registry: Registry,
        resident: Mapping[str, Execution],
        claiming: asyncio.Lock,
        nudge: Callable[[], None],
    ) -> None:
        """Prepare on the engine's event loop.

        Args:
            store: has the runs.
            hooks: are told of runs that are cancelled.
            registry: the functions.
            resident: the executions that are in memory, by the ids of their runs.
            claiming: is held while runs are claimed, until they are in memory.
            nudge: has the scheduler look for runs that are due; called on any thread.
        """
        self.waiters = RunWaiters()
        self._store = store
        self._hooks = hooks
        self._registry = registry
        self._resident = resident
        self._claiming = claiming
        self._nudge = nudge
        self._loop = asyncio.get_running_loop()
        self._watching: asyncio.Task[None] | None = None
        """Looks at runs of other processes; of a store that many engines have open."""
        self.tasks: set[asyncio.Task[None]] = set()
        """What is under way for callers."""

    def under_way(self, run_id: str) -> list[StepCall]:
        """Return the calls of the steps that a run executes now; on any thread."""
        execution = self._resident.get(run_id)
        return [] if execution is None else execution.log.under_way()

    # -- cancelling ------------------------------------------------------------------------------------------

    async def cancel(self, run_id: str) -> None:
        """Cancel a run; returns when that is stored. Cancelling the caller doesn't stop it.

        Raises:
            NoSuchRun: there is no such run.
            RunStateError: it has ended.
            JournalFailed: it couldn't be stored.
            NotEntered: the client is being left.
        """
        await asyncio.shield(asyncio.wrap_future(self._begin(self._cancel(run_id, GRACE))))

    def cancel_sync(self, run_id: str) -> None:
        """Cancel a run, from a thread: see `cancel`.

        Raises:
            EngineError: the thread is that of the event loop which executes the run.
        """
        self._refuse_own_loop("cancel_sync", "cancel")
        # A run that cancels itself isn't waited for: it waits for this.
        grace = 0.0 if current_run.get() == run_id else GRACE
        done = self._begin(self._cancel(run_id, grace))
        while True:
            try:
                return done.result(_POLL)
            except TimeoutError:
                if self._loop.is_closed():
                    raise _left() from None

    def _begin(self, work: Coroutine[Any, Any, None]) -> ThreadFuture[None]:
        """Do something on the engine's event loop; called on any thread."""
        done: ThreadFuture[None] = ThreadFuture()

        def settle(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            if task.cancelled():
                done.set_exception(_left())
            elif (error := task.exception()) is not None:
                done.set_exception(error)
            else:
                done.set_result(None)

        def begin() -> None:
            task = self._loop.create_task(work)
            self.tasks.add(task)
            task.add_done_callback(settle)

        if asyncio._get_running_loop() is self._loop:
            begin()
            return done
        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:  # it is closed
            work.close()
            raise _left() from None
        return done

    async def _cancel(self, run_id: str, grace: float) -> None:
        while True:
            execution = self._executing(run_id)
            if execution is not None:
                is_cut_short = execution.cut_short(Cancelled())
                try:
                    async with asyncio.timeout(grace):
                        await execution.gone.wait()
                except TimeoutError:
                    if is_cut_short:
                        execution.abandon()
                        await self._store_cancelled(run_id, execution)
                if execution.was_cancelled and execution.is_recorded:
                    return
            async with self._claiming:  # so that the run isn't about to be executed
                if self._executing(run_id) is not None:
                    continue
                await self._store_cancelled(run_id, None)
                return

    def _executing(self, run_id: str) -> Execution | None:
        """Return the execution of a run, if it isn't over.

        Of one that is over the handler may go on, though the run was retried since.
        """
        execution = self._resident.get(run_id)
        return None if execution is None or execution.is_recorded else execution

    async def _store_cancelled(self, run_id: str, execution: Execution | None) -> None:
        """Store that a run is cancelled, and tell of it.

        Args:
            run_id: of the run.
            execution: of the run, if there is one: its handler goes on, and hooks are told when that ends.
        """
        if execution is not None:
            async with execution.recording:
                if not execution.is_recorded:  # it may have failed meanwhile, since its time was over
                    await self._store.submit(CancelRun(run_id))
                    execution.is_recorded = True
                    self.waiters.settle(run_id, Cancelled())
            return
        cancelled = await self._store.submit(CancelRun(run_id))
        if self._hooks.run and not cancelled.elsewhere:
            function, event, attempt, channels, metadata, _ = cancelled
            run = run_id, function, event, attempt, channels
            info = RunInfo(*run, metadata=metadata, calls_handler=False)
            around = Around(self._hooks.run, info)
            around.enter()
            info.end("cancelled")
            around.leave(None)
        self.waiters.settle(run_id, Cancelled())

    def end_late(self, run_id: str, execution: Execution, failed: Failed) -> None:
        """End a run whose time is over: at once, or when what can't be interrupted has had its grace.

        Args:
            run_id: of the run.
            execution: of the run.
            failed: what it has failed with.
        """
        if not execution.cut_short(failed):
            return
        self._keep(self._end_in_time(run_id, execution, failed))

    async def _end_in_time(self, run_id: str, execution: Execution, failed: Failed) -> None:
        try:
            async with asyncio.timeout(GRACE):
                await execution.gone.wait()
        except TimeoutError:
            execution.abandon()
            # If that can't be stored, it is when the handler ends.
            with contextlib.suppress(JournalFailed, NotEntered):
                async with execution.recording:
                    if not execution.is_recorded:
                        on_failure = self._registry.on_failure(execution.log.function)
                        end = EndRun(run_id, None, run_error(failed.error), (), on_failure)
                        execution.failed = failed.error
                        try:
                            await self._store.submit(end)
                            execution.is_recorded = execution.is_logged = True
                            log_result(failed, execution.log)
                            self.waiters.settle(run_id, failed)
                        finally:
                            execution.failed = None  # its handler may go on for long

    # -- runs of several processes ---------------------------------------------------------------------------

    def end_elsewhere(self, runs: Collection[str], result: Cancelled | Lost) -> None:
        """End executions whose runs aren't theirs any more: nothing is stored of them from now on.

        Args:
            runs: their ids.
            result: what hooks and callers are told: the run was cancelled, or goes on in another process.
        """
        for run_id in runs:
            execution = self._executing(run_id)
            if execution is not None:
                self._end_elsewhere(execution, result)

    def cancelled_elsewhere(self, runs: Collection[str]) -> None:
        """End executions whose runs another process has cancelled.

        Args:
            runs: their ids.
        """
        for run_id in runs:
            execution = self._executing(run_id)
            if execution is not None:
                self._keep(self._end_cancelled(run_id, execution))

    async def _end_cancelled(self, run_id: str, execution: Execution) -> None:
        # The word of it may be late: the run was retried since, and this is its next execution.
        with contextlib.suppress(JournalFailed, NotEntered):
            if not await self._store.submit(IsExecuted(run_id)):
                self._end_elsewhere(execution, Cancelled())

    def _end_elsewhere(self, execution: Execution, result: Cancelled | Lost) -> None:
        if execution.cut_short(result):
            execution.is_recorded = True  # it is cancelled, or another process stores how it ends
            execution.linger()
            self._keep(self._let_go(execution))

    async def _let_go(self, execution: Execution) -> None:
        try:
            async with asyncio.timeout(GRACE):
                await execution.gone.wait()
        except TimeoutError:
            execution.abandon()

    def look_at(self, runs: Collection[str] | None) -> None:
        """Tell those who wait for runs that another process executes, if these have ended or are parked.

        Args:
            runs: their ids; None for all that are waited for.
        """
        for run_id in self.waiters.waited_for(runs):
            if self._executing(run_id) is None:
                self._keep(self._look(run_id))

    async def _look(self, run_id: str) -> None:
        # If it can't be read now, `_watch` comes back to it.
        with contextlib.suppress(JournalFailed, NotEntered):
            record = await self._store.submit(ReadRun(run_id))
            if record is not None and _is_settled(record) and self._failing(run_id) is None:
                self.waiters.settle(run_id, record)

    def begin_watching(self) -> None:
        """Look at the runs of other processes that are waited for, until the client is left."""
        self._watching = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        """Look now and then at the runs that are waited for, since the process that ends one may die then."""
        while True:
            await asyncio.sleep(_EVERY)
            waited = [one for one in self.waiters.waited_for() if self._executing(one) is None]
            if waited:
                with contextlib.suppress(JournalFailed, NotEntered):
                    self.look_at(await self._store.submit(FindSettled(tuple(waited))))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the engine's event loop, until the client is left."""
        task = self._loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # -- retrying and resuming -------------------------------------------------------------------------------

    async def retry(self, run_id: str) -> None:
        """Let a run that failed or was cancelled go on: see `RetryFrom`."""
        await self._store.submit(RetryFrom(run_id, self._registry.ids))
        self._nudge()

    def retry_sync(self, run_id: str) -> None:
        """Let a run go on, from a thread."""
        self._store.call(RetryFrom(run_id, self._registry.ids))
        self._nudge()

    async def resume(self, run_id: str) -> None:
        """Let a parked run be tried again: see `Unpark`."""
        await self._store.submit(Unpark(run_id, self._registry.ids))
        self._nudge()

    def resume_sync(self, run_id: str) -> None:
        """Let a parked run be tried again, from a thread."""
        self._store.call(Unpark(run_id, self._registry.ids))
        self._nudge()

    # -- waiting ---------------------------------------------------------------------------------------------

    async def wait(self, run_id: str, seconds: float | None) -> RunRecord:
        """Wait until a run has ended or is parked, if it isn't yet; return it.

        Args:
            run_id: of the run.
            seconds: how long to wait at most.

        Raises:
            TimeoutError: it goes on after that time.
            NoSuchRun: there is no such run.
            NotEntered: the client was left before the run ended.
        """
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout(None) as limit:
            while True:
                with self.waiters.waiter(run_id) as waiter:
                    record = _existing(run_id, await self._store.submit(ReadRun(run_id)))
                    if _is_settled(record):
                        return self._with_cause(record, waiter)
                    limit.reschedule(until)  # only now: a run that has ended is returned in no time, too
                    result = await asyncio.wrap_future(waiter)
                again = await self._store.submit(ReadRun(run_id))
                if (settled := _after(record, result, again)) is not None:
                    return settled

    def wait_sync(self, run_id: str, seconds: float | None) -> RunRecord:
        """Wait as `wait` does, on a thread.

        Raises:
            EngineError: the thread is that of the event loop which executes the run.
        """
        self._refuse_own_loop("wait_sync", "wait")
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            with self.waiters.waiter(run_id) as waiter:
                record = _existing(run_id, self._store.call(ReadRun(run_id)))
                if _is_settled(record):
                    return self._with_cause(record, waiter)
                result = waiter.result(None if until is None else max(until - time.monotonic(), 0.0))
            if (settled := _after(record, result, self._store.call(ReadRun(run_id)))) is not None:
                return settled

    def _failing(self, run_id: str) -> BaseException | None:
        """Return what a run fails with, while that is stored and those who wait for it are told."""
        execution = self._resident.get(run_id)
        return None if execution is None else execution.failed

    def _with_cause(self, record: RunRecord, waiter: Waiter) -> RunRecord:
        """Return a run with what it has failed with, if that was here since the caller began to wait.

        Args:
            record: the run, which has ended or is parked.
            waiter: the caller's, which may have been told before the run was read.
        """
        if record.summary.state != "failed":
            return record
        cause = self._failing(record.summary.id)  # first: an execution goes when those who wait were told
        if waiter.done() and waiter.exception() is None and isinstance(result := waiter.result(), Failed):
            cause = result.error
        return replace(record, cause=cause)

    def _refuse_own_loop(self, name: str, instead: str) -> None:
        if asyncio._get_running_loop() is self._loop:
            raise EngineError(
                f"{name} would wait for the event loop that it blocks: use `await client.runs.{instead}(…)`"
            )

    def close(self) -> None:
        """Give up what is still being cancelled, and tell all who wait that the client was left."""
        for task in (*self.tasks, *([] if self._watching is None else [self._watching])):
            task.cancel()
        self.waiters.close()


def _existing(run_id: str, record: RunRecord | None) -> RunRecord:
    if record is None:
        raise NoSuchRun(run_id)
    return record


def _is_settled(record: RunRecord) -> bool:
    """Return whether nothing becomes of a run by itself."""
    return record.summary.state in ENDED or record.summary.state == "parked"


def _after(before: RunRecord, result: Ending, record: RunRecord | None) -> RunRecord | None:
    """Return a run that has ended or is parked; None if it goes on again.

    Args:
        before: the run as it was.
        result: how it has ended.
        record: the run as it is; None if it is no longer retained.
    """
    if isinstance(result, RunRecord):
        return result
    if record is None:
        raw = result.raw if isinstance(result, Done) else None
        state: RunState = "done" if isinstance(result, Done) else "failed"
        if isinstance(result, Cancelled):
            state = "cancelled"
        record = replace(before, summary=replace(before.summary, state=state), result=raw)
    if not _is_settled(record):
        return None
    return replace(record, cause=result.error) if isinstance(result, Failed) else record


def _left() -> NotEntered:
    return NotEntered("the client was left meanwhile")
