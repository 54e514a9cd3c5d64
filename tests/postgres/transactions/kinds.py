"""The connections and sessions that ``transaction=`` takes, with one set of verbs for tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import tightbeam

__all__ = ["ASYNC_KINDS", "KINDS", "Taken", "by_driver"]


class Taken:
    """A transaction of one kind: it begins with the first statement, and again after each end."""

    def __init__(self, given: Any) -> None:
        self.given = given
        """What is given as ``transaction=``."""

    async def execute(self, statement: str) -> None:
        """Execute a statement of the program's own."""
        await self.given.execute(statement)

    async def commit(self) -> None:
        """Commit."""
        await self.given.commit()

    async def rollback(self) -> None:
        """Roll back."""
        await self.given.rollback()

    @asynccontextmanager
    async def savepoint(self, *, keep: bool) -> AsyncIterator[None]:
        """Surround with a savepoint, which is released or rolled back to."""
        await self.execute("SAVEPOINT mine")
        yield
        await self.execute("RELEASE mine" if keep else "ROLLBACK TO mine")

    async def publish(self, client: tightbeam.Client, *arguments: Any) -> None:
        """Publish inside."""
        await client.realtime.publish(*arguments, transaction=self.given)

    async def send(self, client: tightbeam.Client, *arguments: Any, **options: Any) -> list[str]:
        """Send inside."""
        ids: list[str] = await client.send(*arguments, transaction=self.given, **options)
        return ids


class Asyncpg(Taken):
    """A connection of asyncpg: its transactions are begun."""

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        self._transaction: Any = None

    async def begin(self) -> None:
        self._transaction = self.given.transaction()
        await self._transaction.start()

    async def commit(self) -> None:
        await self._transaction.commit()
        await self.begin()

    async def rollback(self) -> None:
        await self._transaction.rollback()
        await self.begin()

    @asynccontextmanager
    async def savepoint(self, *, keep: bool) -> AsyncIterator[None]:
        nested = self.given.transaction()
        await nested.start()
        yield
        await (nested.commit() if keep else nested.rollback())


class SqlAlchemy(Taken):
    """An async connection or session of SQLAlchemy."""

    async def execute(self, statement: str) -> None:
        await self.given.execute(text(statement))

    @asynccontextmanager
    async def savepoint(self, *, keep: bool) -> AsyncIterator[None]:
        nested = await self.given.begin_nested()
        yield
        await (nested.commit() if keep else nested.rollback())


class WithoutAwait(Taken):
    """A connection of psycopg for threads; the verbs of the others, for the same tests."""

    async def execute(self, statement: str) -> None:
        self.given.execute(statement)

    async def commit(self) -> None:
        self.given.commit()

    async def rollback(self) -> None:
        self.given.rollback()

    async def publish(self, client: tightbeam.Client, *arguments: Any) -> None:
        client.realtime.publish_sync(*arguments, transaction=self.given)

    async def send(self, client: tightbeam.Client, *arguments: Any, **options: Any) -> list[str]:
        ids: list[str] = client.send_sync(*arguments, transaction=self.given, **options)
        return ids


class SqlAlchemyWithoutAwait(WithoutAwait):
    """A connection or session of SQLAlchemy for threads."""

    async def execute(self, statement: str) -> None:
        self.given.execute(text(statement))

    @asynccontextmanager
    async def savepoint(self, *, keep: bool) -> AsyncIterator[None]:
        nested = self.given.begin_nested()
        yield
        if keep:
            nested.commit()
        else:
            nested.rollback()


def by_driver(address: str, driver: str) -> str:
    """Return an address as SQLAlchemy has it."""
    return address.replace("postgresql://", f"postgresql+{driver}://")


@asynccontextmanager
async def _psycopg(address: str) -> AsyncIterator[Taken]:
    connection = await psycopg.AsyncConnection.connect(address)
    try:
        yield Taken(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def _psycopg_sync(address: str) -> AsyncIterator[Taken]:
    with contextlib.closing(psycopg.connect(address)) as connection:
        yield WithoutAwait(connection)


@asynccontextmanager
async def _asyncpg(address: str) -> AsyncIterator[Taken]:
    connection = await asyncpg.connect(address)
    try:
        taken = Asyncpg(connection)
        await taken.begin()
        yield taken
    finally:
        await connection.close()


@asynccontextmanager
async def _asyncpg_pool(address: str) -> AsyncIterator[Taken]:
    async with asyncpg.create_pool(address, min_size=1) as pool, pool.acquire() as connection:
        taken = Asyncpg(connection)
        await taken.begin()
        yield taken


def _sqlalchemy(driver: str, *, session: bool) -> Callable[[str], AbstractAsyncContextManager[Taken]]:
    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[Taken]:
        engine = create_async_engine(by_driver(address, driver))
        async with AsyncSession(engine) if session else engine.connect() as given:
            yield SqlAlchemy(given)
        await engine.dispose()

    return opened


def _sqlalchemy_sync(*, session: bool) -> Callable[[str], AbstractAsyncContextManager[Taken]]:
    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[Taken]:
        engine = create_engine(by_driver(address, "psycopg"))
        with Session(engine) if session else engine.connect() as given:
            yield SqlAlchemyWithoutAwait(given)
        engine.dispose()

    return opened


ASYNC_KINDS: dict[str, Callable[[str], AbstractAsyncContextManager[Taken]]] = {
    "psycopg": _psycopg,
    "asyncpg": _asyncpg,
    "asyncpg pool": _asyncpg_pool,
    "AsyncConnection over psycopg": _sqlalchemy("psycopg", session=False),
    "AsyncConnection over asyncpg": _sqlalchemy("asyncpg", session=False),
    "AsyncSession over psycopg": _sqlalchemy("psycopg", session=True),
    "AsyncSession over asyncpg": _sqlalchemy("asyncpg", session=True),
}
KINDS: dict[str, Callable[[str], AbstractAsyncContextManager[Taken]]] = {
    **ASYNC_KINDS,
    "psycopg for threads": _psycopg_sync,
    "Connection": _sqlalchemy_sync(session=False),
    "Session": _sqlalchemy_sync(session=True),
}
