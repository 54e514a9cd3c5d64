"""The requests of people who operate runs."""

from __future__ import annotations

from tightbeam._engine.memory.runs import Runs
from tightbeam._engine.memory.stored import StoredRun, shown_state
from tightbeam._engine.records import CancelledRun
from tightbeam._engine.requests import CancelRun, RetryFrom, Unpark
from tightbeam._engine.run_rules import check_cancel, check_resume, check_retry
from tightbeam._message import now_us
from tightbeam.errors import NoSuchRun, NotRegistered

__all__ = ["Operating"]


class Operating:
    """Cancels, retries and resumes runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def cancel_run(self, request: CancelRun) -> CancelledRun:
        """Cancel a run that hasn't ended."""
        run = self._existing(request.run_id)
        check_cancel(run.id, run.state)
        self._runs.note_failures(run, request.failures)
        self._runs.end(run, "cancelled", run.error)
        channels = frozenset(step.channel for step in run.steps.values() if step.channel is not None)
        return CancelledRun(run.function, run.event, run.attempt, channels, run.new.metadata)

    def retry_from(self, request: RetryFrom) -> None:
        """Make a run that failed or was cancelled ready again."""
        run = self._existing(request.run_id, request.known)
        check_retry(run.id, shown_state(run, now_us()))
        for step in run.steps.values():
            if step.state == "failed":
                step.state = "failing"
        run.attempt = run.deaths = run.failures = 0
        run.started_at = run.error = None
        self._runs.revive(run)

    def unpark(self, request: Unpark) -> None:
        """Make a parked run ready."""
        run = self._existing(request.run_id, request.known)
        check_resume(run.id, shown_state(run, now_us()))
        run.error = None
        self._runs.make_ready(run, run.due_at)

    def _existing(self, run_id: str, known: frozenset[str] | None = None) -> StoredRun:
        """Return a run, whose function is known.

        Raises:
            NoSuchRun: there is no such run.
            NotRegistered: its function isn't among those that are known.
        """
        run = self._runs.by_id.get(run_id)
        if run is None:
            raise NoSuchRun(run_id)
        if known is not None and run.function not in known:
            raise NotRegistered(f'run {run_id} is of function "{run.function}", which isn\'t registered here')
        return run
