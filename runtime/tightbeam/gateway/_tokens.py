"""Subscription tokens: short-lived, for one channel and some of its topics, HS256 and nothing else."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

__all__ = ["BadToken", "Grant", "mint", "since_ms", "verify"]

_ISSUER = "tightbeam"
_AUDIENCE = "tightbeam/realtime"
_HEADER = {"alg": "HS256", "typ": "JWT"}


class BadToken(Exception):
    """Not a token of this gateway, or no longer one; why is for nobody but the log."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows."""

    channel: str
    topics: tuple[str, ...]
    since: int | None
    """Milliseconds since 1970: the time of the last message the reader saw."""


def mint(secret: bytes, channel: str, topics: Sequence[str], since: int | None, age: float) -> str:
    """A signed token."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": channel,
        "iat": now,
        "exp": now + int(age),
        "jti": uuid.uuid4().hex,
        "publish": False,
        "topics": [{"kind": "run", "channel": channel, "name": name} for name in topics],
    }
    if since is not None:
        claims["since"] = since
    return jwt.encode(claims, secret, algorithm="HS256", headers=_HEADER)


def verify(token: str, secrets: Sequence[bytes], max_bytes: int) -> Grant:
    """What the token allows.

    Raises:
        BadToken: it isn't one of ours, is expired, or says something this gateway doesn't know.
    """
    if not token or len(token) > max_bytes or not token.isascii():
        raise BadToken("its size or characters")
    try:
        # Exactly the header that `mint` writes: no other algorithm, no `crit`, no key of the token's choice.
        if jwt.get_unverified_header(token) != _HEADER:
            raise BadToken("its header")
    except jwt.InvalidTokenError as error:
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
        except jwt.InvalidTokenError as error:
            raise BadToken(type(error).__name__) from error
        return _grant(claims)
    raise BadToken("its signature")


def _grant(claims: dict[str, Any]) -> Grant:
    channel, topics, since = claims["sub"], claims.get("topics"), claims.get("since")
    if not isinstance(topics, list) or not topics or claims.get("publish") is not False:
        raise BadToken("its claims")
    names = []
    for one in topics:
        if not isinstance(one, dict) or one.get("channel") != channel or not isinstance(one.get("name"), str):
            raise BadToken("its topics")
        names.append(one["name"])
    if since is not None and type(since) is not int:
        raise BadToken("its cursor")
    return Grant(channel, tuple(names), since)


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
