"""The recorder of runs: which were started since the test began, and how they ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from typing import Any, Generic, Literal, TypeVar, overload

from tightbeam._function import Function
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import install, uninstall
from tightbeam._hooks.info import RunInfo, RunOutcome, StepInfo
from tightbeam._results import return_type

__all__ = ["Started", "StartedRun", "StartedState"]

Result = TypeVar("Result")
StartedState = Literal["running", "sleeping", "retrying", "done", "failed", "cancelled", "parked", "stopped"]
"""How a run stands. ``"retrying"``: it waits for its next attempt; ``"stopped"``: its client was left."""
_WAITING = frozenset({"step.sleep", "step.wait_for_event", "step.invoke"})
_STATES: dict[str, StartedState] = {
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "parked": "parked",
    "sleeping": "sleeping",
    "retrying": "retrying",
    "stopped": "stopped",
}


class StartedRun(Generic[Result]):
    """One run that began to execute. What it shows changes as the run goes on."""

    def __init__(self, run: _Recorded, function: Function[Result] | None) -> None:
        self._run = run
        self._function = function

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.run_id

    @property
    def function(self) -> str:
        """The function's id."""
        return self._run.function

    @property
    def event(self) -> str:
        """The name of the event that started it."""
        return self._run.event

    @property
    def executions(self) -> int:
        """How often its handler was called."""
        return self._run.executions

    @property
    def state(self) -> StartedState:
        """How it stands, or has ended."""
        run = self._run
        if run.outcome is not None:
            return _STATES.get(run.outcome, "running")
        return "sleeping" if run.open_steps and _WAITING.issuperset(run.open_steps) else "running"

    @property
    def result(self) -> Result:
        """What it returned, as the handler's return type.

        Raises:
            ValueError: it isn't done.
        """
        run = self._run
        if run.outcome != "completed":
            raise ValueError(f'run {run.run_id} of "{run.function}" has no result: it is {self.state}')
        handler = None if self._function is None else self._function.__wrapped__
        kind = return_type(handler or _untyped, f'The result of function "{run.function}"')
        result: Result = kind.load(run.result or b"null")
        return result

    @property
    def error(self) -> BaseException | None:
        """What its latest execution failed with."""
        return self._run.error

    def __repr__(self) -> str:
        return f"<StartedRun {self.function!r} {self.state}>"


class Started:
    """Runs that began to execute since the test began.

    ``started(process_upload)`` is a list of that function's runs; ``started.runs`` of all.
    """

    def __init__(self) -> None:
        self._recorder = _Recorder()

    @overload
    def __call__(self, function: Function[Result], /) -> list[StartedRun[Result]]: ...
    @overload
    def __call__(self, function: str, /) -> list[StartedRun[Any]]: ...
    def __call__(self, function: Function[Any] | str, /) -> list[StartedRun[Any]]:
        """Return the runs of a function, or of the function with an id, in the order in which they began."""
        known = function if isinstance(function, Function) else None
        name = function.id if isinstance(function, Function) else function
        return [StartedRun(run, known) for run in self._recorder.recorded() if run.function == name]

    @property
    def runs(self) -> list[StartedRun[Any]]:
        """All runs, in the order in which they began."""
        return [StartedRun(run, None) for run in self._recorder.recorded()]

    def start(self) -> None:
        """Begin to record; the fixture does it."""
        install(self._recorder)

    def stop(self) -> None:
        """Stop recording; what was recorded stays."""
        uninstall(self._recorder)


class _Recorded:
    """What is known of one run."""

    def __init__(self, run: RunInfo) -> None:
        self.run_id: str = run.run_id
        self.function: str = run.function
        self.event: str = run.event
        self.executions = 0
        self.outcome: RunOutcome | None = None
        self.result: bytes | None = None
        self.error: BaseException | None = None
        self.open_steps: list[str] = []
        """The kinds of the steps that it is in."""


class _Recorder(Hook):
    """Notes each execution of each run, and the steps that it is in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Recorded] = {}

    def recorded(self) -> list[_Recorded]:
        with self._lock:
            return list(self._runs.values())

    @contextlib.contextmanager
    def run(self, run: RunInfo, /) -> Generator[None]:
        with self._lock:
            record = self._runs.setdefault(run.run_id, _Recorded(run))
        record.executions += run.__calls_handler__
        record.outcome, record.error = None, None
        try:
            yield
        except BaseException as error:
            record.error = error
            raise
        finally:
            record.result, record.outcome = run.result, run.outcome
            if run.outcome == "cancelled" and not record.executions:  # it never began
                with self._lock:
                    self._runs.pop(run.run_id, None)

    @contextlib.contextmanager
    def step(self, step: StepInfo, /) -> Generator[None]:
        with self._lock:
            record = self._runs.get(step.run_id)
        if record is None:
            yield
            return
        record.open_steps.append(step.kind)
        try:
            yield
        finally:
            record.open_steps.remove(step.kind)


def _untyped() -> Any: ...
