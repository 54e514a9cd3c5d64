"""The requests about steps: what is remembered of them, and that a run sleeps."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.records import Memo, Publish, Replaced
from tightbeam._engine.store import Request

__all__ = ["BeginSleep", "EndSleep", "MarkAwake", "MemoizePublish", "MemoizeStep", "Rest"]


@dataclass(frozen=True, slots=True)
class MemoizeStep(Request[None]):
    """Remember the outcome of a step.

    Raises:
        MemoizedAlready: it has one.
    """

    run_id: str
    step_id: str
    memo: Memo
    started_at: int
    replaced: Replaced


@dataclass(frozen=True, slots=True)
class MemoizePublish(Request[None]):
    """Store a message that is the memo of its step too, and hand it on with its place and time.

    The message's id is ``run_id:step:number``.

    Raises:
        MemoizedAlready: the step has a memo.
        StepMisuse: the run has ended.
    """

    publish: Publish
    step_id: str
    replaced: Replaced


@dataclass(frozen=True, slots=True)
class BeginSleep(Request[None]):
    """Remember until when a step sleeps: a restart doesn't begin the sleep again.

    Raises:
        MemoizedAlready: the step has a memo.
        StepMisuse: the run has ended.
    """

    run_id: str
    step_id: str
    wake_at: int
    started_at: int
    replaced: Replaced
    alone: bool
    """Whether the run does nothing else: it is sleeping then, until the first of its sleeps is over."""


@dataclass(frozen=True, slots=True)
class EndSleep(Request[None]):
    """Remember that a step has slept; the run executes again."""

    run_id: str
    step_id: str


@dataclass(frozen=True, slots=True)
class MarkAwake(Request[None]):
    """Note that a run executes again: if the process dies now, it is a death, and the run resumes at once."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Rest(Request[None]):
    """Note that a run does nothing but sleep, although it may do something between its steps.

    If the process dies now, that is no death, and the run resumes at once.
    """

    run_id: str
