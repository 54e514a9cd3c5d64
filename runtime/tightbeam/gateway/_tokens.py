"""Subscription tokens: short-lived, for some topics of one channel or of several, HS256 and nothing else.

A token for one channel has its topics in the form that Inngest's have. One for several names each list of
topics once, with the channels that it is for, and all of that compressed: a WebSocket's token goes into the
request line, and most servers and proxies refuse one of more than 8 KiB.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import jwt

from tightbeam._message import Address
from tightbeam._selection import LATEST

__all__ = ["BadToken", "Grant", "Since", "mint", "since_ms", "verify"]

_ISSUER = "tightbeam"
_AUDIENCE = "tightbeam/realtime"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_SEVERAL: Final = "channels"
"""The subject of a token for several channels; no claim of one for a single channel is in it."""
_CLAIMS_OF_SEVERAL = {"iss", "aud", "sub", "iat", "exp", "jti", "publish", "channels"}
_MAX_UNPACKED = 1024 * 1024

Since = int | Literal["latest"]
"""The time of the last message that the reader saw, in milliseconds since 1970; or "latest"."""


class BadToken(Exception):
    """Not a token of this gateway, or no longer one. Only the log says why."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows."""

    topics: Mapping[str, tuple[str, ...]]
    """The names of topics, by channel."""
    since: Since | None

    @property
    def addresses(self) -> set[Address]:
        """Return the address of each topic."""
        return {(channel, name) for channel, names in self.topics.items() for name in names}


def mint(secret: bytes, selection: Mapping[str, Sequence[str]], since: Since | None, age: float) -> str:
    """Make a signed token.

    Args:
        secret: signs it.
        selection: the topics that it allows, by channel.
        since: where its reader begins, unless the request says otherwise.
        age: seconds for which it opens streams.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "iat": now,
        "exp": now + int(age),
        "jti": uuid.uuid4().hex,
        "publish": False,
    }
    if len(selection) == 1:
        ((channel, topics),) = selection.items()
        claims["sub"] = channel
        claims["topics"] = [{"kind": "run", "channel": channel, "name": name} for name in topics]
    else:
        claims["sub"] = _SEVERAL
        claims["channels"] = _packed(selection)
    if since is not None:
        claims["since"] = since
    return jwt.encode(claims, secret, algorithm="HS256", headers=_HEADER)


def _packed(selection: Mapping[str, Sequence[str]]) -> str:
    by_topics: dict[tuple[str, ...], list[str]] = {}
    for channel, topics in selection.items():
        by_topics.setdefault(tuple(topics), []).append(channel)
    text = json.dumps(list(by_topics.items()), ensure_ascii=False, separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode()


def _unpacked(packed: str) -> object:
    """Return what `_packed` was given.

    Raises:
        ValueError: it has another form, or is larger than `_MAX_UNPACKED` when it is unpacked.
    """
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(base64.b85decode(packed), _MAX_UNPACKED)
    except zlib.error as error:
        raise ValueError("not compressed") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("cut off, followed by something, or too large")
    unpacked: object = json.loads(text)
    return unpacked


def verify(token: str, secrets: Sequence[bytes], max_bytes: int) -> Grant:
    """Verify a token and return what it allows.

    Raises:
        BadToken: it isn't one of ours, is expired, or says something this gateway doesn't know.
    """
    if not token or len(token) > max_bytes or not token.isascii():
        raise BadToken("its size or characters")
    try:
        # Exactly the header that `mint` writes: no other algorithm, no `crit`, no key of the token's choice.
        if jwt.get_unverified_header(token) != _HEADER:
            raise BadToken("its header")
    except (jwt.InvalidTokenError, RecursionError) as error:  # the header is JSON, of any depth
        raise BadToken("its form") from error
    for secret in secrets:
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                options={"require": ["exp", "iat", "jti", "sub", "iss", "aud"]},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, RecursionError) as error:  # claims are JSON, of any depth, too
            raise BadToken(type(error).__name__) from error
        return _grant(claims)
    raise BadToken("its signature")


def _grant(claims: dict[str, Any]) -> Grant:
    since = claims.get("since")
    if since is not None and type(since) is not int and since != LATEST:
        raise BadToken("its cursor")
    if claims.get("publish") is not False:
        raise BadToken("its claims")
    if "channels" in claims:
        return Grant(_topics_of_several(claims), since)
    channel, topics = claims["sub"], claims.get("topics")
    if not isinstance(topics, list) or not topics:
        raise BadToken("its claims")
    names: list[str] = []
    for one in topics:
        if not isinstance(one, dict) or one.get("channel") != channel or not isinstance(one.get("name"), str):
            raise BadToken("its topics")
        names.append(one["name"])
    return Grant({channel: tuple(names)}, since)


def _topics_of_several(claims: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the topics of a token for several channels, which has its own claims and no others."""
    if claims["sub"] != _SEVERAL or claims.keys() - {"since"} != _CLAIMS_OF_SEVERAL:
        raise BadToken("its claims")
    try:
        groups: Any = _unpacked(claims["channels"])
        selection = {channel: tuple(topics) for topics, channels in groups for channel in channels}
        parts = [part for topics, channels in groups for part in (topics, channels)]
        names = [name for part in parts for name in part]
        count = sum(len(channels) for _, channels in groups)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadToken("its channels") from error
    if (
        not all(isinstance(part, list) and part for part in parts)
        or not all(isinstance(name, str) for name in names)
        or not 1 < count == len(selection)
    ):
        raise BadToken("its channels")
    return selection


def since_ms(since: str | int) -> int:
    """Milliseconds since 1970 of a time in the text form of JavaScript's dates, or already a number.

    Raises:
        ValueError: it isn't one, or has no time zone.
    """
    if isinstance(since, int):
        if not -(2**53) <= since <= 2**53:
            raise ValueError("since is out of range")
        return since
    moment = datetime.fromisoformat(since)
    if moment.tzinfo is None:
        raise ValueError("since has a time zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
