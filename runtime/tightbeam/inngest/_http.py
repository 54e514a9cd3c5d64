"""HTTP to the Inngest server: the one place that knows pyreqwest.

Its defaults are not ours: no timeout, redirects followed with the POST repeated, no cap on connections,
proxies for loopback too, keys and URLs in its errors. And its runtime doesn't survive a fork, so a client is
built at the first request of each process, never before.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Awaitable
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from pyreqwest.client import BaseClientBuilder, Client, ClientBuilder, SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError

from tightbeam.inngest._keys import Keys

__all__ = ["CERTIFICATE_REMEDY", "Answer", "Http", "NoAnswer", "is_loopback", "root_of"]

CERTIFICATE_REMEDY = "check the host in the URL, or make the CA that signed it known to this machine"
_EXCERPT = 200
_REFUSED = (401, 403)
_Builder = TypeVar("_Builder", bound=BaseClientBuilder)
_Result = TypeVar("_Result")


class Answer(NamedTuple):
    """What the server said."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was accepted."""
        return 200 <= self.status < 300

    @property
    def retryable(self) -> bool:
        """Whether the same request may be accepted later."""
        return self.status in (408, 425, 429) or self.status >= 500


class NoAnswer(Exception):
    """There was no answer: whether the request arrived isn't known. The text holds neither URL nor key."""

    def __init__(self, text: str, *, retryable: bool = True) -> None:
        self.retryable = retryable
        super().__init__(text)


async def _cancellable(answer: Awaitable[_Result]) -> _Result:
    """Await what Rust does: a cancellation that comes together with its answer would be lost otherwise."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    result = await answer
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return result


def root_of(origin: str) -> str:
    """Scheme, host and port: Inngest's paths are at the root, whatever path the origin has."""
    parts = urlsplit(origin)
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(origin: str) -> bool:
    """Whether the origin is this machine, which no proxy can reach for us."""
    host = urlsplit(origin).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Http:
    """POST requests to one origin, from coroutines and from threads, over connections that are kept.

    Nothing is sent twice, except once more with the fallback key after 401 or 403.
    """

    def __init__(
        self, origin: str, keys: Keys, env: str | None, *, timeout: timedelta, max_connections: int
    ) -> None:
        self.origin: str = root_of(origin)
        self._keys = keys
        self._env = env
        self._timeout = timeout
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._sync: SyncClient | None = None
        _all.add(self)

    def __repr__(self) -> str:
        return f"<Http {self.origin}>"

    async def post(self, target: str, body: bytes, *, want_body: bool = False) -> Answer:
        """Send it and return the answer, whatever its status; a 200's body only if it is wanted.

        Raises:
            NoAnswer: there is none.
            SigningKeyError: the key is missing, or isn't one.
        """
        bearers = self._keys.bearers
        client = self._client or self._build()
        answer = Answer(0, b"")
        for bearer in bearers:
            request = client.post(self.origin + target).body_bytes(body)
            if bearer is not None:
                request = request.header("authorization", bearer, is_sensitive=True)
            try:
                response = await _cancellable(request.build().send())
                status = response.status
                body_wanted = want_body or status != 200
                answer = Answer(status, bytes(await _cancellable(response.bytes())) if body_wanted else b"")
            except PyreqwestError as error:
                raise self._no_answer(error) from None
            if status not in _REFUSED:
                break
        return answer

    def post_sync(self, target: str, body: bytes, *, want_body: bool = False) -> Answer:
        """As `post`, from any thread."""
        bearers = self._keys.bearers
        client = self._sync or self._build_sync()
        answer = Answer(0, b"")
        for bearer in bearers:
            request = client.post(self.origin + target).body_bytes(body)
            if bearer is not None:
                request = request.header("authorization", bearer, is_sensitive=True)
            try:
                response = request.build().send()
                status = response.status
                answer = Answer(status, b"" if status == 200 and not want_body else bytes(response.bytes()))
            except PyreqwestError as error:
                raise self._no_answer(error) from None
            if status not in _REFUSED:
                break
        return answer

    def excerpt(self, answer: Answer) -> str:
        """The beginning of the answer's body, on one line, without keys."""
        text = " ".join(self._keys.redact(answer.body.decode("utf-8", "replace")).split())
        return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"

    async def close(self) -> None:
        """Close the connections; the next request makes new ones."""
        with self._lock:
            client, self._client = self._client, None
            sync, self._sync = self._sync, None
        if client is not None:
            await client.close()
        if sync is not None:
            sync.close()

    def _build(self) -> Client:
        with self._lock, _building:
            if self._client is None:
                try:
                    self._client = self._configured(ClientBuilder()).build()
                except RuntimeError as error:
                    raise _not_built(error) from None
                _note_async()
            return self._client

    def _build_sync(self) -> SyncClient:
        with self._lock, _building:
            if self._sync is None:
                try:
                    self._sync = self._configured(SyncClientBuilder()).build()
                except RuntimeError as error:
                    raise _not_built(error) from None
            return self._sync

    def _configured(self, builder: _Builder) -> _Builder:
        headers = {"content-type": "application/json"}
        if self._env is not None:
            headers["x-inngest-env"] = self._env
        made = (
            builder.runtime_multithreaded(enable=False)  # see `_settle_at_exit`
            .timeout(self._timeout)
            .connect_timeout(self._timeout)
            .pool_timeout(self._timeout)
            .max_connections(self._max_connections)
            .pool_max_idle_per_host(self._max_connections)
            .follow_redirects(enable=False)
            .referer(enable=False)
            .user_agent("tightbeam")
            .default_headers(headers)
        )
        return made.no_proxy() if is_loopback(self.origin) else made

    def _no_answer(self, error: PyreqwestError) -> NoAnswer:
        # Which of its errors it is says little: a late response is a ConnectTimeoutError.
        if isinstance(error, RequestTimeoutError):
            return NoAnswer(f"no answer from {self.origin} within {self._timeout.total_seconds():g} s")
        reason = _last_cause(error)
        if "certificate" in reason:
            return NoAnswer(
                f"no connection to {self.origin}: its certificate isn't trusted: {CERTIFICATE_REMEDY}",
                retryable=False,
            )
        return NoAnswer(
            f"no connection to {self.origin}, or it broke off" + (f": {reason}" if reason else "")
        )

    def drop_clients(self) -> None:
        self._lock = threading.Lock()
        self._client = self._sync = None


