"""Runs by id: `client.runs`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tightbeam._engine.details import RUN_STATES, RunRecord, RunsPage, RunState, RunSummary
from tightbeam._engine.failure import error_of
from tightbeam._engine.protocol import RunSource
from tightbeam._function import Function
from tightbeam._message import microseconds_of
from tightbeam._run_ids import may_be_run_id
from tightbeam._runs.run import Run, check_function, result_of, run_of
from tightbeam.errors import NoSuchRun

if TYPE_CHECKING:
    from tightbeam._engine.requests import ReadRun, ScanRuns

__all__ = ["Runs"]

Summaries = list[RunSummary]

Output = TypeVar("Output")
_LONGEST = 10.0 * 365 * 24 * 3600
"""Seconds; a longer timeout is none."""


class Runs:
    """The runs of a client's functions, by id.

    Each method has a twin for code without ``await``, which blocks its thread: ``get_sync`` and so on. Those
    can be called on any thread; ``cancel_sync`` and ``wait_sync`` not on that of the event loop which
    executes the runs.
    """

    def __init__(self, source: RunSource) -> None:
        self._source = source

    # -- reading ---------------------------------------------------------------------------------------------

    @overload
    async def get(self, id: str, /) -> Run[Any]: ...
    @overload
    async def get(self, id: str, /, *, function: Function[Output]) -> Run[Output]: ...
    async def get(self, id: str, /, *, function: Function[Any] | None = None) -> Run[Any]:
        """Return a run as it is now.

        Args:
            id: of the run, as `Client.send` returns it.
            function: its function, so that the result has the type which that is annotated with; without it
                the result is JSON.

        Raises:
            NoSuchRun: there is no such run, or it is of another function.
            NotJson: the result doesn't fit the type that the function is annotated with today.
            NotEntered: the client isn't entered.
        """
        request = _reading(id)
        return _found(id, await self._source.read(request), function)

    @overload
    def get_sync(self, id: str, /) -> Run[Any]: ...
    @overload
    def get_sync(self, id: str, /, *, function: Function[Output]) -> Run[Output]: ...
    def get_sync(self, id: str, /, *, function: Function[Any] | None = None) -> Run[Any]:
        """Return a run as it is now, without ``await``: see `get`."""
        request = _reading(id)
        return _found(id, self._source.read_sync(request), function)

    async def list(
        self,
        *,
        function: Function[Any] | str | None = None,
        state: RunState | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> Summaries:
        """Return the latest runs, newest first.

        Args:
            function: only runs of this function, or of the one with this id.
            state: only runs in this state.
            since: only runs that were added then or later; with a time zone.
            limit: how many runs at most.

        Raises:
            TypeError: an argument is of another type.
            ValueError: there is no such state, the time has no zone, or the limit is negative.
            NotEntered: the client isn't entered.
        """
        search = _Search(function, state, since, limit)
        while (request := search.request()) is not None:
            search.take(await self._source.read(request))
        return search.found

    def list_sync(
        self,
        *,
        function: Function[Any] | str | None = None,
        state: RunState | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> Summaries:
        """Return the latest runs, without ``await``: see `list`."""
        search = _Search(function, state, since, limit)
        while (request := search.request()) is not None:
            search.take(self._source.read_sync(request))
        return search.found

    # -- waiting ---------------------------------------------------------------------------------------------

    @overload
    async def wait(
        self,
        id: str,
        /,
        *,
        timeout: timedelta | None = None,
    ) -> Any: ...
    @overload
    async def wait(
        self,
        id: str,
        /,
        *,
        function: Function[Output],
        timeout: timedelta | None = None,
    ) -> Output: ...
    async def wait(
        self,
        id: str,
        /,
        *,
        function: Function[Any] | None = None,
        timeout: timedelta | None = None,
    ) -> Any:
        """Wait for the end of a run and return its result; at once, if it ended before.

        A run that is retried isn't over. Cancelling the wait, or its timeout, leaves the run alone.

        Args:
            id: of the run.
            function: its function, so that the result has the type which that is annotated with; without it
                the result is JSON.
            timeout: how long to wait at most.

        Returns:
            The result.

        Raises:
            TimeoutError: it hasn't ended in that time.
            NoSuchRun: there is no such run, or it is of another function.
            RunFailed: it has failed; the cause is the handler's exception, where that came in this process
                while the caller waited.
            RunCancelled: it was cancelled.
            RunParked: it is parked: today's code doesn't fit what it remembers.
            NotJson: the result doesn't fit the type that the function is annotated with today.
            NotEntered: the client isn't entered, or is left before the run has ended.
        """
        seconds = _seconds(timeout)
        if function is not None:
            check_function(_existing(id, await self._source.read(_reading(id))), function)
        return _ended(await self._source.wait_for_run(_checked(id), seconds), function)

    @overload
    def wait_sync(self, id: str, /, *, timeout: timedelta | None = None) -> Any: ...
    @overload
    def wait_sync(
        self, id: str, /, *, function: Function[Output], timeout: timedelta | None = None
    ) -> Output: ...
    def wait_sync(
        self, id: str, /, *, function: Function[Any] | None = None, timeout: timedelta | None = None
    ) -> Any:
        """Wait for the end of a run and return its result, without ``await``: see `wait`."""
        seconds = _seconds(timeout)
        if function is not None:
            check_function(_existing(id, self._source.read_sync(_reading(id))), function)
        return _ended(self._source.wait_for_run_sync(_checked(id), seconds), function)

    # -- changing --------------------------------------------------------------------------------------------

    async def cancel(self, id: str, /) -> None:
        """Cancel a run; when this returns, that is stored, and the run publishes nothing more.

        Where the run's handler awaits, it is interrupted at once by `asyncio.CancelledError`, so that its
        ``finally`` blocks run. A plain function can't be interrupted: what it does ends with the step that it
        is in, or at its next step. Both are waited for, five seconds at most; then the run is cancelled all
        the same. A run that another process executes is cancelled at once, and stores nothing more; that
        process interrupts it when it hears of it.

        Args:
            id: of the run.

        Raises:
            NoSuchRun: there is no such run.
            RunStateError: it has ended.
            NotEntered: the client isn't entered, or is left meanwhile.
            JournalFailed: it couldn't be stored.
        """
        await self._source.cancel_run(_checked(id))

    def cancel_sync(self, id: str, /) -> None:
        """Cancel a run, without ``await``: see `cancel`."""
        self._source.cancel_run_sync(_checked(id))

    async def retry(self, id: str, /) -> None:
        """Let a run that failed or was cancelled go on: its handler is called again, at once.

        What its steps have returned and published is remembered; a step that failed is done anew, and
        attempts are counted from 0.

        Args:
            id: of the run.

        Raises:
            NoSuchRun: there is no such run.
            NotRegistered: its function isn't registered.
            RunStateError: it has neither failed nor was it cancelled.
            NotEntered: the client isn't entered.
            JournalFailed: it couldn't be stored.
        """
        await self._source.retry_run(_checked(id))

    def retry_sync(self, id: str, /) -> None:
        """Let a run that failed or was cancelled go on, without ``await``: see `retry`."""
        self._source.retry_run_sync(_checked(id))

    async def resume(self, id: str, /) -> None:
        """Let a parked run be tried again, without a new start of the client.

        Args:
            id: of the run.

        Raises:
            NoSuchRun: there is no such run.
            NotRegistered: its function isn't registered.
            RunStateError: it isn't parked.
            NotEntered: the client isn't entered.
            JournalFailed: it couldn't be stored.
        """
        await self._source.resume_run(_checked(id))

    def resume_sync(self, id: str, /) -> None:
        """Let a parked run be tried again, without ``await``: see `resume`."""
        self._source.resume_run_sync(_checked(id))


class _Search:
    """The search for the latest runs, page by page, so that publishers wait for no more than a page."""

    def __init__(
        self, function: Function[Any] | str | None, state: RunState | None, since: datetime | None, limit: int
    ) -> None:
        """Check what the caller searches for: see `Runs.list`."""
        if state is not None and state not in RUN_STATES:
            raise ValueError(f"there is no state {state!r}: the states are {', '.join(RUN_STATES)}")
        given: object = since
        if given is not None and not isinstance(given, datetime):
            raise TypeError(f"since is a datetime, not {type(given).__name__}")
        if since is not None and since.utcoffset() is None:
            raise ValueError("since has no time zone: `datetime.now(UTC) - timedelta(hours=1)` has one")
        if type(limit) is not int:
            raise TypeError(f"limit is an int, not {type(limit).__name__}")
        if limit < 0:
            raise ValueError("limit can't be negative")
        self.found: Summaries = []
        self._states = () if state is None else (state,)
        self._function = function.id if isinstance(function, Function) else function
        self._since_us = None if since is None else microseconds_of(since)
        self._limit = limit
        self._before: str | None = None
        self._is_over = False

    def request(self) -> ScanRuns | None:
        """Return what is to be asked next; None if nothing is left to look for."""
        from tightbeam._engine.requests import ScanRuns  # not at import: programs that publish go without

        left = self._limit - len(self.found)
        if self._is_over or not left:
            return None
        return ScanRuns(left, self._states, self._function, (), self._since_us, self._before)

    def take(self, page: RunsPage) -> None:
        """Take the answer."""
        self.found += page.runs
        self._before = page.next
        self._is_over = page.next is None


def _reading(id: str) -> ReadRun:
    """Return the request that reads a run."""
    from tightbeam._engine.requests import ReadRun  # not at import: programs that publish go without

    return ReadRun(_checked(id))


def _checked(id: object) -> str:
    """Return what was given as the id of a run.

    Raises:
        TypeError: it isn't text: `send` returns a list of ids.
        NoSuchRun: no run can have it.
    """
    if not isinstance(id, str):
        raise TypeError(f"the id of a run is a str, not {type(id).__name__}")
    if not may_be_run_id(id):
        raise NoSuchRun(id)
    return id


def _seconds(timeout: object) -> float | None:
    if timeout is None:
        return None
    if not isinstance(timeout, timedelta):
        raise TypeError(f"timeout is a timedelta, not {type(timeout).__name__}")
    seconds = timeout.total_seconds()
    return None if seconds > _LONGEST else max(seconds, 0.0)


def _existing(id: str, record: RunRecord | None) -> RunRecord:
    if record is None:
        raise NoSuchRun(id)
    return record


def _found(id: str, record: RunRecord | None, function: Function[Any] | None) -> Run[Any]:
    found = _existing(id, record)
    check_function(found, function)
    return run_of(found, function)


def _ended(record: RunRecord, function: Function[Any] | None) -> Any:
    """Return the result of a run that has ended, or raise why there is none: see `Runs.wait`."""
    check_function(record, function)
    if record.summary.state == "done":
        return result_of(record, function)
    raise error_of(record) from record.cause
