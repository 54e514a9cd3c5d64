"""The readers of a gateway, connected and refused, as the inspector shows them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tightbeam.gateway.panel import EVERY_SECONDS, RUN_TOPIC, RefusalLog, Stream, Streams, shown

__all__ = ["Connections"]

_CHANNELS: Final = 200
"""The most channels that are listed: those with the most readers."""
_READERS: Final = 100
"""The most readers of one channel that are listed: the slow ones first, then the latest."""
_TURN: Final = 2_000
"""Addresses that are counted in one turn of the event loop."""
_FRESH_SECONDS: Final = 1.0
"""How long the numbers are reused, so that several open pages cost one count."""
_SHARE: Final = 10
"""They are reused for at least so many times as long as counting took."""


@dataclass(slots=True)
class _Channel:
    """The readers of one channel."""

    streams: set[Stream] = field(default_factory=set)
    topics: dict[str, int] = field(default_factory=dict)
    """How many of them follow each topic."""


class Connections:
    """The open streams of a gateway by channel, and its latest refusals."""

    def __init__(self, streams: Streams, refusals: RefusalLog) -> None:
        self._streams = streams
        self._refusals = refusals
        self._counting = asyncio.Lock()
        self._is_fresh = False
        self._channels: dict[str, _Channel] = {}

    async def overview(self) -> dict[str, Any]:
        """Return the channels with their numbers of readers, and the latest refusals."""
        channels = await self._by_channel()
        largest = sorted(channels.items(), key=lambda item: (-len(item[1].streams), item[0]))[:_CHANNELS]
        return {
            "streams": len(self._streams),
            "channels": [_described(name, channel) for name, channel in largest],
            "more_channels": len(channels) - len(largest),
            "refused": [
                {
                    "code": entry.code,
                    "who": entry.who,
                    "cause": entry.cause,
                    "remedy": entry.remedy,
                    "count": entry.count,
                    "others": entry.subject is None,
                    "first_at": _time(entry.first),
                    "last_at": _time(entry.last),
                }
                for entry in self._refusals.latest()
            ],
            "logged_every": EVERY_SECONDS,
        }

    async def readers(self, channel: str) -> dict[str, Any]:
        """Return the readers of one channel."""
        streams = (await self._by_channel()).get(channel, _Channel()).streams
        ordered = sorted(streams, key=lambda stream: (not stream.is_slow, -stream.reader.opened))
        return {
            "channel": channel,
            "readers": [_reader(channel, stream) for stream in ordered[:_READERS]],
            "more_readers": max(len(ordered) - _READERS, 0),
        }

    async def _by_channel(self) -> dict[str, _Channel]:
        async with self._counting:
            if self._is_fresh:
                return self._channels
            channels: dict[str, _Channel] = {}
            counted, started = 0, time.monotonic()
            for stream in self._streams:
                for name, topic in stream.addresses:
                    if topic == RUN_TOPIC:
                        continue
                    if (channel := channels.get(name)) is None:
                        channel = channels[name] = _Channel()
                    channel.streams.add(stream)
                    channel.topics[topic] = channel.topics.get(topic, 0) + 1
                counted += len(stream.addresses)
                if counted >= _TURN:
                    counted = 0
                    await asyncio.sleep(0)
            fresh = max(_FRESH_SECONDS, _SHARE * (time.monotonic() - started))
            self._channels, self._is_fresh = channels, True
            asyncio.get_running_loop().call_later(fresh, self._forget)
            return channels

    def _forget(self) -> None:
        """Drop the numbers, and with them the references to streams."""
        self._channels, self._is_fresh = {}, False


def _topics(stream: Stream) -> dict[str, list[str]]:
    topics: dict[str, list[str]] = {}
    for channel, topic in stream.addresses:
        if topic != RUN_TOPIC:
            topics.setdefault(channel, []).append(topic)
    return topics


def _described(name: str, channel: _Channel) -> dict[str, Any]:
    streams = channel.streams
    return {
        "channel": name,
        "readers": len(streams),
        "topics": dict(sorted(channel.topics.items())),
        "transports": dict(sorted(Counter(stream.reader.transport for stream in streams).items())),
        "dropped": sum(stream.dropped for stream in streams),
        "slow": sum(stream.is_slow for stream in streams),
    }


def _reader(channel: str, stream: Stream) -> dict[str, Any]:
    origin, topics = stream.reader.origin, _topics(stream)
    return {
        "transport": stream.reader.transport,
        "origin": None if origin is None else shown(origin),
        "opened_at": _time(stream.reader.opened),
        "topics": sorted(topics.get(channel, ())),
        "channels": len(topics),
        "dropped": stream.dropped,
        "slow": stream.is_slow,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
