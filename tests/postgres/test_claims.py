"""Claims of several processes: each run has one, who was taken for dead writes nothing, others take over."""

from __future__ import annotations

import contextlib
import threading

import psycopg
import pytest

from tests.postgres.workers import HOUR, KNOWN, NEW, Worker, workers
from tightbeam._engine.records import ClaimLost, FunctionLimit, NewRun, Publish, RunError
from tightbeam._engine.requests import (
    MAX_DEATHS,
    AddRuns,
    BeginWait,
    CancelRun,
    Claim,
    EndRun,
    EndSleep,
    EndWait,
    FindRun,
    IsExecuted,
    LeaveMemory,
    MarkAwake,
    MemoizePublish,
    ParkRun,
    PutBack,
    Recover,
    Rest,
    RetryFrom,
    RetryRun,
    SendEvent,
    Tick,
)
from tightbeam._engine.store import Request
from tightbeam._message import now_us
from tightbeam.errors import RunStateError, StepMisuse

pytestmark = pytest.mark.slow


async def test_each_run_is_claimed_by_one_process(address: str) -> None:
    async with workers(address, 4) as all_workers:
        all_workers[0].add(*(f"r{n:03}" for n in range(200)))
        claimed: list[str] = []

        def claim(worker: Worker) -> None:
            while runs := worker.claim(7):
                claimed.extend(runs)

        threads = [threading.Thread(target=claim, args=(worker,)) for worker in all_workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for worker in all_workers:  # what another one was claiming at that moment was left for later
            claimed += worker.claim()
        assert sorted(claimed) == [f"r{n:03}" for n in range(200)]


async def test_a_run_of_another_process_can_not_be_written(address: str) -> None:
    async with workers(address) as (mine, other):
        mine.add("a")
        assert mine.claim() == ["a"]
        with pytest.raises(ClaimLost, match="run a goes on in another process"):
            other.step("a")
        assert other.heard.losses == ["a"]
        mine.step("a")
        mine.end("a")
        assert mine.state("a") == "done"


def _everything() -> list[Request[object]]:
    error = RunError("ValueError", "x", None)
    publish = Publish(1, "a", "p", 0, "ch", "t", b"{}", now_us())
    return [
        MemoizePublish(publish, "p", NEW),
        EndRun("a", b"1", None, ()),
        EndRun("a", None, error, ()),
        RetryRun("a", 1, now_us(), error, ()),
        ParkRun("a", "StepMismatch", "x", ()),
        LeaveMemory("a", frozenset({"nap"})),
        EndSleep("a", "nap"),
        EndWait("a", "wait", timed_out=True),
        BeginWait("a", "wait", "e", None, now_us() + HOUR, now_us(), NEW, alone=True),
    ]


async def test_who_was_taken_for_dead_writes_nothing(address: str) -> None:
    async with workers(address) as (zombie, other):
        zombie.add("a")
        assert zombie.claim() == ["a"]
        zombie.sleep("a")
        zombie.falls_silent()
        assert other.ask(Recover(KNOWN, HOUR)).given_up == []
        before = other.state("a")
        for request in _everything():
            with pytest.raises(ClaimLost):
                zombie.ask(request)
        for quiet in (MarkAwake("a"), Rest("a"), PutBack(("a",))):
            zombie.ask(quiet)
        with pytest.raises(ClaimLost):
            zombie.step("a", "late")
        assert other.state("a") == before
        assert {step.id for step in other.ask(FindRun("a")).steps} == {"nap"}
        assert "a" in zombie.heard.losses
        # It goes on as another process.
        zombie.add("b")
        assert zombie.claim() == ["b"]
        zombie.end("b")


async def test_the_run_of_a_dead_process_goes_on_elsewhere_with_a_death(address: str) -> None:
    async with workers(address) as (dead, other):
        dead.add("ran", "slept")
        assert dead.claim() == ["ran", "slept"]
        dead.step("ran")
        dead.sleep("slept")
        assert other.claim() == []
        dead.falls_silent()
        other.ask(Recover(KNOWN, HOUR))
        claimed = other.claimed()
        assert [(run.id, run.deaths, list(run.memos)) for run in claimed.runs] == [("ran", 1, ["s"])]
        assert claimed.next_due is not None  # the other one wakes then
        assert other.state("slept") == "sleeping"


async def test_each_process_is_taken_for_dead_by_its_own_lease(address: str) -> None:
    async with workers(address, 1, lease=60.0) as (patient,), workers(address, 1, lease=1.0) as (hasty,):
        patient.add("a")
        assert patient.claim() == ["a"]
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "UPDATE tightbeam.process SET beat_at = beat_at - interval '30 s' WHERE lease > '2 s'"
            )
        hasty.ask(Recover(KNOWN, HOUR))
        patient.step("a")
        assert hasty.claim() == []


