"""What a store hears of other processes and tells them: two threads, and the live messages between them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from functools import partial

from tightbeam._engine.postgres.chores import Heart, drop_live_rows
from tightbeam._engine.postgres.listening import Chore, Listener
from tightbeam._engine.postgres.live import LiveGate
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.notifications import ANY, Notice
from tightbeam._engine.postgres.places import transaction_of
from tightbeam._engine.postgres.sending import Sender
from tightbeam._engine.postgres.transaction import Effects
from tightbeam._hub.hub import Loops
from tightbeam._hub.mailbox import IsOld
from tightbeam._message import Envelope

__all__ = ["Bus"]

_BEATS = 3
"""Heartbeats in a lease."""
_MINUTE = 60.0
_FLUSH = 0.05
"""Seconds that a commit waits for live messages to be sent."""
_LIVE = 5.0
"""Seconds that ending waits for live messages to be handed on."""
_BETWEEN_LOOKS = 0.01
_CONNECT = 10.0
"""Seconds that opening waits until notifications are heard."""


class Bus:
    """Connects the readers and executions of this process with those of all others."""

    def __init__(
        self,
        member: Member,
        rejoin: Callable[[], None],
        keep_house: Callable[[], None],
        hand_over_sent: Callable[[], None],
    ) -> None:
        """Start the threads; nothing is handed on before `begin`.

        Args:
            member: the store's part in the journal.
            rejoin: has this process go on as another one, since it was declared dead.
            keep_house: drops what is no longer retained, if it is time.
            hand_over_sent: hands on the events that users' transactions have sent.
        """
        self._member = member
        # Not the number of the process, which changes if that is taken for dead.
        self._origin = secrets.randbits(52) | 1
        self._last_place = 0
        self._looked_for = 0
        """The last transaction that the log is looked at for."""
        self._unfollowed: dict[int, None] = {}
        """The places of messages that this process has committed, and that weren't handed on a moment ago."""
        self._lock = threading.Lock()
        self._gate = LiveGate(member.outlet)
        self._sender = Sender(member, self._origin)
        heart = Heart(member, self.tell, rejoin, hand_over_sent)
        chores = (
            Chore(heart.beat, member.lease / _BEATS),
            Chore(heart.look_for_lag, member.lease),
            Chore(lambda _: keep_house(), member.lease / _BEATS),
            Chore(drop_live_rows, _MINUTE),
            Chore(lambda _: self._listener.settled(None), member.lease / _BEATS),
        )
        self._listener = Listener(member, self._origin, self._gate, chores, hand_over_sent)
        member.log.wake = self._listener.wake
        self._listener.is_connected.wait(_CONNECT)

    def begin(self) -> None:
        """Hand on messages and notices from now on, what was said since the journal was opened included."""
        self._member.outlet.date_live_before(self._member.log.settled_us)
        self._listener.begin()

    def publish(self, envelope: Envelope, relayed: bool) -> Loops | None:
        """See `Store.publish_live`."""
        self._member.log.freshen()
        after, pressed = self._gate.publish(envelope, relayed)
        if after > self._looked_for:  # it waits for a transaction without a message, perhaps
            self._looked_for = after
            self._listener.wake()
        self._sender.publish(envelope, after, relayed)
        return pressed

    def published_before(self) -> IsOld | None:
        """See `Store.published_before`."""
        with self._lock:
            self._forget_followed()
            places = frozenset(self._unfollowed)
        return places.__contains__ if places else None

    def _forget_followed(self) -> None:
        followed = self._member.log.followed
        while self._unfollowed and (first := next(iter(self._unfollowed))) <= followed:
            del self._unfollowed[first]

    def flush(self) -> None:
        """Let live messages reach others before what is committed next; called on the writer's thread."""
        self._sender.flush(_FLUSH)

    def committed(self, effects: Effects) -> None:
        """Tell this process and others what was committed; called on the writer's thread."""
        outlet = self._member.outlet
        upto = 0
        if effects.claimed:
            # What was stored before a run began, such as in the transaction that has started it, comes first.
            self._gate.committed(effects.transaction)
        if effects.sent:
            self._last_place = effects.sent[-1].seq or 0
            with self._lock:
                self._unfollowed.update(dict.fromkeys(one.seq or 0 for one in effects.sent))
                self._forget_followed()
            upto = self._looked_for = transaction_of(self._last_place)
            self._gate.committed(upto)
            self._listener.committed(upto)
            outlet.sent(effects.sent)
        if effects.ended and outlet.is_read:
            self._gate.call_behind(partial(self._listener.settled, effects.ended))
            self._listener.wake()
        if effects.woken or effects.due:
            outlet.wake(effects.woken)
        if upto or effects.woken or effects.ended or effects.cancelled or effects.due:
            self._sender.tell(
                Notice(
                    self._origin,
                    upto,
                    effects.woken,
                    effects.ended,
                    effects.cancelled,
                    effects.due,
                )
            )

    def tell(self, due: set[str]) -> None:
        """Have all processes look for due runs, of some functions or, if there are none, of all."""
        self._member.outlet.wake(())
        self._sender.tell(Notice(self._origin, due=due or {ANY}))

    def end(self, within: float) -> None:
        """Follow the log up to what this process has committed, tell others what is left, and let go.

        Live messages that wait for a transaction are handed on before, here too: that takes about a second.
        """
        deadline = time.monotonic() + min(within, _LIVE)
        self._member.log.wait_for(self._last_place, within)
        while self._gate.seconds_left() is not None and time.monotonic() < deadline:
            time.sleep(_BETWEEN_LOOKS)
        self._sender.end(within)
        self._listener.end(within)
