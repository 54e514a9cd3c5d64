"""Random histories: the engine beside a model of it (`tests/tightbeam/engine/model.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.model import Command, Driver, World
from tests.tightbeam.engine.model_parts import HOURS
from tests.tightbeam.engine.stores import STORES, Storage
from tightbeam._engine import scheduler
from tightbeam._engine.requests import Claim
from tightbeam.testing import Clock

Rule = Callable[..., None]

WHICH = st.integers(0, 1 << 16)
CHANNEL = st.integers(0, 1)
CHANNELS = st.sampled_from([(0,), (1,), (0, 1)])


def where(possible: Callable[[Histories], object]) -> Callable[[Rule], Rule]:
    """Do nothing where this isn't so.

    As a precondition it would decide what Hypothesis draws next, and it isn't the same each time: whether a
    publish that was cancelled, or under way at a crash, took place is up to the threads.
    """

    def decorate(act: Rule) -> Rule:
        @functools.wraps(act)
        def acting(self: Histories, *arguments: Any, **named: Any) -> None:
            if possible(self):
                act(self, *arguments, **named)

        return acting

    return decorate


def has_run(self: Histories) -> bool:
    """There is a run to tell something; if there was none, there is now."""
    if not self.world.active:
        self.run(self.world.start_run())
    return True


class Histories(RuleBasedStateMachine):
    """Runs that do what they are told, readers that come and go, and processes that end."""

    store = ""

    @initialize()
    def begin(self) -> None:
        self.ends = contextlib.ExitStack()
        self.folder = Path(self.ends.enter_context(tempfile.TemporaryDirectory(prefix="tightbeam-history-")))
        self.runner = self.ends.enter_context(asyncio.Runner())
        self.clock = Clock()
        self.clock.start()
        self.ends.callback(self.clock.stop)
        self.world = self.run(self._world())

    async def _world(self) -> World:
        world = World(STORES[self.store](self.folder), self.clock)
        await world.open()
        return world

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def pick(self, which: int) -> Driver:
        return self.world.active[which % len(self.world.active)]

    # -- runs ----------------------------------------------------------------------------------------------

    @rule()
    @where(lambda self: len(self.world.active) < 5)
    def start(self) -> None:
        self.run(self.world.start_run())

    @rule(which=WHICH, channel=CHANNEL, base=st.sampled_from(["x", "y"]))
    @where(has_run)
    def publish(self, which: int, channel: int, base: str) -> None:
        async def act() -> None:
            await self.world.do(
                self.pick(which), Command("publish", f"{base}{channel}", self.world.next_number(), channel)
            )

        self.run(act())

    @rule(
        which=WHICH,
        channel=CHANNEL,
        kind=st.sampled_from(["step", "sleep", "live", "parallel", "send", "invoke", "wait", "late"]),
    )
    @where(has_run)
    def something_else(self, which: int, channel: int, kind: str) -> None:
        async def act() -> None:
            n = self.world.next_number()
            base = f"parallel{n}" if kind == "parallel" else kind
            await self.world.do(self.pick(which), Command(kind, base, n, channel, count=3))

        self.run(act())

    @rule(channels=st.lists(CHANNEL, min_size=2, max_size=5))
    @where(has_run)
    def at_once(self, channels: list[int]) -> None:
        """Several runs publish at the same time; the log decides the order, for everyone."""

        async def act() -> None:
            world = self.world
            commands = {
                driver: Command("publish", f"x{channel}", world.next_number(), channel)
                for driver, channel in zip(world.active, channels, strict=False)
            }
            await world.do_all(commands)

        self.run(act())

    @rule(which=WHICH, channel=CHANNEL, turns=st.integers(0, 6))
    @where(has_run)
    def cancel(self, which: int, channel: int, turns: int) -> None:
        async def act() -> None:
            n = self.world.next_number()
            await self.world.cancel(
                self.pick(which), Command("cancel", f"cancelled{n}", n, channel, turns=turns)
            )

        self.run(act())

    @rule(which=WHICH)
    @where(has_run)
    def fail(self, which: int) -> None:
        self.run(self.world.fail(self.pick(which)))

    @rule(which=WHICH)
    @where(has_run)
    def finish(self, which: int) -> None:
        async def act() -> None:
            driver = self.pick(which)
            driver.commands.put_nowait(Command("return", n=1))
            await self.world.end(driver, "done")

        self.run(act())

    @rule(which=WHICH)
    @where(has_run)
    def nap(self, which: int) -> None:
        """A run sleeps for long, and isn't in memory meanwhile."""
        self.run(self.world.nap(self.pick(which)))

    @rule()
    def pass_hour(self) -> None:
        """Those that sleep go on, those that take too long have failed, and the clock starts a run."""
        self.run(self.world.pass_hour())

    @rule(which=WHICH)
    @where(lambda self: self.world.with_memos)
    def deploy_what_does_not_fit(self, which: int) -> None:
        some = self.world.with_memos
        self.run(self.world.deploy(some[which % len(some)], fits=False))

    @rule(which=WHICH)
    @where(lambda self: self.world.having("parked"))
    def deploy_what_fits(self, which: int) -> None:
        parked = self.world.having("parked")
        self.run(self.world.deploy(parked[which % len(parked)], fits=True))

    @rule(which=WHICH, channel=CHANNEL, turns=st.one_of(st.none(), st.integers(0, 6)))
    @where(lambda self: self.world.unended)
    def cancel_run(self, which: int, channel: int, turns: int | None) -> None:
        """A run that executes, sleeps or is parked is cancelled; a publish of it may be under way."""

        async def act() -> None:
            world = self.world
            some = world.unended
            n = world.next_number()
            command = None if turns is None else Command("publish", f"cut{n}", n, channel, turns=turns)
            await world.cancel_run(some[which % len(some)], command)

        self.run(act())

    @rule(which=WHICH)
    @where(lambda self: self.world.having("failed", "cancelled"))
    def retry_run(self, which: int) -> None:
        some = self.world.having("failed", "cancelled")
        self.run(self.world.retry_run(some[which % len(some)]))

    @rule(which=WHICH, fits=st.booleans())
    @where(lambda self: self.world.having("parked"))
    def resume_run(self, which: int, fits: bool) -> None:
        parked = self.world.having("parked")
        self.run(self.world.resume_run(parked[which % len(parked)], fits=fits))

    @rule(channel=CHANNEL, sync=st.booleans())
    def publish_from_outside(self, channel: int, sync: bool) -> None:
        async def act() -> None:
            n = self.world.next_number()
            realtime, ref = self.world.client.realtime, self.world.ref(channel)
            if sync:
                await asyncio.to_thread(realtime.publish_sync, ref, {"n": n})
            else:
                await realtime.publish(ref, {"n": n})
            self.world.delivered("live", channel, n)

        self.run(act())

    # -- readers -------------------------------------------------------------------------------------------

    @rule(channels=CHANNELS, after=st.sampled_from([None, "start"]))
    @where(lambda self: len(self.world.readers) < 6)
    def subscribe(self, channels: tuple[int, ...], after: str | None) -> None:
        self.run(self._subscribe(channels, after))

    @rule(which=WHICH)
    @where(lambda self: self.world.positions)
    def resume(self, which: int) -> None:
        position, channels = self.world.positions[which % len(self.world.positions)]
        self.run(self._subscribe(channels, position))

    async def _subscribe(self, channels: tuple[int, ...], after: str | None) -> None:
        self.world.subscribe(channels, after)

    @rule(which=WHICH, many=st.integers(1, 20))
    @where(lambda self: any(reader.expected for reader in self.world.readers))
    def read(self, which: int, many: int) -> None:
        async def act() -> None:
            readers = [reader for reader in self.world.readers if reader.expected]
            reader = readers[which % len(readers)]
            for _ in range(min(many, len(reader.expected))):
                await reader.read()

        self.run(act())

    @rule(which=WHICH)
    @where(lambda self: self.world.readers)
    def cut(self, which: int) -> None:
        async def act() -> None:
            self.world.cut(self.world.readers[which % len(self.world.readers)])

        self.run(act())

    # -- processes -----------------------------------------------------------------------------------------

    @rule(hours=st.integers(0, 2))
    def leave(self, hours: int) -> None:
        self.run(self.world.leave(hours))

    @rule(
        channels=st.lists(CHANNEL, max_size=4), turns=st.integers(0, 8), operated=st.one_of(st.none(), WHICH)
    )
    def crash(self, channels: list[int], turns: int, operated: int | None) -> None:
        """A process dies while runs publish, and while one is cancelled or retried."""

        async def act() -> None:
            world = self.world
            commands = {
                driver: Command("publish", f"x{channel}", world.next_number(), channel)
                for driver, channel in zip(world.active, channels, strict=False)
            }
            some = [
                one for one in world.drivers if one not in commands and one.state != "done" and not one.late
            ]
            await world.crash(commands, turns, some[operated % len(some)] if some and operated else None)

        self.run(act())

    @rule(turns=st.integers(0, 12))
    def crash_at_the_hour(self, turns: int) -> None:
        """A process dies while sleeps end, runs have taken too long, and the clock starts one."""
        self.run(self.world.crash_at_the_hour(turns))

    def teardown(self) -> None:
        if not hasattr(self, "ends"):
            return
        with self.ends:
            if hasattr(self, "world"):
                try:
                    self.run(self.world.check())
                finally:
                    self.run(self.world.close())


