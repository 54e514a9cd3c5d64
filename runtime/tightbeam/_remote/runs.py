"""Runs behind a gateway: what `tightbeam._runs` and ``tightbeam runs --url`` need of them."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from tightbeam._engine.details import ENDED, RunRecord, RunsPage
from tightbeam._engine.requests import ReadRun, ScanRuns
from tightbeam._message import time_of
from tightbeam._remote.answers import error_for, json_object
from tightbeam._wire.backoff import Backoff
from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer, Pool
from tightbeam._wire.io import RequestLimits, pause, run
from tightbeam._wire.names import (
    RUN_DATA_BYTES,
    RUN_DATA_SIZE,
    RUN_ERROR_TYPES,
    RUN_WAIT_SECONDS,
    RUNS_A_PAGE,
    RUNS_PATH,
)
from tightbeam._wire.run_json import detail_from, summary_from
from tightbeam.errors import EngineError, NoSuchRun, RequestFailed, RunStateError

if TYPE_CHECKING:
    from tightbeam._engine.details import Part, RunDetail
    from tightbeam._remote.carrier import GatewayCarrier

__all__ = ["GatewayRuns"]

_Parsed = TypeVar("_Parsed")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TIMEOUT = 10.0
_REQUESTS = 64
"""How many may be under way at once; apart from those that publish."""
_LARGEST = RUN_DATA_BYTES + 1024 * 1024
"""Bytes of an answer, with its head."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 10.0
_STOPS = ENDED | {"parked"}
"""The states in which nothing more happens by itself."""


