"""Scheduling: runs that are due are claimed from the store and executed, and how they ended is stored.

Only runs that execute or sleep are in memory; the others wait in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Any

from tightbeam import _clock
from tightbeam._engine.alarm import ClockWatch
from tightbeam._engine.execution import Execution
from tightbeam._engine.failure import never_counted
from tightbeam._engine.limiter import FunctionLimiter, Slot
from tightbeam._engine.lingering import going_on, has_ended, watch
from tightbeam._engine.operating import Operator
from tightbeam._engine.records import Claimed, ClaimLost, FunctionLimit, NewRun, Run
from tightbeam._engine.reports import log_given_up, log_result, log_unknown, log_waiting, recording
from tightbeam._engine.requests import AddRuns, Claim, PullBack, PutBack, PutBackAll, Recover
from tightbeam._engine.results import Again, Cancelled, Done, ExecutionResult, Failed, Lost, Parked
from tightbeam._engine.retry import retry_delays
from tightbeam._engine.run_context import Services
from tightbeam._engine.run_deadlines import RunDeadline, timeout_us
from tightbeam._engine.run_waiters import returned
from tightbeam._engine.shared_limits import SharedLimit
from tightbeam._engine.ticker import Ticker
from tightbeam._engine.traces import run_error
from tightbeam._function import Function
from tightbeam._hooks.hook_list import Around
from tightbeam._hooks.info import RunInfo
from tightbeam._message import now_us
from tightbeam._registry import Registry, SyncFunction
from tightbeam.errors import JournalFailed, NotEntered, NotStorable

__all__ = ["LEAST_GRACE", "Scheduler"]

_log = logging.getLogger("tightbeam")
_RESIDENT = 4096
"""Runs in memory, sleeping ones included."""
_RESIDENT_THREADS = 256
"""Runs of sync functions in memory: each has a thread."""
LEAST_GRACE = 0.5
"""Seconds that runs get to stop, and the store to close, however short the time for leaving is.

