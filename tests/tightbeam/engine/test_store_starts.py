"""What a store promises of events, of steps that wait for them or for other runs, and of schedules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.engine.test_store import HOUR, NEW, Opened
from tightbeam._engine.records import Memo, MemoizedAlready, NewRun, Parent, RunError, Sent
from tightbeam._engine.requests import (
    MAX_DEATHS,
    MAX_DEPTH,
    AddRuns,
    BeginInvoke,
    BeginSleep,
    BeginWait,
    CancelRun,
    EndRun,
    EndWait,
    FindRun,
    KeepSchedules,
    LeaveMemory,
    MemoizeSend,
    ParkRun,
    PullBack,
    PutBackAll,
    Recover,
    RetryFrom,
    RetryRun,
    SendEvent,
    Tick,
    Unpark,
)
from tightbeam._message import now_us
from tightbeam._starting.matching import condition_of
from tightbeam.errors import NotRegistered, StepMisuse

PAID = "order/paid"

pytestmark = pytest.mark.quick_in_memory


@pytest.fixture
async def opened(storage: Storage) -> AsyncIterator[Opened]:
    opened = Opened(storage)
    opened.ask(Recover(frozenset({"work", "other"}), HOUR))
    yield opened
    await opened.store.close(10)


def send(opened: Opened, data: dict[str, Any] | None = None, *runs: NewRun, **more: Any) -> Sent:
    sent: Sent = opened.ask(SendEvent(runs, PAID, json.dumps(data or {}).encode(), **more))
    return sent


def wait(opened: Opened, run: str, step: str = "w", **more: Any) -> None:
    condition = condition_of(step, more.pop("match", None), None, {})
    wake_at = now_us() + more.pop("within", HOUR)
    request = BeginWait(run, step, PAID, condition, wake_at, now_us(), NEW, alone=True)
    opened.ask(replace(request, **more))


def invoke(opened: Opened, parent: str, child: str, step: str = "i", **more: Any) -> None:
    new = NewRun(child, "other", parent=Parent(parent, step))
    wake_at = now_us() + more.pop("within", HOUR)
    request = BeginInvoke(parent, step, new, "app/other", b"{}", wake_at, now_us(), NEW, alone=True)
    opened.ask(replace(request, **more))


def ended(opened: Opened, run: str, step: str = "w", timed_out: bool = False) -> Memo:
    memo: Memo = opened.ask(EndWait(run, step, timed_out))
    return memo


def due_in(opened: Opened, run: str) -> float:
    detail = opened.ask(FindRun(run))
    return float(detail.summary.due_at.timestamp() - now_us() / 1e6)


# -- events -----------------------------------------------------------------------------------------------


async def test_a_waiting_step_takes_one_event_once(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    assert opened.state("a") == "sleeping"
    assert ended(opened, "a").state == "waiting"
    assert send(opened, {"n": 1}) == Sent((), 1)
    assert send(opened, {"n": 2}) == Sent((), 0)
    assert opened.outlet.woken == ["a"]
    memo = ended(opened, "a")
    event = json.loads(memo.result or b"")
    assert (memo.state, memo.topic, event["name"], event["data"]) == ("done", PAID, PAID, {"n": 1})
    assert opened.state("a") == "running"
    assert ended(opened, "a", timed_out=True) == memo  # the event was first


async def test_after_its_time_a_step_takes_nothing(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a", within=-1)
    assert send(opened) == Sent((), 0)
    memo = ended(opened, "a", timed_out=True)
    assert (memo.state, memo.result) == ("done", b"null")
    assert ended(opened, "a") == memo
    assert send(opened) == Sent((), 0)


async def test_who_takes_an_event_is_told_by_its_name_and_data(opened: Opened) -> None:
    opened.add("a", "b", "c", "d")
    opened.claim()
    wait(opened, "a", match={"id": 1})
    wait(opened, "b", match={"id": 2})
    wait(opened, "c", event="order/shipped")
    wait(opened, "d")
    assert send(opened, {"id": 2}).taken == 2
    assert opened.outlet.woken == ["b", "d"]
    assert [ended(opened, run).state for run in "abcd"] == ["waiting", "done", "waiting", "done"]


async def test_an_event_starts_runs_and_is_taken_in_one_go(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    assert send(opened, {}, NewRun("b", "work"), NewRun("c", "other"), refusal="nothing listens") == Sent(
        ("b", "c"), 1
    )


async def test_an_event_that_nothing_takes_is_refused_if_asked(opened: Opened) -> None:
    with pytest.raises(NotRegistered, match="nothing listens"):
        send(opened, refusal="nothing listens")
    assert send(opened) == Sent((), 0)
    opened.started("a")
    wait(opened, "a")
    assert send(opened, refusal="nothing listens").taken == 1


async def test_a_run_takes_an_event_of_one_id_once(opened: Opened) -> None:
    opened.add("a", "b")
    opened.claim()
    wait(opened, "a", "first")
    assert send(opened, {"n": 1}, id="e1").taken == 1
    wait(opened, "a", "second")
    wait(opened, "b")
    assert send(opened, {"n": 2}, id="e1").taken == 1  # by the other run
    assert ended(opened, "a", "second").state == "waiting"
    assert send(opened, {"n": 3}, id="e2").taken == 1
    event = json.loads(ended(opened, "a", "second").result or b"")
    assert (event["id"], event["data"]) == ("e2", {"n": 3})


async def test_two_steps_of_a_run_take_the_same_event(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a", "one")
    wait(opened, "a", "two")
    assert send(opened).taken == 2
    wait(opened, "a", "three")
    wait(opened, "a", "four")
    assert send(opened, id="e1").taken == 1  # of one id, a run takes one


async def test_a_run_that_has_ended_takes_nothing(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    opened.ask(EndRun("a", b"1", None, ()))
    assert send(opened).taken == 0
    assert opened.outlet.woken == []


async def test_what_a_run_waits_for_makes_it_due_where_it_left_memory(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    opened.ask(BeginSleep("a", "nap", now_us() + 2 * HOUR, now_us(), NEW, alone=True))
    opened.ask(LeaveMemory("a", frozenset({"w", "nap"})))
    assert opened.claim() == []
    assert due_in(opened, "a") > 3_000
    assert send(opened).taken == 1
    (run,) = opened.claim()
    assert (run.memos["w"].state, run.memos["nap"].state) == ("done", "sleeping")


async def test_what_comes_while_a_run_leaves_memory_makes_it_due(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    assert send(opened).taken == 1
    opened.ask(LeaveMemory("a", frozenset({"w"})))
    (run,) = opened.claim()
    assert run.memos["w"].state == "done"


async def test_a_run_that_waits_for_a_retry_keeps_its_time(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a", alone=False)
    opened.ask(RetryRun("a", 1, now_us() + HOUR // 2, RunError("KeyError", "", None), ()))
    assert send(opened).taken == 1
    assert opened.claim() == []
    assert 1_000 < due_in(opened, "a") < 1_900


@pytest.mark.parametrize("waits_for", ["event", "run"])
@pytest.mark.parametrize("resumed", ["by a start", "by hand"])
async def test_what_comes_while_a_run_is_parked_makes_it_due(
    opened: Opened, waits_for: str, resumed: str
) -> None:
    """A release that doesn't fit the run is deployed while it waits, and the next one fits again."""
    opened.started("a")
    if waits_for == "event":
        wait(opened, "a")
    else:
        invoke(opened, "a", "child")
    opened.ask(ParkRun("a", "StepMismatch", "it was another step before", ()))
    assert opened.state("a") == "parked"
    if waits_for == "event":
        assert send(opened).taken == 1
    else:
        assert [run.id for run in opened.claim(1, "other")] == ["child"]
        opened.ask(EndRun("child", b"1", None, ()))
    assert opened.state("a") == "parked"
    if resumed == "by hand":
        opened.ask(Unpark("a", None))
        (run,) = opened.claim()
    else:
        (run,) = opened.claim(unpark=("work",))
    assert [memo.state for memo in run.memos.values()] == ["done"]


