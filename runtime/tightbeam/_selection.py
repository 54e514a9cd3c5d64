"""Read the arguments of `token`, which topics of which channels and since when, and write its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from tightbeam._channels.refs import Channel, TopicRef
from tightbeam._channels.refs import topics as topics_of
from tightbeam._engine.protocol import Selection, SubscriptionToken
from tightbeam._message import Address
from tightbeam.errors import InvalidParam

__all__ = [
    "BAD_SINCE",
    "LATEST",
    "Channels",
    "Topics",
    "addresses_of",
    "selected_topics",
    "since_text",
    "subscription_token",
    "token_request",
    "topic_names",
]

LATEST: Final = "latest"
"""In place of a time or a position: the latest durable message of each topic, then new messages."""
BAD_SINCE: Final = 'since is a time with a time zone, as JavaScript\'s toISOString writes it, or "latest"'
"""The text of the error for any other ``since``."""

Channels = Channel[Any] | str | Iterable[Channel[Any] | str]
"""One channel or several, each a channel object or a name."""
Topics = Iterable[str | TopicRef[..., str, Any]]
"""Topics by name, or by reference."""


def selected_topics(channels: Channels, topics: Topics | None) -> dict[str, list[str]]:
    """Return the names of the topics that a token is to allow, by channel.

    Args:
        channels: one channel or several; repeats count once.
        topics: names, which every channel must have, and references, each for its own channel; None for all
            topics of each channel.

    Raises:
        InvalidParam: there is no channel, a channel has no such topic, or no topic of it was named.
        TypeError: a channel or a topic is of another type; or a channel is a name, and no topics are given.
    """
    known = _known_topics(channels)
    if isinstance(topics, str):
        raise TypeError("topics is a list, not one string")
    if topics is None:
        return {name: _all_topics(name, declared) for name, declared in known.items()}
    selected: dict[str, dict[str, None]] = {name: {} for name in known}
    for topic in topics:
        _select(topic, known, selected)
    for name, chosen in selected.items():
        if not chosen:
            raise InvalidParam(f'no topic of channel "{name}": name one, or leave topics= out')
    return {name: list(chosen) for name, chosen in selected.items()}


def addresses_of(selection: Mapping[str, Iterable[str]]) -> list[Address]:
    """Return the address of each topic: its channel and its name."""
    return [(channel, topic) for channel, topics in selection.items() for topic in topics]


def topic_names(selected: Iterable[Iterable[str]]) -> list[str]:
    """Return each topic's name once, in the order of their first appearance."""
    return list(dict.fromkeys(name for names in selected for name in names))


def token_request(addresses: Iterable[Address]) -> bytes:
    """Return the body of a request for a token, for a gateway and for Inngest's server."""
    return orjson.dumps([{"channel": channel, "name": name, "kind": "run"} for channel, name in addresses])


def subscription_token(
    key: str, origin: str, selection: Selection, topics: list[str] | None = None, *, reset: bool
) -> SubscriptionToken:
    """Return the answer to a request for a token.

    Args:
        key: the token itself.
        origin: the server that takes it.
        selection: the topics that were asked for, by channel.
        topics: the names that it allows, if they aren't those of the selection.
        reset: whether messages after ``since`` are no longer retained.
    """
    token: SubscriptionToken = {
        "key": key,
        "apiBaseUrl": origin,
        "topics": topic_names(selection.values()) if topics is None else topics,
        "channels": list(selection),
    }
    if reset:
        token["reset"] = True
    return token


def since_text(since: datetime | str | None) -> str | None:
    """Return ``since`` as a token request carries it.

    Raises:
        InvalidParam: it is text, but neither a time with a zone nor "latest".
        TypeError: it is a time without a zone, or something else.
    """
    given: object = since
    if not isinstance(given, (datetime, str, type(None))):
        raise TypeError(f"since is a time or text, not {type(given).__name__}")
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise TypeError("since has a time zone")
        return since.isoformat()
    if since is not None and since != LATEST and not _is_time(since):
        raise InvalidParam(BAD_SINCE)
    return since


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _known_topics(channels: Channels) -> dict[str, tuple[str, ...] | None]:
    """Return the topics that each channel declares, or None for a channel that is only a name."""
    given: object = [channels] if isinstance(channels, (Channel, str)) else channels
    if not isinstance(given, Iterable):
        raise TypeError(f"a token is for a channel or a list of channels, not {type(given).__name__}")
    known: dict[str, tuple[str, ...] | None] = {}
    for channel in given:
        if isinstance(channel, Channel):
            known[channel.name] = tuple(topics_of(channel))
        elif isinstance(channel, str):
            known.setdefault(channel, None)
        else:
            raise TypeError(f"a token is for channels: {type(channel).__name__} is none")
    if not known:
        raise InvalidParam("a token is for one channel at least: the list is empty")
    return known


def _all_topics(name: str, declared: tuple[str, ...] | None) -> list[str]:
    if declared is None:
        raise TypeError(f'with a channel\'s name ("{name}"), say which topics')
    return list(declared)


def _select(
    topic: object, known: dict[str, tuple[str, ...] | None], selected: dict[str, dict[str, None]]
) -> None:
    if isinstance(topic, TopicRef):
        if topic.channel not in known:
            raise InvalidParam(
                f'topic "{topic.topic}" is one of channel "{topic.channel}", which the token isn\'t for'
            )
        name, channels = str(topic.topic), [str(topic.channel)]
    elif isinstance(topic, str):
        name, channels = topic, list(known)
    else:
        raise TypeError(f"topics are names or references, not {type(topic).__name__}")
    for channel in channels:
        declared = known[channel]
        if declared is not None and name not in declared:
            raise InvalidParam(f'channel "{channel}" has no topic "{name}"; it has: {", ".join(declared)}')
        selected[channel][name] = None
