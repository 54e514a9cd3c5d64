"""Writing on a server: what is asked for together is one transaction, and each caller gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import psycopg
import pytest
import pytest_asyncio

from tests.postgres.opened import open_store, publish_of
from tightbeam._engine.postgres import appending
from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.records import MemoizedAlready, NewRun
from tightbeam._engine.requests import AddRuns
from tightbeam._engine.store import Request
from tightbeam.errors import JournalFailed, NotStorable

pytestmark = pytest.mark.slow
_IN_ORDER = "SELECT number, created_at FROM tightbeam.message ORDER BY xid, seq"


class Unknown(Request[None]):
    """A request that no store knows."""


@pytest_asyncio.fixture
async def store(address: str) -> AsyncIterator[PostgresStore]:
    """A store that has claimed ``run1``."""
    opened = open_store(address)
    member = opened.member
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO tightbeam.run (id, function, event, data, state, due_at, created_at, owner, claim) "
            "VALUES ('run1', 'f', 'e', '', 'running', 0, 0, %s, 1)",
            (member.number,),
        )
    member.claims["run1"] = Held(1, "f", limited=False)
    yield opened
    await opened.close(30)


async def test_publishes_of_one_batch_are_one_transaction_in_their_order(
    store: PostgresStore, address: str
) -> None:
    answers = await asyncio.gather(
        *(store.submit(publish_of(number)) for number in (0, 1, 2, 1)), return_exceptions=True
    )
    assert answers[:3] == [None, None, None]
    assert isinstance(answers[3], MemoizedAlready)
    with psycopg.connect(address) as connection:
        rows = connection.execute(
            "SELECT number, created_at FROM tightbeam.message ORDER BY xid, seq"
        ).fetchall()
    assert [number for number, _ in rows] == [0, 1, 2]
    times = [created for _, created in rows]
    assert all(later - earlier >= 1000 for earlier, later in pairwise(times))


async def test_a_request_that_no_store_knows_is_refused_and_others_go_on(store: PostgresStore) -> None:
    refused, stored = await asyncio.gather(
        store.submit(Unknown()), store.submit(publish_of(0)), return_exceptions=True
    )
    assert isinstance(refused, TypeError)
    assert stored is None


async def test_a_value_that_no_text_can_hold_is_refused_alone(store: PostgresStore, address: str) -> None:
    with_nul = publish_of(1)
    with_nul = replace(with_nul, publish=with_nul.publish._replace(channel="a\0b"))
    with_half = publish_of(2)
    with_half = replace(with_half, publish=with_half.publish._replace(topic="\ud800"))
    answers = await asyncio.gather(
        *(store.submit(each) for each in (publish_of(0), with_nul, with_half, publish_of(3))),
        return_exceptions=True,
    )
    assert [type(each) for each in answers] == [type(None), NotStorable, NotStorable, type(None)]
    with psycopg.connect(address) as connection:
        assert [row[0] for row in connection.execute(_IN_ORDER).fetchall()] == [0, 3]


@pytest.mark.parametrize("together", [False, True], ids=["alone", "with others"])
async def test_a_disk_that_is_full_fails_what_needs_it_and_leaves_nothing_behind(
    store: PostgresStore, address: str, together: bool
) -> None:
    full = (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; "
        "CREATE TRIGGER full_disk AFTER INSERT ON tightbeam.message FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    added = AddRuns((NewRun("added", "f"),), "e", b"{}")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(full.encode())
        requests = [publish_of(0), added] if together else [publish_of(0)]
        answers = await asyncio.gather(*map(store.submit, requests), return_exceptions=True)
        assert isinstance(answers[0], JournalFailed)
        assert "could not extend file" in str(answers[0])
        assert answers[1:] == ([("added",)] if together else [])
        connection.execute("DROP FUNCTION full_disk CASCADE")
        assert connection.execute(_IN_ORDER).fetchall() == []
    await store.submit(publish_of(0))
    assert not store.is_lost


async def test_a_batch_looks_for_each_run_and_step_by_its_key_however_small_the_tables_are(
    store: PostgresStore, address: str
) -> None:
    await asyncio.gather(*(store.submit(publish_of(number)) for number in range(3)))
    requests = [publish_of(number) for number in range(3, 6)]
    with store.member.connector.connect("test") as connection:
        tx = Transaction(connection, store.member)
        values = appending._values(tx, requests, 0)  # pyright: ignore[reportPrivateUsage]  # of this test's module
        rows = tx.execute(f"EXPLAIN {appending.APPEND}", values).fetchall()
    text = "\n".join(row[0] for row in rows)
    assert "Index Cond: (number = publish.run)" in text
    assert "Index Cond: ((run_id = run.id) AND (id = " in text