async def test_the_model_waits_for_what_is_parked_once_more(storage: Storage, clock: Clock) -> None:
    """A run that was parked before is executed, and parked, by each client that is entered."""
    world = World(storage, clock)
    await world.open()
    await world.start_run()
    (driver,) = world.active
    await world.do(driver, Command("publish", "x", world.next_number()))
    await world.deploy(driver, fits=False)
    await world.close()
    async with storage.double.held(Claim) as hold:
        opening = asyncio.ensure_future(world.open())
        await until(lambda: hold.waiting)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not opening.done()
    await opening
    await world.check()
    await world.close()


async def test_a_step_that_was_too_late_is_tried_again_by_a_retry(storage: Storage, clock: Clock) -> None:
    world = World(storage, clock)
    await world.open()
    await world.start_run()
    (driver,) = world.active
    await world.do(driver, Command("live", n=world.next_number()))
    await world.fail(driver)
    await world.do(driver, Command("late", "late", world.next_number()))
    for _ in range(HOURS):
        await world.pass_hour()
    assert driver.state == "failed"
    await world.retry_run(driver)
    await world.do(driver, Command("publish", "x", world.next_number()))
    await world.check()
    await world.close()


async def test_the_time_of_a_run_goes_on_while_it_is_parked(storage: Storage, clock: Clock) -> None:
    world = World(storage, clock)
    await world.open()
    await world.start_run()
    (driver,) = world.active
    await world.do(driver, Command("publish", "x", world.next_number()))
    await world.pass_hour()
    await world.deploy(driver, fits=False)
    for _ in range(HOURS):
        await world.pass_hour()
    assert driver.state == "parked"
    await world.resume_run(driver, fits=True)
    assert driver.state == "failed"
    await world.retry_run(driver)
    await world.pass_hour()
    assert driver.state == "active"
    await world.check()
    await world.close()


