"""Calls of hooks around and between the steps of an execution."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from tightbeam._channels.refs import TopicRef
from tightbeam._engine.failure import Interrupt, InterruptBehindStep, of_kind
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam._hooks.hook_list import Around, notify_step
from tightbeam._hooks.info import PublishInfo, StepInfo
from tightbeam.errors import StepError

__all__ = ["Surrounded", "notify_after", "notify_before"]


class Surrounded:
    """A context in which a step is executed, surrounded by hooks; so is the publish in it, if it is one."""

    __slots__ = ("_around_publish", "_around_step", "_call", "_info", "_log", "publish")

    def __init__(self, log: StepLog, call: StepCall, ref: TopicRef[..., str, Any] | None = None) -> None:
        hooks = log.hooks
        self._log = log
        self._call = call
        self._info: StepInfo | None = None
        self._around_step: Around | None = None
        self._around_publish: Around | None = None
        self.publish: PublishInfo | None = None
        """The description of the publish for hooks; None if no hook surrounds publishes."""
        if hooks.step:
            self._info = _info(log, call)
            self._around_step = Around(hooks.step, self._info)
        if hooks.publish and ref is not None:
            self.publish = PublishInfo(ref, log.run_id, call.step_id)
            self._around_publish = Around(hooks.publish, self.publish)

    def __enter__(self) -> Self:
        if self._around_step is not None:
            self._around_step.enter()
        if self._around_publish is not None:
            self._around_publish.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave with the error of the step itself, not with what interrupts the handler for a retry."""
        if self._around_step is None and self._around_publish is None:
            return
        cause = error
        if error is not None and of_kind(error, Interrupt):
            cause = self._log.error_of(self._call)
        if cause is not None and of_kind(cause, StepError):
            cause = cause.__cause__ or cause
        if self._around_publish is not None:
            self._around_publish.leave(cause)
        if self._info is not None and self._around_step is not None:
            if error is None or of_kind(error, InterruptBehindStep):
                self._info.outcome = "completed"
            else:
                has_failed = cause is not None and of_kind(cause, Exception)
                self._info.outcome = "failed" if has_failed else "interrupted"
            self._around_step.leave(cause)


def notify_before(log: StepLog, call: StepCall) -> None:
    """Notify hooks that the handler is about to use a step.

    Raises:
        InjectedFault: a test has the handler fail here.
    """
    if log.hooks.before_step:
        notify_step(log.hooks.before_step, _info(log, call))


def notify_after(log: StepLog, call: StepCall) -> None:
    """Notify hooks that the handler has a step's result.

    Raises:
        InjectedFault: a test has the handler fail here.
    """
    if log.hooks.after_step:
        notify_step(log.hooks.after_step, _info(log, call))


def _info(log: StepLog, call: StepCall) -> StepInfo:
    remembered = call.memo is not None and call.memo.state not in ("sleeping", "waiting")
    return StepInfo(log.run_id, log.function, call.step_id, call.use[0], call.attempt, remembered=remembered)
