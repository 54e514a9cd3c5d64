"""What exists between entering a client and leaving it: lock, journal, runner."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tightbeam._engine.execution import Services
from tightbeam._engine.protocol import Carrier
from tightbeam._engine.scheduler import LEAST_GRACE, Runner
from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.epochs import new_epoch, record
from tightbeam._engine.sqlite.lock import Lock
from tightbeam._engine.sqlite.presence import Presence
from tightbeam._engine.sqlite.retention import Retention, Trimmer
from tightbeam._engine.sqlite.runs import new_id, put_back_all
from tightbeam._engine.sqlite.wal import LogSize
from tightbeam._engine.sqlite.writer import Writer
from tightbeam._function import Registry
from tightbeam._hub.hub import Hub
from tightbeam._message import Envelope

if TYPE_CHECKING:
    from tightbeam._engine.engine import RunEnded, Settings

__all__ = ["Session"]


class Session:
    """An open journal and what executes its runs; of one process and one event loop."""

    def __init__(
        self, path: Path | None, settings: Settings, hub: Hub, fan_out: Callable[[list[Envelope]], None]
    ) -> None:
        """Lock and open the journal; may take a while.

        Raises:
            JournalRefused: the file can't be opened; it was left untouched.
        """
        self.pid = os.getpid()
        self._settings = settings
        self._runner: Runner | None = None
        lock, presence = None, None
        try:
            if path is None:
                connection = file.open_memory()
            else:
                path = Path(os.path.realpath(path))
                file.refuse_other_kinds(path)
                lock = Lock(path)
                connection = file.open_file(path, lock)
                presence = Presence(path, lock, connection)
            # What this opening publishes has an epoch of its own, which is stored with the first of it.
            known, self._last, trimmed_us = file.history(connection)
            epoch = new_epoch()
            self._epochs = known.followed_by(epoch, self._last)
            self.trimmer: Trimmer = Trimmer(
                Retention(settings.retain_messages, settings.retain_us, settings.retain_bytes),
                None if path is None else LogSize(path),
                trimmed_us,
            )
            unlock = lock.release if lock is not None else _nothing
            self.writer = Writer(
                connection,
                fan_out=fan_out,
                reserve=hub.reserve,
                release=hub.release,
                first_message=lambda tx: record(tx.execute, epoch, self._last),
                after_batch=self.trimmer,
                presence=presence,
                on_end=unlock,
            )
        except BaseException:
            if presence is not None:
                presence.close()
            if lock is not None:
                lock.release()
            raise
        _open.add(self)

    async def start(self, registry: Registry, hub: Hub, carrier: Carrier, run_ended: RunEnded) -> None:
        """Recover and begin to execute."""
        self.writer.listen()
        hub.open(self._epochs.position, self._last)
        settings = self._settings
        services = Services(self.writer, carrier, settings.max_payload_bytes, settings.retry_delay, run_ended)
        runner = self._runner = Runner(registry, services)
        await runner.start()

    async def stop(self, within: float) -> None:
        """Finish what is due within the bound, interrupt the rest, close the journal, which unlocks it."""
        try:
            if self._runner is not None:
                await self._runner.stop(within)
        finally:
            _open.discard(self)
            await self.writer.close(max(within * 0.1, LEAST_GRACE))

    async def send(self, name: str, data: bytes, function_ids: list[str]) -> list[str]:
        """Store a run of each function; returns their ids."""
        runs = [(new_id(), function_id) for function_id in function_ids]
        await self.runner.add(runs, name, data)
        return [run_id for run_id, _ in runs]

    async def run(self, name: str, data: bytes, function_id: str) -> bytes:
        """Store a run and wait for its end."""
        run_id = new_id()
        return await self.runner.result_of(
            run_id, lambda: self.runner.add([(run_id, function_id)], name, data)
        )

    @property
    def runner(self) -> Runner:
        """What executes runs, once started."""
        assert self._runner is not None  # noqa: S101 - nobody has a session that isn't started
        return self._runner


_open: weakref.WeakSet[Session] = weakref.WeakSet()


def _put_back_at_exit() -> None:
    """Put the runs of clients back that were never left: the program ends, but hasn't died under them."""
    for session in tuple(_open):
        if session.pid == os.getpid():
            session.writer.close_at_exit(put_back_all, LEAST_GRACE)


atexit.register(_put_back_at_exit)


def _nothing() -> None:
    """There is no lock on memory."""