async def test_the_time_in_which_the_server_was_away_is_nobodys_silence(address: str) -> None:
    """Who is the first to be there again takes over nothing of those that haven't come back yet."""
    async with workers(address, 1, lease=86_400.0) as (other,):  # the server is younger than that
        other.add("a")
        assert other.claim() == ["a"]
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("UPDATE tightbeam.process SET beat_at = beat_at - interval '2 days'")
        async with workers(address, 1) as (first,):
            first.ask(Recover(KNOWN, HOUR))
            assert first.claim() == []
            other.step("a")
            other.falls_silent()
            first.ask(Recover(KNOWN, HOUR))
            assert first.claim() == ["a"]


async def test_a_lease_may_be_longer_than_any_setting_of_the_server(address: str) -> None:
    async with workers(address, 1, lease=36_500 * 86_400.0) as (patient,):
        patient.add("a")
        assert patient.claim() == ["a"]


async def test_who_finds_others_dead_waits_for_no_transaction_of_theirs(address: str) -> None:
    async with workers(address) as (stopped, other):
        stopped.add("a")
        assert stopped.claim() == ["a"]
        stopped.falls_silent()
        number = stopped.store.member.number
        with psycopg.connect(address, options="-csearch_path=tightbeam") as connection:
            # A process that was stopped in the middle of a transaction holds this lock.
            lock = "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema() || '.process'), %s::int)"
            connection.execute(lock, (number,))
            other.ask(Recover(KNOWN, HOUR))
            assert other.claim() == []
            other.add("b")
            assert other.claim() == ["b"]
        other.ask(Recover(KNOWN, HOUR))
        assert other.claim() == ["a"]


async def test_a_run_under_which_processes_die_is_given_up_when_it_is_claimed(address: str) -> None:
    async with workers(address) as (mine, other):
        mine.add("a")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("UPDATE tightbeam.run SET deaths = %s", (MAX_DEATHS,))
        limit = FunctionLimit("work", 9, on_thread=False, on_failure=("after",))
        claimed = other.ask(Claim((), (limit,), 9, 9, frozenset()))
        assert (claimed.runs, [each.run_id for each in claimed.given_up]) == ([], ["a"])
        assert mine.state("a") == "failed"
        after = FunctionLimit("after", 9, on_thread=False)
        (run,) = mine.ask(Claim((), (after,), 9, 9, frozenset())).runs
        assert run.event == "inngest/function.failed" or b"work" in run.data


async def test_a_run_is_cancelled_from_another_process(address: str) -> None:
    async with workers(address) as (mine, other):
        mine.add("a")
        assert mine.claim() == ["a"]
        assert other.ask(CancelRun("a")).elsewhere
        mine.heard.wait_for(lambda: mine.heard.cancellations == ["a"])
        mine.step("a")  # what was done meanwhile is remembered
        mine.end("a")
        assert other.state("a") == "cancelled"
        with pytest.raises(RunStateError):
            mine.ask(CancelRun("a"))


async def test_a_run_that_is_retried_elsewhere_is_taken_from_whoever_executes_it_still(address: str) -> None:
    async with workers(address) as (slow, other):
        slow.add("a")
        assert slow.claim() == ["a"]
        other.ask(CancelRun("a"))
        other.ask(RetryFrom("a"))
        assert other.claim() == ["a"]
        with pytest.raises(ClaimLost):
            slow.step("a", "late")
        with pytest.raises(ClaimLost):
            slow.end("a")
        other.step("a")
        other.end("a")


