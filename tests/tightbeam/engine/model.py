"""A model of the engine, beside the engine itself: what must be stored, what each subscription must get.

Runs do what they are told, command by command, so that a test decides how they interleave; executed again, a
run first does all its commands once more, with other data, and must get what it got before.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.tightbeam.engine.doubles import StoreDouble
from tests.tightbeam.engine.model_parts import AGAIN, BOUND, CHANNELS, RETRIES, Command, Driver, Reader
from tests.tightbeam.engine.model_program import HOUR, Program
from tests.tightbeam.engine.stores import Storage, place_in
from tightbeam import JournalFailed, NotEntered, NotRegistered
from tightbeam._client import engine_of
from tightbeam._engine.requests import MAX_DEATHS, LeaveMemory, ParkRun, PutBack, RecentMessages
from tightbeam._message import Envelope
from tightbeam.testing import Clock

__all__ = ["Command", "Driver", "World"]

HALF_A_MINUTE_PAST = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)


async def _until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)


class World:
    """The engine, the model, and what moves both."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.storage = storage
        self.clock = clock
        clock.set(HALF_A_MINUTE_PAST)
        self.number = 0
        self.log: list[tuple[int, str, int, int]] = []
        """seq, message id, channel, n"""
        self.drivers: list[Driver] = []
        self.readers: list[Reader] = []
        self.positions: list[tuple[str, tuple[int, ...]]] = []
        self.hour = 0
        """How many have passed."""
        self.ticks: list[str] = []
        """What the clock must have started runs for."""
        self.requested = 0
        """How many requests the client's store had before the client was entered."""
        self._program = Program(storage, self.drivers)
        self.client = self._program.client()

    async def bounded(self, waiting: Awaitable[Any]) -> Any:
        """Wait for a run to do something, or for a run to complain."""
        task = asyncio.ensure_future(waiting)
        done, _ = await asyncio.wait(
            {task, self._program.trouble}, timeout=BOUND, return_when="FIRST_COMPLETED"
        )
        if task not in done:
            task.cancel()
            if self._program.trouble.done():
                self._program.trouble.result()
            raise TimeoutError("the engine doesn't do what it is meant to do")
        return task.result()

    @property
    def active(self) -> list[Driver]:
        return self.having("active")

    def having(self, *states: str) -> list[Driver]:
        return [driver for driver in self.drivers if driver.state in states]

    @property
    def unended(self) -> list[Driver]:
        return self.having("active", "asleep", "parked")

    @property
    def with_memos(self) -> list[Driver]:
        """Runs whose code can be changed so that it doesn't fit what they remember."""
        return [
            driver
            for driver in self.active
            if any(command.kind in ("publish", "step") for command in driver.script)
        ]

    @property
    def store(self) -> StoreDouble:
        return self.storage.double.store

    def ref(self, channel: int) -> Any:
        return CHANNELS[channel].tick

    def next_number(self) -> int:
        self.number += 1
        return self.number

    # -- telling runs what to do, and the model what came of it ----------------------------------------------

    async def start_run(self) -> None:
        driver = Driver(len(self.drivers), start_hour=self.hour)
        self.drivers.append(driver)
        (driver.run_id,) = await self.client.send("app/script", {"key": driver.key})
        await self.ready(driver)
        self.executed(driver, 1)

    async def ready(self, driver: Driver) -> None:
        await self.bounded(driver.ready.wait())
        driver.ready.clear()

    def memoized(self, driver: Driver, command: Command) -> dict[str, tuple[str, int, int]]:
        """What a command remembers: step ids, and their messages' id, channel and n."""
        if command.kind == "parallel":
            ids = [f"{command.id}.{one}" for one in range(command.count)]
        else:
            ids = [driver.use(command.id)]
        found = {}
        for step_id in ids:
            base, _, number = step_id.partition(":")
            found[step_id] = (f"{driver.run_id}:{base}:{number or 0}", command.channel, command.n)
        return found

    async def do(self, driver: Driver, command: Command) -> None:
        """Let a run do something, and expect it."""
        await self.do_all({driver: command})

    async def do_all(self, commands: dict[Driver, Command]) -> None:
        """Let runs do things at once."""
        attempts = {driver: driver.attempt for driver in commands}
        for driver, command in commands.items():
            driver.commands.put_nowait(command)
            if command.kind == "wait":
                await self.bounded(self._answer(driver, command))
        await self.bounded(asyncio.gather(*(command.done for command in commands.values())))
        messages: dict[str, tuple[int, int]] = {}
        for driver, command in commands.items():
            driver.ready.clear()
            if command.kind == "late":
                self.executed(driver, RETRIES - attempts[driver])
            else:  # maybe it wasn't in memory while it waited
                self.executed(driver, *((0, 1) if command.kind in ("invoke", "wait") else (0,)))
            messages |= self.expect(driver, command)
        await self.committed(messages, sure=True)

    async def _answer(self, driver: Driver, command: Command) -> None:
        """Send what a run is about to wait for, once it does; it takes that once."""
        while True:
            try:
                await self.client.send("app/answer", {"run": driver.run_id, "n": command.n})
            except NotRegistered:
                await asyncio.sleep(0)
            else:
                return

    def expect(self, driver: Driver, command: Command) -> dict[str, tuple[int, int]]:
        """Note in the model that a command was done; returns its durable messages."""
        driver.script.append(command)
        messages = {}
        if command.kind == "live":
            self.delivered("live", command.channel, command.n)
            return {}
        for step_id, (message_id, channel, n) in self.memoized(driver, command).items():
            if command.kind == "late":
                driver.late.add(step_id)
                command.stored_as = step_id
                continue
            driver.progressed(step_id, None if command.kind == "sleep" else n)
            if command.kind not in ("step", "sleep", "send", "invoke", "wait"):
                messages[message_id] = (channel, n)
        if command.kind == "cancel":
            command.done = asyncio.get_running_loop().create_future()
            command.done.set_result(None)
        elif command.kind in ("publish", "invoke", "wait"):
            assert command.done.result() == command.n
        elif command.kind == "late":
            assert command.done.result() == "StepTimeout"
        elif command.kind == "parallel":
            assert command.done.result() == [command.n] * command.count
        return messages

    def delivered(self, kind: str, channel: int, n: int) -> None:
        for reader in self.readers:
            if channel in reader.channels:
                reader.expected.append((kind, n))

    async def committed(self, messages: dict[str, tuple[int, int]], *, sure: bool) -> set[str]:
        """See which messages came into the log, in which order: those, or where not sure some of them."""
        await self.store.submit(PutBack(()))  # what was queued before is committed then
        stored = await self.stored_since()
        for message in stored:
            number, n = messages[message.id or ""]
            assert (message.channel, message.data) == (f"job:j{number}", b'{"n":%d}' % n)
            self.log.append((message.seq or 0, message.id or "", number, n))
            self.delivered(message.id or "", number, n)
        found = {message.id or "" for message in stored}
        assert len(found) == len(stored)
        assert not sure or found == set(messages)
        return found

    async def stored_since(self) -> list[Envelope]:
        """Return the messages that are stored and aren't in the model's log."""
        after = self.store.position_of(self.log[-1][0]) if self.log else None
        recent = RecentMessages(after, 1_000)
        if self.store.carries_live:  # a reader here gets a message of the log somewhat after it was committed
            return self.storage.read(recent).messages
        return (await self.store.submit(recent)).messages

    async def cancel(self, driver: Driver, command: Command) -> None:
        """A publish that is cancelled after so many turns of the event loop: everything, or nothing."""
        driver.commands.put_nowait(command)
        await self.bounded(command.done)
        message_id = f"{driver.run_id}:{command.id}:0"
        if await self.committed({message_id: (command.channel, command.n)}, sure=False):
            self.expect(driver, command)

    async def fail(self, driver: Driver) -> None:
        driver.attempt += 1
        driver.ended.clear()
        over = driver.attempt > RETRIES
        driver.commands.put_nowait(Command("raise"))
        if over:
            await self.end(driver, "failed")
        else:
            await self.ready(driver)
            self.executed(driver, 1)

    def executed(self, driver: Driver, *times: int, whole: bool = True) -> None:
        """See that a run was executed so often since it was looked at, and expect what it published again.

        Each time that are all its live messages, unless it isn't executed as a whole: it is parked, or a step
        that took too long is tried again.
        """
        lives = [command.channel for command in driver.script if command.kind == "live"]
        assert driver.begun in times
        assert driver.again == lives * driver.begun or not whole
        for channel in driver.again:
            self.delivered("live", channel, AGAIN)
        driver.begun = 0
        driver.again.clear()

    async def nap(self, driver: Driver) -> None:
        """Let a run sleep for long: it leaves memory, which is no attempt and no death."""
        command = Command("nap", "nap")
        driver.commands.put_nowait(command)
        driver.napping, driver.nap_hour = driver.use("nap"), self.hour
        await self.until_stored(driver, LeaveMemory)
        driver.attempt = driver.deaths = 0  # that it sleeps is a new memo
        command.done.set_result(None)
        driver.script.append(command)
        driver.state = "asleep"

    async def pass_hour(self) -> None:
        """Let an hour pass: sleeps end, runs have taken too long, and the clock starts one."""
        self._advance(1)
        await self._ticked()
        for driver in self.having("active", "asleep"):
            if driver.is_over(self.hour):
                await self._times_out(driver)
        for driver in self.having("asleep"):
            self._awake(driver)
            await self.ready(driver)
            self.executed(driver, 1)

    def _advance(self, hours: int) -> None:
        self.clock.advance(hours * HOUR)
        self.hour += hours
        self.ticks.append(self.clock.now.isoformat()[:14] + "00:00")

    async def _ticked(self) -> None:
        """Wait until the run of the latest tick is stored."""
        await self.bounded(_until(lambda: self.ticks[-1] in self.storage.ticks()))

    @staticmethod
    def _awake(driver: Driver) -> None:
        driver.state = "active"
        if driver.napping:
            driver.steps[driver.napping] = None

    async def _times_out(self, driver: Driver) -> None:
        """Wait until a run has failed since its time is over."""
        await self.bounded(_until(lambda: self._shown(driver) == "failed"))
        assert self.storage.run(driver.run_id).summary.error_type == "RunTimeout"
        driver.state = "failed"
        driver.stop()

    async def deploy(self, driver: Driver, *, fits: bool) -> None:
        """Leave, and enter with code that doesn't fit what a run remembers, or with code that does again."""
        await self.close()
        await self.all_end()
        driver.fits = fits
        driver.state = "active" if fits else "parked"
        await self.open()

    async def until_stored(self, driver: Driver, kind: type[LeaveMemory | ParkRun]) -> None:
        """Wait until a run is stored as asleep, or as parked, since the client was entered."""
        double = self.storage.double

        def happened() -> bool:
            return driver.run_id not in double.resident and any(
                isinstance(request, kind) and request.run_id == driver.run_id
                for request in double.requests[self.requested :]
            )

        await self.bounded(_until(happened))

    async def end(self, driver: Driver, state: str) -> None:
        await self.bounded(driver.ended.wait())
        driver.state = state

    # -- operating -------------------------------------------------------------------------------------------

    async def cancel_run(self, driver: Driver, command: Command | None) -> None:
        """Cancel a run; of a publish under way everything is stored, or nothing, and nothing follows."""
        if driver.state != "active":
            command = None
        if command is not None:
            driver.commands.put_nowait(command)
            for _ in range(command.turns):
                await asyncio.sleep(0)
        await self.bounded(self.client.runs.cancel(driver.run_id))
        driver.state = "cancelled"
        driver.stop()
        if command is None:
            return
        told = command.done.done()
        message_id = f"{driver.run_id}:{command.id}:0"
        stored = await self.committed({message_id: (command.channel, command.n)}, sure=told)
        if stored:
            command.done = asyncio.get_running_loop().create_future()
            command.done.set_result(command.n)
            self.expect(driver, command)

    async def retry_run(self, driver: Driver) -> None:
        """Let a run that failed or was cancelled go on: its attempts start over, and it repeats nothing."""
        driver.retried(self.hour)
        driver.ended.clear()
        await self.bounded(self.client.runs.retry(driver.run_id))
        await self._goes_on(driver)

    async def resume_run(self, driver: Driver, *, fits: bool) -> None:
        """Let a parked run be tried again; where its code still doesn't fit, it is parked once more."""
        driver.fits = fits
        await self.bounded(self.client.runs.resume(driver.run_id))
        if driver.is_over(self.hour):
            await self._times_out(driver)
        elif fits:
            await self._goes_on(driver)
        else:
            await self.bounded(_until(lambda: self._shown(driver) == "parked"))
            self.executed(driver, 1, whole=False)

    async def _goes_on(self, driver: Driver) -> None:
        """Wait until a run has done its commands once more, or sleeps again."""
        tried = len(driver.failing)
        if driver.awaits_hour(self.hour):
            await self.bounded(_until(functools.partial(self._sleeps, driver)))
            driver.state = "asleep"
        else:
            self._awake(driver)
            await self.ready(driver)
        self.executed(driver, 1 + RETRIES * tried, whole=not tried)

    def _sleeps(self, driver: Driver) -> bool:
        return self._shown(driver) == "sleeping"

    def _shown(self, driver: Driver) -> str:
        """Return how a run is that isn't in memory."""
        if driver.run_id in self.storage.double.resident:
            return "in memory"
        return self.client.runs.get_sync(driver.run_id).state

    async def _operate(self, driver: Driver) -> None:
        """Cancel a run, or retry one that has ended."""
        if driver.state in ("failed", "cancelled"):
            driver.attempt = 0
            await self.client.runs.retry(driver.run_id)
        else:
            await self.client.runs.cancel(driver.run_id)

    # -- subscriptions ---------------------------------------------------------------------------------------

    def subscribe(self, channels: tuple[int, ...], after: str | None) -> None:
        refs: list[Any] = [CHANNELS[number].tick for number in channels]
        subscription: Any = self.client.realtime.subscribe(*refs, after=after)
        hub_position = engine_of(self.client).position
        reader = Reader(subscription, channels, after is None, hub_position if after is None else after)
        if after is not None:
            seen = 0 if after == "start" else place_in(after)
            reader.expected += [
                (one, n) for seq, one, channel, n in self.log if seq > seen and channel in channels
            ]
        self.readers.append(reader)

    def cut(self, reader: Reader) -> None:
        reader.subscription.close()
        self.readers.remove(reader)
        if reader.position is not None:
            self.positions.append((reader.position, reader.channels))

    async def all_end(self) -> None:
        for reader in self.readers:
            if reader.position is not None:
                self.positions.append((reader.position, reader.channels))
            if reader.exact:
                await reader.ends()
                assert reader.expected == []
        self.readers.clear()

    # -- the end of a process --------------------------------------------------------------------------------

    async def open(self) -> None:
        self.requested = len(self.storage.double.requests)
        await self.client.__aenter__()
        await self.all_ready()

    async def all_ready(self) -> None:
        """After a start: runs that fit are executed, those that don't are tried, and parked again."""
        if self.ticks:
            await self._ticked()
        for driver in self.unended:
            if driver.is_over(self.hour):
                await self._times_out(driver)
            elif driver.state == "parked":
                await self.until_stored(driver, ParkRun)
            elif driver.awaits_hour(self.hour):
                await self.bounded(_until(functools.partial(self._sleeps, driver)))
            else:
                self._awake(driver)
                await self.ready(driver)
        for driver in self.drivers:  # nobody was there to get what was published again
            driver.begun = 0
            driver.again.clear()

    async def close(self) -> None:
        """Leave the client; with so short a time for it, the store may take a little longer."""
        await self.client.__aexit__(None, None, None)
        await self.bounded(self.storage.closed())

    async def leave(self, hours: int) -> None:
        """In good order, and be away for so long: no attempt, no death; of missed ticks the latest starts."""
        await self.close()
        await self.all_end()
        if hours:
            self._advance(hours)
        await self.open()

    async def crash(
        self, commands: dict[Driver, Command], turns: int, operated: Driver | None = None
    ) -> None:
        """Do as if the process were killed: what it stores from now on is lost.

        Commands may be under way, and so may the cancellation or the retry of a run; which of them are stored
        then, only the store knows.
        """
        for driver, command in commands.items():
            driver.commands.put_nowait(command)
        operating = None if operated is None else asyncio.ensure_future(self._operate(operated))
        for _ in range(turns):
            await asyncio.sleep(0)
        told = {driver for driver, command in commands.items() if command.done.done()}
        was_told = operating is not None and operating.done()
        self.storage.double.is_crashed = True
        await self.close()
        if operated is not None and operating is not None:
            await self._what_was_operated(operated, operating, was_told=was_told)
        self._die()
        self._what_was_under_way(commands, told)
        await self._come_back()

    async def crash_at_the_hour(self, turns: int) -> None:
        """Let the process die while an hour has passed: what that starts and ends may be stored, or not."""
        self._advance(1)
        for _ in range(turns):
            await asyncio.sleep(0)
        self.storage.double.is_crashed = True
        await self.close()
        self._die()
        for driver in self.having("asleep"):
            driver.deaths += self.storage.run(driver.run_id).summary.state == "running"
            driver.stop()
        await self._come_back()

    async def _come_back(self) -> None:
        self.readers.clear()
        given_up = [driver for driver in self.active if driver.deaths == MAX_DEATHS]
        self.client = self._program.client()
        self.requested = 0
        await self.client.__aenter__()
        for driver in given_up:
            driver.state = "failed"
        await self.all_ready()

    async def _what_was_operated(
        self, driver: Driver, operating: asyncio.Future[None], *, was_told: bool
    ) -> None:
        with contextlib.suppress(NotEntered, JournalFailed):
            await self.bounded(operating)
        stored = self.storage.run(driver.run_id).summary.state
        if driver.state in ("failed", "cancelled"):
            if stored in ("failed", "cancelled"):
                assert not was_told, "acknowledged, and lost"
                return
            driver.retried(self.hour)
            asleep = driver.awaits_hour(self.hour)
            driver.state = "asleep" if asleep else "active"
            # Whether it was claimed already, and so dies with the process.
            driver.deaths = int(stored == "running") if asleep else -int(stored in ("ready", "parked"))
        elif stored == "cancelled":
            driver.state = "cancelled"
            driver.stop()
        else:
            assert not was_told, "acknowledged, and lost"

    def _die(self) -> None:
        for driver in self.active:
            driver.deaths += 1
            driver.stop()

    def _what_was_under_way(self, commands: dict[Driver, Command], told: set[Driver]) -> None:
        after = self.store.position_of(self.log[-1][0]) if self.log else None
        messages = self.storage.read(RecentMessages(after, 1_000)).messages
        for driver, command in commands.items():
            uses = dict(driver.uses)
            (step_id,) = (steps := self.memoized(driver, command))
            stored = step_id in {step.id for step in self.storage.run(driver.run_id).steps}
            message_id, channel, n = steps[step_id]
            assert stored == (message_id in {message.id for message in messages}), "one without the other"
            assert stored or driver not in told, "acknowledged, and lost"
            if not stored:
                driver.uses = uses
                continue
            driver.script.append(command)
            command.done = asyncio.get_running_loop().create_future()
            command.done.set_result(command.n)
            deaths = driver.deaths
            driver.progressed(step_id, n)
            driver.deaths = min(deaths, 1)
        by_id = {
            f"{driver.run_id}:{step_id.partition(':')[0]}:{step_id.partition(':')[2] or 0}": (
                command.channel,
                command.n,
            )
            for driver, command in commands.items()
            for step_id in driver.steps
        }
        for message in messages:
            channel, n = by_id[message.id or ""]
            self.log.append((message.seq or 0, message.id or "", channel, n))

    # -- in the end ------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """What is stored is what the model says, and a new reader gets all of it."""
        await self.committed({}, sure=True)
        for reader in self.readers:
            await reader.drain()
        self.subscribe((0, 1), "start")
        for channel in (0, 1):  # and nothing else: the next thing that comes is this
            n = self.next_number()
            await self.client.realtime.publish(self.ref(channel), {"n": n})
            self.delivered("live", channel, n)
        for reader in self.readers:
            await reader.drain()
        shown = {"active": "running", "asleep": "sleeping"}
        for function, kind in (("note", "send"), ("child", "invoke")):
            commands = [each for driver in self.drivers for each in driver.script if each.kind == kind]
            assert len(self.storage.runs(function=function)) == len(commands)  # no start twice, none missing
        assert {one.id: one.state for one in self.storage.runs(function="script")} == {
            one.run_id: shown.get(one.state, one.state) for one in self.drivers
        }
        assert sorted(self.storage.ticks()) == self.ticks
        for driver in self.drivers:
            steps = self.storage.run(driver.run_id).steps
            assert {step.id for step in steps if step.state == "done"} == set(driver.steps)
            assert {step.id for step in steps if step.state in ("failed", "failing")} == driver.late