def _last_cause(error: PyreqwestError) -> str:
    """Return what the error's chain of causes ends in: the first of them has the URL in it."""
    details = getattr(error, "details", None)
    causes = details.get("causes") if isinstance(details, dict) else None
    last = causes[-1].get("message") if isinstance(causes, list) and len(causes) > 1 else None
    return last if isinstance(last, str) and "://" not in last else ""


def _not_built(error: RuntimeError) -> NoAnswer:
    if "fork" in str(error):
        return NoAnswer(
            "this process was forked from one that had made requests already, and can't make any itself: "
            "fork before the first publish, or start processes by spawn",
            retryable=False,
        )
    return NoAnswer("the HTTP client can't be built: TLS or the resolver isn't set up", retryable=False)


_all: weakref.WeakSet[Http] = weakref.WeakSet()
_building = threading.Lock()
"""Held while a client is built, and while the process forks: a child with half a client would hang."""


def _drop_all() -> None:
    _building.release()
    for http in tuple(_all):
        http.drop_clients()


_process_with_async: int | None = None
"""The process whose runtime calls into Python from a thread of its own."""


def _note_async() -> None:
    global _process_with_async  # noqa: PLW0603 - of the process, as the runtime is
    if _process_with_async != os.getpid():
        _process_with_async = os.getpid()
        atexit.unregister(_settle_at_exit)
        atexit.register(_settle_at_exit)


def _settle_at_exit() -> None:
    """Wait until the runtime's thread has left Python: if it is in there when Python ends, that aborts.

    It wakes the event loop and returns after that, when a short program may have ended. There is one such
    thread: when it has dealt with another request, which goes nowhere, it has returned.
    """
    if _process_with_async == os.getpid():
        with contextlib.suppress(PyreqwestError, RuntimeError):
            nowhere = SyncClientBuilder().no_proxy().timeout(timedelta(seconds=1)).build()
            nowhere.post("http://127.0.0.1:0/").build().send()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_building.acquire, after_in_parent=_building.release, after_in_child=_drop_all)