Both take milliseconds, unless the machine is busy: then giving up at once would resume the run as if the
process had died, and leave the file locked.
"""
_LONGEST_WAIT = 60.0
"""Seconds after which due times are read again, in case the clock was set."""
_LONGEST_WAIT_SHARED = 15.0
"""The same where other processes add runs: one may end before it has told of that. (Of one that dies under a
lease others say that runs may be due.)"""


class Scheduler:
    """Executes the runs of one store, on one event loop."""

    def __init__(self, registry: Registry, services: Services) -> None:
        """Prepare to schedule on the running event loop.

        Args:
            registry: the functions.
            services: what executions need.
        """
        self._registry = registry
        self._services = services
        self._store = services.store
        self._is_shared = services.store.carries_live
        """Whether other processes execute runs of the same journal."""
        self._loop = asyncio.get_running_loop()
        self._limiters: dict[str, FunctionLimiter] = {}
        self._parked: list[str] = []
        """Functions whose parked runs are to be tried again, which is done once after each start."""
        self._resident: dict[str, Execution] = {}
        self._threads = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._unstored: dict[str, int] = {}
        """How often in a row a run has ended because the journal failed."""
        self._nudged = asyncio.Event()
        """Set when there may be something to claim."""
        self._quiet = asyncio.Event()
        """Set while nothing executes and nothing is due."""
        self._leaving = False
        """Whether runs are left to the other processes of the journal, if there are any."""
        self._stopping = False
        self._scheduler: asyncio.Task[None] | None = None
        self._watch = ClockWatch()
        self._ticker = Ticker(registry, self._store, services.hooks)
        self._claiming = asyncio.Lock()
        """Held while runs are claimed, until they are in memory."""
        self.operator = Operator(
            self._store, services.hooks, registry, self._resident, self._claiming, self.nudge
        )
        """What is asked of single runs."""

    async def start(self, *, executes: bool = True) -> None:
        """Recover what the process before has left, and begin to schedule.

        Args:
            executes: whether runs are executed here, and started by the clock; else other processes do that.
        """
        known = self._registry.ids if executes else frozenset[str]()
        longest = int(self._services.longest_delay * 1e6)
        on_failure = {function: self._registry.on_failure(function) for function in known}
        recovered = await self._store.submit(Recover(known, longest, on_failure))
        for run in recovered.given_up:
            log_given_up(run)
        log_unknown(recovered.unknown)
        log_waiting(recovered.waiting)
        if self._is_shared:
            self.operator.begin_watching()
        if not executes:
            self._quiet.set()
            return
        await self._ticker.note()
        watch(self, self._loop, Scheduler._nudge)
        _clock.watch(self, self._loop, Scheduler._look_at_clock)
        for run_id, extra in sorted(going_on().items()):
            _log.warning("run %s waits: this process still executes it from before", run_id, extra=extra)
        self._scheduler = self._loop.create_task(self._schedule(), name="tightbeam-scheduler")

    async def add(self, runs: tuple[NewRun, ...], event: str, data: bytes) -> tuple[str, ...]:
        """Store new runs, all or none. Called on any event loop.

        Args:
            runs: the runs.
            event: the name of their event.
            data: of the event, as JSON.

        Returns:
            Their ids; that of the earlier run, where a function has one with the same key.
        """
        ids = await self._store.submit(AddRuns(runs, event, data))
        self.nudge()
        return ids

    async def result_of(self, run_id: str, function: str, begin: Callable[[], Any]) -> bytes:
        """Begin a run, wait for its end and return its result. Called on any event loop.

        Args:
            run_id: of the run.
            function: its function.
            begin: stores it.

        Raises:
            RunParked: it doesn't fit today's code.
            RunCancelled: it was cancelled.
            NotEntered: the client was left before it ended.
            Exception: what the run has failed with.
        """
        with self.operator.waiters.waiter(run_id) as waiter:
            await begin()
            result = await asyncio.wrap_future(waiter)
        return returned(run_id, function, result)

    async def stop(self, within: float) -> None:
        """Finish what is due within a bound, and interrupt the rest, which resumes another time.

        What is due and hasn't begun is left to other processes, where one executes runs of its function.
        """
        self._leaving = True
        # If the journal is lost, nothing can be stored: then nothing is waited for.
        deadline = self._loop.time() + (0.0 if self._store.is_lost else within * 0.8)
        self._nudge()
        try:
            async with asyncio.timeout_at(deadline):
                if self._scheduler is not None and not self._cut_off():
                    await self._quiet.wait()
        except TimeoutError:
            pass
        finally:
            await self._interrupt(max(within * 0.1, LEAST_GRACE))

    async def _interrupt(self, within: float) -> None:
        self._stopping = True
        if self._scheduler is not None:
            self._scheduler.cancel()
        for execution in tuple(self._resident.values()):
            execution.stop()
        waiting = {*self._tasks, *self.operator.tasks, *([self._scheduler] if self._scheduler else [])}
        if waiting:
            await asyncio.wait(waiting, timeout=within)
        left = tuple(self._resident)
        for run_id in left:
            execution = self._resident[run_id]
            text = "run %s did not stop in time: it resumes when the client is entered again"
            _log.warning(text, run_id, extra=execution.log.record_extras())
            execution.abandon()
        if left:  # not awaited: the store does it before it closes
            self._store.submit(PutBack(left))
        self.operator.close()

    def _cut_off(self) -> bool:
        """Return whether the event loop is cancelling all its tasks, as `asyncio.run` does in the end.

        Only then is the scheduler cancelled before the client is left.
        """
        scheduler = self._scheduler
        return (
            not self._stopping and scheduler is not None and (scheduler.done() or scheduler.cancelling() > 0)
        )

    def _nudge(self) -> None:
        self._quiet.clear()
        self._nudged.set()

    def _look_at_clock(self) -> None:
        for execution in tuple(self._resident.values()):
            execution.look_at_clock()
        self._nudge()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that runs execute on."""
        return self._loop

    async def settle(self) -> bool:
        """Wait until nothing executes and nothing is due; return whether that was so at once."""
        if self._scheduler is None:
            return True
        was_quiet = self._quiet.is_set() and not self._is_moving()
        while True:
            self._nudge()
            await self._quiet.wait()
            if not self._is_moving():
                return was_quiet
            await asyncio.sleep(_clock.POLL)

    def _is_moving(self) -> bool:
        """Return whether a run that holds no slot is about to go on or to leave memory."""
        return any(not execution.log.is_at_rest for execution in self._resident.values())

    @property
    def at_work(self) -> list[str]:
        """Describe the runs that execute, but for those that only sleep."""
        return [
            f'run {run_id} of "{execution.log.function}"'
            for run_id, execution in self._resident.items()
            if execution.holds_slot
        ]

    def nudge(self) -> None:
        """Look for runs that are due. Called on any thread."""
        if asyncio._get_running_loop() is self._loop:
            self._nudge()
        else:
            self._loop.call_soon_threadsafe(self._nudge)

    def wake(self, runs: Collection[str], /) -> None:
        """Have runs go on for which steps have ended that they waited for. Called on any thread."""
        with contextlib.suppress(RuntimeError):  # the event loop is closed: they resume another time
            self._loop.call_soon_threadsafe(self._wake, runs)

    def _wake(self, runs: Collection[str]) -> None:
        for run_id in runs:
            if (execution := self._resident.get(run_id)) is not None:
                execution.wake()
        self._nudge()

    def ended(self, runs: Collection[str] | None, /) -> None:
        """See `Receiver`."""
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nothing waits on it
            self._loop.call_soon_threadsafe(self.operator.look_at, runs)

    def cancelled(self, runs: Collection[str], /) -> None:
        """See `Receiver`."""
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nothing executes on it
            self._loop.call_soon_threadsafe(self.operator.cancelled_elsewhere, runs)

    def lost(self, runs: Collection[str], /) -> None:
        """See `Receiver`."""
        with contextlib.suppress(RuntimeError):  # as in `cancelled`
            self._loop.call_soon_threadsafe(self.operator.end_elsewhere, runs, Lost())

    async def _schedule(self) -> None:
        while True:
            self._nudged.clear()
            try:
                if lost := self._watch.lost():
                    _log.warning(
                        "the clock was set back by %.0f s; what is due is set back with it", lost / 1e6
                    )
                    await self._store.submit(PullBack(lost))
                next_tick = await self._ticker.start_due()
                async with self._claiming:
                    claimed, next_due, given_up = await self._claim()
                    for run in claimed:
                        self._begin(run)
            except JournalFailed as error:
                if not self._store.is_lost:
                    _log.error("runs can't be read from the journal: %s", error)
                await asyncio.sleep(1.0)
                continue
            for hopeless in given_up:
                log_given_up(hopeless)
            if claimed or given_up:
                continue
            if not self._nudged.is_set() and not any(limiter.busy for limiter in self._limiters.values()):
                self._quiet.set()
            await self._until(min((due for due in (next_due, next_tick) if due is not None), default=None))

    async def _claim(self) -> Claimed:
        room = _RESIDENT - len(self._resident)
        free = self._free()
        if not free:
            return Claimed([], None)
        unpark = tuple(self._parked)
        threads = _RESIDENT_THREADS - self._threads
        executing = frozenset(self._resident) if self._is_shared else frozenset[str]()
        request = Claim(unpark, free, room, threads, frozenset(going_on()), executing, self._leaving)
        try:
            claimed = await self._store.submit(request)
        except JournalFailed:
            for limit in free:
                self._limiters[limit.function].freed |= limit.freed
            raise
        except asyncio.CancelledError:
            # The request is carried out all the same. What it claims isn't executed, so it goes back before
            # the store closes.
            back = self._store.submit(PutBackAll(but=frozenset(self._resident)))
            back.add_done_callback(_ignore_failure)
            raise
        del self._parked[: len(unpark)]
        return claimed

    async def _until(self, due: int | None) -> None:
        """Wait until a time, or until there may be something to claim."""
        longest = _LONGEST_WAIT_SHARED if self._is_shared else _LONGEST_WAIT
        seconds = longest if due is None else min(longest, max(0, due - now_us()) / 1e6)
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass

    def _free(self) -> tuple[FunctionLimit, ...]:
        """Return how many runs of each function may start now; those first whose turn was longest ago."""
        for function in self._registry:
            if function.id not in self._limiters:
                key_limit = function.options.key_limit
                self._limiters[function.id] = FunctionLimiter(
                    function.concurrency, None if key_limit is None else key_limit[0], self._nudge
                )
                self._parked.append(function.id)
        return tuple(
            FunctionLimit(
                name,
                limiter.free,
                isinstance(self.function(name), SyncFunction),
                limiter.key_limit,
                limiter.keys,
                limiter.take_freed() if limiter.free else frozenset(),
                timeout_us(self.function(name)),
                self.function(name).options.limit,
                self._registry.on_failure(name),
            )
            for name, limiter in self._limiters.items()
            if limiter.free or self.function(name).options.timeout is not None
        )

    def function(self, id: str) -> Function[Any]:
        """Return a registered function."""
        function = self._registry.find(id)
        assert function is not None  # noqa: S101 - only registered functions are asked for
        return function

    def _begin(self, run: Run) -> None:
        function = self.function(run.function)
        limiter = self._limiters[function.id] = self._limiters.pop(function.id)  # its turn is over
        slot = limiter.slot(run.concurrency_key)
        limit = function.options.limit
        if self._is_shared and (limit is not None or limiter.key_limit is not None):
            slot.shared = SharedLimit(limit, limiter.key_limit)
        execution = Execution(
            run,
            function,
            self._services,
            slot,
            cut_off=self._cut_off,
            journal_failures=self._unstored.pop(run.id, 0),
        )
        deadline = RunDeadline(run, function, execution, self.operator.end_late)
        if not execution.is_cut_short:
            slot.take()
        self._resident[run.id] = execution
        self._threads += isinstance(function, SyncFunction)
        task = self._loop.create_task(
            self._execute(run, function, execution, slot), name=f"tightbeam-run-{run.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(deadline.cancel)

    async def _execute(self, run: Run, function: Function[Any], execution: Execution, slot: Slot) -> None:
        try:
            if not slot.is_held and not execution.is_cut_short:  # a run that woke meanwhile has it
                await slot.acquire()
            result = await self._perform(run, execution)
            if isinstance(result, Again) and never_counted(result.error):
                self._unstored[run.id] = execution.journal_failures + 1
            if isinstance(result, Done | Failed | Cancelled | Parked):
                self.operator.waiters.settle(run.id, result)
        finally:
            if not isinstance(function, SyncFunction):
                has_ended(run.id)
            slot.close()
            if self._resident.get(run.id) is execution:
                del self._resident[run.id]
            execution.gone.set()
            self._threads -= isinstance(function, SyncFunction)
            self._nudge()

    async def _perform(self, run: Run, execution: Execution) -> ExecutionResult:
        """Execute a run's handler and record how that ended, surrounded by the hooks."""
        channels = frozenset(memo.channel for memo in run.memos.values() if memo.channel is not None)
        known = run.id, run.function, run.event, run.attempt, channels
        info = RunInfo(*known, metadata=run.metadata, calls_handler=not execution.is_to_end)
        hooks = Around(self._services.hooks.run, info)
        error: BaseException | None = None
        hooks.enter()
        try:
            result = await self._record(run, await execution.perform(), execution)
            info.end(result.word, result.raw if isinstance(result, Done) else None)
            error = result.error if isinstance(result, Failed | Again) else None
            if not execution.is_logged:
                log_result(result, execution.log)  # surrounded by hooks: the record belongs to their trace
        except BaseException as raised:
            info.end("stopped")
            error = raised
            raise
        finally:
            hooks.leave(error)
        return result

    async def _record(self, run: Run, result: ExecutionResult, execution: Execution) -> ExecutionResult:
        """Store how an execution ended; a full disk is waited for, since the run must not be lost.

        Returns:
            How it ended: it has failed if the store can't hold its result.
        """
        if isinstance(result, Lost):
            return result
        failures, on_failure = execution.log.failures, self._registry.on_failure(run.function)
        error = run_error(result.error) if isinstance(result, Failed | Again) else None
        execution.failed = result.error if isinstance(result, Failed) else None
        for delay in retry_delays():
            try:
                async with execution.recording:
                    if not execution.is_recorded:
                        await self._store.submit(recording(run, result, error, failures, on_failure))
                        execution.is_recorded = True
                break
            except ClaimLost:
                return Lost()
            except NotEntered:
                break  # it took too long to stop; the run was put back, and the journal is closed
            except NotStorable as unfit:
                if isinstance(result, Failed):
                    raise
                text = f'The result of function "{run.function}" can\'t be stored: {unfit}'
                result = Failed(NotStorable(text))
                error, execution.failed = run_error(result.error), result.error
            except JournalFailed as failed:
                if self._stopping:
                    break
                if not self._store.is_lost:
                    text = "the end of run %s can't be stored, trying again: %s"
                    _log.error(text, run.id, failed, extra=execution.log.record_extras())
                await asyncio.sleep(delay)
        return result


def _ignore_failure(future: asyncio.Future[None]) -> None:
    """Ignore that a run couldn't be put back: it is recovered at the next start."""
    if not future.cancelled():
        future.exception()