async def test_a_run_that_is_parked_while_it_waits_for_a_retry_keeps_its_time(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a", alone=False)
    opened.ask(RetryRun("a", 1, now_us() + HOUR // 2, RunError("KeyError", "", None), ()))
    opened.ask(Recover(frozenset({"other"}), HOUR))
    assert send(opened).taken == 1
    assert opened.claim(unpark=("work",)) == []
    assert 1_000 < due_in(opened, "a") < 1_900


@pytest.mark.parametrize("state", ["sleeping", "running"])
async def test_what_has_come_is_there_after_the_process_died(opened: Opened, state: str) -> None:
    opened.started("a")
    wait(opened, "a", alone=state == "sleeping")
    assert opened.state("a") == state
    assert send(opened, {"n": 1}).taken == 1
    again = await opened.again()
    again.ask(Recover(frozenset({"work"}), HOUR))
    (run,) = again.claim()
    assert json.loads(run.memos["w"].result or b"")["data"] == {"n": 1}
    assert run.deaths == (state == "running")
    await again.store.close(10)


async def test_a_wait_goes_on_after_the_process_died(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    again = await opened.again()
    again.ask(Recover(frozenset({"work"}), 0))
    assert again.claim() == []
    assert send(again).taken == 1
    (run,) = again.claim()
    assert (run.memos["w"].state, run.deaths) == ("done", 0)
    await again.store.close(10)


async def test_the_time_of_a_wait_is_set_back_with_the_clock(opened: Opened) -> None:
    opened.started("a")
    wait(opened, "a")
    opened.ask(PutBackAll())
    opened.ask(PullBack(2 * HOUR))
    (run,) = opened.claim()
    assert (run.memos["w"].wake_at or 0) < now_us()
    assert send(opened).taken == 0


async def test_a_step_that_sends_is_remembered_with_what_it_started(opened: Opened) -> None:
    opened.add("a", "b")
    opened.claim()
    wait(opened, "b")
    event = SendEvent((NewRun("c", "work"), NewRun("d", "other")), PAID, b'{"n":1}')
    request = MemoizeSend("a", "s", now_us(), NEW, event)
    assert opened.ask(request) == Sent(("c", "d"), 1)
    again = replace(request, send=replace(event, runs=(NewRun("e", "work"),)))
    with pytest.raises(MemoizedAlready):
        opened.ask(again)
    assert opened.ask(FindRun("e")) is None
    opened.ask(PutBackAll())
    (run,) = (run for run in opened.claim() if run.id == "a")
    memo = run.memos["s"]
    assert (memo.kind, memo.topic, json.loads(memo.result or b"")) == ("step.send_event", PAID, ["c", "d"])


async def test_a_step_that_sends_what_nothing_takes_is_not_remembered(opened: Opened) -> None:
    opened.started("a")
    with pytest.raises(NotRegistered):
        opened.ask(MemoizeSend("a", "s", now_us(), NEW, SendEvent((), PAID, b"{}", refusal="no")))
    opened.ask(MemoizeSend("a", "s", now_us(), NEW, SendEvent((NewRun("b", "work"),), PAID, b"{}")))
    assert [step.id for step in opened.ask(FindRun("a")).steps] == ["s"]


# -- runs that start other runs ---------------------------------------------------------------------------


async def test_the_result_of_an_invoked_run_ends_its_step(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    assert opened.state("a") == "sleeping"
    (child,) = opened.claim(1, "other")
    assert (child.id, child.parent, child.event) == ("b", Parent("a", "i"), "app/other")
    assert ended(opened, "a", "i").state == "waiting"
    opened.ask(EndRun("b", b'{"x":1}', None, ()))
    assert opened.outlet.woken == ["a"]
    memo = ended(opened, "a", "i")
    assert (memo.kind, memo.topic, memo.state, memo.result) == ("step.invoke", "other", "done", b'{"x":1}')


async def test_the_failure_of_an_invoked_run_is_that_of_its_step(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    opened.claim(1, "other")
    opened.ask(EndRun("b", None, RunError("KeyError", "'k'", "Traceback"), ()))
    memo = ended(opened, "a", "i")
    assert (memo.state, memo.error_type, memo.error_text) == ("failed", "KeyError", "'k'")


async def test_an_invoked_run_that_is_given_up_fails_its_step(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    opened.ask(LeaveMemory("a", frozenset({"i"})))
    for _ in range(MAX_DEATHS):
        assert [run.id for run in opened.claim(5, "other")] == ["b"]
        opened = await opened.again()
        opened.ask(Recover(frozenset({"work", "other"}), HOUR))
    (run,) = opened.claim()
    assert (run.memos["i"].state, run.memos["i"].error_type) == ("failed", "RunFailed")


async def test_an_invoked_run_that_is_cancelled_fails_its_step(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    opened.ask(CancelRun("b"))
    memo = ended(opened, "a", "i")
    assert (memo.state, memo.error_type, memo.error_text) == ("failed", "RunCancelled", "run b was cancelled")
    assert opened.outlet.woken == ["a"]


async def test_an_invoked_run_outlives_its_cancelled_parent_which_may_be_retried(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    opened.ask(CancelRun("a"))
    opened.claim(1, "other")
    opened.ask(EndRun("b", b"7", None, ()))
    assert opened.state("a") == "cancelled"
    opened.ask(RetryFrom("a", None))
    (run,) = opened.claim()
    assert (run.memos["i"].state, run.memos["i"].result) == ("done", b"7")


async def test_an_invoked_run_that_takes_too_long_goes_on(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b", within=-1)
    memo = ended(opened, "a", "i", timed_out=True)
    assert (memo.state, memo.error_type, memo.error_text) == (
        "failed",
        "StepTimeout",
        "run b has not ended in time; it goes on",
    )
    opened.claim(1, "other")
    opened.ask(EndRun("b", b"1", None, ()))
    assert opened.state("b") == "done"
    assert ended(opened, "a", "i") == memo
    assert opened.outlet.woken == []


async def test_a_result_after_the_time_is_too_late_whoever_looks_first(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b", within=-1)
    opened.claim(1, "other")
    opened.ask(EndRun("b", b"1", None, ()))
    assert ended(opened, "a", "i", timed_out=True).error_type == "StepTimeout"


async def test_a_step_and_its_invoked_run_are_there_together(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    with pytest.raises(MemoizedAlready):
        invoke(opened, "a", "c")
    assert opened.ask(FindRun("c")) is None
    again = await opened.again()
    again.ask(Recover(frozenset({"work", "other"}), HOUR))
    assert [run.id for run in again.claim(5, "other")] == ["b"]
    await again.store.close(10)


async def test_an_earlier_invoked_run_does_not_end_a_later_wait(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b", within=-1)
    ended(opened, "a", "i", timed_out=True)
    invoke(opened, "a", "c", step="again")
    opened.claim(5, "other")
    opened.ask(EndRun("b", b"1", None, ()))
    assert ended(opened, "a", "again").state == "waiting"
    opened.ask(EndRun("c", b"2", None, ()))
    assert ended(opened, "a", "again").result == b"2"


async def test_the_parent_may_have_ended(opened: Opened) -> None:
    opened.started("a")
    invoke(opened, "a", "b")
    opened.ask(EndRun("a", b"1", None, ()))
    opened.claim(1, "other")
    opened.ask(EndRun("b", b"2", None, ()))
    assert (opened.state("a"), opened.state("b")) == ("done", "done")


async def test_runs_that_invoke_one_another_are_bounded(opened: Opened) -> None:
    opened.add("r1")
    opened.claim(1)
    for depth in range(1, MAX_DEPTH):
        invoke(opened, f"r{depth}", f"r{depth + 1}")
        assert len(opened.claim(1, "other")) == 1
    with pytest.raises(StepMisuse, match=f"{MAX_DEPTH} runs"):
        invoke(opened, f"r{MAX_DEPTH}", "one-more")
    assert opened.ask(FindRun("one-more")) is None
    assert opened.ask(FindRun(f"r{MAX_DEPTH}")).steps == ()


# -- keys and times ---------------------------------------------------------------------------------------


async def test_an_event_of_a_known_key_starts_nothing_more(opened: Opened) -> None:
    first = send(opened, {"n": 1}, NewRun("a", "work", key="k"), NewRun("b", "other", key="k"))
    assert first.ids == ("a", "b")
    second = send(opened, {"n": 2}, NewRun("c", "work", key="k"), NewRun("d", "third", key="k"))
    assert second.ids == ("a", "d")
    (run,) = opened.claim()
    assert run.data == b'{"n": 1}'


async def test_a_moment_stays_when_the_clock_is_set_back_and_a_while_does_not(opened: Opened) -> None:
    due = now_us() + HOUR
    opened.ask(
        AddRuns((NewRun("at", "work", due_at=due, dated=True), NewRun("in", "work", due_at=due)), "e", b"{}")
    )
    opened.ask(PullBack(2 * HOUR))
    assert [run.id for run in opened.claim()] == ["in"]
    again = await opened.again()
    again.ask(Recover(frozenset({"work"}), 0))
    assert [run.id for run in again.claim()] == ["in"]
    await again.store.close(10)


# -- schedules --------------------------------------------------------------------------------------------

DAILY = ("work", "0 9 * * *", "UTC")
NIGHTLY = ("work", "0 0 * * *", "UTC")


def tick(opened: Opened, at: int, run: str, schedule: tuple[str, str, str] = DAILY) -> str | None:
    function, expression, zone = schedule
    key = f"cron:{expression}:{zone}:{at}"
    found: str | None = opened.ask(
        Tick(expression, zone, at, NewRun(run, function, key=key), "inngest/scheduled.timer", b"{}")
    )
    return found


def keep(
    opened: Opened, *schedules: tuple[str, str, str], functions: tuple[str, ...] = ("work",)
) -> list[int]:
    return list(opened.ask(KeepSchedules(frozenset(functions), schedules, 24 * HOUR)))


async def test_a_schedule_begins_when_it_is_new(opened: Opened) -> None:
    before = now_us()
    (last,) = keep(opened, DAILY)
    assert before <= last <= now_us()
    assert keep(opened, DAILY, NIGHTLY)[0] == last


async def test_a_tick_starts_one_run(opened: Opened) -> None:
    (last,) = keep(opened, DAILY)
    assert tick(opened, last + 5, "a") == "a"
    assert tick(opened, last + 5, "b") is None
    assert tick(opened, last + 3, "c") is None
    assert tick(opened, last + 6, "d") == "d"
    assert keep(opened, DAILY) == [last + 6]
    again = await opened.again()
    assert tick(again, last + 6, "e") is None
    assert keep(again, DAILY) == [last + 6]
    again.ask(Recover(frozenset({"work"}), HOUR))
    assert sorted(run.id for run in again.claim()) == ["a", "d"]
    await again.store.close(10)


async def test_the_schedules_of_one_function_go_by_themselves(opened: Opened) -> None:
    last = keep(opened, DAILY, NIGHTLY)[0]
    assert tick(opened, last + 5, "a") == "a"
    assert tick(opened, last + 5, "b", NIGHTLY) == "b"


async def test_a_changed_expression_begins_anew(opened: Opened) -> None:
    (last,) = keep(opened, DAILY)
    tick(opened, last + 5, "a")
    keep(opened, NIGHTLY)
    assert tick(opened, last + HOUR, "b") is None  # it is no longer a schedule
    assert keep(opened, DAILY)[0] > last


async def test_schedules_of_functions_that_arent_there_are_kept(opened: Opened) -> None:
    (last,) = keep(opened, DAILY)
    assert keep(opened, functions=("other",)) == []
    assert keep(opened, DAILY) == [last]
    assert keep(opened) == []  # the function is there, and has none any more
    assert keep(opened, DAILY)[0] > last


async def test_a_clock_that_was_far_ahead_does_not_stop_a_schedule(opened: Opened) -> None:
    keep(opened, DAILY)
    now = now_us()
    assert tick(opened, now + 23 * HOUR, "a") == "a"
    assert keep(opened, DAILY) == [now + 23 * HOUR]
    assert tick(opened, now + 1000 * HOUR, "b") == "b"
    (last,) = keep(opened, DAILY)
    assert now <= last <= now_us()
    assert tick(opened, now + 23 * HOUR, "c") is None  # by its key
    assert tick(opened, now + 24 * HOUR, "d") == "d"
