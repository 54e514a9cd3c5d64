"""What stores have in common of runs: which may be cancelled, retried or resumed, and which are given up."""

from __future__ import annotations

from tightbeam._engine.details import ENDED
from tightbeam._engine.records import RunError
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam.errors import RunStateError

__all__ = ["check_cancel", "check_resume", "check_retry", "died_too_often"]


def check_cancel(run_id: str, state: str) -> None:
    """Refuse to cancel a run that has ended.

    Args:
        run_id: of the run.
        state: of the run, as it is shown.

    Raises:
        RunStateError: it has ended.
    """
    if state in ENDED:
        raise RunStateError(run_id, state, "only a run that hasn't ended can be cancelled")


def check_retry(run_id: str, state: str) -> None:
    """Refuse to retry a run that is still to be executed, or is done.

    Args:
        run_id: of the run.
        state: of the run, as it is shown.

    Raises:
        RunStateError: it neither failed nor was cancelled.
    """
    if state not in ("failed", "cancelled"):
        raise RunStateError(run_id, state, "only a run that has failed or was cancelled can be retried")


def check_resume(run_id: str, state: str) -> None:
    """Refuse to resume a run that isn't parked.

    Args:
        run_id: of the run.
        state: of the run, as it is shown.

    Raises:
        RunStateError: it isn't parked.
    """
    if state != "parked":
        raise RunStateError(run_id, state, "only a parked run can be resumed")


def died_too_often() -> RunError:
    """Return the error of a run under which the process died `MAX_DEATHS` times."""
    text = f"the process died {MAX_DEATHS} times while it ran, without a new step"
    return RunError("RunFailed", text, None)
