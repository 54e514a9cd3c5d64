"""Starting runs by the clock: one for each tick of a schedule, whatever becomes of processes and clocks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from tightbeam._engine.new_runs import new_run
from tightbeam._engine.records import NewRun, new_id
from tightbeam._engine.requests import KeepSchedules, Tick
from tightbeam._engine.store import Store
from tightbeam._events.cron import CRON_EVENT
from tightbeam._events.data import NO_DATA
from tightbeam._hooks.hook_list import Around, HookList, metadata_of
from tightbeam._hooks.info import SendInfo
from tightbeam._message import now_us, time_of
from tightbeam._registry import Registry
from tightbeam._starting.schedule import Schedule, schedule_of
from tightbeam.errors import TightbeamError

__all__ = ["Ticker"]

_log = logging.getLogger("tightbeam")
_DAY = timedelta(days=1) // timedelta(microseconds=1)
"""How far a last tick may be ahead of the clock: no more, since the clock was wrong then."""
_LATE = timedelta(minutes=1) // timedelta(microseconds=1)


@dataclass(slots=True)
class _Entry:
    """A schedule of a function."""

    function: str
    expression: str
    zone: str
    schedule: Schedule
    last: int
    """The last tick that is done with."""
    next: int | None
    """The one after it."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.function, self.expression, self.zone


class Ticker:
    """The schedules of the functions of one client.

    Which ticks are done with is in the store. However many were missed, because no process ran or the machine
    was suspended, the latest is started, late.
    """

    def __init__(self, registry: Registry, store: Store, hooks: HookList) -> None:
        self._registry = registry
        self._store = store
        self._hooks = hooks
        self._known = 0
        """How many functions were registered when it looked last."""
        self._entries: tuple[_Entry, ...] = ()

    async def start_due(self) -> int | None:
        """Start the runs of the ticks that are due.

        Returns:
            When the next tick is; None if there is none.

        Raises:
            JournalFailed: it couldn't be stored.
        """
        now = now_us()
        is_known = len(tuple(self._registry)) == self._known
        if not is_known or any(entry.last > now + _DAY for entry in self._entries):
            await self.note()
        for entry in self._entries:
            if entry.next is not None and entry.next <= now:
                await self._start(entry, entry.schedule.latest(entry.last, now) or entry.next)
        return min((entry.next for entry in self._entries if entry.next is not None), default=None)

    async def note(self) -> None:
        """Note the schedules that there are, in the store too: a new one begins now.

        Raises:
            JournalFailed: they couldn't be stored.
        """
        functions = tuple(self._registry)
        keys = dict.fromkeys(
            (function.id, cron.expression, cron.tz)
            for function in functions
            for cron in function.accepts.crons
        )
        known = frozenset(function.id for function in functions)
        done = await self._store.submit(KeepSchedules(known, tuple(keys), _DAY))
        entries = []
        for key, last in zip(keys, done, strict=True):
            schedule = schedule_of(*key[1:])
            entries.append(_Entry(*key, schedule, last, schedule.after(last)))
        self._entries, self._known = tuple(entries), len(functions)

    def _new_run(self, function: str, key: str, metadata: bytes | None) -> NewRun:
        registered = self._registry.find(function)
        try:
            if registered is not None:
                return new_run(registered, CRON_EVENT, NO_DATA, key=key, metadata=metadata)
        except TightbeamError as error:  # no caller could be told
            _log.error("%s; the run has none", error)
        return NewRun(new_id(), function, key=key, metadata=metadata)

    async def _start(self, entry: _Entry, tick: int) -> None:
        function, expression, zone = entry.key
        moment = time_of(tick)
        info = SendInfo((CRON_EVENT,), is_scheduled=True)
        with Around(self._hooks.send, info):
            key = f"cron:{expression}:{zone}:{moment.isoformat()}"
            run = self._new_run(function, key, metadata_of(info))
            run_id = await self._store.submit(Tick(expression, zone, tick, run, CRON_EVENT, NO_DATA))
            info.ids = () if run_id is None else (run_id,)
        if now_us() - tick > _LATE:
            _log.warning('function "%s": its run of %s starts late', function, moment.isoformat())
        entry.last, entry.next = tick, entry.schedule.after(tick)
