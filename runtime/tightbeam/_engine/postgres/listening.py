"""The thread that listens: it follows the log, hands on live messages, and does chores.

It waits for the server's notifications and for this process' own commits. Since a notification may be lost
with the process that was to send it, the log is looked at once a second in any case.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import psycopg
from psycopg import Connection, sql

from tightbeam._engine.postgres.following import Follower
from tightbeam._engine.postgres.lines import Line
from tightbeam._engine.postgres.live import LiveGate
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.notifications import ANY, Notice, channel_of, decoded, parsed
from tightbeam._engine.postgres.settled import read_ends, without_claimed
from tightbeam._engine.records import EndedRun
from tightbeam._hub.hub import Loops
from tightbeam._hub.turns import give_turn_sync
from tightbeam._message import Envelope
from tightbeam.errors import JournalFailed

__all__ = ["Chore", "Listener"]

_log = logging.getLogger("tightbeam")
_POLL = 1.0
"""Seconds after which the log is looked at in any case."""
_BETWEEN_LOOKS, _BETWEEN_SKIPS = 0.002, 0.01
"""Seconds: what is committed meanwhile is read together, or passed over where nobody reads."""
_FIRST_LOOK, _LAST_LOOK = 0.001, 0.1
"""Seconds between looks at a log that is held back by a transaction, doubled from the first on."""
_PAUSE = 1.0
"""Seconds before the next try, where the server refuses what is asked for."""
_ROW = b"SELECT data FROM live WHERE id = %s"


@dataclass(slots=True)
class Chore:
    """Something that is to be done now and then on the listener's connection."""

    do: Callable[[Connection[Any]], object]
    every: float
    """Seconds."""
    due: float = 0.0
    """When it is done next, by the monotonic clock."""


