"""The embedded engine: a journal in SQLite, a runner, a hub, all in this process."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tightbeam import _probes
from tightbeam._engines.embedded import file
from tightbeam._engines.embedded.execution import Services
from tightbeam._engines.embedded.feed import EmbeddedFeed
from tightbeam._engines.embedded.journal import new_id
from tightbeam._engines.embedded.lock import Lock
from tightbeam._engines.embedded.messages import bounds
from tightbeam._engines.embedded.retention import Retention, Trimmer
from tightbeam._engines.embedded.runner import Runner
from tightbeam._engines.embedded.writer import Writer
from tightbeam._function import Registry
from tightbeam._hub import Address, Envelope, Hub
from tightbeam.errors import EngineError, NotEntered

__all__ = ["EmbeddedEngine", "Settings"]

_log = logging.getLogger("tightbeam")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the client was constructed with."""

    max_payload_bytes: int
    retry_delay: float
    shutdown_timeout: float
    retention: Retention


@dataclass(slots=True, eq=False)
class _Session:
    """What exists between entering and leaving."""

    pid: int
    writer: Writer
    lock: Lock | None
    runner: Runner | None = None


_inherited: list[_Session] = []
"""Sessions of a parent process: kept, so that nothing here closes the parent's connection."""


class EmbeddedEngine:
    """An `Engine`."""

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._hub = Hub()
        self._session: _Session | None = None
        self._busy = False

    async def publish(self, envelope: Envelope, /) -> None:
        """See `tightbeam._engines.Engine`."""
        self.publish_sync(envelope)

    def publish_sync(self, envelope: Envelope, /) -> None:
        """See `tightbeam._engines.Engine`."""
        self._hub.emit(envelope)
        if _probes.observers:
            _probes.published(envelope)

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> EmbeddedFeed:
        """See `tightbeam._engines.Engine`."""
        return EmbeddedFeed(self._hub, addresses, after, None if after is None else self._entered().writer)

    async def open(self, registry: Registry, /) -> None:
        """See `tightbeam._engines.Engine`.

        Raises:
            EngineError: it is open already.
            JournalRefused: the file can't be opened.
        """
        if self._session is not None and self._session.pid != os.getpid():
            _inherited.append(self._session)
            self._session = None
            self._busy = False
        if self._busy:
            raise EngineError("the client is entered already: leave it first")
        self._busy = True
        session = None
        try:
            opening = asyncio.ensure_future(
                asyncio.to_thread(self._open_journal)
            )  # checking a file takes a while
            try:
                session = await asyncio.shield(opening)
            except asyncio.CancelledError:
                session = await opening  # so that it can be closed
                raise
            there = await session.writer.submit(bounds, read=True)
            self._hub.epoch, self._hub.last_seq = there.epoch, there.last
            settings = self._settings
            services = Services(
                session.writer, self.publish_sync, settings.max_payload_bytes, settings.retry_delay
            )
            session.runner = Runner(registry, services)
            self._session = session
            await session.runner.start()
        except BaseException:
            self._session = session
            await self.close()
            self._busy = False
            raise

    def _open_journal(self) -> _Session:
        trimmer = Trimmer(self._settings.retention)
        if self._path is None:
            return _Session(os.getpid(), Writer(file.open_memory(), self._fan_out, trimmer), None)
        path = Path(os.path.realpath(self._path))
        lock = Lock(path)
        try:
            return _Session(os.getpid(), Writer(file.open_file(path), self._fan_out, trimmer), lock)
        except BaseException:
            lock.release()
            raise

    def _fan_out(self, committed: list[Envelope]) -> None:
        try:
            self._hub.fan_out(committed)
            if _probes.observers:
                for envelope in committed:
                    _probes.published(envelope)
        except Exception:
            # It is committed: whoever looks on must not stop the journal's thread.
            _log.exception("a message was committed, but not handed to everyone")

    async def close(self) -> None:
        """See `tightbeam._engines.Engine`."""
        session = self._session
        if session is None or session.pid != os.getpid():
            return
        timeout = self._settings.shutdown_timeout
        try:
            if session.runner is not None:
                await session.runner.stop(timeout)
        finally:
            self._session = None
            try:
                await session.writer.close(timeout * 0.1)
            finally:
                if session.lock is not None:
                    session.lock.release()
                self._hub.close_all()
                self._busy = False

    async def send(self, name: str, data: bytes, function_ids: Iterable[str], /) -> list[str]:
        """See `tightbeam._engines.Engine`."""
        runs = [(new_id(), function_id) for function_id in function_ids]
        await self._runner().add(runs, name, data)
        return [run_id for run_id, _ in runs]

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """See `tightbeam._engines.Engine`."""
        runner = self._runner()
        run_id = new_id()
        return await runner.result_of(run_id, lambda: runner.add([(run_id, function_id)], name, data))

    def _runner(self) -> Runner:
        runner = self._entered().runner
        assert runner is not None  # noqa: S101 - set before the session is anyone's
        return runner

    def _entered(self) -> _Session:
        session = self._session
        if session is None:
            raise NotEntered(
                "the client isn't entered: use it inside `async with client:` (or `client.lifespan`)"
            )
        if session.pid != os.getpid():
            raise NotEntered(
                "the client was entered by the process this one was forked from: enter one after the fork"
            )
        return session
