"""The cases of transactions, run: good functions commit, and each bad line is refused and stores nothing."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import tightbeam
from tests.postgres.opened import open_store
from tests.postgres.server import Server
from tests.typing.marks import marks
from tests.typing.test_running import CASES, REFUSALS, alone, functions_named

pytestmark = pytest.mark.slow

GOOD = (
    "with_psycopg",
    "sending",
    "with_asyncpg",
    "with_sqlalchemy",
    "with_sync",
    "with_scoped_sessions",
    "helpers",
)
BAD = [number for number, mark in marks(CASES / "transactions_bad.py").items() if mark.fails_when_run]
_STORED = "SELECT (SELECT count(*) FROM tightbeam.message) + (SELECT count(*) FROM tightbeam.run)"


@pytest.fixture(scope="session")
def journal(postgres_server: Server) -> str:
    """The address of a database with a journal."""
    address = postgres_server.new()
    asyncio.run(open_store(address).close(30))
    return address


@asynccontextmanager
async def arguments(function: Any, address: str) -> AsyncIterator[dict[str, Any]]:
    """Yield what a case is called with: by the names of its parameters, opened as they need."""
    url = address.replace("postgresql:", "postgresql+{}:")
    async with AsyncExitStack() as stack:
        made: dict[str, Any] = {"client": listening(address)}
        for name in inspect.signature(function).parameters.keys() - made.keys():
            match name:
                case "psycopg_async":
                    made[name] = await stack.enter_async_context(
                        await psycopg.AsyncConnection.connect(address)
                    )
                case "psycopg_sync":
                    made[name] = stack.enter_context(psycopg.connect(address))
                case "psycopg_cursor":
                    other = await stack.enter_async_context(await psycopg.AsyncConnection.connect(address))
                    made[name] = other.cursor()
                case "asyncpg_connection":
                    made[name] = await asyncpg.connect(address)
                    stack.push_async_callback(made[name].close)
                    await stack.enter_async_context(made[name].transaction())
                case "asyncpg_pool" | "asyncpg_pooled":
                    pool = await stack.enter_async_context(asyncpg.create_pool(address, min_size=1))
                    made[name] = pool
                    if name == "asyncpg_pooled":
                        made[name] = await stack.enter_async_context(pool.acquire())
                        await stack.enter_async_context(made[name].transaction())
                case "async_connection" | "async_session" | "async_engine":
                    engine = create_async_engine(url.format("asyncpg"))
                    stack.push_async_callback(engine.dispose)
                    made[name] = engine
                    if name == "async_connection":
                        made[name] = await stack.enter_async_context(engine.begin())
                    elif name == "async_session":
                        made[name] = await stack.enter_async_context(AsyncSession(engine))
                        await stack.enter_async_context(made[name].begin())
                case "connection" | "session" | "engine":
                    plain = create_engine(url.format("psycopg"))
                    stack.callback(plain.dispose)
                    made[name] = plain
                    if name == "connection":
                        made[name] = stack.enter_context(plain.begin())
                    elif name == "session":
                        made[name] = stack.enter_context(Session(plain))
                        stack.enter_context(made[name].begin())
                case "scoped_async":
                    engine = create_async_engine(url.format("asyncpg"))
                    stack.push_async_callback(engine.dispose)
                    made[name] = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
                    stack.push_async_callback(made[name].remove)
                    stack.push_async_callback(made[name].commit)
                case "scoped":
                    plain = create_engine(url.format("psycopg"))
                    stack.callback(plain.dispose)
                    made[name] = scoped_session(sessionmaker(plain))
                    stack.callback(made[name].remove)
                    stack.callback(made[name].commit)
                case "other_database":
                    made[name] = stack.enter_context(closing(sqlite3.connect(":memory:")))
                case _:
                    raise AssertionError(name)
        yield made


def listening(address: str) -> tightbeam.Client:
    """Return a client with a function that listens to the events."""
    client = tightbeam.Client(address)

    @client.function("process", on="app/upload")
    async def process(ctx: tightbeam.Context) -> None: ...

    return client


async def call(function: Any, address: str) -> None:
    """Call a case with all that it asks for; its transactions commit if it returns."""
    async with arguments(function, address) as given:
        if inspect.iscoroutinefunction(function):
            await function(**given)
        else:
            function(**given)


def stored(address: str) -> int:
    """How many messages and runs there are."""
    with psycopg.connect(address) as connection:
        row = connection.execute(_STORED).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.usefixtures("project")
async def test_good_functions_commit(journal: str, name: str) -> None:
    before = stored(journal)
    await call(getattr(importlib.import_module("transactions_ok"), name), journal)
    assert stored(journal) > before or name == "helpers"


def test_all_good_functions_are_run() -> None:
    assert set(GOOD) | {"place"} == set(functions_named(CASES / "transactions_ok.py"))


@pytest.mark.parametrize("line", BAD)
@pytest.mark.usefixtures("project")
async def test_bad_lines_are_refused(journal: str, line: int) -> None:
    module, code, name = alone(CASES / "transactions_bad.py", line)
    exec(code, vars(module))
    assert name is not None
    before = stored(journal)
    if name == "in_a_function":
        await in_a_function(getattr(module, name), journal)
    else:
        with pytest.raises(REFUSALS):
            await call(getattr(module, name), journal)
    assert stored(journal) == before


async def in_a_function(body: Any, address: str) -> None:
    """Call a case that takes a context inside a run, which fails."""
    client = tightbeam.Client()

    @client.function("case", retries=0)
    async def case(ctx: tightbeam.Context) -> None:
        async with AsyncExitStack() as stack:
            engine = create_async_engine(address.replace("postgresql:", "postgresql+asyncpg:"))
            stack.push_async_callback(engine.dispose)
            session = await stack.enter_async_context(AsyncSession(engine))
            await body(ctx, session)

    async with client:
        with pytest.raises(REFUSALS):
            await client.run(case)