@pytest.mark.parametrize("late", _everything(), ids=lambda request: type(request).__name__)
async def test_an_execution_that_hasnt_heard_of_the_retry_begins_and_ends_nothing(
    address: str, late: Request[object]
) -> None:
    """What its finished steps have done is taken; nothing else, also before the run is claimed again."""
    async with workers(address) as (slow, other):
        slow.add("a")
        assert slow.claim() == ["a"]
        other.ask(CancelRun("a"))
        other.ask(RetryFrom("a"))
        with contextlib.suppress(ClaimLost, StepMisuse):
            slow.ask(late)
        slow.step("a")
        assert other.state("a") == "ready"
        claimed = other.claimed().runs
        assert [(run.id, list(run.memos)) for run in claimed] == [("a", ["s"])]
        other.end("a")
        assert other.state("a") == "done"


async def test_a_run_that_is_retried_is_not_taken_beside_its_execution_before(address: str) -> None:
    """Two executions of one process have the same claim: what the first one stores would be the second's."""
    async with workers(address) as (slow, other):
        slow.add("a", "b")
        assert slow.claim(1) == ["a"]
        assert slow.ask(IsExecuted("a")) is True
        other.ask(CancelRun("a"))
        assert slow.ask(IsExecuted("a")) is False
        other.ask(RetryFrom("a"))
        assert slow.ask(IsExecuted("a")) is False
        limit = FunctionLimit("work", 1, on_thread=False)
        beside = Claim((), (limit,), 9, 9, frozenset(), frozenset({"a"}))
        assert [run.id for run in slow.ask(beside).runs] == ["b"]
        assert slow.ask(beside).runs == []
        assert slow.claim() == ["a"]
        assert slow.ask(IsExecuted("a")) is True


async def test_a_run_is_not_taken_while_its_last_process_is_in_a_transaction(address: str) -> None:
    async with workers(address) as (slow, other):
        slow.add("a")
        assert slow.claim() == ["a"]
        other.ask(CancelRun("a"))
        other.ask(RetryFrom("a"))
        with psycopg.connect(address, options="-csearch_path=tightbeam") as connection:
            lock = "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema() || '.process'), %s::int)"
            connection.execute(lock, (slow.store.member.number,))
            claimed = other.claimed()
            assert claimed.runs == []
            assert claimed.next_due is not None
            assert claimed.next_due < now_us() + HOUR
        assert other.claim() == ["a"]


async def test_a_run_of_a_function_that_no_process_knows_waits_for_one_that_does(address: str) -> None:
    async with workers(address) as (web, worker):
        web.add("a", "b", function="reports")
        web.add("c")
        recovered = worker.ask(Recover(KNOWN, HOUR))
        assert (dict(recovered.unknown), dict(recovered.waiting)) == ({}, {"reports": 2})
        assert web.state("a") == "ready"
        known = worker.ask(Recover(KNOWN | {"reports"}, HOUR))
        assert dict(known.waiting) == {}
        limit = FunctionLimit("reports", 9, on_thread=False)
        assert [run.id for run in worker.ask(Claim((), (limit,), 9, 9, frozenset())).runs] == ["a", "b"]


async def test_leaving_puts_runs_back_without_a_death(address: str) -> None:
    async with workers(address, 1) as (stays,):
        async with workers(address, 1) as (leaves,):
            leaves.add("a")
            assert leaves.claim() == ["a"]
        (run,) = stays.claimed().runs
        assert (run.id, run.deaths) == ("a", 0)


async def test_a_process_that_is_leaving_takes_only_what_no_other_one_executes(address: str) -> None:
    async with workers(address) as (leaves, stays):
        leaves.add("a", "b")
        leaves.add("c", function="reports")
        limits = tuple(FunctionLimit(name, 9, on_thread=False) for name in ("work", "reports"))
        leaving = Claim((), limits, 9, 9, frozenset(), leaving=True)
        assert [run.id for run in leaves.ask(leaving).runs] == ["c"]
        assert stays.claim(1) == ["a"]
        stays.falls_silent()
        assert [run.id for run in leaves.ask(leaving).runs] == ["b"]


async def test_of_two_processes_that_leave_the_last_one_finishes_what_is_due(address: str) -> None:
    async with workers(address) as (first, last):
        first.add("a")
        leaving = Claim((), (FunctionLimit("work", 9, on_thread=False),), 9, 9, frozenset(), leaving=True)
        assert first.ask(leaving).runs == []
        assert [run.id for run in last.ask(leaving).runs] == ["a"]


