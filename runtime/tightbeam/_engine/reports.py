"""Write down how an execution ended: in the journal, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from tightbeam._engine.execution import Again, Asleep, Done, Failed, Outcome, Parked
from tightbeam._engine.failure import MismatchParked
from tightbeam._engine.sqlite import parking
from tightbeam._engine.sqlite import runs as journal
from tightbeam._engine.sqlite.runs import Run, now_us
from tightbeam._engine.sqlite.writer import Transaction
from tightbeam._engine.step_log import Ledger, Parking
from tightbeam._engine.traces import loggable, run_error, user_line
from tightbeam.errors import RunParked, StepMismatch

__all__ = ["log_given_up", "log_outcome", "log_unknown", "parked_error", "recording"]

_log = logging.getLogger("tightbeam")


def recording(run: Run, outcome: Outcome, failures: list[journal.Failure]) -> Callable[[Transaction], None]:
    """Return the work that stores how an execution ended."""
    error = run_error(outcome.error) if isinstance(outcome, Failed | Again) else None

    def work(tx: Transaction) -> None:
        if isinstance(outcome, Done):
            journal.end_run(tx, run.id, outcome.raw, None, failures)
        elif isinstance(outcome, Parked):
            parking.park_run(tx, run.id, outcome.parking.error_type, outcome.parking.reason, failures)
        elif isinstance(outcome, Asleep):
            journal.leave_memory(tx, run.id, outcome.sleeps)
        elif error is None:
            journal.put_back(tx, run.id)
        elif isinstance(outcome, Again):
            due_at = now_us() + int(outcome.delay * 1e6)
            journal.retry_run(tx, run.id, outcome.attempt, due_at, error, failures)
        else:
            journal.end_run(tx, run.id, None, error, failures)

    return work


def log_outcome(run: Run, outcome: Outcome, ledger: Ledger) -> None:
    """Log a failure with its traceback, or that the run is parked; every record says of which run."""
    if isinstance(outcome, Parked):
        extra = _extra(run, outcome.parking.step_id, ledger.attempt)
        _log.warning(
            'run %s of "%s" is parked: %s', run.id, run.function, outcome.parking.reason, extra=extra
        )
    elif isinstance(outcome, Failed | Again):
        level = logging.ERROR if isinstance(outcome, Failed) else logging.WARNING
        what = "failed" if isinstance(outcome, Failed) else "failed and will be retried"
        error, origin = loggable(outcome.error), ledger.origin_of(outcome.error)
        step, attempt = (None, ledger.attempt) if origin is None else (origin.step_id, origin.attempt)
        _log.log(
            level,
            'run %s of "%s" %s: %s',
            run.id,
            run.function,
            what,
            user_line(outcome.error),
            exc_info=(type(error), error, error.__traceback__),
            extra=_extra(run, step, attempt),
        )


def log_given_up(run_id: str, function: str, attempt: int) -> None:
    """Log that the process has died under a run too often."""
    _log.error(
        "run %s is given up: the process died %d times while it ran",
        run_id,
        journal.MAX_DEATHS,
        extra={"run_id": run_id, "function": function, "step": None, "attempt": attempt},
    )


def log_unknown(parked: Mapping[str, int]) -> None:
    """Log that runs of functions which aren't registered are parked."""
    if parked:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(parked.items()))
        _log.warning("runs of functions that aren't registered are parked: %s", counts)


def parked_error(run: Run, parking: Parking) -> RunParked:
    """Return what a caller is told that waits for a run which is parked."""
    kind = MismatchParked if parking.error_type == StepMismatch.__name__ else RunParked
    return kind(run.id, run.function, parking.reason)


def _extra(run: Run, step: str | None, attempt: int) -> dict[str, object]:
    return {"run_id": run.id, "function": run.function, "step": step, "attempt": attempt}
