"""A database with a journal, and a client on it that isn't entered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

import tightbeam
from tests.postgres.opened import open_store
from tests.postgres.server import Server
from tests.postgres.transactions.kinds import KINDS, Taken
from tests.tightbeam.events.samples import upload_event


@pytest.fixture(scope="session")
def made_journal(postgres_server: Server) -> str:
    """The address of a database with a journal that nothing opens."""
    address = postgres_server.new()
    asyncio.run(open_store(address).close(30))
    return address


@pytest.fixture
def journal(made_journal: str) -> str:
    """The address of a database that has an empty journal, and an empty table of orders beside it."""
    execute(
        made_journal,
        "TRUNCATE tightbeam.message, tightbeam.run, tightbeam.step, tightbeam.sent;"
        'DROP TABLE IF EXISTS "order"; CREATE TABLE "order" (number int)',
    )
    return made_journal


@pytest.fixture
def client(journal: str) -> tightbeam.Client:
    """A client that isn't entered, with one function."""
    made = tightbeam.Client(journal)

    @made.function("process", on=upload_event)
    async def process(ctx: tightbeam.Context) -> None: ...

    return made


@pytest_asyncio.fixture(params=KINDS)
async def taken(request: pytest.FixtureRequest, journal: str) -> AsyncIterator[Taken]:
    """A transaction of each kind."""
    async with KINDS[request.param](journal) as opened:
        yield opened


def execute(address: str, statement: str) -> list[tuple[Any, ...]]:
    """Execute a statement on a connection of its own, and return its rows."""
    with psycopg.connect(address, autocommit=True) as connection:
        done = connection.execute(statement.encode())
        return done.fetchall() if done.description is not None else []
