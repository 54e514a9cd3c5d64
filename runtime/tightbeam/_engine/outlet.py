"""Where a store of the engine hands on messages, and what it says of runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tightbeam._engine.notices import Notices
from tightbeam._engine.observing import Observers
from tightbeam._hooks.hook_list import HookList, notify
from tightbeam._hooks.info import CommitInfo, MessageInfo
from tightbeam._hub.hub import Hub, Loops
from tightbeam._message import Envelope

__all__ = ["EngineOutlet"]

_log = logging.getLogger("tightbeam")


class EngineOutlet:
    """An `Outlet`: the hub, and hooks before it; and what becomes of runs."""

    def __init__(self, hub: Hub, hooks: HookList, notices: Notices, observers: Observers) -> None:
        self._hub = hub
        self._hooks = hooks
        self._observers = observers
        self.settled = observers.settled
        """See `Outlet`."""
        self.wake = notices.wake
        """See `Outlet`."""
        self.ended = notices.ended
        """See `Outlet`."""
        self.cancelled = notices.cancelled
        """See `Outlet`."""
        self.lost = notices.lost
        """See `Outlet`."""
        self.skip = hub.skip
        """See `Outlet`."""
        self.missed = hub.leave_to_journal
        """See `Outlet`."""
        self.date_live_before = hub.date_live_before
        """See `Outlet`."""
        self.reserve = hub.reserve
        """See `Outlet`."""
        self.release = hub.release
        """See `Outlet`."""

    @property
    def is_read(self) -> bool:
        """See `Outlet`."""
        return self._hub.is_read or self._observers.are_there

    @property
    def measures(self) -> bool:
        """See `Outlet`."""
        return bool(self._hooks.committed)

    def committed(self, commit: CommitInfo, /) -> None:
        """See `Outlet`."""
        notify(self._hooks.committed, commit)

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        """See `Outlet`."""
        try:
            if own:
                self.sent(committed)
            else:
                self._observers.published(committed)
            self._hub.fan_out(committed)
        except Exception:  # noqa: BLE001 - it is committed, and the store's thread must go on
            _log.exception("a message was committed, but not handed to everyone")

    def sent(self, committed: Sequence[Envelope], /) -> None:
        """See `Outlet`."""
        if self._hooks.sent:
            for envelope in committed:
                notify(self._hooks.sent, MessageInfo(envelope))

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> Loops | None:
        """See `Outlet`."""
        pressed: set[asyncio.AbstractEventLoop] = set()
        try:
            if not relayed:
                self._observers.published(envelopes)
            for envelope in envelopes:
                pressed.update(self._hub.emit(envelope) or ())
        except Exception:  # noqa: BLE001 - as in `fan_out`
            _log.exception("a live message was not handed to everyone")
        return pressed or None