class GatewayRuns:
    """The runs of a gateway's client; each call is one request or a few."""

    def __init__(self, carrier: GatewayCarrier) -> None:
        self._carrier = carrier
        self._pool = Pool(carrier.origin, RequestLimits(RUN_WAIT_SECONDS + _TIMEOUT, _REQUESTS))

    # -- what `tightbeam._runs` needs ----------------------------------------------------------------------

    async def read(self, query: Any, /, *, blocking: bool = False) -> Any:
        """Answer `ReadRun` or `ScanRuns`.

        Args:
            query: what is asked.
            blocking: as for `Pool.request`, here and below.

        Raises:
            GatewayRefused: the server key isn't valid there, or this client has none.
            NotEntered: the gateway's client isn't entered.
            RequestFailed: the gateway didn't answer.
        """
        if isinstance(query, ScanRuns):
            return await self._scan(query, blocking=blocking)
        assert isinstance(query, ReadRun)  # noqa: S101 - the only other one
        try:
            detail = await self.detail(query.id, blocking=blocking)
        except NoSuchRun:
            return None
        return await self._record(detail, blocking=blocking)

    def read_sync(self, query: Any, /) -> Any:
        """As `read`, from any thread."""
        return run(self.read(query, blocking=True))

    async def cancel_run(self, run_id: str, /, *, blocking: bool = False) -> None:
        """Cancel a run.

        Raises:
            NoSuchRun: there is none of that id.
            RunStateError: it has ended.
        """
        await self._act("cancel", run_id, blocking=blocking)

    def cancel_run_sync(self, run_id: str, /) -> None:
        """As `cancel_run`, from any thread."""
        run(self.cancel_run(run_id, blocking=True))

    async def retry_run(self, run_id: str, /, *, blocking: bool = False) -> None:
        """Try a run again.

        Raises:
            NoSuchRun: there is none of that id.
            RunStateError: it has neither failed nor been cancelled.
            NotRegistered: its function isn't registered there.
        """
        await self._act("retry", run_id, blocking=blocking)

    def retry_run_sync(self, run_id: str, /) -> None:
        """As `retry_run`, from any thread."""
        run(self.retry_run(run_id, blocking=True))

    async def resume_run(self, run_id: str, /, *, blocking: bool = False) -> None:
        """Let a parked run be tried again.

        Raises:
            NoSuchRun: there is none of that id.
            RunStateError: it isn't parked.
            NotRegistered: its function isn't registered there.
        """
        await self._act("resume", run_id, blocking=blocking)

    def resume_run_sync(self, run_id: str, /) -> None:
        """As `resume_run`, from any thread."""
        run(self.resume_run(run_id, blocking=True))

    async def wait_for_run(
        self,
        run_id: str,
        timeout: float | None,
        /,
        *,
        blocking: bool = False,
    ) -> RunRecord:
        """Wait until a run has ended or is parked. The gateway may be restarted, once it has answered.

        Raises:
            NoSuchRun: there is none of that id.
            TimeoutError: it goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, pauses_always=True)
        answered = False
        while True:
            asked = time.monotonic()
            wait = RUN_WAIT_SECONDS if deadline is None else min(max(deadline - asked, 0), RUN_WAIT_SECONDS)
            if not answered:
                wait = 0  # at once, so that what never was a gateway is told from one that is restarted
            try:
                detail = await self.detail(run_id, wait=wait, blocking=blocking)
                answered = True
                if detail.summary.state in _STOPS:
                    return await self._record(detail, blocking=blocking)
                # A gateway that closes answers early.
                is_early = time.monotonic() - asked < wait / 2
                seconds = backoff.failed(time.monotonic()) if is_early else 0.0
            except RequestFailed as error:
                if not (answered and error.retryable):
                    raise
                seconds = backoff.failed(time.monotonic(), error.__retry_after__)
            left = math.inf if deadline is None else max(deadline - time.monotonic(), 0.0)
            await pause(min(seconds, left), blocking=blocking)
            if seconds >= left:
                raise TimeoutError(f"run {run_id} goes on after {timeout:g} s")

    def wait_for_run_sync(self, run_id: str, timeout: float | None, /) -> RunRecord:
        """As `wait_for_run`, from any thread."""
        return run(self.wait_for_run(run_id, timeout, blocking=True))

    # -- what commands need besides ------------------------------------------------------------------------

    async def detail(self, run_id: str, *, wait: float = 0, blocking: bool = False) -> RunDetail:
        """Return a run with its steps and messages.

        Args:
            run_id: the id of the run.
            wait: how many seconds to wait for its end.
            blocking: see `read`.

        Raises:
            NoSuchRun: there is none of that id.
        """
        query = f"?wait={wait:.3f}" if wait else ""
        answer = await self._ask("GET", f"{_place(run_id)}{query}", blocking=blocking)
        return self._parsed(answer, run_id, detail_from)

    def detail_sync(self, run_id: str) -> RunDetail:
        """As `detail`, from any thread."""
        return run(self.detail(run_id, blocking=True))

    async def part(self, run_id: str, part: Part, step: str = "", *, blocking: bool = False) -> bytes | None:
        """Return data that a run keeps, as JSON; None where there is none.

        Args:
            run_id: the id of the run.
            part: which data.
            step: the step's id, if it is a step's.
            blocking: see `read`.

        Raises:
            RequestFailed: there is more of it than a gateway gives.
        """
        query = urlencode({"part": part, **({"step": step} if part == "step" else {})}, quote_via=quote)
        answer = await self._ask("GET", f"{_place(run_id)}/data?{query}", blocking=blocking)
        if answer.status == 404 and json_object(answer.body).get("code") == "run":
            return None
        if answer.status != 200:
            raise self._error(answer, run_id)
        size = answer.headers.get(RUN_DATA_SIZE, "")
        if size.isascii() and size.isdecimal() and int(size) > len(answer.body):
            raise RequestFailed(
                f"the data of run {run_id} have {int(size):,} bytes, more than a gateway gives: "
                "read them from the file",
                status=answer.status,
            )
        return answer.body

    def part_sync(self, run_id: str, part: Part, step: str = "") -> bytes | None:
        """As `part`, from any thread."""
        return run(self.part(run_id, part, step, blocking=True))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    # ------------------------------------------------------------------------------------------------------

    async def _scan(self, query: ScanRuns, *, blocking: bool) -> RunsPage:
        # Who wants more asks for the following page.
        asked: dict[str, str] = {"limit": str(min(query.limit, RUNS_A_PAGE))}
        if query.states:
            asked["state"] = ",".join(query.states)
        if query.function is not None:
            asked["function"] = query.function
        if query.since_us is not None:
            asked["since"] = time_of(query.since_us).isoformat()
        if query.words:
            asked["text"] = " ".join(query.words)
        if query.before is not None:
            asked["before"] = query.before
        target = f"{RUNS_PATH}?{urlencode(asked, quote_via=quote)}"
        answer = await self._ask("GET", target, blocking=blocking)
        return self._parsed(answer, "", _page)

    async def _record(self, detail: RunDetail, *, blocking: bool) -> RunRecord:
        run_id = detail.summary.id
        data = await self.part(run_id, "event", blocking=blocking)
        result = None
        if detail.result_size is not None:
            result = await self.part(run_id, "result", blocking=blocking)
        return RunRecord(detail.summary, data or b"{}", result, detail.traceback)

    async def _act(self, action: str, run_id: str, *, blocking: bool) -> None:
        # Sent once: a second one, after a lost answer, would be refused for the state that the first made.
        answer = await self._ask("POST", f"{_place(run_id)}/{action}", blocking=blocking, keep_alive=False)
        self._parsed(answer, run_id, summary_from)

    async def _ask(self, method: str, target: str, *, blocking: bool, keep_alive: bool = True) -> Answer:
        self._carrier.check_key("runs")
        try:
            return await self._pool.request(
                method,
                target,
                self._carrier.headers,
                blocking=blocking,
                keep_alive=keep_alive,
                retry_if_stale=keep_alive,
                largest=_LARGEST,
            )
        except NoAnswer as failure:
            raise self._no_answer(failure) from None

    def _parsed(self, answer: Answer, run_id: str, parse: Callable[[Any], _Parsed]) -> _Parsed:
        if answer.status != 200:
            raise self._error(answer, run_id)
        try:
            return parse(json.loads(answer.body))
        except (ValueError, RecursionError):
            raise RequestFailed(
                f"what the gateway at {self._carrier.origin} answers is no run: is it of another version?",
                status=answer.status,
            ) from None

    def _error(self, answer: Answer, run_id: str) -> Exception:
        body = json_object(answer.body)
        kind = RUN_ERROR_TYPES.get(str(body.get("type"))) if body.get("status") == answer.status else None
        if kind is not None:
            return _raised(kind, run_id, str(body.get("error")), body.get("state"))
        error = error_for(answer)
        return self._no_answer(error) if isinstance(error, NoAnswer) else error

    def _no_answer(self, failure: NoAnswer) -> RequestFailed:
        failed = RequestFailed(
            f"no answer about runs from the gateway at {self._carrier.origin}: {failure}",
            status=failure.status,
            retryable=failure.kind is FailureKind.OUTAGE,
        )
        failed.__retry_after__ = failure.retry_after
        return failed


def _place(run_id: str) -> str:
    """Return the path of a run.

    Raises:
        NoSuchRun: it is no id, and may not even be part of a path.
    """
    if _ID.fullmatch(run_id) is None:
        raise NoSuchRun(run_id)
    return f"{RUNS_PATH}/{run_id}"


def _page(value: Any) -> RunsPage:
    if not isinstance(value, dict) or not isinstance(value.get("runs"), list):
        raise ValueError("this is no page of runs")
    following = value.get("next")
    return RunsPage(
        [summary_from(each) for each in value["runs"]], None if following is None else str(following)
    )


def _raised(kind: type[EngineError], run_id: str, text: str, state: object) -> EngineError:
    """Return the error that the gateway's engine raised."""
    if kind is NoSuchRun:
        return NoSuchRun(run_id, text)
    if kind is RunStateError:
        return RunStateError(run_id, str(state), text.removeprefix(f"run {run_id} is {state}: "))
    return kind(text)
