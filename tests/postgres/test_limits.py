"""Limits over all processes: how many runs of a function, and of a key, execute anywhere."""

from __future__ import annotations

import psycopg
import pytest

from tests.postgres.workers import workers
from tightbeam._engine.records import RunError
from tightbeam._engine.requests import RetryRun
from tightbeam._message import now_us

pytestmark = pytest.mark.slow


async def test_a_limit_counts_the_runs_of_all_processes(address: str) -> None:
    async with workers(address, 2) as (one, two):
        one.add(*(f"r{n}" for n in range(6)))
        assert one.claim(limit=3, runs=2) == ["r0", "r1"]
        assert two.claim(limit=3) == ["r2"]
        assert (one.claim(limit=3), two.claim(limit=3)) == ([], [])
        one.end("r0")
        two.heard.wait_for(lambda: True)
        assert two.claim(limit=3) == ["r3"]


async def test_without_a_limit_each_process_has_its_own(address: str) -> None:
    async with workers(address, 2) as (one, two):
        one.add(*(f"r{n}" for n in range(4)))
        assert (one.claim(2), two.claim(2)) == (["r0", "r1"], ["r2", "r3"])


async def test_a_run_that_sleeps_leaves_its_slot_and_awakes_when_one_is_free(address: str) -> None:
    async with workers(address, 2) as (one, two):
        one.add("a", "b")
        assert one.claim(limit=1) == ["a"]
        one.sleep("a", us=0)
        assert two.claim(limit=1) == ["b"]
        assert one.awaken("a", limit=1) is False
        two.end("b")
        assert one.awaken("a", limit=1) is True
        assert one.state("a") == "running"
        assert one.awaken("a", limit=1) is True, "another of its sleeps was over before"


async def test_while_another_process_claims_a_run_does_not_awake(address: str) -> None:
    async with workers(address, 1) as (one,):
        one.add("a", "b")
        assert one.claim(limit=1) == ["a"]
        one.sleep("a", us=0)
        with psycopg.connect(address, options="-csearch_path=tightbeam") as connection:
            lock = "SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.function'), hashtext('work'))"
            connection.execute(lock)
            assert one.awaken("a", limit=1) is None
            claimed = one.claimed(limit=1)
            assert claimed.runs == []
            assert claimed.next_due is not None
            assert claimed.next_due < now_us() + 1_000_000
        assert one.awaken("a", limit=1) is True


async def test_a_limit_by_key_counts_the_runs_of_all_processes(address: str) -> None:
    async with workers(address, 2) as (one, two):
        one.add(*(f"a{n}" for n in range(4)), key="a")
        one.add("b0", key="b")
        one.add("none", key=None)
        assert one.claim(1, key_limit=2) == ["a0"]
        assert two.claim(key_limit=2) == ["a1", "b0", "none"]
        assert one.claim(key_limit=2) == [], "the others of that key are held back"
        two.end("a1")
        assert one.claim(key_limit=2) == ["a2"]
        assert two.claim(key_limit=2) == []


async def test_what_was_held_back_is_found_by_any_process_that_claims(address: str) -> None:
    """Whoever ended the run may have died before it claimed the next one."""
    async with workers(address, 2) as (one, two):
        one.add("a0", "a1", key="a")
        assert one.claim(key_limit=1) == ["a0"]
        assert one.claim(key_limit=1) == []
        one.ask(RetryRun("a0", 1, now_us() + 10**10, RunError("E", "", None), ()))
        assert two.claim(key_limit=1) == ["a1"]


async def test_what_was_held_back_goes_on_where_there_is_no_limit_any_more(address: str) -> None:
    async with workers(address, 1) as (one,):
        one.add("a0", "a1", "a2", key="a")
        assert one.claim(key_limit=1) == ["a0"]
        assert one.claim(key_limit=1) == []
        assert one.claim() == ["a1", "a2"]


async def test_both_limits_hold_together(address: str) -> None:
    async with workers(address, 2) as (one, two):
        one.add("a0", "a1", key="a")
        one.add("b0", key="b")
        one.add("c0", key="c")
        assert one.claim(limit=2, key_limit=1) == ["a0", "b0"]
        assert two.claim(limit=2, key_limit=1) == []
        one.end("b0")
        assert two.claim(limit=2, key_limit=1) == ["c0"]
        one.end("a0")
        assert two.claim(limit=2, key_limit=1) == ["a1"]


async def test_a_hot_key_costs_each_of_its_runs_one_look(address: str) -> None:
    async with workers(address, 1) as (one,):
        one.add(*(f"a{n:04}" for n in range(700)), key="a")
        one.add("b", key="b")
        assert one.claim(1, key_limit=1) == ["a0000"]
        found = [run for _ in range(3) for run in one.claim(key_limit=1)]
        assert found == ["b"]
        with psycopg.connect(address) as connection:
            row = connection.execute("SELECT count(*) FROM tightbeam.run WHERE NOT held AND state = 'ready'")
            assert row.fetchone() == (0,)
