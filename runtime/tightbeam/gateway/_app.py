"""The gateway as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, WebSocketRoute

from tightbeam._channels.refs import Channel
from tightbeam._client import Client, engine_of
from tightbeam.errors import InvalidParam
from tightbeam.gateway._access import Authorizer, Refused, Scope, query_of
from tightbeam.gateway._catalog import Catalog, Channels
from tightbeam.gateway._cors import CrossOrigin
from tightbeam.gateway._events import EventRoute
from tightbeam.gateway._http import HttpRoutes, failure
from tightbeam.gateway._logs import guard_uvicorn, hide_query
from tightbeam.gateway._mounting import API_PATH, check_mounts, misplaced, place_of, rest_of
from tightbeam.gateway._reasons import upgrade_required
from tightbeam.gateway._refusal_log import RefusalLog
from tightbeam.gateway._refusals import shown
from tightbeam.gateway._run_routes import RunRoutes
from tightbeam.gateway._runs import RunStatusPublisher
from tightbeam.gateway._settings import Access, Limits, environment
from tightbeam.gateway._sse import SseRoute
from tightbeam.gateway._stopping import end_with_server
from tightbeam.gateway._streams import Streams
from tightbeam.gateway._websocket import Receive, Send, refuse
from tightbeam.gateway._websocket import WebSocketRoute as Connect
from tightbeam.gateway.panel import PanelContext, load_panel

__all__ = ["Gateway", "app"]

_INSPECTOR = "tightbeam_inspector"
"""The package of the inspector, which stands above this one."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Gateway(Starlette):
    """What `app` returns: an ASGI application to serve, or to mount at the root of another one."""

    def __init__(
        self,
        client: Client,
        catalog: Catalog,
        access: Access,
        limits: Limits,
        runs: Callable[[str], bool],
        run_results: bool,
        run_actions: bool,
        inspector: bool,
    ) -> None:
        engine = engine_of(client)
        authorizer = Authorizer(access, limits, catalog)
        self._refusals = refusals = RefusalLog()
        run_status = RunStatusPublisher(engine.announce, runs, run_results, lambda: engine.shares_runs)
        streams = Streams(engine, limits, run_status)
        http = HttpRoutes(authorizer, engine, catalog, streams, limits)
        self._cross_origin = cross_origin = CrossOrigin(authorizer)
        events = EventRoute(authorizer, client, engine.max_payload_bytes)
        self._runs = RunRoutes(authorizer, engine, allows_actions=run_actions)
        context = PanelContext(authorizer, engine, catalog, limits, streams, refusals, run_actions)
        self._inspector = load_panel(_INSPECTOR, context) if inspector else None
        super().__init__(
            routes=[
                *_routes(
                    authorizer, streams, limits, http, events, engine.position_of, cross_origin, refusals
                ),
                *self._runs.routes(),
                *(self._inspector.routes() if self._inspector is not None else ()),
            ],
            lifespan=self._lifespan,
            exception_handlers={Refused: self._refused, HTTPException: self._refused},
        )
        self.router.redirect_slashes = False  # the answer would repeat the query, and so a token
        self._own_routes = tuple(self.router.routes)
        self._client = client
        self._engine = engine
        self._streams = streams
        self._http = http
        self.dev: bool = access.dev
        """Whether it is in dev mode."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop on which it served its latest request."""
        engine.serve(_Front(self, http))
        engine.hooks.attach(run_status)
        engine.observe(run_status)
        guard_uvicorn()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        if loop is not self.loop:  # not at the lifespan: a server may handle signals from later on
            self.loop = loop
            end_with_server(self)
        place = place_of(scope)
        if not place.is_mounted or self._owns(place.path):
            scope["root_path"] = place.root_path
        elif place.prefix and self._owns(place.below_mount):
            await self._refuse_misplaced(place.prefix, scope, receive, send)
            return
        elif (rest := rest_of(scope, self)) is not None:
            await rest(scope, receive, send)
            return
        if not self._is_for_another_route(scope, place.path):
            hide_query(scope)
        if scope["type"] == "http" and (answer := self._preflight(scope, place.path)) is not None:
            await answer(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def _preflight(self, scope: Scope, path: str) -> Response | None:
        try:
            return self._cross_origin.preflight(scope, path)
        except Refused as refused:
            self._refusals.note(refused, scope)
            return self._cross_origin.share(Headers(scope=scope), failure(refused))

    async def _refused(self, request: Request, error: Exception) -> Response:
        refused = error if isinstance(error, Refused) else _without_route(error, request)
        self._refusals.note(refused, request.scope)
        answer = failure(refused)
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})
        if refused.code == "origin":
            return self._cross_origin.tell_origin(request.headers, place_of(request.scope).path, answer)
        return self._cross_origin.share(request.headers, answer)

    def _owns(self, path: str) -> bool:
        owned = [API_PATH, *(() if self._inspector is None else (self._inspector.path,))]
        return path == "/health" or any(path == one or path.startswith(f"{one}/") for one in owned)

    def _is_for_another_route(self, scope: Scope, path: str) -> bool:
        """Return whether a route that an application has added to this router answers the request."""
        return not self._owns(path) and any(
            route.matches(scope)[0] is not Match.NONE
            for route in self.router.routes
            if route not in self._own_routes
        )

    async def _refuse_misplaced(self, prefix: str, scope: Scope, receive: Receive, send: Send) -> None:
        hide_query(scope)
        refused = Refused(404, misplaced(prefix), code="mount", subject=prefix)
        self._refusals.note(refused, scope)
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            await refuse(scope, send, refused)
        else:
            await failure(refused)(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        if self._engine.is_open:  # the application around it enters and leaves the client
            yield
            await self.close()
            return
        async with self._client:
            self.reopen()
            yield
            await self.close()

    async def close(self) -> None:
        """Send ``closing`` to every subscriber and end every stream, within ``limits.shutdown``.

        `serve` and the lifespan do it, and servers that begin to stop: uvicorn, and those that handle
        signals in this process. Under others a program calls it before they wait for their connections.
        """
        if self._inspector is not None:
            self._inspector.close()
        self._runs.close()
        await self._streams.close()
        self._refusals.flush()

    def reopen(self) -> None:
        """Take streams again, after `close`."""
        self._streams.closing = False
        if self._inspector is not None:
            self._inspector.open()
        self._runs.open()
        self.leaves(None)

    def leaves(self, since: float | None) -> None:
        """Say that it began to shut down at this time, so that the client's bound isn't added to its own."""
        self._engine.leaves_since(since)

    @property
    def inspector(self) -> str | None:
        """Return the path of the inspector's page; None if it isn't served."""
        return None if self._inspector is None else f"{self._inspector.path}/"

    def serves_at(self, origin: str) -> None:
        """Say where this gateway can be reached, if it was made without ``public_url``."""
        if self._http.base_url is None:
            self._http.base_url = origin

    @property
    def connections(self) -> int:
        """Return the number of open streams."""
        return len(self._streams)


class _Front:
    """What the engine needs of its gateway."""

    def __init__(self, gateway: Gateway, http: HttpRoutes) -> None:
        self._gateway = gateway
        self.mint = http.mint
        """See `tightbeam._engine.protocol.Front`."""

    def check_application(self, application: object, /) -> None:
        """See `tightbeam._engine.protocol.Front`."""
        check_mounts(application, self._gateway)


def app(
    client: Client,
    *,
    channels: Channels,
    dev: bool | None = None,
    token_secret: str | bytes | None = None,
    previous_token_secret: str | bytes | None = None,
    server_key: str | None = None,
    public_url: str | None = None,
    allowed_origins: Iterable[str] = (),
    allowed_hosts: Iterable[str] | None = None,
    runs: bool | Iterable[type[Channel[Any]]] = True,
    run_results: bool = True,
    run_actions: bool = True,
    inspector: bool | None = None,
    limits: Limits | None = None,
) -> Gateway:
    """Return the gateway of an embedded client, wire-compatible with Inngest Realtime.

    Secrets that aren't given come from the environment. Served on its own it enters the client; mounted in
    another application, at its root, that one does (``lifespan=client.lifespan``).

    Args:
        client: whose messages; its database stays the business of this process.
        channels: the generated package, or channel classes; there is no other channel.
        dev: take any server key, need no token secret, answer this machine only (TIGHTBEAM_DEV=1).
        token_secret: signs tokens, 32 bytes or more (TIGHTBEAM_TOKEN_SECRET).
        previous_token_secret: still verifies them, while a new one comes into use
            (TIGHTBEAM_PREVIOUS_TOKEN_SECRET).
        server_key: for publishing and tokens over HTTP, 32 characters or more; without it, neither works
            (TIGHTBEAM_SERVER_KEY).
        public_url: the origin under which browsers find it (TIGHTBEAM_PUBLIC_URL).
        allowed_origins: pages that may connect, besides those of ``public_url``.
        allowed_hosts: names it may be called by; that of ``public_url`` by default, else any. Dev mode
            knows this machine's names only.
        runs: on which channels runs say that they are running, completed or failed: all that have
            parameters, none, or these. The official hook stops listening when a run is over, so a channel
            that many runs share shouldn't.
        run_results: whether a completed run's result goes to the subscribers of those channels.
        run_actions: whether holders of the server key may cancel, retry and resume runs, by HTTP and in the
            inspector. Without it they only see them.
        inspector: serve the page on which a person sees channels, messages and runs, at ``/inspector/``; in
            dev mode by default, else it asks for the server key (TIGHTBEAM_INSPECTOR=1).
        limits: how much of everything.

    Raises:
        ValueError: a secret is missing or too short, or no channel was found.
    """
    dev = environment("TIGHTBEAM_DEV") in ("1", "true") if dev is None else dev
    access = Access.build(
        dev=dev,
        token_secret=token_secret or environment("TIGHTBEAM_TOKEN_SECRET"),
        previous_token_secret=previous_token_secret or environment("TIGHTBEAM_PREVIOUS_TOKEN_SECRET"),
        server_key=server_key or environment("TIGHTBEAM_SERVER_KEY"),
        public_url=public_url or environment("TIGHTBEAM_PUBLIC_URL"),
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
    )
    if inspector is None:
        setting = environment("TIGHTBEAM_INSPECTOR")
        inspector = dev if setting is None else setting in ("1", "true")
    if inspector and not dev and access.server_key is None:
        raise ValueError("the inspector needs a server key to ask for: server_key=, or TIGHTBEAM_SERVER_KEY")
    catalog = Catalog(channels)
    telling = _telling(catalog, runs)
    return Gateway(client, catalog, access, limits or Limits(), telling, run_results, run_actions, inspector)


def _telling(catalog: Catalog, runs: bool | Iterable[type[Channel[Any]]]) -> Callable[[str], bool]:
    chosen = None if isinstance(runs, bool) else frozenset(runs)

    def tells(name: str) -> bool:
        if runs is False:
            return False
        try:
            channel = catalog.channel(name)
        except InvalidParam:
            return False
        return type(channel) in chosen if chosen is not None else bool(channel.__tightbeam__.template.params)

    return tells


def _routes(
    authorizer: Authorizer,
    streams: Streams,
    limits: Limits,
    http: HttpRoutes,
    events: EventRoute,
    position_of: Callable[[int], str],
    cross_origin: CrossOrigin,
    refusals: RefusalLog,
) -> list[Route | WebSocketRoute]:
    sharing = cross_origin.sharing
    return [
        Route("/v1/realtime/token", sharing(http.token), methods=["POST"]),
        Route("/v1/realtime/publish", sharing(http.publish), methods=["POST"]),
        Route("/v1/realtime/send", sharing(events.send), methods=["POST"]),
        Route("/v1/realtime/sse", _OnlyGet(SseRoute(authorizer, streams, limits, position_of))),
        WebSocketRoute("/v1/realtime/connect", Connect(authorizer, streams, limits, position_of, refusals)),
        Route("/v1/realtime/connect", _OnlyGet(_UpgradeRequired(authorizer, streams))),
        Route("/v1/realtime/openapi.json", sharing(http.openapi), methods=["GET"]),
        Route("/health", sharing(http.health), methods=["GET"]),
    ]


class _OnlyGet:
    """Not even HEAD: it would open a stream."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            raise HTTPException(405, headers={"Allow": "GET"})
        await self._app(scope, receive, send)


class _UpgradeRequired:
    """Answers plain HTTP as a WebSocket would be answered, since browsers hide that answer from a page."""

    def __init__(self, authorizer: Authorizer, streams: Streams) -> None:
        self._authorizer = authorizer
        self._streams = streams

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        headers = Headers(scope=scope)
        query = query_of(scope)
        self._authorizer.check_host_and_origin(scope, headers)
        await self._streams.start_of(self._authorizer.authorize(query, headers))
        raise upgrade_required()


def _without_route(error: Exception, request: Request) -> Refused:
    assert isinstance(error, HTTPException)  # noqa: S101 - the other one that `_refused` is registered for
    remedy = "the paths and methods are those of /v1/realtime/openapi.json"
    cause = "there is no such path under /v1/realtime"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        cause = f"{shown(request.method)} isn't taken there, but {allowed}"
    return Refused(error.status_code, error.detail, cause=cause, remedy=remedy, subject=cause)
