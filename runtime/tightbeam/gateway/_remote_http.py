"""The remote client's requests: small ones, on the standard library, from any thread."""

from __future__ import annotations

import http.client
import ssl
import threading
import weakref
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from tightbeam.errors import GatewayRefused, PublishFailed

__all__ = ["Requests"]

_TIMEOUT = 10.0
_MAX_ANSWER = 1024 * 1024
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})


class Requests:
    """Requests to one origin, with its server key; a connection for each thread, kept open."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("the gateway's URL is an origin, such as https://rt.example.com")
        self._tls = parts.scheme in ("https", "wss")
        self._host = parts.hostname
        self._port = parts.port
        self.websocket_url = f"{'wss' if self._tls else 'ws'}://{parts.netloc}/v1/realtime/connect"
        self.origin = f"{'https' if self._tls else 'http'}://{parts.netloc}"
        self._key = key
        self._local = threading.local()
        self._open: weakref.WeakSet[http.client.HTTPConnection] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<Requests to {self.origin}>"

    def close(self) -> None:
        """Close all connections; a request under way fails."""
        for connection in tuple(self._open):
            connection.close()

    def publish(self, channel: str, topic: str, raw: bytes, run_id: str | None) -> None:
        """Publish live.

        Raises:
            PublishFailed: the gateway didn't take it, or there was no answer.
        """
        query = {"channel": channel, "topic": topic}
        if run_id is not None:
            query["run_id"] = run_id
        status, body = self._post("/v1/realtime/publish", query, raw)
        if status != 200:
            raise PublishFailed(
                f'the gateway refused a message for topic "{topic}" with {status}: {_error(body)}',
                status=status,
                retryable=status in _RETRYABLE,
            )

    def token(self, channel: str, topics: list[str], since: str | None) -> str:
        """A subscription token.

        Raises:
            GatewayRefused: the key isn't valid there, or there is no such channel or topic.
            PublishFailed: there was no answer.
        """
        wanted = [{"channel": channel, "name": name, "kind": "run"} for name in topics]
        query = {} if since is None else {"since": since}
        status, body = self._post("/v1/realtime/token", query, orjson.dumps(wanted))
        if status == 201:
            jwt = orjson.loads(body).get("jwt")
            if isinstance(jwt, str):
                return jwt
        if status in _RETRYABLE:
            raise PublishFailed(f"the gateway is busy ({status})", status=status, retryable=True)
        raise GatewayRefused(f"the gateway gave no token ({status}): {_error(body)}", status=status)

    def _post(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        fresh = False
        while True:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                fresh = True
                connection = self._local.connection = self._connection()
                self._open.add(connection)
            try:
                connection.request("POST", target, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(_MAX_ANSWER)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                # A kept connection that the server had closed in the meantime: nothing was read, once more.
                if not fresh and isinstance(
                    error, (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)
                ):
                    continue
                raise PublishFailed(
                    f"no answer from the gateway at {self.origin}: {type(error).__name__}", retryable=True
                ) from None

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)


def _error(body: bytes) -> str:
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "no reason given"
    text = found.get("error") if isinstance(found, dict) else None
    if not isinstance(text, str):
        return "no reason given"
    issues = found.get("issues")
    more = "; ".join(f"{one['pointer'] or '(payload)'}: {one['reason']}" for one in issues) if issues else ""
    return f"{text} ({more})" if more else text
