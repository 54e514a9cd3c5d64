"""Tokens: the right to subscribe to some topics of one channel, for a minute."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tightbeam._channels.refs import Channel, TopicRef
from tightbeam._channels.refs import topics as topics_of
from tightbeam._hub import Address
from tightbeam.errors import InvalidParam, SubscribeFailed
from tightbeam.inngest._http import Answer, Http, NoAnswer

__all__ = ["mint", "mint_sync", "selected_topics"]

_PATH = "/v1/realtime/token"


def selected_topics(
    channel: Channel[Any], topics: Iterable[TopicRef[..., str, Any] | str] | None
) -> list[str]:
    """The names of the topics, each of which must be one of the channel.

    Raises:
        InvalidParam: one isn't, or there is none.
    """
    if not isinstance(channel, Channel):
        raise InvalidParam(f"a token is for a channel, not {type(channel).__name__}")
    known = topics_of(channel)
    if topics is None:
        return list(known)
    if isinstance(topics, str):
        raise InvalidParam("topics= takes a list of topics")
    names: list[str] = []
    for one in topics:
        if isinstance(one, TopicRef):
            if one.channel != channel.name:
                raise InvalidParam(
                    f'topic "{one.topic}" is one of channel "{one.channel}", not "{channel.name}"'
                )
            name: str = one.topic
        else:
            name = one
        if name not in known:
            raise InvalidParam(f'channel "{channel.name}" has no topic "{name}"; it has: {", ".join(known)}')
        if name not in names:
            names.append(name)
    if not names:
        raise InvalidParam("a token for no topic is of no use: name one, or leave topics= out")
    return names


def _request(addresses: Iterable[Address]) -> bytes:
    return json.dumps(
        [{"channel": channel, "name": topic, "kind": "run"} for channel, topic in addresses]
    ).encode()


def _key(http: Http, answer: Answer) -> str:
    if not answer.ok:
        said = http.excerpt(answer)
        raise SubscribeFailed(
            f"the server gave no token: it answered {answer.status}" + (f": {said}" if said else ""),
            status=answer.status,
            retryable=answer.retryable,
        )
    try:
        key = json.loads(answer.body)["jwt"]
    except (ValueError, KeyError, TypeError):
        key = None
    if not isinstance(key, str) or not key:
        raise SubscribeFailed("the server gave no token: its answer has none", status=answer.status)
    return key


async def mint(http: Http, addresses: Iterable[Address]) -> str:
    """A token for these topics.

    Raises:
        SubscribeFailed: the server gave none.
        SigningKeyError: the signing key is missing, or isn't one.
    """
    try:
        answer = await http.post(_PATH, _request(addresses), want_body=True)
    except NoAnswer as error:
        raise SubscribeFailed(f"the server gave no token: {error}", retryable=error.retryable) from None
    return _key(http, answer)


def mint_sync(http: Http, addresses: Iterable[Address]) -> str:
    """As `mint`, from any thread."""
    try:
        answer = http.post_sync(_PATH, _request(addresses), want_body=True)
    except NoAnswer as error:
        raise SubscribeFailed(f"the server gave no token: {error}", retryable=error.retryable) from None
    return _key(http, answer)