async def test_what_waits_in_one_process_takes_an_event_of_another_once(address: str) -> None:
    async with workers(address, 3) as (waits, *senders):
        waits.add("a")
        assert waits.claim() == ["a"]
        waits.ask(BeginWait("a", "w", "app/answer", None, now_us() + HOUR, now_us(), NEW, alone=True))
        taken: list[int] = []

        def send(worker: Worker) -> None:
            taken.append(worker.ask(SendEvent((), "app/answer", b'{"n":1}')).taken)

        threads = [threading.Thread(target=send, args=(worker,)) for worker in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(taken) == [0, 1]
        waits.heard.wait_for(lambda: waits.heard.woken == ["a"])
        assert waits.ask(EndWait("a", "w", timed_out=False)).state == "done"


async def test_an_event_that_is_being_sent_while_a_run_leaves_memory_makes_it_due(address: str) -> None:
    async with workers(address) as (waits, other):
        waits.add("a")
        assert waits.claim() == ["a"]
        waits.ask(BeginWait("a", "w", "app/answer", None, now_us() + HOUR, now_us(), NEW, alone=False))
        with psycopg.connect(address, options="-csearch_path=tightbeam") as sender:
            # The two writes of a process that hands the event over, and hasn't committed yet.
            sender.execute("UPDATE step SET state = 'done', result = '{}' WHERE id = 'w'")
            sender.execute("UPDATE run SET due_at = due_at WHERE id = 'a'")
            leaving = threading.Thread(target=waits.ask, args=(LeaveMemory("a", frozenset({"w"})),))
            leaving.start()
            blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
            with psycopg.connect(address, autocommit=True) as looks:
                while looks.execute(blocked).fetchone() is None:
                    assert leaving.is_alive()
            sender.commit()
        leaving.join(30)
        assert other.claim() == ["a"]


async def test_what_comes_while_a_run_leaves_memory_elsewhere_makes_it_due(address: str) -> None:
    async with workers(address, 2) as (waits, sends):
        for n in range(20):
            run = f"r{n}"
            waits.add(run)
            assert waits.claim() == [run]
            wait = BeginWait(run, "w", f"app/{n}", None, now_us() + HOUR, now_us(), NEW, alone=n % 2 == 0)
            waits.ask(wait)
            leaving = threading.Thread(target=waits.ask, args=(LeaveMemory(run, frozenset({"w"})),))
            leaving.start()
            sends.ask(SendEvent((), f"app/{n}", b"{}"))
            leaving.join(30)
            assert sends.claim() == [run]
            sends.end(run)


async def test_a_tick_starts_one_run_over_all_processes(address: str) -> None:
    from tightbeam._engine.requests import KeepSchedules

    async with workers(address, 4) as all_workers:
        schedule = ("work", "* * * * *", "UTC")
        for worker in all_workers:
            worker.ask(KeepSchedules(KNOWN, (schedule,), HOUR))
        started: list[str | None] = []
        begin = now_us() // 60_000_000 * 60_000_000

        def tick(worker: Worker, number: int) -> None:
            for minute in range(1, 21):
                at = begin + minute * 60_000_000
                run = NewRun(f"{number}-{minute}", "work")
                started.append(worker.ask(Tick("* * * * *", "UTC", at, run, "tightbeam/cron", b"{}")))

        threads = [
            threading.Thread(target=tick, args=(worker, number)) for number, worker in enumerate(all_workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        ids = [run for run in started if run is not None]
        assert len(ids) == len(set(ids)) <= 20
        assert sorted(run.partition("-")[2] for run in ids) == sorted({run.partition("-")[2] for run in ids})
        assert len(all_workers[0].claim(100)) == len(ids)


async def test_runs_of_one_key_are_added_once_over_all_processes(address: str) -> None:
    async with workers(address, 4) as all_workers:
        ids: list[tuple[str, ...]] = []

        def add(worker: Worker, number: int) -> None:
            for key in range(25):
                run = NewRun(f"{number}-{key}", "work", key=f"k{key}")
                ids.append(worker.ask(AddRuns((run,), "app/work", b"{}")))

        threads = [
            threading.Thread(target=add, args=(worker, number)) for number, worker in enumerate(all_workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(ids) == 100
        assert len(set(ids)) == 25
        assert len(all_workers[0].claim()) == 25
