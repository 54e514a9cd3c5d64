"""What a store promises of limits by key: which due runs a claim takes, and which it holds back.

The engine says here how many runs of a key execute. A server counts that itself: see
`tests/postgres/test_limits.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.tightbeam.engine.stores import SqliteStorage, Storage
from tests.tightbeam.engine.test_store import HOUR, Opened
from tests.tightbeam.engine.work import Look
from tightbeam._engine.records import Claimed, FunctionLimit, NewRun, RunError
from tightbeam._engine.requests import AddRuns, Claim, EndRun, PutBack, Recover, RetryRun
from tightbeam._message import now_us

pytestmark = pytest.mark.one_process

KNOWN = frozenset({"work"})


@pytest.fixture
async def opened(storage: Storage) -> AsyncIterator[Opened]:
    opened = Opened(storage)
    opened.ask(Recover(KNOWN, HOUR))
    yield opened
    await opened.store.close(10)


def add(opened: Opened, *runs: tuple[str, str | None]) -> None:
    for name, key in runs:
        opened.ask(AddRuns((NewRun(name, "work", concurrency_key=key),), "app/work", b"{}"))


def claim(
    opened: Opened,
    keys: dict[str, int] | None = None,
    freed: frozenset[str] = frozenset(),
    *,
    runs: int = 9,
    limit: int = 1,
    busy: frozenset[str] = frozenset(),
) -> Claimed:
    function = FunctionLimit("work", runs, on_thread=False, key_limit=limit, keys=keys or {}, freed=freed)
    return opened.ask(Claim((), (function,), 99, 99, busy))


def names(claimed: Claimed) -> list[str]:
    return [run.id for run in claimed.runs]


async def test_due_runs_are_taken_within_the_limit_of_their_key(opened: Opened) -> None:
    add(opened, ("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("none1", None), ("none2", None))
    claimed = claim(opened, limit=2)
    assert names(claimed) == ["a1", "a2", "b1", "none1", "none2"]
    assert [run.concurrency_key for run in claimed.runs] == ["a", "a", "b", None, None]
    assert names(claim(opened, {"a": 2, "b": 1})) == []


async def test_what_executes_already_counts(opened: Opened) -> None:
    add(opened, ("a1", "a"), ("b1", "b"), ("b2", "b"))
    assert names(claim(opened, {"a": 2, "b": 1}, limit=2)) == ["b1"]


async def test_a_freed_key_has_its_oldest_run_looked_at_again(opened: Opened) -> None:
    add(opened, *((f"a{n}", "a") for n in range(5)))
    assert names(claim(opened)) == ["a0"]
    opened.ask(EndRun("a0", None, None, ()))
    assert names(claim(opened)) == [], "they are held back"
    add(opened, ("b0", "b"))
    assert names(claim(opened)) == ["b0"]
    assert names(claim(opened, {"b": 1}, frozenset({"a", "b", "nothing"}))) == ["a1"]
    assert names(claim(opened, {"a": 1}, frozenset({"a"}))) == []
    assert names(claim(opened, {"a": 1}, frozenset({"a"}), limit=3)) == ["a2", "a3"]


async def test_one_that_was_let_go_and_not_taken_is_there_for_the_next_claim(opened: Opened) -> None:
    add(opened, ("c0", None), ("a0", "a"), ("a1", "a"))
    assert names(claim(opened, {"a": 1})) == ["c0"]
    add(opened, *((f"d{n}", None) for n in range(3)))
    assert names(claim(opened, {}, frozenset({"a"}), runs=1)) == ["a0"]
    opened.ask(EndRun("a0", None, None, ()))
    assert names(claim(opened, {}, frozenset({"a"}), runs=1)) == ["a1"]


async def test_a_key_that_is_freed_while_nothing_may_begin_is_not_forgotten(opened: Opened) -> None:
    add(opened, ("a0", "a"), ("a1", "a"))
    assert names(claim(opened)) == ["a0"]
    opened.ask(EndRun("a0", None, None, ()))
    assert names(claim(opened)) == [], "it is held back"
    for room, threads in ((0, 9), (9, 0)):
        freed = FunctionLimit("work", 9, on_thread=True, key_limit=1, freed=frozenset({"a"}))
        assert names(opened.ask(Claim((), (freed,), room, threads, frozenset()))) == []
    assert names(claim(opened)) == ["a1"]


async def test_the_next_process_looks_at_all_of_them(opened: Opened, storage: Storage) -> None:
    add(opened, *((f"a{n}", "a") for n in range(4)))
    assert names(claim(opened)) == ["a0"]
    await opened.store.close(10)
    again = Opened(storage)
    again.ask(Recover(KNOWN, HOUR))
    assert names(claim(again)) == ["a0"]  # it was executing
    assert names(claim(again, {"a": 1}, limit=2)) == []
    await again.store.close(10)
    again = Opened(storage)
    again.ask(Recover(KNOWN, HOUR))
    no_limit = FunctionLimit("work", 9, on_thread=False)
    assert names(again.ask(Claim((), (no_limit,), 99, 99, frozenset()))) == ["a0", "a1", "a2", "a3"]
    await again.store.close(10)


async def test_runs_without_a_function_are_parked_also_if_they_were_held_back(
    opened: Opened, storage: Storage
) -> None:
    add(opened, ("a0", "a"), ("a1", "a"))
    claim(opened)
    await opened.store.close(10)
    again = Opened(storage)
    assert again.ask(Recover(frozenset(), HOUR)).unknown == {"work": 2}
    await again.store.close(10)


async def test_a_retry_waits_for_its_key_like_any_run(opened: Opened) -> None:
    add(opened, ("a0", "a"), ("a1", "a"))
    claim(opened)
    opened.ask(RetryRun("a0", 1, now_us() + HOUR, RunError("E", "", None), ()))
    claimed = claim(opened, {}, frozenset({"a"}))
    assert names(claimed) == ["a1"]
    assert claimed.next_due is not None
    opened.ask(RetryRun("a1", 1, 0, RunError("E", "", None), ()))
    opened.ask(PutBack(("a1",)))
    assert names(claim(opened, {}, frozenset({"a"}))) == ["a1"]


async def test_a_run_that_goes_on_elsewhere_keeps_its_key(opened: Opened) -> None:
    add(opened, ("a0", "a"), ("a1", "a"))
    assert names(claim(opened, busy=frozenset({"a0"}))) == ["a1"]
    assert names(claim(opened, {"a": 1}, busy=frozenset({"a0"}))) == []
    assert names(claim(opened, {}, frozenset({"a"}))) == ["a0"]


async def test_a_hot_key_costs_each_of_its_runs_one_look(opened: Opened, storage: Storage) -> None:
    """However many wait, a claim behind them finds the others, and later ones look at none of them."""
    runs = tuple(NewRun(f"a{n}", "work", concurrency_key="a") for n in range(1_200))
    opened.ask(AddRuns((*runs, NewRun("b", "work", concurrency_key="b")), "app/work", b"{}"))
    found = []
    for _ in range(4):  # none holds up publishers for long
        claimed = claim(opened, {"a": 1})
        found += names(claimed)
    assert found == ["b"]
    if isinstance(storage, SqliteStorage):
        due = "FROM run WHERE state = 'ready' AND held = 0 AND function = 'work' ORDER BY due_at, number"
        (plan,) = opened.ask(
            Look(lambda tx: tx.execute(f"EXPLAIN QUERY PLAN SELECT number {due}").fetchall())
        )
        assert "USING INDEX run_ready" in plan[3] or "USING COVERING INDEX run_ready" in plan[3]
        assert opened.ask(Look(lambda tx: tx.execute(f"SELECT number {due}").fetchall())) == []
