"""Show runs and their steps to people, and the data that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from tightbeam._engine.details import (
    ENDED,
    SCANNED,
    MessageDetail,
    RunDetail,
    RunRecord,
    RunsPage,
    RunSummary,
    StepDetail,
    attempts_shown,
    has_words,
)
from tightbeam._engine.memory.messages import Messages
from tightbeam._engine.memory.runs import Runs
from tightbeam._engine.memory.stored import StoredRun, StoredStep, shown_state
from tightbeam._engine.records import Excerpt, StoredOutcome
from tightbeam._engine.requests import (
    FindOutcome,
    FindRun,
    FindSettled,
    IsExecuted,
    ListFunctions,
    ListRuns,
    ReadMessage,
    ReadPart,
    ReadRun,
    ScanRuns,
)
from tightbeam._message import now_us, time_of

__all__ = ["Listing"]


class Listing:
    """What is stored, as people and their pages are shown it."""

    def __init__(self, runs: Runs, messages: Messages) -> None:
        self._runs = runs
        self._messages = messages

    def list_runs(self, request: ListRuns) -> list[RunSummary]:
        """List the latest runs, oldest first."""
        now = now_us()
        found = (
            run
            for run in self._latest(request.among)
            if request.function in (None, run.function)
            and request.state in (None, shown_state(run, now))
            and has_words(request.words, _searched(run))
        )
        return [_summary(run, now) for run in islice(found, request.limit)][::-1]

    def scan_runs(self, request: ScanRuns) -> RunsPage:
        """Look at some of the latest runs, and return those that are searched for."""
        now = now_us()
        found: list[RunSummary] = []
        last, count = None, 0
        for count, run in enumerate(self._before(request.before), 1):
            last = run.id
            if _is_searched(request, run, now):
                found.append(_summary(run, now))
            if count == SCANNED or len(found) == request.limit:
                break
        return RunsPage(found, last if count == SCANNED or len(found) == request.limit else None)

    def _before(self, run_id: str | None) -> Iterator[StoredRun]:
        """Return the runs that were added before one of them, latest first."""
        runs = self._runs.by_id
        if run_id is None:
            return reversed(runs.values())
        if run_id in runs:
            number = runs[run_id].number
        else:  # it is gone; ids sort by time
            number = max((run.number + 1 for run in runs.values() if run.id < run_id), default=0)
        return (run for run in reversed(runs.values()) if run.number < number)

    def read_run(self, request: ReadRun) -> RunRecord | None:
        """Read a run with its data."""
        run = self._runs.by_id.get(request.id)
        if run is None:
            return None
        traceback = None if run.error is None else run.error.traceback
        return RunRecord(_summary(run, now_us()), run.data, run.result, traceback)

    def find_settled(self, request: FindSettled) -> list[str]:
        """Find which of some runs have ended or are parked."""
        found = ((run_id, self._runs.by_id.get(run_id)) for run_id in request.ids)
        return [run_id for run_id, run in found if run is not None and run.state in {*ENDED, "parked"}]

    def is_executed(self, request: IsExecuted) -> bool:
        """Find out whether a run executes."""
        run = self._runs.by_id.get(request.run_id)
        return run is not None and run.state in ("running", "sleeping")

    def list_functions(self, request: ListFunctions) -> list[str]:
        """List the functions that the latest runs are of, by name."""
        return sorted({run.function for run in self._latest(request.among)})

    def _latest(self, among: int | None) -> Iterator[StoredRun]:
        """Yield the runs, latest first."""
        latest = reversed(self._runs.by_id.values())
        first = next(latest, None)
        if first is None:
            return
        floor = 0 if among is None else first.number - among
        for run in chain([first], latest):
            if run.number <= floor:
                return
            yield run

    def find_run(self, request: FindRun) -> RunDetail | None:
        """Find a run, with its steps and messages."""
        run = self._runs.by_id.get(request.id)
        if run is None:
            return None
        steps = sorted(run.steps.items(), key=lambda item: (item[1].started_at, item[0]))
        places = sorted(step.place for step in run.steps.values() if step.place is not None)
        return RunDetail(
            _summary(run, now_us()),
            run.deaths,
            None if run.error is None else run.error.traceback,
            len(run.data),
            None if run.result is None else len(run.result),
            tuple(_step(step_id, step) for step_id, step in steps),
            tuple(map(self._message, places)),
        )

    def _message(self, place: int) -> MessageDetail:
        message = self._messages.by_place[place]
        return MessageDetail(
            message.id or "",
            f"{self._messages.epoch}:{place}",
            message.channel,
            message.topic,
            time_of(message.created_us),
            len(message.data),
        )

    def find_outcome(self, request: FindOutcome) -> StoredOutcome | None:
        """Find how the run ended that was the last to publish on a channel."""
        message = self._messages.by_place.get(self._messages.last_place(request.channel))
        run = None if message is None else self._runs.by_id.get(message.run_id or "")
        if message is None or run is None or run.ended_at is None:
            return None
        return StoredOutcome(run.id, run.state, run.result, max(run.ended_at, message.created_us + 1))

    def read_message(self, request: ReadMessage) -> Excerpt | None:
        """Read the data of a message that is still retained."""
        run_id, _, name = request.id.partition(":")
        run = self._runs.by_id.get(run_id)
        if run is None:  # a message may outlive its run, a little
            message = self._messages.find(request.id)
        else:
            step = run.steps.get(name.removesuffix(":0"))
            message = None if step is None else self._messages.by_place.get(step.place or 0)
        if message is None or message.id != request.id:
            return None
        return _excerpt(message.data, request.limit)

    def read_part(self, request: ReadPart) -> Excerpt | None:
        """Read data of a run."""
        run = self._runs.by_id.get(request.run_id)
        if run is None:
            return None
        if request.part == "step":
            step = run.steps.get(request.step)
            return None if step is None else _excerpt(step.result, request.limit)
        return _excerpt(run.data if request.part == "event" else run.result, request.limit)


def _excerpt(data: bytes | None, limit: int | None) -> Excerpt | None:
    return None if data is None else Excerpt(data if limit is None else data[:limit], len(data))


def _is_searched(request: ScanRuns, run: StoredRun, now: int) -> bool:
    return (
        (not request.states or shown_state(run, now) in request.states)
        and request.function in (None, run.function)
        and (request.since_us is None or run.created_at >= request.since_us)
        and has_words(request.words, _searched(run))
    )


def _searched(run: StoredRun) -> tuple[str, ...]:
    """Return the texts in which the words of a search are looked for."""
    error = () if run.error is None else (run.error.type, run.error.text)
    return (run.id, run.function, run.event, *error)


def _summary(run: StoredRun, now: int) -> RunSummary:
    state = shown_state(run, now)
    begun, retried = run.started_at is not None, run.error is not None
    return RunSummary(
        run.id,
        run.function,
        run.event,
        state,
        run.attempt,
        attempts_shown(state, run.failures, begun=begun, retried=retried),
        run.failures,
        time_of(run.created_at),
        None if run.started_at is None else time_of(run.started_at),
        None if run.ended_at is None else time_of(run.ended_at),
        time_of(run.due_at),
        None if run.error is None else run.error.type,
        None if run.error is None else run.error.text,
    )


def _step(step_id: str, step: StoredStep) -> StepDetail:
    return StepDetail(
        step_id,
        step.kind,
        step.channel,
        step.topic,
        step.state,
        step.attempts,
        time_of(step.started_at),
        None if step.ended_at is None else time_of(step.ended_at),
        None if step.wake_at is None else time_of(step.wake_at),
        step.error_type,
        step.error_text,
        None if step.result is None else len(step.result),
    )
