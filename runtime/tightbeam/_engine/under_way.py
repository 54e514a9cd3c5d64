"""The steps that are under way: no store knows them, the executions in memory do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tightbeam._engine.details import RunDetail, StepDetail
from tightbeam._engine.step_log import PASSIVE, StepCall

__all__ = ["with_steps_under_way"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def with_steps_under_way(detail: RunDetail, calls: Iterable[StepCall]) -> RunDetail:
    """Add the steps that are executed now to what is stored of a run.

    A step that has ended meanwhile stays as it is stored. One that sleeps or waits is stored as that.

    Args:
        detail: what is stored.
        calls: the calls of steps that haven't ended.
    """
    steps = {step.id: step for step in detail.steps}
    for call in calls:
        stored = steps.get(call.step_id)
        if call.use[0] in PASSIVE or (stored is not None and stored.state != "failing"):
            continue
        steps[call.step_id] = _running(call) if stored is None else _again(stored)
    return replace(detail, steps=tuple(steps.values()))


def _running(call: StepCall) -> StepDetail:
    kind, channel, topic = call.use
    started = _EPOCH + timedelta(microseconds=call.started_at)
    return StepDetail(call.step_id, kind, channel, topic, "running", 1, started, None, None, None, None, None)


def _again(stored: StepDetail) -> StepDetail:
    return replace(stored, state="running", attempts=stored.attempts + 1, ended_at=None)