@pytest.mark.parametrize("turns", [1, 8])
async def test_a_run_that_slept_is_retried_while_the_process_dies(
    storage: Storage, clock: Clock, turns: int
) -> None:
    world = World(storage, clock)
    await world.open()
    await world.start_run()
    (driver,) = world.active
    await world.do(driver, Command("live", n=world.next_number()))
    await world.nap(driver)
    await world.cancel_run(driver, None)
    await world.crash({}, turns, driver)
    world.subscribe((0, 1), None)
    await world.pass_hour()
    await world.check()
    await world.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("examples", "steps", "derandomize"),
    [(30, 40, True), pytest.param(250, 100, False, marks=pytest.mark.soak)],
)
@pytest.mark.parametrize("store", STORES)
def test_the_engine_does_what_the_model_says(
    store: str,
    examples: int,
    steps: int,
    derandomize: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "_LONGEST_WAIT_SHARED", 60.0)  # longer than the model waits
    caplog.set_level(logging.CRITICAL, logger="tightbeam")  # thousands of runs that fail as they are told to
    run_state_machine_as_test(
        type("Histories", (Histories,), {"store": store}),
        settings=settings(
            max_examples=examples // 2 if store == "postgres" else examples,  # each takes a second there
            stateful_step_count=steps,
            derandomize=derandomize,
            deadline=None,
            database=None,
        ),
    )
