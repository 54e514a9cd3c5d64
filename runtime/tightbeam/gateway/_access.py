"""Who may come in: Host, Origin, the server key, tokens; decided before anything else is read."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
import sys
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from tightbeam._selection import BAD_SINCE, LATEST
from tightbeam._wire.names import LOOPBACK_NAMES
from tightbeam.errors import InvalidParam
from tightbeam.gateway._catalog import Catalog
from tightbeam.gateway._frames import RUN_TOPIC
from tightbeam.gateway._logs import query_of as hidden_query
from tightbeam.gateway._reasons import (
    bad_token,
    beyond_token,
    no_token,
    other_site,
    proxied,
    too_many_topics,
    unknown_host,
    unknown_key,
    unknown_origin,
)
from tightbeam.gateway._refusals import Refused
from tightbeam.gateway._settings import Access, Limits, host_name
from tightbeam.gateway._tokens import BadToken, Grant, Since, since_ms, verify

__all__ = ["Authorizer", "Refused", "Scope", "StreamRequest", "query_of"]

Scope = MutableMapping[str, Any]
_SIGNING_KEY = re.compile(r"signkey-[a-z0-9]+-([0-9a-fA-F]+)")
_TEST_CLIENT = "starlette.testclient"
_TEST_HOST = "testserver"
"""The host that it asks, unless the test says otherwise."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a stream may follow, and where it wants to begin."""

    addresses: frozenset[tuple[str, str]]
    after: str | None
    """A position, ``"start"``, ``"latest"``, or None for what comes from now on."""
    since: int | None
    """The time of the last message seen in the channels, in milliseconds; if there is no ``after``."""
    keeps_cursor: bool
    """Whether the reader wants frames with positions."""


def query_of(scope: Scope) -> list[tuple[str, str]]:
    """Return the parameters of the query.

    Raises:
        Refused: 400, they can't be read.
    """
    pairs = hidden_query(scope)
    if pairs is None:
        raise Refused(400, "the query can't be read")
    return pairs


class Authorizer:
    """Decides, for one gateway."""

    def __init__(self, access: Access, limits: Limits, catalog: Catalog) -> None:
        self.access = access
        self._limits = limits
        self._catalog = catalog
        self._keys = () if access.server_key is None else tuple(map(_digest, _forms(access.server_key)))

    def check_host_and_origin(self, scope: Scope, headers: Headers) -> None:
        """Check `Host` and `Origin`; in dev mode also that both ends are on this machine.

        Raises:
            Refused: 403, or 421 for a host that isn't ours.
        """
        access = self.access
        if access.dev and (added := next((name for name in _FORWARDED if name in headers), None)) is not None:
            raise proxied(added)
        if not (access.dev and _is_test(scope)):
            if access.dev and not _is_local(scope):
                raise proxied(None)
            hosts = headers.getlist("host")
            names = (access.hosts or frozenset()) | ({_TEST_HOST} if _is_test(scope) else frozenset())
            known = len(hosts) == 1 and "/" not in hosts[0] and host_name(hosts[0]) in names
            if access.hosts is not None and not known:
                raise unknown_host(hosts, access)
        if "origin" in headers and self.allowed_origin(headers) is None:
            raise unknown_origin(headers.getlist("origin"), access)

    def check_site(self, headers: Headers) -> None:
        """Refuse pages of other sites, also of allowed origins: what only the gateway's own page asks for.

        They couldn't read the answers; they shouldn't cost the gateway work, or change anything, either.

        Raises:
            Refused: 403.
        """
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise other_site()

    def allowed_origin(self, headers: Headers) -> str | None:
        """Return the origin of the page that asks, as the page gave it, if it may read the answer."""
        origins = headers.getlist("origin")
        return origins[0] if len(origins) == 1 and self._is_allowed(origins[0].lower()) else None

    def _is_allowed(self, origin: str) -> bool:
        access = self.access
        if origin in access.origins or (access.public_url is not None and origin == access.public_url):
            return True
        return access.dev and origin.startswith("http") and host_name(origin) in LOOPBACK_NAMES

    def check_key(self, headers: Headers) -> None:
        """Check the server key, in constant time; dev mode takes any, or none.

        Raises:
            Refused: 401.
        """
        if self.access.dev:
            return
        shown_key = _bearer(headers)
        given = _digest(shown_key or "")
        if not any([hmac.compare_digest(given, key) for key in self._keys]):  # noqa: C419 - all, always
            raise unknown_key(shown_key, self.access)

    def authorize(self, query: Iterable[tuple[str, str]], headers: Headers) -> StreamRequest:
        """Return what a reader's tokens and query ask for: one token, or one for each of several channels.

        Raises:
            Refused: 401 for the token, 403 for what it doesn't allow, 400 for what can't be understood.
        """
        pairs = list(query)
        tokens = [value for name, value in pairs if name == "token"]
        if not tokens and (bearer := _bearer(headers)) is not None:
            tokens = [bearer]
        if not tokens:
            raise no_token()
        grants = [self.grant(token) for token in tokens]
        allowed = {address for grant in grants for address in grant.addresses}
        wanted = _wanted(pairs)
        if wanted is not None:
            if not wanted <= allowed:
                raise beyond_token(wanted - allowed)
            allowed = wanted
        if len(allowed) > self._limits.topics:
            raise too_many_topics(len(allowed), self._limits)
        channels = {channel for channel, _ in allowed}
        after = next((value for name, value in pairs if name == "after"), None)
        after = headers.get("last-event-id") or after
        if after is not None and len(after) > 128:
            raise Refused(400, "after isn't a position", code="position")
        begin = None if after in ("", "now") else after
        since = _since(pairs)
        if since is None and len(given := {grant.since for grant in grants}) == 1:
            since = given.pop()  # one time is for all channels of a stream: tokens have to agree on it
        if since == LATEST:
            begin = begin or LATEST
        return StreamRequest(
            frozenset(allowed | {(channel, RUN_TOPIC) for channel in channels}),
            begin,
            since if isinstance(since, int) else None,
            after is not None,
        )

    def grant(self, token: str) -> Grant:
        """Verify a token and return what it allows.

        Raises:
            Refused: 401.
        """
        try:
            grant = verify(token, self.access.token_secrets, self._limits.token)
            for channel, topics in grant.topics.items():
                self._catalog.chosen(channel, topics)
        except BadToken as error:
            raise bad_token(str(error), self._limits.token_age.total_seconds()) from None
        except InvalidParam:
            raise bad_token("unknown", 0) from None
        return grant


