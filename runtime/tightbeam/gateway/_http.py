"""The routes that answer at once: tokens, publishes, health, and their description."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from tightbeam._engine.protocol import Engine, Selection, SubscriptionToken
from tightbeam._message import Envelope, now_us
from tightbeam._payload.encode import encode_within
from tightbeam._payload.encoders import decoded
from tightbeam._selection import BAD_SINCE, LATEST, subscription_token, topic_names
from tightbeam.errors import EngineError, InvalidParam, InvalidPayload, PayloadTooLarge
from tightbeam.gateway._access import Authorizer, query_of
from tightbeam.gateway._catalog import Catalog
from tightbeam.gateway._reasons import (
    body_too_large,
    invalid_payload,
    payload_too_large,
    unknown_channel,
    unknown_topic,
)
from tightbeam.gateway._refusals import Refused
from tightbeam.gateway._settings import NAME_LIMIT, Limits
from tightbeam.gateway._streams import Streams
from tightbeam.gateway._tokens import Since, mint, since_ms

__all__ = ["HttpRoutes", "enter", "failure", "metadata_in", "read_body"]

_MAX_TOKEN_BODY = 512 * 1024
_MAX_METADATA_BYTES = 4 * 1024
_RUN_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
BODY_SECONDS = 30.0


def failure(refused: Refused) -> Response:
    """Return the answer to a request that was refused."""
    # The rest of the body may still come, so the connection can't be used for another request.
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        408: {"Connection": "close"},
        426: {"Upgrade": "websocket"},
    }.get(refused.status, refused.headers)
    return JSONResponse(refused.body(), refused.status, headers)


class HttpRoutes:
    """Everything but the streams."""

    def __init__(
        self,
        authorizer: Authorizer,
        engine: Engine,
        catalog: Catalog,
        streams: Streams,
        limits: Limits,
    ) -> None:
        self._authorizer = authorizer
        self._engine = engine
        self._catalog = catalog
        self._streams = streams
        self._limits = limits
        self._max_payload_bytes = engine.max_payload_bytes
        self.base_url = authorizer.access.public_url
        """The origin that tokens name, at which clients find the gateway."""

    def mint(self, selection: Selection, since: str | None, /) -> SubscriptionToken:
        """Make a token and say where to use it.

        Raises:
            InvalidParam: there is no such channel or topic, ``since`` isn't a time, or it is too much for one
                token.
            EngineError: the gateway doesn't know its own address.
        """
        if self.base_url is None:
            raise EngineError("the gateway doesn't know its address: give `public_url=` to its `app`")
        signed = self._sign(selection, since)
        return subscription_token(signed.key, self.base_url, selection, signed.topics, reset=signed.reset)

    def _sign(self, selection: Selection, since: str | None) -> _Signed:
        chosen = {channel: self._catalog.chosen(channel, topics) for channel, topics in selection.items()}
        count, limits = sum(map(len, chosen.values())), self._limits
        if not 0 < count <= limits.topics or not all(chosen.values()):
            requested = f"{count} in {len(chosen)} channels were asked for" if count else "none was asked for"
            raise InvalidParam(
                f"a token is for 1 to {limits.topics} topics, counted in each channel, and {requested}: name "
                "fewer topics or channels, open a second connection, or give the gateway Limits(topics=…)"
            )
        moment = _moment(since)
        age = limits.token_age.total_seconds()
        key = mint(self._authorizer.access.token_secrets[0], chosen, moment, age)
        if len(key) > limits.token:
            raise InvalidParam(
                f"a token for these {len(chosen)} channels has {len(key):,} bytes, and a gateway takes "
                f"{limits.token:,} (Limits.token): ask for fewer channels, and open a second connection"
            )
        lost = isinstance(moment, int) and self._engine.has_lost(moment)
        return _Signed(key, topic_names(chosen.values()), lost)

    async def token(self, request: Request) -> Response:
        """`POST /v1/realtime/token`."""
        query = enter(self._authorizer, request)
        selection = _requested(await read_body(request, _MAX_TOKEN_BODY))
        for channel, topics in selection.items():
            known = self._catalog.topics(self._known(channel, "Invalid request: "))
            if missing := [name for name in topics if name != "*" and name not in known]:
                raise unknown_topic(channel, missing, "Invalid request: ")
        try:
            signed = self._sign(selection, query.get("since") or None)
        except InvalidParam as error:
            raise Refused(400, f"Invalid request: {error}", kind=InvalidParam.__name__) from None
        answer: dict[str, object] = {"jwt": signed.key, "topics": signed.topics, "channels": list(selection)}
        if signed.reset:
            answer["reset"] = True
        return JSONResponse(answer, 201)

    def _known(self, channel: str, what: str = "") -> str:
        try:
            return self._catalog.channel(channel).name
        except InvalidParam:
            raise unknown_channel(channel, what) from None

    async def publish(self, request: Request) -> Response:
        """`POST /v1/realtime/publish?channel=&topic=`."""
        query = enter(self._authorizer, request)
        if (request.headers.get("content-type") or "").partition(";")[0].strip() == "text/stream":
            raise Refused(415, "streams aren't relayed: publish each part as a message")
        channel, topic = query.get("channel"), query.get("topic")
        if not channel or not topic:
            raise Refused(400, "channel and topic are needed")
        ref = self._catalog.topics(self._known(channel)).get(topic)
        if ref is None:
            raise unknown_topic(channel, [topic])
        metadata = metadata_in(query)
        run_id = query.get("run_id")
        body = await read_body(request, self._max_payload_bytes)
        try:
            raw = encode_within(ref, _parsed(body), self._max_payload_bytes)
        except PayloadTooLarge as error:
            raise payload_too_large(error) from None
        except InvalidPayload as error:
            raise invalid_payload(error, self._catalog.channel(channel).__tightbeam__.template.text) from None
        if run_id is not None and _RUN_ID.fullmatch(run_id) is None:
            run_id = None
        now = now_us()
        await self._engine.relay(Envelope(channel, topic, raw, run_id, None, now, metadata=metadata))
        return Response(status_code=200)

    async def health(self, _request: Request) -> Response:
        """`GET /health`: for load balancers; says nothing about anyone."""
        open_ = self._engine.is_open and not self._streams.closing
        return JSONResponse({"status": "ok" if open_ else "closing"}, 200 if open_ else 503)

    async def openapi(self, request: Request) -> Response:
        """`GET /v1/realtime/openapi.json`."""
        from tightbeam.gateway._openapi import document  # not at import: seldom asked for

        self._authorizer.check_host_and_origin(request.scope, request.headers)
        described = document(version("tightbeam"), self._max_payload_bytes, dev=self._authorizer.access.dev)
        return JSONResponse(described)


class _Signed(NamedTuple):
    key: str
    topics: list[str]
    reset: bool
    """Whether messages after its ``since`` are no longer retained."""


def _moment(since: str | None) -> Since | None:
    if since is None:
        return None
    if since == LATEST:
        return LATEST
    try:
        return since_ms(since)
    except ValueError:
        raise InvalidParam(BAD_SINCE) from None


def _requested(body: bytes) -> dict[str, list[str]]:
    """Read which topics a token is asked for, by channel.

    Raises:
        Refused: 400, the body says something else.
    """
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, list) or not wanted:
        raise Refused(400, "Invalid request: must provide a list of topics")
    selection: dict[str, list[str]] = {}
    for topic in wanted:
        channel, name = (topic.get("channel"), topic.get("name")) if isinstance(topic, dict) else (None, None)
        if not isinstance(channel, str) or not isinstance(name, str):
            raise Refused(400, "Invalid request: a topic has a channel and a name")
        if len(channel) > NAME_LIMIT or len(name) > NAME_LIMIT:
            raise Refused(400, f"Invalid request: a name has at most {NAME_LIMIT:,} characters")
        selection.setdefault(channel, []).append(name)
    return selection


def enter(authorizer: Authorizer, request: Request) -> Mapping[str, str]:
    """Let a holder of the server key in, and return the query of its request.

    Raises:
        Refused: it isn't let in, or can't be understood.
    """
    query = dict(reversed(query_of(request.scope)))
    authorizer.check_host_and_origin(request.scope, request.headers)
    authorizer.check_key(request.headers)
    for name in ("channel", "topic"):
        if len(query.get(name, "")) > NAME_LIMIT:
            raise Refused(400, f"{name} is too long")
    return query


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body, up to its limits of size and time."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > limit:
        raise body_too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise body_too_large(limit)
    except ClientDisconnect:
        raise Refused(400, "the body broke off") from None
    except TimeoutError:
        raise Refused(408, "the body didn't come in time") from None
    return bytes(body)


def _parsed(body: bytes) -> Any:
    """Return the body as JSON; a body that isn't JSON counts as a string, as with Inngest."""
    try:
        return decoded(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused(400, "the body is neither JSON nor UTF-8") from None


def metadata_in(query: Mapping[str, str]) -> bytes | None:
    """Return the metadata in a query, as JSON; None if there is none.

    Raises:
        Refused: 400, it isn't JSON or is too long.
    """
    text = query.get("metadata")
    if not text:
        return None
    if len(text) > _MAX_METADATA_BYTES:
        raise Refused(400, "metadata is too long")
    try:
        value = orjson.loads(text)
        return None if value is None else orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, ValueError):
        raise Refused(400, "metadata isn't JSON") from None
