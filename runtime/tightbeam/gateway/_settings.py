"""Settings of a gateway: secrets, origins and hosts that are let in, and limits."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from tightbeam._wire.names import LOOPBACK_NAMES

__all__ = ["NAME_LIMIT", "Access", "Limits", "environment"]

MIN_SECRET_BYTES = 32
NAME_LIMIT = 1024
"""Characters that a name in a request may have: of a channel, a topic or an event."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything a gateway takes before it refuses, and how long things may last."""

    connections: int = 10_000
    """Open streams; one more gets 503."""
    topics: int = 1_000
    """Topics that one stream may follow, counted in each channel: about half a KiB of memory each."""
    buffer_messages: int = 1_024
    """Messages that wait for one slow reader before it is cut."""
    buffer_bytes: int = 4 * 1024 * 1024
    """Bytes of payload that wait for one slow reader before it is cut."""
    slow_grace: timedelta = timedelta(seconds=5)
    """How long a reader that was too slow has for what its buffer holds."""
    write_bytes: int = 64 * 1024
    """Bytes that are written at once."""
    client_frame: int = 16 * 1024
    """Bytes of one frame that a WebSocket client may send."""
    token: int = 8_000
    """Bytes of a token; of a request line, which it is a part of, most servers and proxies take 8 KiB."""
    stream_age: timedelta = timedelta(hours=1)
    """A stream ends after this, and has to show a new token."""
    token_age: timedelta = timedelta(seconds=60)
    """How long a token may be used to connect."""
    keep_alive: timedelta = timedelta(seconds=15)
    """How often an idle stream says that it is alive."""
    shutdown: timedelta = timedelta(seconds=1)
    """How long streams have to end when the gateway closes."""


@dataclass(frozen=True, slots=True)
class Access:
    """Secrets and origins; nothing of it is shown by ``repr``."""

    token_secrets: tuple[bytes, ...] = field(repr=False)
    """The first signs, all of them verify."""
    server_key: str | None = field(repr=False)
    dev: bool
    public_url: str | None
    hosts: frozenset[str] | None
    """Names allowed in ``Host``, without port; None allows all."""
    origins: frozenset[str]

    @classmethod
    def build(
        cls,
        *,
        dev: bool,
        token_secret: str | bytes | None,
        previous_token_secret: str | bytes | None,
        server_key: str | None,
        public_url: str | None,
        allowed_hosts: Iterable[str] | None,
        allowed_origins: Iterable[str],
    ) -> Access:
        """Checked settings.

        Raises:
            ValueError: something is missing, too short or contradicts itself.
        """
        given = [one for one in (token_secret, previous_token_secret) if one is not None]
        secret_bytes = tuple(one.encode() if isinstance(one, str) else bytes(one) for one in given)
        if any(len(one) < MIN_SECRET_BYTES for one in secret_bytes):
            raise ValueError(f"a token secret has at least {MIN_SECRET_BYTES} bytes")
        if token_secret is None:
            if not dev:
                raise ValueError(
                    "a gateway needs its own secret for tokens: token_secret=, or TIGHTBEAM_TOKEN_SECRET "
                    "(`openssl rand -hex 32` makes one); for trying things out there is dev=True"
                )
            secret_bytes = (_dev_secret(), *secret_bytes)
        if server_key is not None and len(server_key.encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"the server key has at least {MIN_SECRET_BYTES} bytes")
        if server_key is not None and server_key.encode() in secret_bytes:
            raise ValueError("the server key and the token secret must differ: one of them is handed out")
        public = None if public_url is None else _origin(public_url)
        hosts = frozenset(map(_host_name, allowed_hosts)) if allowed_hosts is not None else None
        if dev:
            hosts = LOOPBACK_NAMES
        elif hosts is None and public is not None:
            hosts = frozenset({_host_name(public)})
        return cls(
            secret_bytes,
            server_key,
            dev,
            public,
            hosts,
            frozenset(_origin(one) for one in allowed_origins),
        )


def _dev_secret() -> bytes:
    """Return dev mode's secret, the same after a restart, so that open pages come back with their tokens.

    It needn't be one: dev mode gives tokens to anybody on this machine, and checks host and origin.
    """
    try:
        folder = str(Path.cwd())
    except OSError:  # removed
        folder = ""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path's raises where there is none
    place = "tightbeam dev", socket.gethostname(), home, folder
    return hashlib.sha256("\0".join(place).encode("utf-8", "surrogateescape")).digest()


def environment(name: str) -> str | None:
    """Return a setting from the environment; None if it is empty or missing."""
    return os.environ.get(name) or None


def _origin(url: str) -> str:
    """Return an origin as browsers write it (RFC 6454, 6.2): lower case, without a default port."""
    if "@" in url:  # which isn't shown: it may be a password
        raise ValueError("an origin has no user and no password")
    wrong = ValueError(f"not an http or https origin, such as https://rt.example.com: {url!r}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that don't close, a port that is no number
        raise wrong from None
    if not host or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def _host_name(host: str) -> str:
    """Return a host's name without scheme and port."""
    text = host.rpartition("//")[2].partition("/")[0].lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() and ":" in text else text


host_name = _host_name
