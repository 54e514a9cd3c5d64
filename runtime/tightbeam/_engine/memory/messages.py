"""Durable messages, by place and by address."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from heapq import merge
from itertools import islice

from tightbeam._engine.records import Latest, Page, Recent, Seen
from tightbeam._engine.requests import (
    FindLatest,
    FindStart,
    ListTopics,
    ReadPage,
    ReadPlaces,
    RecentMessages,
    SeenUntil,
    TimeOf,
)
from tightbeam._message import MILLISECOND, Address, Envelope
from tightbeam.errors import PositionLost

__all__ = ["Messages"]

_MESSAGE_BYTES = 500
"""About how many bytes a message takes beside its data."""
_MAX_DIGITS = 19


class Messages:
    """The durable messages that are retained; their places follow one another without a gap."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.by_place: dict[int, Envelope] = {}
        self.last = 0
        """The place of the message that was appended last."""
        self.trimmed = 0
        """The place of the last message that was dropped."""
        self.trimmed_us = 0
        """The time of the latest message that was dropped."""
        self.size = 0
        """Bytes that messages take, about."""
        self._channels: dict[str, dict[str, list[int]]] = {}
        """The places of the messages of each topic, by channel."""

    def append(self, message: Envelope) -> None:
        """Store a message, whose place is the next one."""
        self.last = place = self.last + 1
        self.by_place[place] = message
        self._channels.setdefault(message.channel, {}).setdefault(message.topic, []).append(place)
        self.size += _size(message)

    def last_time(self, channel: str) -> int:
        """Return the time of a channel's last message; if none is left, that of the latest one dropped."""
        return self._last_stored_time(channel) or self.trimmed_us

    def _last_stored_time(self, channel: str) -> int:
        place = self.last_place(channel)
        return self._time(place) if place else 0

    def last_place(self, channel: str) -> int:
        """Return the place of a channel's last message; 0 if it has none."""
        return max((places[-1] for places in self._channels.get(channel, {}).values()), default=0)

    def _time(self, place: int) -> int:
        return self.by_place[place].created_us

    # -- positions -------------------------------------------------------------------------------------------

    def place_of(self, position: str) -> int | None:
        """Return the place of a position; None if this journal never handed it out."""
        epoch, _, digits = position.partition(":")
        if epoch != self.epoch or not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS:
            return None
        place = int(digits)
        return place if place <= self.last else None

    def find_start(self, request: FindStart) -> int:
        """Find the place that a position stands for."""
        return self._start(request.after)

    def _start(self, after: str) -> int:
        if after == "start":
            return self.trimmed
        place = self.place_of(after)
        if place is None:
            raise PositionLost(
                "that position is not of this journal: it is in memory, and another one by now"
            )
        if place < self.trimmed:
            raise PositionLost("what came after that position is no longer retained")
        return place

    def time_of(self, request: TimeOf) -> int:
        """Return when the message at a position was published; 0 if it is no longer retained."""
        message = self.by_place.get(self._start(request.position))
        return message.created_us if message is not None else 0

    def seen_until(self, request: SeenUntil) -> Seen:
        """Find what a reader has seen of a channel, by the time of the last message that it saw."""
        if self.trimmed and request.since_ms * MILLISECOND < self.trimmed_us:
            raise PositionLost("what came after that time is no longer retained")
        limit = (request.since_ms + 1) * MILLISECOND
        place, following = self.trimmed, list[int]()
        for places in self._channels.get(request.channel, {}).values():
            count = bisect_left(places, limit, key=self._time)  # in a channel times increase with places
            place = max(place, places[count - 1] if count else 0)
            following += places[count : count + 1]
        message = self.by_place.get(place)
        is_exact = message is not None and message.created_us // MILLISECOND == request.since_ms
        return Seen(
            place,
            self._last_stored_time(request.channel),
            place if is_exact else None,
            min(following, default=None),
            self.last,
        )

    # -- reading ---------------------------------------------------------------------------------------------

    def read_page(self, request: ReadPage) -> Page:
        """Read messages after a place or a position, in order, as many as the page takes."""
        after = self._start(request.after) if isinstance(request.after, str) else request.after
        if after < self.trimmed:
            raise PositionLost("the messages right after that position are no longer retained")
        of_addresses = [self._places_after(address, after) for address in request.addresses]
        page: list[Envelope] = []
        size = 0
        for place in merge(*of_addresses):
            message = self.by_place[place]
            page.append(message)
            size += len(message.data)
            if len(page) == request.messages or size >= request.size:
                return Page(page, place)
        return Page(page, self.last)

    def _places_after(self, address: Address, after: int) -> Iterable[int]:
        channel, topic = address
        places = self._channels.get(channel, {}).get(topic, [])
        return islice(places, bisect_right(places, after), None)

    def find_latest(self, request: FindLatest) -> Latest:
        """Find the latest message of each address."""
        found = (self._channels.get(channel, {}).get(topic) for channel, topic in request.addresses)
        return Latest(sorted(places[-1] for places in found if places), self.last)

    def read_places(self, request: ReadPlaces) -> tuple[list[Envelope], int]:
        """Read the messages at the first of some places, as many as the page takes."""
        page: list[Envelope] = []
        count, size = 0, 0
        for count, place in enumerate(request.places[: request.messages], 1):  # noqa: B007 - returned
            message = self.by_place.get(place)
            if message is not None:
                page.append(message)
                size += len(message.data)
                if size >= request.size:
                    break
        return page, count

    def recent_messages(self, request: RecentMessages) -> Recent:
        """Read the latest messages of all channels, those after a position if that is known."""
        place = self.place_of(request.after or "")
        known = place is not None and self.trimmed <= place
        floor = place if place is not None and known else self.trimmed
        first = max(floor + 1, self.last + 1 - request.limit)
        messages = [self.by_place[place] for place in range(first, self.last + 1)]
        return Recent(messages, first - floor - 1 if known else 0, known)

    def list_topics(self, request: ListTopics) -> list[str]:
        """List the topics that a channel has messages of."""
        return sorted(self._channels.get(request.channel, ()))

    def find(self, id: str) -> Envelope | None:
        """Find a message by its id, by looking at each of them."""
        return next((message for message in self.by_place.values() if message.id == id), None)

    # -- retention -------------------------------------------------------------------------------------------

    def older_than(self, time_us: int, most: int) -> int:
        """Return the place of the last of the oldest messages that are all older than a time; 0 if none is.

        Args:
            time_us: the time.
            most: how many messages are looked at.
        """
        found = 0
        for place in range(self.trimmed + 1, min(self.trimmed + most, self.last) + 1):
            if self._time(place) >= time_us:
                break
            found = place
        return found

    def drop(self, upto: int) -> list[Envelope]:
        """Drop the messages up to a place, and return them."""
        dropped = [self.by_place.pop(place) for place in range(self.trimmed + 1, upto + 1)]
        for channel, topic in {(message.channel, message.topic) for message in dropped}:
            topics = self._channels[channel]
            places = topics[topic]
            del places[: bisect_right(places, upto)]
            if not places:
                del topics[topic]
            if not topics:
                del self._channels[channel]
        self.size -= sum(map(_size, dropped))
        self.trimmed = max(self.trimmed, upto)
        self.trimmed_us = max([self.trimmed_us, *(message.created_us for message in dropped)])
        return dropped


def _size(message: Envelope) -> int:
    """Return about how many bytes a message takes."""
    return _MESSAGE_BYTES + len(message.data)
