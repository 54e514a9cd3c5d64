"""Time limits of runs: an execution ends when its run takes longer than its function's timeout."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tightbeam._engine.alarm import Alarm, Timer
from tightbeam._engine.execution import Execution
from tightbeam._engine.records import Run
from tightbeam._engine.results import Failed
from tightbeam._function import Function
from tightbeam.errors import RunTimeout

__all__ = ["RunDeadline", "timeout_us"]


def timeout_us(function: Function[Any]) -> int | None:
    """Return how many microseconds a run of a function may take; None for no limit."""
    timeout = function.options.timeout
    return None if timeout is None else timeout // timedelta(microseconds=1)


class RunDeadline:
    """When one execution ends at the latest: a time after the run's first start, which is stored."""

    def __init__(
        self,
        run: Run,
        function: Function[Any],
        execution: Execution,
        end: Callable[[str, Execution, Failed], None],
    ) -> None:
        """Begin to watch; a run whose time is over already is ended before its handler is called.

        Args:
            run: the run.
            function: its function.
            execution: of the run.
            end: ends the execution with a failure.
        """
        self._timer: Timer | None = None
        timeout = timeout_us(function)
        if timeout is None:
            return
        text = f"the run took longer than its timeout of {function.options.timeout}"
        error = RunTimeout(text, run_id=run.id, error_type=RunTimeout.__name__, error_text=text)
        self._timer = Timer(Alarm(run.started_at + timeout), lambda: end(run.id, execution, Failed(error)))

    def cancel(self, _ended: object = None, /) -> None:
        """Stop watching: the execution has ended."""
        if self._timer is not None:
            self._timer.cancel()
