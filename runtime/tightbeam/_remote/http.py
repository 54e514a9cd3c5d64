"""The remote client's requests: small ones, from coroutines and from any thread."""

from __future__ import annotations

import functools
import http.client
import ssl
import threading
import weakref
from urllib.parse import quote, urlencode, urlsplit

import orjson

from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._remote.answers import NoAnswer, Trouble, error_body, judge, no_connection
from tightbeam._remote.pool import Answer, Pool
from tightbeam._remote.send import run_ids, unanswered
from tightbeam._remote.send import target as send_target
from tightbeam._selection import addresses_of, subscription_token, token_request
from tightbeam.errors import GatewayRefused, PublishFailed, SubscribeFailed

__all__ = ["Requests"]

_TIMEOUT = 10.0
_MAX_ANSWER = 1024 * 1024
_RETRYABLE = frozenset({408, 425, 429})
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class Requests:
    """Requests to one origin, with its server key.

    From coroutines they go over connections of the event loop's, from threads over one of each thread's.
    """

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("the gateway's URL is an origin, such as https://rt.example.com")
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ValueError("the server key is printable ASCII: is there a line break at its end?")
        self._tls = parts.scheme in ("https", "wss")
        self.host: str = parts.hostname.encode("idna").decode()
        self._port = parts.port or (443 if self._tls else 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        self._netloc = host if parts.port is None else f"{host}:{parts.port}"
        self.websocket_url: str = f"{'wss' if self._tls else 'ws'}://{self._netloc}/v1/realtime/connect"
        self.origin: str = f"{'https' if self._tls else 'http'}://{self._netloc}"
        self._key = key
        self._local = threading.local()
        self._open: weakref.WeakSet[http.client.HTTPConnection] = weakref.WeakSet()
        self._pool = Pool(self.host, self._port, (lambda: self._context) if self._tls else None)

    def __repr__(self) -> str:
        return f"<Requests to {self.origin}>"

    def close(self) -> None:
        """Close all connections; a request under way fails."""
        for connection in tuple(self._open):
            connection.close()
        self._pool.close()

    async def publish(self, channel: str, topic: str, raw: bytes, run_id: str | None) -> None:
        """Publish live, from a coroutine.

        Raises:
            PublishFailed: the gateway didn't take it, or there was no answer.
        """
        try:
            answer = await self._post(_publish_target(channel, topic, run_id), raw, keep=True)
        except NoAnswer as error:
            raise self._unpublished(error) from None
        _check_published(topic, answer)

    def publish_sync(self, channel: str, topic: str, raw: bytes, run_id: str | None) -> None:
        """As `publish`, from any thread."""
        try:
            answer = self._post_sync(_publish_target(channel, topic, run_id), raw)
        except NoAnswer as error:
            raise self._unpublished(error) from None
        _check_published(topic, answer)

    async def fetch_token(self, selection: Selection) -> str:
        """Get a subscription token for connecting.

        Raises:
            NoAnswer: no gateway answered, or it was too busy to.
            GatewayRefused: the key isn't valid there, or there is no such channel or topic.
        """
        answer = await self._post("/v1/realtime/token", token_request(addresses_of(selection)), keep=False)
        return self._token(answer, selection)["key"]

    async def token(self, selection: Selection, since: str | None) -> SubscriptionToken:
        """Get a subscription token for somebody else, from a coroutine.

        Raises:
            GatewayRefused: the key isn't valid there, or there is no such channel or topic, or too many.
            SubscribeFailed: no gateway answered, or it was too busy to.
        """
        try:
            answer = await self._post(_token_target(since), token_request(addresses_of(selection)), keep=True)
            return self._token(answer, selection)
        except NoAnswer as error:
            raise self._no_token(error) from None

    def token_sync(self, selection: Selection, since: str | None) -> SubscriptionToken:
        """As `token`, from any thread."""
        try:
            return self._token(
                self._post_sync(_token_target(since), token_request(addresses_of(selection))), selection
            )
        except NoAnswer as error:
            raise self._no_token(error) from None

    async def send(self, name: str, data: bytes) -> list[str]:
        """Send an event, from a coroutine; see `tightbeam._remote.send` for what it raises."""
        try:
            answer = await self._post(send_target(name), data, keep=False)
        except NoAnswer as error:
            raise unanswered(name, self.origin, error) from None
        return run_ids(name, self.origin, answer)

    def send_sync(self, name: str, data: bytes) -> list[str]:
        """As `send`, from any thread."""
        connection = self._connection()
        sent = False
        try:
            connection.connect()
            sent = True
            answer = self._exchange(connection, send_target(name), data)
        except (OSError, http.client.HTTPException) as error:
            failure = no_connection(error)
            failure.sent = sent
            raise unanswered(name, self.origin, failure) from None
        finally:
            connection.close()
        return run_ids(name, self.origin, answer)

    def _unpublished(self, error: NoAnswer) -> PublishFailed:
        return PublishFailed(
            f"no answer from the gateway at {self.origin}: {error}",
            retryable=error.trouble is Trouble.OUTAGE,
        )

    def _no_token(self, error: NoAnswer) -> SubscribeFailed:
        return SubscribeFailed(
            f"no token from the gateway at {self.origin}: {error}",
            status=error.status,
            retryable=error.trouble is Trouble.OUTAGE,
        )

    def _token(self, answer: Answer, selection: Selection) -> SubscriptionToken:
        """Read the token in an answer.

        Raises:
            GatewayRefused: there is none, and why.
            NoAnswer: the gateway is too busy, or none answered.
        """
        if answer.status == 201:
            try:
                body = orjson.loads(answer.body)
                jwt, topics, reset = body["jwt"], body.get("topics"), body.get("reset")
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                jwt = topics = reset = None
            if isinstance(jwt, str):
                names = topics if isinstance(topics, list) else None
                return subscription_token(jwt, self.origin, selection, names, reset=reset is True)
        verdict = judge(answer.status, answer.headers, answer.body)
        if isinstance(verdict, GatewayRefused):
            raise GatewayRefused(
                f"the gateway gave no token: {verdict}", status=verdict.status, code=verdict.code
            )
        raise verdict

    async def _post(self, target: str, body: bytes, *, keep: bool) -> Answer:
        lines = [f"POST {target} HTTP/1.1", f"Host: {self._netloc}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self._headers().items()]
        if not keep:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("ascii")
        try:
            return await self._pool.post(head + body, _TIMEOUT, keep=keep)
        except OSError as error:
            raise no_connection(error) from None

    def _post_sync(self, target: str, body: bytes) -> Answer:
        fresh = False
        while True:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                fresh = True
                connection = self._local.connection = self._connection()
                self._open.add(connection)
            try:
                return self._exchange(connection, target, body)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                # A kept connection that the server had closed in the meantime: nothing was read, once more.
                if not fresh and isinstance(error, _STALE):
                    continue
                raise no_connection(error) from None

    def _exchange(self, connection: http.client.HTTPConnection, target: str, body: bytes) -> Answer:
        connection.request("POST", target, body, self._headers())
        answer = connection.getresponse()
        headers = {name.title(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read(_MAX_ANSWER))

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self.host, self._port, timeout=_TIMEOUT, context=self._context)
        return http.client.HTTPConnection(self.host, self._port, timeout=_TIMEOUT)

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _publish_target(channel: str, topic: str, run_id: str | None) -> str:
    query = {"channel": channel, "topic": topic}
    if run_id is not None:
        query["run_id"] = run_id
    return f"/v1/realtime/publish?{urlencode(query, quote_via=quote)}"


def _check_published(topic: str, answer: Answer) -> None:
    if answer.status != 200:
        said = error_body(answer.status, answer.body) or "no reason given"
        raise PublishFailed(
            f'the gateway refused a message for topic "{topic}" with {answer.status}: {said}',
            status=answer.status,
            retryable=answer.status in _RETRYABLE or answer.status >= 500,
        )


def _token_target(since: str | None) -> str:
    query = "" if since is None else "?" + urlencode({"since": since}, quote_via=quote)
    return f"/v1/realtime/token{query}"
