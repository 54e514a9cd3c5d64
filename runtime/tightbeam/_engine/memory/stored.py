"""What is kept of a run and of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from tightbeam._engine.details import RunState
from tightbeam._engine.records import Memo, NewRun, Run, RunError, StepState

__all__ = ["StoredRun", "StoredStep", "shown_state"]

_RUN_BYTES, _STEP_BYTES = 700, 400
"""About how many bytes a run and a step take beside their data."""


@dataclass(slots=True)
class StoredStep:
    """What is remembered of one step, and when it was done."""

    kind: str
    channel: str | None
    topic: str | None
    state: StepState
    started_at: int
    ended_at: int | None
    wake_at: int | None = None
    result: bytes | None = None
    error_type: str | None = None
    error_text: str | None = None
    place: int | None = None
    """The place of the message that it published, while that is retained; the two share their data."""
    attempts: int = 1
    event: str | None = None
    """The name of the event that it waits for."""
    match: bytes | None = None
    """Which of the events of that name."""

    @property
    def memo(self) -> Memo:
        """Return what an execution of the run is told of it."""
        return Memo(
            self.kind,
            self.channel,
            self.topic,
            self.state,
            self.wake_at,
            self.result,
            self.error_type,
            self.error_text,
        )

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        return _STEP_BYTES + (len(self.result or b"") if self.place is None else 0)


@dataclass(slots=True)
class StoredRun:
    """One run; all times are microseconds since 1970."""

    number: int
    new: NewRun
    """What it was added with."""
    event: str
    data: bytes
    due_at: int
    created_at: int
    state: RunState = "ready"
    attempt: int = 0
    deaths: int = 0
    failures: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    retry_wait: int | None = None
    """How long its latest retry was to wait, if there was one."""
    result: bytes | None = None
    error: RunError | None = None
    steps: dict[str, StoredStep] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return its id."""
        return self.new.id

    @property
    def function(self) -> str:
        """Return the id of its function."""
        return self.new.function

    @property
    def is_asleep(self) -> bool:
        """Return whether one of its steps sleeps, or waits."""
        return any(step.state in ("sleeping", "waiting") for step in self.steps.values())

    @property
    def size(self) -> int:
        """Return about how many bytes it takes, with its steps."""
        return (
            _RUN_BYTES
            + len(self.data)
            + len(self.result or b"")
            + sum(step.size for step in self.steps.values())
        )

    @property
    def executable(self) -> Run:
        """Return what is needed to execute it."""
        memos = {step_id: step.memo for step_id, step in self.steps.items()}
        return Run(
            self.number,
            self.id,
            self.function,
            self.event,
            self.data,
            self.attempt,
            self.deaths,
            memos,
            self.created_at,
            self.started_at or 0,
            self.new.metadata,
            self.new.concurrency_key,
            self.new.parent,
        )


def shown_state(run: StoredRun, now: int) -> RunState:
    """Return a run's state for people: one that sleeps for long is ready to be executed when it wakes."""
    return "sleeping" if run.state == "ready" and run.due_at > now and run.is_asleep else run.state
