"""Runs and their steps, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from tightbeam._engine.details import RunState
from tightbeam._engine.memory.claiming import Entry, ReadyRuns
from tightbeam._engine.memory.stored import StoredRun, StoredStep
from tightbeam._engine.records import (
    Claimed,
    Failure,
    GivenUp,
    MemoizedAlready,
    NewRun,
    Recovered,
    Replaced,
    RunError,
    new_id,
    run_is_over,
)
from tightbeam._engine.requests import (
    MAX_DEATHS,
    AddRuns,
    BeginSleep,
    Claim,
    EndRun,
    EndSleep,
    LeaveMemory,
    MarkAwake,
    MemoizeStep,
    ParkRun,
    PullBack,
    PutBack,
    PutBackAll,
    Recover,
    Rest,
    RetryRun,
)
from tightbeam._engine.run_rules import died_too_often
from tightbeam._engine.wait_rules import WaitEnd, end_of_child
from tightbeam._events.failure import FAILED_EVENT, failure_data
from tightbeam._message import now_us

__all__ = ["Runs"]

_BEGUN = frozenset({"running", "sleeping"})
_WAITS = frozenset({"step.wait_for_event", "step.invoke"})


class Runs:
    """All runs that are kept, in the order in which they were added."""

    def __init__(self) -> None:
        self.by_id: dict[str, StoredRun] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        """The ids of the runs that have a key, by function and key."""
        self.woken: list[str] = []
        """The runs to wake after the request: steps that they waited for have ended."""
        self.last_number = 0
        self.size = 0
        """Bytes that runs and steps take, about."""
        self._unfinished: dict[str, StoredRun] = {}
        self._ready = ReadyRuns(self._unfinished)
        self._ended: list[Entry] = []
        """A heap of the runs that have ended, by the time at which they did; the first one still has."""
        self.last_end = 0
        """The latest time at which a run has ended."""

    # -- scheduling ------------------------------------------------------------------------------------------

    def add_runs(self, request: AddRuns) -> tuple[str, ...]:
        """Add runs, each of which is due at its time."""
        return tuple(self.add(new, request.event, request.data) for new in request.runs)

    @property
    def unfinished(self) -> Iterable[StoredRun]:
        """The runs that haven't ended."""
        return self._unfinished.values()

    def add(self, new: NewRun, event: str, data: bytes) -> str:
        """Add a run, unless its function has one with the same key; return the id of that or the new one."""
        if new.key is not None:
            earlier = self._by_key.setdefault((new.function, new.key), new.id)
            if earlier != new.id:
                return earlier
        self.last_number += 1
        now = now_us()
        due_at = now if new.due_at is None else new.due_at
        run = StoredRun(self.last_number, new, event, data, due_at, now)
        self.by_id[run.id] = self._unfinished[run.id] = run
        self.size += run.size
        self.make_ready(run, due_at)
        return run.id

    def recover(self, request: Recover) -> Recovered:
        """Make ready what was executing when the journal was closed; park what has no function any more."""
        now = now_us()
        given_up: list[GivenUp] = []
        self._ready.let_all_go()
        for run in tuple(self._unfinished.values()):
            if run.state == "running":
                run.deaths += 1
                if run.deaths >= MAX_DEATHS:
                    error = died_too_often()
                    self._start_on_failure(run, error, request.on_failure.get(run.function, ()))
                    self.end(run, "failed", error)
                    given_up.append(GivenUp(run.id, run.function, run.attempt))
                    continue
                self.make_ready(run, min(run.due_at, now))
            elif run.state == "sleeping":
                self.make_ready(run, run.due_at)
            longest = request.longest_us if run.retry_wait is None else run.retry_wait
            is_late = run.started_at is not None and run.due_at > now + longest
            if run.state == "ready" and is_late and not run.is_asleep:
                self.make_ready(run, now + (run.retry_wait or 0))
            # The clock was set back: timeouts count from the start, and delays from when a run was added.
            if run.started_at is not None:
                run.started_at = min(run.started_at, now)
            elif run.created_at > now < run.due_at and not run.new.dated:
                run.due_at -= run.created_at - now
                run.created_at = now
                if run.state == "ready":  # else it is parked
                    self.make_ready(run, run.due_at)
        return Recovered(given_up, self._park_unknown(request.known))

    def _park_unknown(self, known: frozenset[str]) -> dict[str, int]:
        """Park ready runs whose function isn't known; return how many are parked of each such function."""
        parked: dict[str, int] = {}
        for run in self._unfinished.values():
            if run.function in known:
                continue
            if run.state == "ready":
                text = f'no function "{run.function}" is registered'
                run.state, run.error = "parked", RunError("NotRegistered", text, None)
            if run.state == "parked":
                parked[run.function] = parked.get(run.function, 0) + 1
        return parked

    def claim(self, request: Claim) -> Claimed:
        """Take the runs that are due, function by function."""
        if request.unpark:
            for run in self._unfinished.values():
                if run.state == "parked" and run.function in request.unpark:
                    self.make_ready(run, run.due_at)
                    run.error = None
        return self._ready.claim(request)

    def end_run(self, request: EndRun) -> None:
        """End a run."""
        run = self._unfinished.get(request.run_id)
        if run is None:
            return
        self.note_failures(run, request.failures)
        run.result = request.result
        self.size += len(request.result or b"")
        run.failures += request.error is not None
        if request.error is not None:
            self._start_on_failure(run, request.error, request.on_failure)
        self.end(run, "done" if request.error is None else "failed", request.error)

    def _start_on_failure(self, run: StoredRun, error: RunError, functions: Iterable[str]) -> None:
        """Add the runs that a run starts which is about to end as failed."""
        if run.event == FAILED_EVENT:
            return
        described = failure_data(run.id, run.function, run.event, run.data, error)
        for each in functions:
            new = NewRun(new_id(), each, metadata=run.new.metadata)
            self.add(new, FAILED_EVENT, described)

    def end(self, run: StoredRun, state: RunState, error: RunError | None) -> None:
        """End a run: it is done, has failed or is cancelled, and stays so until it is retried."""
        run.state, run.error, run.ended_at = state, error, now_us()
        del self._unfinished[run.id]
        self.last_end = max(self.last_end, run.ended_at)
        heappush(self._ended, (run.ended_at, run.number, run.id))
        self._end_invoked(run)

    def retry_run(self, request: RetryRun) -> None:
        """Have a run tried again at a time."""
        run = self._unfinished.get(request.run_id)
        if run is None:
            return
        self.note_failures(run, request.failures)
        run.failures += run.attempt < request.attempt
        run.attempt, run.error, run.retry_wait = request.attempt, request.error, request.wait_us
        self.make_ready(run, request.due_at)

    def park_run(self, request: ParkRun) -> None:
        """Set a run aside."""
        run = self._unfinished.get(request.run_id)
        if run is None:
            return
        self.note_failures(run, request.failures)
        run.state, run.error = "parked", RunError(request.error_type, request.reason, None)

    def leave_memory(self, request: LeaveMemory) -> None:
        """Make a run that only sleeps ready at the end of the first of some sleeps."""
        run = self.by_id[request.run_id]
        steps = [run.steps[step_id] for step_id in request.sleeps if step_id in run.steps]
        ends = [step.wake_at or 0 for step in steps if step.state in ("sleeping", "waiting")]
        if any(step.kind in _WAITS and step.state != "waiting" for step in steps):
            ends.append(now_us())  # what it waited for has come
        if run.state in _BEGUN:
            self.make_ready(run, min(ends, default=now_us()))

    def put_back(self, request: PutBack) -> None:
        """Make interrupted runs ready again, at the time at which they were due."""
        for run_id in request.runs:
            run = self._unfinished.get(run_id)
            if run is not None and run.state in _BEGUN:
                self.make_ready(run, run.due_at)

    def put_back_all(self, request: PutBackAll) -> None:
        """Put back all runs that were claimed, but some."""
        self.put_back(PutBack(tuple(run_id for run_id in self._unfinished if run_id not in request.but)))

    def pull_back(self, request: PullBack) -> None:
        """Set all times that are still to come back."""
        now, lost = now_us(), request.lost_us
        for run in self._unfinished.values():
            for step in run.steps.values():
                if step.state in ("sleeping", "waiting") and step.wake_at is not None and step.wake_at > now:
                    step.wake_at -= lost
            if run.started_at is not None:  # timeouts count from then
                run.started_at -= lost
            is_dated = run.new.dated and run.started_at is None
            if run.due_at > now and run.state != "running" and not is_dated:
                run.due_at -= lost
                run.created_at -= lost
                if run.state == "ready":
                    self.make_ready(run, run.due_at)

    def revive(self, run: StoredRun) -> None:
        """Make a run that has ended ready at once."""
        run.ended_at = None
        self._unfinished[run.id] = run
        self._forget_retried()
        self.make_ready(run, now_us())

    def make_ready(self, run: StoredRun, due_at: int) -> None:
        """Have a run executed at a time."""
        run.state, run.due_at = "ready", due_at
        self._ready.add(run)

    # -- steps -----------------------------------------------------------------------------------------------

    def memoize_step(self, request: MemoizeStep) -> None:
        """Remember the outcome of a step."""
        memo = request.memo
        step = StoredStep(
            memo.kind,
            memo.channel,
            memo.topic,
            memo.state,
            request.started_at,
            now_us(),
            memo.wake_at,
            memo.result,
            memo.error_type,
            memo.error_text,
        )
        self._memoize(request.run_id, request.step_id, step, request.replaced)

    def begin_sleep(self, request: BeginSleep) -> None:
        """Remember when a step wakes."""
        self.refuse_if_over(request.run_id)
        step = StoredStep(
            "step.sleep", None, None, "sleeping", request.started_at, None, wake_at=request.wake_at
        )
        run = self._memoize(request.run_id, request.step_id, step, request.replaced)
        if request.alone:
            self.fall_asleep(run, request.wake_at)

    def fall_asleep(self, run: StoredRun, wake_at: int) -> None:
        """Have a run sleep until a time, or until an earlier one that it has already."""
        run.due_at = min(run.due_at, wake_at) if run.state == "sleeping" else wake_at
        run.state = "sleeping"

    def end_step(self, step: StoredStep, ended: WaitEnd) -> None:
        """End a step of a run that waited."""
        self.size -= step.size
        step.state, step.result, step.error_type, step.error_text = ended
        step.ended_at = now_us()
        self.size += step.size

    def wake(self, run: StoredRun) -> None:
        """Have a run be due for which a step has ended that it waited for; see the store over SQLite."""
        now = now_us()
        if run.due_at > now:
            if run.state == "sleeping":
                run.due_at = now
            elif run.state in ("ready", "parked") and any(
                step.wake_at == run.due_at for step in run.steps.values()
            ):
                if run.state == "ready":
                    self.make_ready(run, now)
                else:
                    run.due_at = now
        self.woken.append(run.id)

    def _end_invoked(self, run: StoredRun) -> None:
        """End the step that has invoked a run, if one has and still waits: the run has ended."""
        parent = run.new.parent
        above = None if parent is None else self.by_id.get(parent.run_id)
        step = None if above is None or parent is None else above.steps.get(parent.step_id)
        if above is None or step is None or step.state != "waiting" or step.match != run.id.encode():
            return
        if (step.wake_at or 0) > now_us():
            error_type, error_text = (None, None) if run.error is None else run.error[:2]
            self.end_step(step, end_of_child(run.id, run.state, run.result, error_type, error_text))
            self.wake(above)

    def refuse_if_over(self, run_id: str) -> None:
        """Refuse what a run that has ended would begin: it was cancelled while its handler goes on.

        Raises:
            StepMisuse: it has ended.
        """
        if run_id not in self._unfinished:
            raise run_is_over(run_id)

    def memoizable(self, run_id: str, step_id: str, replaced: Replaced) -> StoredRun:
        """Return a run, one step of which is about to be memoized.

        Raises:
            MemoizedAlready: the step has its memo.
        """
        run = self.by_id[run_id]
        before = run.steps.get(step_id)
        if before is not None and not (replaced.failed and before.state == "failing"):
            raise MemoizedAlready(run_id, step_id)
        return run

    def put_step(self, run: StoredRun, step_id: str, step: StoredStep, replaced: Replaced) -> None:
        """Store a step of a run, in place of its failure if there is one; attempts of the run start over."""
        self._put(run, step_id, step)
        if replaced.counted:
            run.attempt = run.deaths = 0

    def forget_failure(self, run: StoredRun, step_id: str) -> None:
        """Forget that a step has failed, if it has."""
        before = run.steps.pop(step_id, None)
        self.size -= 0 if before is None else before.size

    def _put(self, run: StoredRun, step_id: str, step: StoredStep) -> None:
        before = run.steps.get(step_id)
        if before is not None:
            self.size -= before.size
            if before.kind == step.kind:
                step.started_at, step.attempts = before.started_at, before.attempts + 1
        run.steps[step_id] = step
        self.size += step.size

    def _memoize(self, run_id: str, step_id: str, step: StoredStep, replaced: Replaced) -> StoredRun:
        run = self.memoizable(run_id, step_id, replaced)
        self.put_step(run, step_id, step, replaced)
        return run

    def note_failures(self, run: StoredRun, failures: Iterable[Failure]) -> None:
        """Store steps that failed without being memoized, unless they have been memoized since."""
        for failure in failures:
            before = run.steps.get(failure.step_id)
            if before is None or before.state == "failing":
                step = StoredStep(
                    failure.kind,
                    failure.channel,
                    failure.topic,
                    "failing",
                    failure.started_at,
                    failure.ended_at,
                    error_type=failure.error_type,
                    error_text=failure.error_text,
                )
                self._put(run, failure.step_id, step)

    def end_sleep(self, request: EndSleep) -> None:
        """Note that a step has slept for its time."""
        run = self.by_id[request.run_id]
        step = run.steps[request.step_id]
        step.state, step.ended_at = "done", now_us()
        self.have_awake(run)

    def mark_awake(self, request: MarkAwake) -> None:
        """Note that a run executes again."""
        self.have_awake(self.by_id[request.run_id])

    def rest(self, request: Rest) -> None:
        """Note that a run only sleeps, though it isn't known to have slept from the beginning."""
        run = self.by_id[request.run_id]
        if run.state == "running":
            run.state, run.due_at = "sleeping", now_us()

    def have_awake(self, run: StoredRun) -> None:
        """Have a run execute that slept."""
        if run.state == "sleeping":
            run.state, run.due_at = "running", now_us()

    # -- retention -------------------------------------------------------------------------------------------

    def message_dropped(self, run_id: str, step_id: str) -> None:
        """Keep the memo of a publish without its message, with the data if the run may still be executed."""
        run = self.by_id.get(run_id)
        if run is not None:
            step = run.steps[step_id]
            self.size -= step.size
            step.place = None
            if run.state == "done":
                step.result = None
            self.size += step.size

    def drop_ended(self, before: int, most: int) -> int:
        """Drop the runs that ended first, if that was before a time.

        Args:
            before: the time.
            most: how many runs at most.

        Returns:
            How many were dropped.
        """
        count = 0
        while count < most and self._ended and self._ended[0][0] < before:
            _, _, run_id = heappop(self._ended)
            run = self.by_id.pop(run_id)
            self.size -= run.size
            if run.new.key is not None:
                del self._by_key[run.function, run.new.key]
            count += 1
            self._forget_retried()
        return count

    def _forget_retried(self) -> None:
        """Drop the first entries that are out of date, since their runs were retried."""
        while self._ended:
            ended_at, _, run_id = self._ended[0]
            if self.by_id[run_id].ended_at == ended_at:
                return
            heappop(self._ended)

    @property
    def first_end(self) -> int | None:
        """Return when the first of the runs ended that are kept; None if none has."""
        return self._ended[0][0] if self._ended else None
