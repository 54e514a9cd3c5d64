"""The embedded engine: a journal in SQLite, a runner, a hub, all in this process.

Live publishes and live subscriptions need the hub only; the rest is imported when a client is entered.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tightbeam import _probes
from tightbeam._engines.embedded.feed import EmbeddedFeed
from tightbeam._function import Registry
from tightbeam._hub import Address, Envelope, Hub
from tightbeam.errors import EngineError, NotEntered

if TYPE_CHECKING:
    from tightbeam._engines.embedded.session import Session

__all__ = ["EmbeddedEngine", "Settings"]

_log = logging.getLogger("tightbeam")


class Settings(NamedTuple):
    """What the client was constructed with; times in seconds where not said otherwise."""

    max_payload_bytes: int
    retry_delay: float
    shutdown_timeout: float
    retain_messages: int
    retain_us: int


_inherited: list[Session] = []
"""Sessions of a parent process: kept, so that nothing here closes the parent's connection."""


class EmbeddedEngine:
    """An `Engine`."""

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._hub = Hub()
        self._session: Session | None = None
        self._pid: int | None = None
        """The process that is entering, has entered or is leaving."""

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
        if self._pid == os.getpid():
            raise EngineError("the client is entered already: leave it first")
        if self._session is not None:
            _inherited.append(self._session)
            self._session = None
        self._pid = os.getpid()
        session: Session | None = None
        # On a thread: checking a file takes a while.
        opening: asyncio.Future[Session] = asyncio.ensure_future(asyncio.to_thread(self._open_session))
        try:
            try:
                opened = await asyncio.shield(opening)
            except asyncio.CancelledError:
                session = await opening  # so that it can be closed
                raise
            session = opened
            await opened.start(registry, self._hub, self.publish_sync)
        except BaseException:
            if session is not None:
                await session.stop()
            self._pid = None
            raise
        self._session = session

    def _open_session(self) -> Session:
        from tightbeam._engines.embedded.session import (
            Session,
        )  # not at import: programs that only publish go without

        return Session(self._path, self._settings, self._fan_out)

    def _fan_out(self, committed: list[Envelope]) -> None:
        try:
            self._hub.fan_out(committed)
            if _probes.observers:
                for envelope in committed:
                    _probes.published(envelope)
        except Exception:  # noqa: BLE001 - it is committed, and the journal's thread must go on
            _log.exception("a message was committed, but not handed to everyone")

    async def close(self) -> None:
        """See `tightbeam._engines.Engine`."""
        session = self._session
        if session is None or session.pid != os.getpid():
            return
        try:
            await session.stop()
        finally:
            self._session = None
            self._pid = None
            self._hub.close_all()

    async def send(self, name: str, data: bytes, function_ids: Iterable[str], /) -> list[str]:
        """See `tightbeam._engines.Engine`."""
        return await self._entered().send(name, data, list(function_ids))

    async def run(self, name: str, data: bytes, function_id: str, /) -> bytes:
        """See `tightbeam._engines.Engine`."""
        return await self._entered().run(name, data, function_id)

    def _entered(self) -> Session:
        session = self._session
        if session is None:
            raise NotEntered(
                "the client isn't entered: use it inside `async with client:` (or `client.lifespan`)"
            )
        if session.pid != os.getpid():
            raise NotEntered(
                "the client was entered by the process this one was forked from: enter it after the fork"
            )
        return session
