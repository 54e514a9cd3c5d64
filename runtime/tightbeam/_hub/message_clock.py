"""Give messages times by which a reader that remembers only the last one can resume.

In a channel durable messages are a millisecond apart at least. A live message that is published between two
of them gets a time between theirs, also while the second is being stored. So the last time that a reader has
seen, cut to milliseconds as JavaScript cuts it, says exactly which durable messages it has seen.

The same holds for a reader of several channels, up to a thousand durable messages a second: those of all
channels are then a millisecond apart, in the order of the journal, and live messages come before all that is
being stored. Beyond that rate each channel goes on by itself, and such a reader may get messages of the same
millisecond twice.
"""

from __future__ import annotations

from collections import deque

from tightbeam._message import MILLISECOND, Envelope, now_us

__all__ = ["MILLISECOND", "MessageClock"]

_MAX_CHANNELS = 4_096
_MAX_AHEAD = 1_000_000
"""How far, in microseconds, times may run ahead of the clock to keep all channels apart."""


class MessageClock:
    """The times of one hub's messages, in microseconds since 1970.

    Every method is called with the hub's lock held.
    """

    def __init__(self) -> None:
        self._latest_live = 0
        self._last_durable: dict[str, int] = {}
        """The time of the last durable message of a channel, where it may still matter."""
        self._known: set[str] = set()
        """The channels in which the journal holds nothing later than `_last_durable`."""
        self._latest_durable = 0
        """The latest time in `_last_durable`."""
        self._floor = 0
        """A time that no durable message of any other channel is after."""
        self._pending: dict[str, deque[int]] = {}
        """By channel, the times of the messages that are being stored."""
        self._first_pending = 0
        """The earliest time in `_pending`, or 0."""
        self._spread = 0
        """The latest reserved time that is apart from those of all channels."""
        self._spread_stored = 0
        """The latest such time whose message is stored."""
        self._latest_date = 0
        """The latest time of a live message where other processes store messages, too; else 0."""
        self._last_handed: dict[str, int] = {}
        """In that case the time of the channel's message that was handed on last; it may be before others."""

    def stamp(self, envelope: Envelope) -> Envelope:
        """Return a live message with a time not before the last durable message, and before the next one."""
        created = envelope.created_us
        if self._latest_date:
            created = self._bounded(envelope.channel, created)
            return envelope if created == envelope.created_us else envelope._replace(created_us=created)
        if created <= self._latest_durable:
            created = max(created, self.last_durable(envelope.channel))
        created = max(created, self._spread_stored)
        if self._pending:
            created = max(
                min(created, self._first_pending - MILLISECOND), self.last_durable(envelope.channel)
            )
            if waiting := self._pending.get(envelope.channel):
                created = min(created, waiting[0] - MILLISECOND)
        # A time that was moved further is the channel's last durable one, which is remembered anyway.
        if created <= envelope.created_us or created <= self._spread_stored:
            self._latest_live = max(self._latest_live, created)
        return envelope if created == envelope.created_us else envelope._replace(created_us=created)

    def _bounded(self, channel: str, created_us: int) -> int:
        """Return a time for a live message: before all durable ones still to come, or that of the last one.

        Args:
            channel: of the message.
            created_us: its time by the clock of its publisher.
        """
        last = self._last_durable.get(channel, 0)
        if last > self._latest_date:
            return self._last_handed.get(channel, last)
        return max(min(created_us, self._latest_date), last)

    def date_live_before(self, time_us: int) -> None:
        """Date live messages a millisecond before a time, which no durable message still to come is before.

        So cut to milliseconds their times differ from those of all such messages. A time that is that of the
        channel's last durable message says that this was seen.

        Args:
            time_us: the time; 0 where only this process stores messages.
        """
        self._latest_date = max(time_us // MILLISECOND * MILLISECOND - 1, 0)

    def last_durable(self, channel: str) -> int:
        """Return a time that no durable message handed on so far is after; those to come will be."""
        return max(self._last_durable.get(channel, 0), self._floor)

    def is_known(self, channel: str) -> bool:
        """Return whether the time of the channel's last message in the journal is known."""
        return channel in self._known or channel in self._pending

    def forget_journal(self) -> None:
        """Forget what the journal holds: another process may have written to it, or it is another one."""
        self._known.clear()

    def reserve(self, channel: str, at_least: int, stored: int = 0) -> int:
        """Return a time for a durable message that is being stored, later than all messages of its channel.

        Args:
            channel: of the message.
            at_least: the earliest time.
            stored: the time of the channel's last message in the journal, if that `is_known` by nothing else.
        """
        pending = self._pending.get(channel)
        if pending is None:
            pending = self._pending[channel] = deque()
        before = max(self._latest_live, self.last_durable(channel), stored, pending[-1] if pending else 0)
        reserved = max(at_least, before + MILLISECOND)
        spread = max(reserved, self._spread + MILLISECOND)
        if spread <= at_least + _MAX_AHEAD:
            reserved = self._spread = spread
        self._first_pending = min(self._first_pending, reserved) if self._first_pending else reserved
        pending.append(reserved)
        return reserved

    def commit(self, channel: str, created_us: int) -> None:
        """Note a durable message that is handed on now: the journal's last in its channel."""
        self._known.add(channel)
        if self._latest_date:
            self._last_handed[channel] = created_us
        self.observe(channel, created_us)

    def observe(self, channel: str, created_us: int) -> None:
        """Note the time of a durable message of the channel, which an earlier process may have stored."""
        if waiting := self._pending.get(channel):
            while waiting and waiting[0] <= created_us:
                waiting.popleft()
        self._last_durable[channel] = max(created_us, self._last_durable.get(channel, 0))
        if created_us <= self._spread:
            self._spread_stored = max(self._spread_stored, created_us)
        self._latest_durable = max(self._latest_durable, created_us)
        if len(self._last_durable) > _MAX_CHANNELS:
            self._prune(now_us())

    def release(self) -> None:
        """Forget the reserved times: nothing is being stored any more."""
        self._pending.clear()
        self._first_pending = 0

    def _prune(self, now: int) -> None:
        """Forget times that are past; few channels have times that are yet to come."""
        past = (stamp for stamp in self._last_durable.values() if stamp <= now)
        self._floor = max(self._floor, *past, 0)
        self._last_durable = {channel: at for channel, at in self._last_durable.items() if at > now}
        self._known.intersection_update(self._last_durable)
        self._last_handed = {
            channel: at for channel, at in self._last_handed.items() if channel in self._last_durable
        }
