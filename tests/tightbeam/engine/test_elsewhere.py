"""Runs that other processes execute, cancel and take over, as a store tells of them by its outlet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, Hook, NotEntered, RunCancelled, RunFailed, RunParked, StepMisuse
from tightbeam._engine import operating
from tightbeam._engine.execution import Execution
from tightbeam._engine.records import FunctionLimit, NewRun, RunError
from tightbeam._engine.requests import (
    AddRuns,
    CancelRun,
    Claim,
    EndRun,
    FindSettled,
    ParkRun,
    ReadRun,
)
from tightbeam._engine.store import Request
from tightbeam._message import Envelope
from tightbeam.hooks import RunInfo

pytestmark = pytest.mark.quick_in_memory
ENDS: dict[str, tuple[Request[Any], type[Exception] | None, str]] = {
    "done": (EndRun("r1", b'{"n":1}', None, ()), None, "n"),
    "failed": (EndRun("r1", None, RunError("ValueError", "no", None), ()), RunFailed, "ValueError: no"),
    "cancelled": (CancelRun("r1"), RunCancelled, 'run r1 of "other" was cancelled'),
    "parked": (ParkRun("r1", "StepMismatch", "it changed", ()), RunParked, "it changed"),
}


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who waits is told by anything but what the outlet is told."""
    monkeypatch.setattr(operating, "_EVERY", 3600.0)


class Outcomes(Hook):
    """Notes how executions of this process end."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    def run(self, run: RunInfo, /) -> Any:
        seen = self.seen

        class Noting:
            def __enter__(self) -> None: ...

            def __exit__(self, *_: object) -> None:
                seen.append(run.outcome)

        return Noting()


async def claimed(storage: Storage) -> None:
    """Have run r1 executed by another process, of a function that isn't known here."""
    store = storage.double.store
    await store.submit(AddRuns((NewRun("r1", "other"),), "other", b"{}"))
    limit = FunctionLimit("other", 1, on_thread=False)
    assert (await store.submit(Claim((), (limit,), 1, 1, frozenset()))).runs


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("named", [True, False], ids=["by id", "after being cut off"])
async def test_waiting_ends_with_a_run_that_ends_elsewhere(
    storage: Storage, client: Client, end: str, named: bool
) -> None:
    request, error, text = ENDS[end]
    async with client:
        await claimed(storage)
        waiting = asyncio.ensure_future(client.runs.wait("r1"))
        await until(lambda: storage.double.answered(ReadRun) > 0)  # before its end is stored
        await storage.double.store.submit(request)
        assert not waiting.done()
        storage.double.outlets[-1].ended(["r0", "r1"] if named else None)
        if error is None:
            assert text in await waiting
            return
        with pytest.raises(error, match=text) as caught:
            await waiting
        assert caught.value.__cause__ is None


async def test_a_notice_about_a_run_that_goes_on_ends_no_wait(storage: Storage, client: Client) -> None:
    async with client:
        await claimed(storage)
        waiting = asyncio.ensure_future(client.runs.wait("r1"))
        await until(lambda: storage.double.answered(ReadRun) == 1)
        storage.double.outlets[-1].ended(["r1"])
        await until(lambda: storage.double.answered(ReadRun) == 2)
        assert not waiting.done()
    with pytest.raises(NotEntered):
        await waiting


async def test_settled_runs_are_found_among_others(storage: Storage, client: Client) -> None:
    async with client:
        await claimed(storage)
        store = storage.double.store
        assert await store.submit(FindSettled(("r1", "gone"))) == []
        await store.submit(ENDS["parked"][0])
        assert await store.submit(FindSettled(("gone", "r1"))) == ["r1"]


async def one() -> int:
    return 1


def waits(client: Client, reached: asyncio.Event, left: list[str]) -> None:
    @client.function("work", on="work")
    async def work(ctx: Context) -> str:
        await ctx.step.run("first", one)
        reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.append(ctx.run_id)
        return "never"


async def test_a_run_that_is_cancelled_elsewhere_is_interrupted_and_ends_as_cancelled(
    storage: Storage, make_client: MakeClient
) -> None:
    outcomes, reached, left = Outcomes(), asyncio.Event(), list[str]()
    client = make_client(hooks=[outcomes])
    waits(client, reached, left)
    async with client:
        (run_id,) = await client.send("work")
        await reached.wait()
        waiting = asyncio.ensure_future(client.runs.wait(run_id))
        await storage.double.store.submit(CancelRun(run_id))
        storage.double.outlets[-1].cancelled(["other", run_id])
        with pytest.raises(RunCancelled):
            await waiting
        await until(lambda: outcomes.seen == ["cancelled"])
        assert left == [run_id]
        assert storage.double.requested(CancelRun) == 1  # the other process's
    assert storage.run(run_id).summary.state == "cancelled"


async def test_a_run_that_is_cancelled_elsewhere_publishes_nothing_once_its_handler_had_its_time(
    storage: Storage, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "GRACE", 0.01)
    channel = job_channel(job_id="j1")
    reached, abandoned, refused = asyncio.Event(), asyncio.Event(), list[str]()
    abandon = Execution.abandon

    def noted(execution: Execution) -> None:
        abandon(execution)
        abandoned.set()

    monkeypatch.setattr(Execution, "abandon", noted)

    @client.function("work", on="work")
    async def work(ctx: Context) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            await ctx.publish(channel.tick, {"n": 0})  # while it cleans up
            await abandoned.wait()
            for publish in (ctx.publish, client.realtime.publish):
                try:
                    await publish(channel.tick, {"n": 1})
                except StepMisuse as error:
                    refused.append(str(error))

    async with client:
        (run_id,) = await client.send("work")
        await reached.wait()
        await storage.double.store.submit(CancelRun(run_id))
        storage.double.outlets[-1].cancelled([run_id])
        await until(lambda: len(refused) == 2)
    assert set(refused) == {
        f"run {run_id} has ended, or goes on elsewhere: its context can't be used any more"
    }


async def test_a_run_that_is_lost_to_another_process_ends_without_a_trace(
    storage: Storage, make_client: MakeClient
) -> None:
    outcomes, reached, left = Outcomes(), asyncio.Event(), list[str]()
    client = make_client(hooks=[outcomes])
    waits(client, reached, left)
    async with client:
        (run_id,) = await client.send("work")
        await reached.wait()
        before = len(storage.double.requests)
        storage.double.outlets[-1].lost([run_id])
        await until(lambda: outcomes.seen == ["stopped"])
        assert left == [run_id]
        changed = [one for one in storage.double.requests[before:] if not isinstance(one, Claim)]
        assert changed == []
        assert storage.run(run_id).summary.state == "running"


async def test_live_messages_of_other_processes_reach_subscribers(storage: Storage, client: Client) -> None:
    channel = job_channel(job_id="j1")
    async with client:
        subscription = client.realtime.subscribe(channel.tick)
        envelope = Envelope(channel.name, "tick", b'{"n":1}', None, None, 1)
        assert storage.double.outlets[-1].live([envelope, envelope]) is None
        assert (await anext(subscription)).data.n == 1
        assert (await anext(subscription)).data.n == 1
