"""Times of messages, such that a reader who remembers only the last one can resume from it.

In a channel durable messages are a millisecond apart at least. What is published live between two of them
gets a time between theirs, also while the second is being stored: so the last time a reader has seen, cut to
milliseconds as JavaScript cuts it, says exactly which durable messages it has seen.

The same holds for a reader of several channels, up to a thousand durable messages a second: those of all
channels are then a millisecond apart, in the order of the journal, and what is live comes before all that is
being stored. Beyond that rate each channel goes on by itself, and such a reader may get messages of the same
millisecond twice.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tightbeam._message import Envelope

__all__ = ["MILLISECOND", "Stamps"]

MILLISECOND = 1_000
_MOST_CHANNELS = 4_096
_MOST_AHEAD = 1_000_000
"""How far, in microseconds, times may run ahead of the clock to keep all channels apart."""


class Stamps:
    """All times are microseconds since 1970. Each method is called with the hub's lock held."""

    def __init__(self) -> None:
        self._latest = 0
        """The latest time a live message came with."""
        self._stored: dict[str, int] = {}
        """The last durable message of each channel, as far as they may matter."""
        self._known: set[str] = set()
        """The channels of which the journal's last message is among those, or earlier."""
        self._newest = 0
        """The latest of all those."""
        self._floor = 0
        """No channel that isn't among them has a later one."""
        self._pending: dict[str, deque[int]] = {}
        """What is being stored at this moment."""
        self._first_pending = 0
        """The earliest of these times, or 0."""
        self._apart = 0
        """The latest time that is apart from those of all channels."""
        self._apart_stored = 0
        """The latest of these times whose message is stored."""

    def live(self, envelope: Envelope) -> Envelope:
        """A live message at its time: not before the last durable one, and before the next."""
        created = envelope.created_us
        if created <= self._newest:
            created = max(created, self.last(envelope.channel))
        created = max(created, self._apart_stored)
        if self._pending:
            created = max(min(created, self._first_pending - MILLISECOND), self.last(envelope.channel))
            if waiting := self._pending.get(envelope.channel):
                created = min(created, waiting[0] - MILLISECOND)
        # A later one is the channel's last, which is remembered anyway.
        if created <= envelope.created_us or created <= self._apart_stored:
            self._latest = max(self._latest, created)
        return envelope if created == envelope.created_us else envelope._replace(created_us=created)

    def last(self, channel: str) -> int:
        """No durable message of the channel that was handed out is later; the next ones will be."""
        return max(self._stored.get(channel, 0), self._floor)

    def knows(self, channel: str) -> bool:
        """Whether the journal has nothing later in that channel than what was stored here."""
        return channel in self._known or channel in self._pending

    def forget_journal(self) -> None:
        """Another process may have written to the journal, or it is another one."""
        self._known.clear()

    def reserve(self, channel: str, at_least: int, stored: int = 0) -> int:
        """Return a time for a durable message that is being stored: later than all messages of its channel.

        Args:
            channel: of the message.
            at_least: the earliest time.
            stored: the time of the channel's last message in the journal, if `knows` is false.
        """
        pending = self._pending.get(channel)
        if pending is None:
            pending = self._pending[channel] = deque()
        before = max(self._latest, self.last(channel), stored, pending[-1] if pending else 0)
        stamp = max(at_least, before + MILLISECOND)
        apart = max(stamp, self._apart + MILLISECOND)
        if apart <= at_least + _MOST_AHEAD:
            stamp = self._apart = apart
        self._first_pending = min(self._first_pending, stamp) if self._first_pending else stamp
        pending.append(stamp)
        return stamp

    def stored(self, channel: str, created_us: int) -> None:
        """A durable message is handed out now: the journal's last in that channel."""
        self._known.add(channel)
        self.told(channel, created_us)

    def told(self, channel: str, created_us: int) -> None:
        """There was a durable message of that time, of an earlier process maybe."""
        if waiting := self._pending.get(channel):
            while waiting and waiting[0] <= created_us:
                waiting.popleft()
        self._stored[channel] = max(created_us, self._stored.get(channel, 0))
        if created_us <= self._apart:
            self._apart_stored = max(self._apart_stored, created_us)
        self._newest = max(self._newest, created_us)
        if len(self._stored) > _MOST_CHANNELS:
            self._prune(time.time_ns() // 1000)

    def release(self) -> None:
        """Nothing is being stored any more."""
        self._pending.clear()
        self._first_pending = 0

    def _prune(self, now: int) -> None:
        """Forget what is past; few channels have had so many messages that their time is yet to come."""
        self._floor = max(self._floor, *(stamp for stamp in self._stored.values() if stamp <= now), 0)
        self._stored = {channel: stamp for channel, stamp in self._stored.items() if stamp > now}
        self._known.intersection_update(self._stored)
