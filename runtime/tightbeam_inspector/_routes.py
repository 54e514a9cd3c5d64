"""The inspector's routes: its files, and the things it asks for.

The files are for everyone who may call the gateway; whatever says something about channels, messages or runs
takes the server key, as publishing does, and in dev mode none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import fields
from importlib.metadata import version
from importlib.resources import files

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tightbeam._engine.details import RUN_STATES, Part
from tightbeam._engine.requests import (
    ListFunctions,
    ListRuns,
    ReadMessage,
    ReadPart,
    RecentMessages,
)
from tightbeam._engine.store import Answer, Query
from tightbeam._message import Envelope
from tightbeam.errors import EngineError
from tightbeam.gateway.panel import PanelContext, Receive, Refused, Scope, Send, encode, no_journal, query_of
from tightbeam_inspector._connections import Connections
from tightbeam_inspector._describe import describe
from tightbeam_inspector._tap import Tap

__all__ = ["PATH", "Inspector"]

PATH = "/inspector"
"""Where the page is."""

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MAX_VIEWERS = 16
_RUNS = 300
_RUNS_SEARCHED = 3_000
"""The latest runs that a filter searches: a search runs between two commits, so it is bounded."""
_MAX_WORDS = 16
_ACTIONS = {
    "ready": ("cancel",),
    "running": ("cancel",),
    "sleeping": ("cancel",),
    "parked": ("resume", "cancel"),
    "failed": ("retry",),
    "cancelled": ("retry",),
}
"""What can be done with a run, by its state."""
_PARTS: dict[str, Part] = {"event": "event", "result": "result", "step": "step"}
_HISTORY = 1_000
"""Durable messages that a page is shown when it opens, or after it was cut off."""
_SIZE = "Tightbeam-Size"
"""The header with the size of the whole data; the answer may hold only their beginning."""
_PAUSE = 0.05
"""Between two writes, so that a burst goes out in few of them."""
_SAFETY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Inspector:
    """The inspector of one gateway: a `Panel`."""

    path = PATH

    def __init__(self, context: PanelContext) -> None:
        self._authorizer = context.authorizer
        self._open_streams = Connections(context.streams, context.refusals)
        self._engine = context.engine
        self._catalog = context.catalog
        self._limits = context.limits
        self._run_actions = context.run_actions
        self._closing = False
        self._taps: set[Tap] = set()
        self._files: dict[str, tuple[bytes, str]] = {}

    def routes(self) -> list[Route]:
        """Return the routes that the gateway serves."""
        return [
            Route(PATH, self._slash, methods=["GET"]),
            Route(f"{PATH}/", self._file, methods=["GET"]),
            Route(f"{PATH}/api/channels", self._channels, methods=["GET"]),
            Route(f"{PATH}/api/connections", self._connections, methods=["GET"]),
            Route(f"{PATH}/api/messages", self._messages, methods=["GET"]),
            Route(f"{PATH}/api/payload", self._payload, methods=["GET"]),
            Route(f"{PATH}/api/runs", self._runs, methods=["GET"]),
            Route(f"{PATH}/api/runs/{{id}}", self._run, methods=["GET"]),
            Route(f"{PATH}/{{name}}", self._file, methods=["GET"]),
        ]

    def open(self) -> None:
        """Take viewers, again."""
        self._closing = False

    def close(self) -> None:
        """Tell every viewer that the gateway shuts down."""
        self._closing = True
        for tap in tuple(self._taps):
            tap.close()

    async def _slash(self, request: Request) -> Response:
        self._authorizer.check_host_and_origin(request.scope, request.headers)
        return RedirectResponse(f"{PATH}/", headers=_SAFETY)

    async def _file(self, request: Request) -> Response:
        self._authorizer.check_host_and_origin(request.scope, request.headers)
        if not self._files:
            self._files = _read_files()
        found = self._files.get(request.path_params.get("name", "index.html"))
        if found is None:
            raise Refused(404, "the inspector has no such file")
        return Response(found[0], headers=_SAFETY, media_type=found[1])

    async def _channels(self, request: Request) -> Response:
        self._enter(request)
        said = {"version": version("tightbeam"), "dev": self._authorizer.access.dev}
        # Not by orjson: a schema's integers may be of any size.
        body = json.dumps({**said, "channels": describe(self._catalog.classes)}).encode()
        return Response(body, headers=_SAFETY, media_type="application/json")

    async def _connections(self, request: Request) -> Response:
        channel = self._enter(request).get("channel")
        streams = self._open_streams
        return _json(await streams.overview() if channel is None else await streams.readers(channel))

    async def _runs(self, request: Request) -> Response:
        query = self._enter(request)
        state, function = query.get("state") or None, query.get("function") or None
        words = tuple(query.get("text", "").split())
        if state is not None and state not in RUN_STATES:
            raise Refused(400, f"there is no such state; the states are {', '.join(RUN_STATES)}")
        if len(words) > _MAX_WORDS:
            raise Refused(400, f"at most {_MAX_WORDS} words can be searched for")

        runs = await self._read(ListRuns(_RUNS, state, function, words, _RUNS_SEARCHED))
        functions = await self._read(ListFunctions(_RUNS_SEARCHED))
        return _json({"runs": runs[::-1], "functions": functions, "limit": _RUNS, "searched": _RUNS_SEARCHED})

    async def _run(self, request: Request) -> Response:
        self._enter(request)
        run_id = request.path_params["id"]
        found = await self._answer(self._engine.read_detail(run_id))
        if found is None:
            raise Refused(404, "there is no such run")
        actions = _ACTIONS.get(found.summary.state, ()) if self._run_actions else ()
        return _json(
            {field.name: getattr(found, field.name) for field in fields(found)} | {"actions": actions}
        )

    async def _payload(self, request: Request) -> Response:
        """Answer with data of a message (`id=`) or a run (`run=`, `part=`, `step=`), or its beginning."""
        query = self._enter(request)
        limit = _limit(query.get("limit"))
        run_id, part = query.get("run"), _PARTS.get(query.get("part", ""))
        if run_id is None:
            found = await self._read(ReadMessage(query.get("id", ""), limit))
        elif part is None:
            raise Refused(400, f"part is one of {', '.join(_PARTS)}")
        else:
            found = await self._read(ReadPart(run_id, part, query.get("step", ""), limit))
        if found is None:
            raise Refused(
                404, "that message is no longer retained" if run_id is None else "there is no such data"
            )
        data, size = found
        kind = "application/json" if len(data) == size else "application/octet-stream"
        return Response(data, headers={**_SAFETY, _SIZE: str(size)}, media_type=kind)

    async def _messages(self, request: Request) -> Response:
        query = self._enter(request)
        if request.method != "GET":  # not even HEAD: it would open a stream
            raise HTTPException(405, headers={"Allow": "GET"})
        if self._closing:
            raise Refused(503, "the gateway is shutting down", code="closing")
        if len(self._taps) >= _MAX_VIEWERS:
            raise Refused(
                503, f"{_MAX_VIEWERS} pages are open already", code="full", remedy="close one of them"
            )
        after = query.get("after") or None
        tap = Tap(self._engine.watch)  # before the look back, so that nothing falls between
        self._taps.add(tap)
        try:
            recent, missed, known = await self._read(RecentMessages(after, _HISTORY))
        except BaseException:
            self._leave(tap)
            raise
        reset = after is not None and not known
        return _Stream(self._lines(tap, recent, missed, reset), lambda: self._leave(tap))

    async def _lines(
        self, tap: Tap, recent: list[Envelope], missed: int, reset: bool
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines that a viewer reads: frames as subscribers get them, and how many were dropped."""
        opened = {"kind": "open", "position": self._engine.position, "reset": reset}
        yield _line(opened) + _dropped(missed) + b"".join(map(self._frame, recent))
        seen = (recent[-1].seq or 0) if recent else 0
        while not tap.closed:
            await tap.wait(self._limits.keep_alive.total_seconds())
            taken, dropped = tap.take()
            batch = [one for one in taken if one.seq is None or one.seq > seen]
            said = _dropped(dropped) + b"".join(map(self._frame, batch))
            if said or not tap.closed:
                yield said or _line({"kind": "ping"})
                await asyncio.sleep(_PAUSE)
        yield _line({"kind": "closing"})

    def _frame(self, envelope: Envelope) -> bytes:
        position = None if envelope.seq is None else self._engine.position_of(envelope.seq)
        return encode(envelope, position) + b"\n"

    def _leave(self, tap: Tap) -> None:
        tap.close()
        self._taps.discard(tap)

    async def _read(self, query: Query[Answer]) -> Answer:
        return await self._answer(self._engine.read(query))

    async def _answer(self, reading: Awaitable[Answer]) -> Answer:
        try:
            return await reading
        except EngineError as error:
            raise no_journal() from error

    def _enter(self, request: Request) -> dict[str, str]:
        query = dict(reversed(query_of(request.scope)))
        self._authorizer.check_host_and_origin(request.scope, request.headers)
        self._authorizer.check_site(request.headers)
        self._authorizer.check_key(request.headers)
        return query


class _Stream(StreamingResponse):
    """Lines, until the viewer goes; then, however it ends, `leave`."""

    def __init__(self, lines: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        super().__init__(lines, headers=_SAFETY, media_type="application/x-ndjson")
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


def _json(value: object) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    return Response(body, headers=_SAFETY, media_type="application/json")


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Refused(400, "limit is a number of bytes")
    return int(text)


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _dropped(count: int) -> bytes:
    return _line({"kind": "dropped", "count": count}) if count else b""


def _read_files() -> dict[str, tuple[bytes, str]]:
    """Return the files of the page by name: its own, and those that all pages of Tightbeam have in common."""
    return {
        one.name: (one.read_bytes(), _TYPES[suffix])
        for folder in (files("tightbeam") / "_pages", files("tightbeam_inspector") / "page")
        for one in folder.iterdir()
        if (suffix := "." + one.name.rpartition(".")[2]) in _TYPES
    }