def _wanted(pairs: list[tuple[str, str]]) -> set[tuple[str, str]] | None:
    text = next((value for name, value in pairs if name == "want"), None)
    if text is None:
        return None
    try:
        found = {(channel, topic) for channel, topic in json.loads(text)}
        if not found or not all(isinstance(part, str) for pair in found for part in pair):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise Refused(400, "want is a JSON list of channels and topics") from None
    return found


def _since(pairs: list[tuple[str, str]]) -> Since | None:
    text = next((value for name, value in pairs if name == "since"), None)
    if not text:
        return None
    if text == LATEST:
        return LATEST
    try:
        return since_ms(int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else text)
    except (ValueError, OverflowError):
        raise Refused(400, BAD_SINCE, code="position") from None


def _bearer(headers: Headers) -> str | None:
    given = headers.getlist("authorization")
    if len(given) != 1:
        return None
    scheme, _, key = given[0].partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _forms(key: str) -> tuple[str, ...]:
    """Return the forms in which clients send a key: Inngest's also send the hash of a signing key."""
    if (found := _SIGNING_KEY.fullmatch(key)) is None or len(found[1]) % 2:
        return (key,)
    hashed = hashlib.sha256(bytes.fromhex(found[1])).hexdigest()
    return key, hashed, key[: found.start(1)] + hashed


def _is_local(scope: Scope) -> bool:
    return all(_is_loopback(scope.get(end)) for end in ("client", "server"))


def _is_test(scope: Scope) -> bool:
    """Return whether Starlette's test client asks, in this process.

    A server gives an address there; one that believes a proxy gives what a header says, with port 0 or the
    proxy's word for it. So the module of the test client has to be loaded too, which only tests do.
    """
    client = scope.get("client")
    return (
        isinstance(client, (tuple, list))
        and tuple(client) == ("testclient", 50_000)
        and _TEST_CLIENT in sys.modules
        and not any(name.decode("latin-1").lower() in _FORWARDED for name, _ in scope["headers"])
    )


def _is_loopback(address: object) -> bool:
    if not isinstance(address, (tuple, list)) or not address:
        return False
    name = str(address[0])
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == "localhost"
