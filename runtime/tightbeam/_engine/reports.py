"""What becomes of an execution that has ended: the request that stores it, and the lines of the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from tightbeam._engine.records import Failure, GivenUp, Run, RunError
from tightbeam._engine.requests import (
    MAX_DEATHS,
    CancelRun,
    EndRun,
    IsExecuted,
    LeaveMemory,
    ParkRun,
    PutBack,
    RetryRun,
)
from tightbeam._engine.results import Again, Asleep, Cancelled, Done, ExecutionResult, Failed, Lost, Parked
from tightbeam._engine.step_log import StepLog
from tightbeam._engine.store import Request
from tightbeam._engine.traces import loggable, user_line
from tightbeam._message import now_us

__all__ = ["log_given_up", "log_result", "log_unknown", "log_waiting", "recording"]

_log = logging.getLogger("tightbeam")


def recording(
    run: Run,
    result: ExecutionResult,
    error: RunError | None,
    failures: Iterable[Failure],
    on_failure: tuple[str, ...],
) -> Request[object]:
    """Return the request that stores how an execution ended.

    Args:
        run: that was executed.
        result: how that ended.
        error: the description of the error, if it ended with one.
        failures: steps that failed without being memoized.
        on_failure: functions that the failure of the run starts.
    """
    failed = tuple(failures)
    if isinstance(result, Done):
        return EndRun(run.id, result.raw, None, failed)
    if isinstance(result, Cancelled):
        return IsExecuted(run.id) if result.elsewhere else CancelRun(run.id, failed)
    if isinstance(result, Parked):
        return ParkRun(run.id, result.parking.error_type, result.parking.reason, failed)
    if isinstance(result, Asleep):
        return LeaveMemory(run.id, result.sleeps)
    if error is None:
        return PutBack((run.id,))
    if isinstance(result, Again):
        wait_us = int(result.delay * 1e6)
        return RetryRun(run.id, result.attempt, now_us() + wait_us, error, failed, wait_us)
    return EndRun(run.id, None, error, failed, on_failure)


def log_result(result: ExecutionResult, log: StepLog) -> None:
    """Log a failure with its traceback, or that the run is parked; every record says of which run.

    Args:
        result: how that ended.
        log: of the execution.
    """
    if isinstance(result, Cancelled):
        _log.info('run %s of "%s" was cancelled', log.run_id, log.function, extra=log.record_extras())
    elif isinstance(result, Lost):
        _log.warning(
            'run %s of "%s" goes on in another process: this one was taken for dead and stores no more of it',
            log.run_id,
            log.function,
            extra=log.record_extras(),
        )
    elif isinstance(result, Parked):
        extra = log.record_extras(result.parking.step_id)
        _log.warning(
            'run %s of "%s" is parked: %s', log.run_id, log.function, result.parking.reason, extra=extra
        )
    elif isinstance(result, Failed | Again):
        level = logging.ERROR if isinstance(result, Failed) else logging.WARNING
        what = "failed" if isinstance(result, Failed) else "failed and will be retried"
        error, origin = loggable(result.error), log.origin_of(result.error)
        step, attempt = (None, log.attempt) if origin is None else (origin.step_id, origin.attempt)
        _log.log(
            level,
            'run %s of "%s" %s: %s',
            log.run_id,
            log.function,
            what,
            user_line(result.error),
            exc_info=(type(error), error, error.__traceback__),
            extra=log.record_extras(step, attempt),
        )


def log_given_up(run: GivenUp) -> None:
    """Log that the process has died under a run too often."""
    _log.error(
        "run %s is given up: the process died %d times while it ran",
        run.run_id,
        MAX_DEATHS,
        extra={"run_id": run.run_id, "function": run.function, "step": None, "attempt": run.attempt},
    )


def log_unknown(parked: Mapping[str, int]) -> None:
    """Log that runs of functions which aren't registered are parked."""
    if parked:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(parked.items()))
        _log.warning("runs of functions that aren't registered are parked: %s", counts)


def log_waiting(runs: Mapping[str, int]) -> None:
    """Log that there are runs of functions which no living process executes."""
    if runs:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(runs.items()))
        _log.warning("runs wait for functions that no living process executes: %s", counts)
