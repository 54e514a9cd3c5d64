"""The origin of a server, parsed once, and the proxy that leads to it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from tightbeam._wire.failures import BadProxy

__all__ = ["Origin", "Proxy", "parse_origin", "proxy_for"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server; ``str`` gives its URL without a path."""

    is_secure: bool
    host: str
    port: int
    netloc: str
    """Host and port as in a ``Host`` header: the port only where the URL had one."""

    def __str__(self) -> str:
        return f"{'https' if self.is_secure else 'http'}://{self.netloc}"

    @property
    def websocket_url(self) -> str:
        """The URL of the origin for WebSockets, without a path."""
        return f"{'wss' if self.is_secure else 'ws'}://{self.netloc}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, which no proxy can reach for this process."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; ``repr`` doesn't show its credentials."""

    origin: Origin
    headers: tuple[str, ...] = field(repr=False)
    """Header lines that a request to the proxy needs."""


def parse_origin(url: str, subject: str) -> Origin:
    """Parse the origin of a URL; a path is ignored, as JavaScript's clients do.

    Args:
        url: with or without a path.
        subject: whose URL it is, for the error.

    Raises:
        ValueError: the URL has another scheme than HTTP or WebSocket, no host, or credentials.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{subject} is an origin, such as https://rt.example.com")
    return _origin(parts, parts.scheme in ("https", "wss"))


def _origin(parts: SplitResult, is_secure: bool) -> Origin:
    host = (parts.hostname or "").encode("idna").decode()
    bracketed = f"[{host}]" if ":" in host else host
    netloc = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
    return Origin(is_secure, host, parts.port or (443 if is_secure else 80), netloc)


def proxy_for(origin: Origin) -> Proxy | None:
    """Return the proxy that the environment names for an origin; None for loopback.

    Raises:
        BadProxy: the environment names something that isn't an HTTP proxy.
    """
    if origin.is_loopback or proxy_bypass(origin.netloc):
        return None
    proxies = getproxies()
    url = proxies.get("https" if origin.is_secure else "http") or proxies.get("all")
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadProxy
        headers: tuple[str, ...] = ()
        if parts.username is not None:
            plain = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers = (f"Proxy-Authorization: Basic {base64.b64encode(plain).decode()}",)
        return Proxy(_origin(parts, parts.scheme == "https"), headers)
    except ValueError:
        raise BadProxy from None
