"""The routes on which programs of the server key's holder look into runs, and retry, cancel and resume them.

Pages of other origins are refused, allowed ones too: a page has no business with the runs of all users. No
answer but that of `data` holds a payload.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tightbeam._engine.details import ENDED, RUN_STATES, Part
from tightbeam._engine.requests import ReadPart, ScanRuns
from tightbeam._message import microseconds_of
from tightbeam._run_ids import may_be_run_id
from tightbeam._wire.names import (
    RUN_DATA_BYTES,
    RUN_DATA_SIZE,
    RUN_STATUSES,
    RUN_STEPS,
    RUN_TEXT,
    RUN_WAIT_SECONDS,
    RUNS_A_PAGE,
    RUNS_PATH,
)
from tightbeam._wire.run_json import detail_object, run_object
from tightbeam.errors import EngineError, NoSuchRun
from tightbeam.gateway._http import enter
from tightbeam.gateway._reasons import no_run_actions, run_refusal
from tightbeam.gateway._refusals import Refused
from tightbeam.gateway._settings import NAME_LIMIT

if TYPE_CHECKING:
    from tightbeam._engine.details import RunDetail
    from tightbeam._engine.protocol import Engine
    from tightbeam._engine.store import Answer, Query
    from tightbeam.gateway._access import Authorizer

__all__ = ["RunRoutes"]

_ACTIONS: Final = ("cancel", "retry", "resume")
_PARTS: Final[dict[str, Part]] = {"event": "event", "result": "result", "step": "step"}
_RUNS = 100
"""Runs on a page, unless a number is given."""
_MOST_WAITING = 1_000
_LENGTHS: Final = {"function": NAME_LIMIT, "step": NAME_LIMIT, "before": NAME_LIMIT, "text": RUN_TEXT}
_WHOLE = re.compile(r"0|[1-9][0-9]{0,6}")
_SECONDS = re.compile(r"1?[0-9](\.[0-9]{1,6})?|20(\.0{1,6})?")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class RunRoutes:
    """`/v1/realtime/runs` and below."""

    def __init__(self, authorizer: Authorizer, engine: Engine, *, allows_actions: bool) -> None:
        """Serve nothing yet.

        Args:
            authorizer: checks each request.
            engine: which has the runs.
            allows_actions: whether runs may be changed.
        """
        self._authorizer = authorizer
        self._engine = engine
        self._allows_actions = allows_actions
        self._waiting: set[asyncio.Task[object]] = set()
        self._closing = False

    def routes(self) -> list[Route]:
        """Return the routes that the gateway serves."""
        return [
            Route(RUNS_PATH, self.list, methods=["GET"]),
            Route(f"{RUNS_PATH}/{{id}}", self.get, methods=["GET"]),
            Route(f"{RUNS_PATH}/{{id}}/data", self.data, methods=["GET"]),
            *(
                Route(f"{RUNS_PATH}/{{id}}/{action}", self._act(action), methods=["POST"])
                for action in _ACTIONS
            ),
        ]

    def open(self) -> None:
        """Let requests wait, again."""
        self._closing = False

    def close(self) -> None:
        """Answer the requests that wait for the end of a run, and let no others wait."""
        self._closing = True
        for waiting in tuple(self._waiting):
            waiting.cancel()

    async def list(self, request: Request) -> Response:
        """Answer with a page of runs, newest first, and where the next page begins."""
        query = self._enter(request)
        states = tuple(query["state"].split(",")) if query.get("state") else ()
        if unknown := [state for state in states if state not in RUN_STATES]:
            raise Refused(
                400, f"there is no state {unknown[0]!r:.40}; the states are {', '.join(RUN_STATES)}"
            )
        words = tuple(query.get("text", "").split())
        limit = _number(query, "limit", 1, RUNS_A_PAGE)
        page = await self._read(
            ScanRuns(
                _RUNS if limit is None else limit,
                states,
                query.get("function") or None,
                words,
                _since(query.get("since")),
                query.get("before") or None,
            )
        )
        return _json({"runs": [run_object(run) for run in page.runs], "next": page.next})

    async def get(self, request: Request) -> Response:
        """Answer with a run, its steps and its messages; with ``wait=``, when it has ended or is parked."""
        query = self._enter(request)
        run_id = request.path_params["id"]
        seconds = _seconds(query.get("wait"))
        detail = await self._detail(run_id)
        if seconds and detail.summary.state not in ENDED and detail.summary.state != "parked":
            await self._wait(run_id, seconds)
            detail = await self._detail(run_id)
        return _json(detail_object(detail, RUN_STEPS))

    async def data(self, request: Request) -> Response:
        """Answer with data that a run keeps, or their beginning: ``part=``, ``step=``."""
        query = self._enter(request)
        run_id = request.path_params["id"]
        part = _PARTS.get(query.get("part", ""))
        if part is None:
            raise Refused(400, f"part is one of {', '.join(_PARTS)}")
        limit = _number(query, "limit", 0, 9_999_999)
        found = await self._read(
            ReadPart(run_id, part, query.get("step", ""), RUN_DATA_BYTES if limit is None else limit)
        )
        if found is None:
            raise Refused(404, "there is no such run, or no such data of it", code="run")
        kind = "application/json" if len(found.data) == found.size else "application/octet-stream"
        return Response(found.data, headers={**_HEADERS, RUN_DATA_SIZE: str(found.size)}, media_type=kind)

    def _act(self, action: Literal["cancel", "retry", "resume"]) -> Callable[[Request], Awaitable[Response]]:
        async def act(request: Request) -> Response:
            self._enter(request)
            if not self._allows_actions:
                raise no_run_actions()
            engine, run_id = self._engine, request.path_params["id"]
            change = {"cancel": engine.cancel_run, "retry": engine.retry_run, "resume": engine.resume_run}[
                action
            ]
            try:
                await change(run_id)
            except EngineError as error:
                raise run_refusal(error, RUN_STATUSES.get(type(error), 503)) from None
            return _json(run_object((await self._detail(run_id)).summary))

        return act

    async def _wait(self, run_id: str, seconds: float) -> None:
        if self._closing:
            raise Refused(503, "the gateway is shutting down", code="closing")
        if len(self._waiting) >= _MOST_WAITING:
            raise Refused(503, f"{_MOST_WAITING:,} requests wait for runs already", code="full")
        waiting: asyncio.Task[object] = asyncio.ensure_future(self._engine.wait_for_run(run_id, seconds))
        self._waiting.add(waiting)
        try:
            await asyncio.wait({waiting})
        finally:
            waiting.cancel()
            self._waiting.discard(waiting)
        if not waiting.cancelled() and isinstance(error := waiting.exception(), EngineError):
            raise run_refusal(error, RUN_STATUSES.get(type(error), 503))

    async def _detail(self, run_id: str) -> RunDetail:
        found = await self._answer(self._engine.read_detail(run_id))
        if found is None:
            raise run_refusal(NoSuchRun(run_id), 404)
        return found

    async def _read(self, query: Query[Answer]) -> Answer:
        return await self._answer(self._engine.read(query))

    async def _answer(self, reading: Awaitable[Answer]) -> Answer:
        try:
            return await reading
        except EngineError as error:
            raise run_refusal(error, RUN_STATUSES.get(type(error), 503)) from None

    def _enter(self, request: Request) -> Mapping[str, str]:
        self._authorizer.check_site(request.headers)
        query = enter(self._authorizer, request)
        for name, most in _LENGTHS.items():
            if len(query.get(name, "")) > most:
                raise Refused(400, f"{name} has at most {most:,} characters")
        run_id = request.path_params.get("id", "")
        if len(run_id) > NAME_LIMIT:
            raise Refused(400, "an id has 26 characters")
        if not may_be_run_id(run_id):
            raise run_refusal(NoSuchRun(run_id), 404)
        if not may_be_run_id(query.get("before", "")):
            raise Refused(400, "before is the id of a run")
        return query


def _number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """Return a parameter that is a whole number between two; None if it isn't given.

    Raises:
        Refused: 400, it is something else.
    """
    text = query.get(name)
    if not text:
        return None
    if _WHOLE.fullmatch(text) is None or not least <= int(text) <= most:
        raise Refused(400, f"{name} is a whole number from {least} to {most:,}")
    return int(text)


def _seconds(text: str | None) -> float:
    """Return how long to wait for the end of a run.

    Raises:
        Refused: 400, it is no number, or too large a one.
    """
    if not text:
        return 0
    if _SECONDS.fullmatch(text) is None:
        raise Refused(400, f"wait is a number of seconds, at most {RUN_WAIT_SECONDS}")
    return float(text)


def _since(text: str | None) -> int | None:
    """Return a moment in microseconds; None if there is none.

    Raises:
        Refused: 400, it isn't a time with a zone.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return microseconds_of(moment)
    except (ValueError, OverflowError):
        raise Refused(400, "since is a time as ISO 8601 has it, with a zone: 2026-03-01T09:00:00Z") from None


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), headers=_HEADERS, media_type="application/json")
