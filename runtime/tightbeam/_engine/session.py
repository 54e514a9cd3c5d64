"""What exists between entering a client and leaving it: an open store and a scheduler."""

from __future__ import annotations

import atexit
import os
import time
import weakref

from tightbeam._engine.new_runs import new_run
from tightbeam._engine.notices import Notices
from tightbeam._engine.protocol import Carrier
from tightbeam._engine.records import new_id
from tightbeam._engine.requests import SendEvent
from tightbeam._engine.run_context import Services
from tightbeam._engine.scheduler import LEAST_GRACE, Scheduler
from tightbeam._engine.settings import Settings
from tightbeam._engine.store import Store
from tightbeam._hooks.hook_list import Around, HookList, metadata_of
from tightbeam._hooks.info import SendInfo
from tightbeam._registry import Registry

__all__ = ["Session", "open_schedulers"]


class Session:
    """An open store and what executes its runs; of one process and one event loop."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.pid = os.getpid()
        self.store = store
        self._settings = settings
        self._scheduler: Scheduler | None = None
        _open.add(self)

    async def start(self, registry: Registry, carrier: Carrier, hooks: HookList, notices: Notices) -> None:
        """Recover and begin to execute.

        Args:
            registry: the functions.
            carrier: publishes live messages of runs.
            hooks: what is told of runs, steps and publishes.
            notices: from the store.
        """
        self.store.listen()
        settings = self._settings
        services = Services(
            self.store, carrier, settings.max_payload_bytes, settings.retry_delay, hooks, registry
        )
        scheduler = self._scheduler = Scheduler(registry, services)
        notices.connect(scheduler)
        await scheduler.start(executes=settings.run_functions)

    async def stop(self, within: float) -> None:
        """Finish what is due within the bound, interrupt the rest, close the store in what is left of it."""
        ends_at = time.monotonic() + within
        try:
            if self._scheduler is not None:
                await self._scheduler.stop(within)
        finally:
            _open.discard(self)
            await self.store.close(max(ends_at - time.monotonic(), LEAST_GRACE))

    async def send(self, request: SendEvent) -> list[str]:
        """Store what an event starts; return the ids of the runs."""
        # Also where the caller is cancelled meanwhile: the event is sent all the same.
        sent = await self.store.submit(request, after=lambda _: self.scheduler.nudge())
        return list(sent.ids)

    def send_sync(self, request: SendEvent) -> list[str]:
        """Store what an event starts, from a thread; return the ids of the runs."""
        sent = self.store.call(request)
        self.scheduler.nudge()
        return list(sent.ids)

    async def run(self, name: str, data: bytes, function_id: str, hooks: HookList) -> bytes:
        """Store a run, surrounded by hooks, wait for its end, and return its result."""
        run_id = new_id()

        async def begin() -> None:
            send = SendInfo((name,))
            with Around(hooks.send, send):
                function = self.scheduler.function(function_id)
                run = new_run(function, name, data, id=run_id, metadata=metadata_of(send))
                send.ids = tuple(await self.scheduler.add((run,), name, data))

        return await self.scheduler.result_of(run_id, function_id, begin)

    @property
    def is_started(self) -> bool:
        """Whether runs are executed."""
        return self._scheduler is not None

    @property
    def scheduler(self) -> Scheduler:
        """What executes runs, once started."""
        assert self._scheduler is not None  # noqa: S101 - a session is handed out when it is started
        return self._scheduler


_open: weakref.WeakSet[Session] = weakref.WeakSet()


def open_schedulers() -> list[Scheduler]:
    """Return what executes runs in this process, of all clients that are entered."""
    return [
        session.scheduler for session in tuple(_open) if session.pid == os.getpid() and session.is_started
    ]


def _close_at_exit() -> None:
    """Close the stores of clients that were never left: the program ends, it doesn't die under their runs."""
    for session in tuple(_open):
        if session.pid == os.getpid():
            session.store.close_at_exit(LEAST_GRACE)


atexit.register(_close_at_exit)
