"""A journal that is restored into another cluster keeps its order, and takes no position of the old one."""

from __future__ import annotations

import asyncio
import subprocess

import psycopg
import pytest

from tests.postgres.opened import Heard, open_store, publish_of
from tests.postgres.server import Server
from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.requests import FindStart, ReadPage
from tightbeam.errors import PositionLost

pytestmark = pytest.mark.slow
_PLACES = "SELECT xid::text::bigint, seq, number FROM tightbeam.message ORDER BY xid, seq"


def burn(server: Server, transactions: int) -> None:
    """Use up transaction ids."""
    with psycopg.connect(server.address("postgres"), autocommit=True) as connection:
        for _ in range(transactions):
            connection.execute("SELECT pg_current_xact_id()")


def copied(server: Server, database: str, target: Server) -> str:
    """Dump a database and restore it into another cluster; return its name there."""
    name = target.database()
    program = server.programs
    dump = subprocess.run(
        [program / "pg_dump", server.address(database)], capture_output=True, check=True, text=True
    )
    subprocess.run(
        [program / "psql", "-q", "-v", "ON_ERROR_STOP=1", target.address(name)],
        input=dump.stdout,
        capture_output=True,
        check=True,
        text=True,
    )
    return name


def claimed(address: str, outlet: Heard | None = None) -> PostgresStore:
    """Open a journal and claim its run, which is added if there is none."""
    store = open_store(address, outlet=outlet)
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO tightbeam.run (id, function, event, data, state, due_at, created_at, owner, claim) "
            "VALUES ('run1', 'f', 'e', '', 'running', 0, 0, %(me)s, 1) "
            "ON CONFLICT (id) DO UPDATE SET owner = %(me)s, state = 'running'",
            {"me": store.member.number},
        )
    store.member.claims["run1"] = Held(1, "f", limited=False)
    return store


def write(address: str, *numbers: int) -> str:
    """Publish, one transaction each; return the position of the last message."""
    store = claimed(address)
    for number in numbers:
        store.call(publish_of(number))
    with psycopg.connect(address) as connection:
        row = connection.execute(_PLACES).fetchall()[-1]
    asyncio.run(store.close(30))
    return store.position_of(row[0] << 64 | row[1])


def test_order_stays_and_what_comes_is_later_however_young_the_cluster_is(
    postgres_server: Server, own_server: Server
) -> None:
    burn(postgres_server, 2_000)
    database = postgres_server.database()
    address = postgres_server.address(database)
    position = write(address, 1, 2, 3)
    young = own_server.address(copied(postgres_server, database, own_server))

    write(young, 4, 5)
    with psycopg.connect(young) as connection:
        rows = connection.execute(_PLACES).fetchall()
        latest = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert [number for _, _, number in rows] == [1, 2, 3, 4, 5]
    assert latest is not None
    assert all(xid < latest[0] for xid, _, _ in rows)

    store = open_store(young)
    with pytest.raises(PositionLost):
        store.call(FindStart(position))
    page = store.call(ReadPage((("ch", "topic"),), "start"))
    assert [each.id for each in page.messages] == [f"run1:s:{number}" for number in (1, 2, 3, 4, 5)]
    asyncio.run(store.close(30))


def test_a_dump_of_a_restored_journal_can_be_restored_too(
    postgres_server: Server, own_server: Server
) -> None:
    database = postgres_server.database()
    write(postgres_server.address(database), 1, 2, 3)
    second = copied(postgres_server, database, own_server)
    write(own_server.address(second), 4)
    with psycopg.connect(own_server.address(second)) as connection:  # as if retention had dropped two
        connection.execute("DELETE FROM tightbeam.message WHERE number < 3")
        connection.execute("INSERT INTO tightbeam.meta VALUES ('trimmed_xid', '1'), ('trimmed_seq', '2')")

    third = postgres_server.address(copied(own_server, second, postgres_server))
    write(third, 5)
    store = open_store(third)
    page = store.call(ReadPage((("ch", "topic"),), "start"))
    assert [each.id for each in page.messages] == [f"run1:s:{number}" for number in (3, 4, 5)]
    asyncio.run(store.close(30))


def test_a_position_stays_good_while_the_cluster_is_the_same(postgres_server: Server) -> None:
    database = postgres_server.database()
    address = postgres_server.address(database)
    position = write(address, 1, 2)
    store = open_store(address)
    assert store.position_of(store.call(FindStart(position))) == position
    asyncio.run(store.close(30))