class Listener:
    """Owns the connection that listens."""

    def __init__(
        self,
        member: Member,
        origin: int,
        gate: LiveGate,
        chores: Sequence[Chore],
        hand_over_sent: Callable[[], None],
    ) -> None:
        """Start the thread.

        Args:
            member: the store's part in the journal.
            origin: by which this process knows its own notices, which it passes over.
            gate: hands on live messages.
            chores: what is to be done now and then.
            hand_over_sent: hands on the events that users' transactions have sent.
        """
        self._line = Line(member.connector, member.outage, f"{member.number} listener")
        self._channel = channel_of(member.connector.schema)
        self._origin = origin
        self._member = member
        self._outlet = member.outlet
        self._log = member.log
        self._follower = Follower(member.log, self)
        self._gate = gate
        self._chores = chores
        self._hand_over_sent = hand_over_sent
        self._connection: Connection[Any] | None = None
        self._received: list[bytes | str] = []
        self._wanted = 0
        """The last transaction with a message that another process is known to have committed."""
        self._own = 0
        """The last one that this process has committed; set by the thread that writes."""
        self._look_at = 0.0
        """When the log is to be looked at next, by the monotonic clock."""
        self._pause = _FIRST_LOOK
        self._waking, self._woken = socket.socketpair()
        self._is_woken = False
        self._is_asked = False
        """Whether somebody waits for a look at the log."""
        self._is_due = False
        """Whether this process has committed messages that the listener knows of."""
        self._looked = 0.0
        """When the log was looked at last."""
        self._ending = False
        self._begun = threading.Event()
        self.is_connected = threading.Event()
        """Set while notifications are heard."""
        self._thread = threading.Thread(target=self._work, name="tightbeam-listener", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Have the log looked at now; called on any thread."""
        self._is_asked = True
        self._poke()

    def committed(self, upto: int) -> None:
        """Have the log looked at soon; called on the thread that writes.

        Args:
            upto: the last transaction with a message that this process has committed.
        """
        self._own = max(self._own, upto)
        if not self._is_due:
            self._is_due = True
            self._poke()

    def _poke(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            with contextlib.suppress(OSError):  # it has ended
                self._waking.send(b"\0")

    def begin(self) -> None:
        """Hand on what is heard from now on, and what was heard before."""
        self._begun.set()

    def end(self, within: float) -> None:
        """End the thread; after so many seconds it ends by itself."""
        self._ending = True
        self._begun.set()
        self._is_woken = False
        self.wake()
        self._thread.join(within)

    def _work(self) -> None:
        self._woken.setblocking(False)
        again = False
        try:
            while not self._ending:
                try:
                    self._serve(self._line.connection, again=again)
                except psycopg.Error as error:
                    if not self._line.is_broken(error):
                        _log.error("what happens in other processes isn't heard: %s", type(error).__name__)
                        time.sleep(_PAUSE)
                except JournalFailed:  # the store is being closed, and the server is away
                    return
                except Exception:  # noqa: BLE001 - without this thread readers would get nothing more
                    _log.exception("the thread that listens has failed, and begins anew")
                    self._line.close()
                    time.sleep(_PAUSE)
                again = True
                self.is_connected.clear()
        finally:
            self._line.close()
            self._waking.close()
            self._woken.close()

    def _serve(self, connection: Connection[Any], *, again: bool) -> None:
        """Listen until the thread is to end, or the connection fails."""
        self._connection, self._received = connection, []
        connection.add_notify_handler(lambda notify: self._received.append(notify.payload))
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        self.is_connected.set()
        self._begun.wait()
        self._look(connection)
        if again:  # what was said meanwhile was missed
            self._outlet.wake(())
            self._outlet.ended(None)
            self.settled(None)
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._ending:
                selector.select(self._seconds())
                self._hear(connection)
                self._do_chores(connection)

    def _hear(self, connection: Connection[Any]) -> None:
        """Take what has come, and do what follows from it."""
        # In any case: a byte may come after the flag was seen that its thread had set before.
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(64)
        if self._is_woken:
            self._is_woken = self._is_due = False  # before the look: what comes from now on wakes it again
            if self._is_asked:
                self._look_at = 0.0
            elif self._own >= self._follower.horizon:
                self._is_due = True  # until that look no further commit need wake it
                self._look_soon()
        connection.pgconn.consume_input()
        while (notification := connection.pgconn.notifies()) is not None:
            self._received.append(notification.extra)
        self._take_all(connection)
        if self._look_at <= time.monotonic():
            self._look(connection)
        else:
            self._release()

    def _release(self) -> None:
        self._turn(self._gate.release(self._follower.horizon, self._looked))

    def settled(self, runs: Collection[str] | None) -> None:
        """Tell those who show runs that these have ended; None: any may have. Called on the thread.

        Doesn't raise: it is called between messages of one page of the log, all of which would be handed on
        again. A connection that has broken is met again by the next statement; then all runs are looked at.
        """
        try:
            self._outlet.settled(runs, self._ends)
        except (psycopg.OperationalError, psycopg.InterfaceError, JournalFailed) as error:
            _log.debug("the ends of runs couldn't be read: %s", type(error).__name__)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the ends of runs aren't shown")

    def _ends(self, runs: Collection[str]) -> Sequence[EndedRun]:
        return read_ends(self._line.connection, runs)

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = False) -> None:  # noqa: ARG002 - none is known to be
        """Hand on messages of the log: see `FanOut`."""
        # What was heard while they were read: live messages were published before the last of them.
        if self._connection is not None:
            self._take_all(self._connection)
        self._turn(self._gate.fan_out(committed))

    @property
    def is_read(self) -> bool:
        """See `Outlet`."""
        return self._outlet.is_read

    def skip(self, place: int, /) -> bool:
        """See `Outlet`."""
        return self._outlet.skip(place)

    def missed(self, place: int, /) -> None:
        """See `Outlet`."""
        self._outlet.missed(place)

    def date_live_before(self, time_us: int, /) -> None:
        """See `Outlet`."""
        self._outlet.date_live_before(time_us)

    def _take_all(self, connection: Connection[Any]) -> None:
        while self._received:
            received, self._received = self._received, []
            for text in received:
                self._take(connection, text)

    def _turn(self, pressed: Loops | None) -> None:
        if pressed is not None:
            give_turn_sync(pressed)

    def _take(self, connection: Connection[Any], text: bytes | str) -> None:
        said = parsed(text)
        if said is None or said.origin == self._origin:
            return
        if isinstance(said, Notice):
            self._take_notice(connection, said)
            return
        messages = said.messages if said.row is None else _row(connection, said.row)
        if said.after >= self._follower.horizon:
            self._look_soon()
        self._log.freshen()
        self._turn(self._gate.receive(said, messages))

    def _take_notice(self, connection: Connection[Any], notice: Notice) -> None:
        if notice.upto or not notice.origin:
            self._wanted = max(self._wanted, notice.upto)
            if not notice.upto or notice.upto >= self._follower.horizon:
                self._look_soon()
        # A run that this process executes is of a function of its own.
        if ANY in notice.due or not notice.due.isdisjoint(self._member.functions):
            self._outlet.wake(notice.woken)
        if notice.sent:
            self._hand_over_sent()
        if notice.cancelled:
            self._outlet.cancelled(without_claimed(connection, notice.cancelled, self._member.number))
        if notice.ended:
            self._outlet.ended(notice.ended)
            self._gate.call_behind(partial(self.settled, notice.ended), notice.origin or -1, self._wanted)

    def _look(self, connection: Connection[Any]) -> None:
        """Follow the log to its end, and say when to look again."""
        self._is_asked = self._is_due = False
        self._looked = time.monotonic()
        self._look_at = self._looked + _POLL
        while self._follower.follow(connection):
            pass
        self._release()
        if max(self._own, self._wanted, self._gate.waits_for) < self._follower.horizon:
            self._pause = _FIRST_LOOK
            return
        # A transaction that is older than what is waited for hasn't ended.
        left = self._gate.seconds_left()
        pause = self._pause if left is None else min(self._pause, max(left, _BETWEEN_LOOKS))
        self._look_at = time.monotonic() + pause
        self._pause = min(2 * self._pause, _LAST_LOOK)

    def _look_soon(self) -> None:
        """Look at the log for messages that are known to be there, many of them together."""
        between = _BETWEEN_LOOKS if self._outlet.is_read else _BETWEEN_SKIPS
        self._look_at = min(self._look_at, self._looked + between)

    def _seconds(self) -> float:
        """Return how long to wait for something to come."""
        if self._is_woken or self._received:
            return 0.0
        due = min((chore.due for chore in self._chores), default=self._look_at)
        return max(min(due, self._look_at) - time.monotonic(), 0.0)

    def _do_chores(self, connection: Connection[Any]) -> None:
        for chore in self._chores:
            now = time.monotonic()
            if chore.due <= now:
                chore.due = now + chore.every
                chore.do(connection)


def _row(connection: Connection[Any], number: int) -> list[Any]:
    """Return the messages of a row; none if it is there no more."""
    row = connection.execute(_ROW, (number,), binary=True).fetchone()
    return [] if row is None else decoded([orjson.loads(row[0])])
