"""A model of the engine, beside the engine itself: what must be stored, what each subscription must get.

Runs do what they are told, command by command, so that a test decides how they interleave; executed again, a
run first does all its commands once more, with other data, and must get what it got before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.tightbeam.engine.doubles import StoreDouble
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, Hook, JournalFailed, NotEntered, NotRegistered
from tightbeam._client import engine_of
from tightbeam._engine.requests import MAX_DEATHS, LeaveMemory, ParkRun, PutBack, RecentMessages
from tightbeam._message import Envelope
from tightbeam.hooks import RunInfo

__all__ = ["RETRIES", "Command", "Driver", "Reader", "World"]

RETRIES = 2
CHANNELS = tuple(job_channel(job_id=f"j{n}") for n in range(2))
_BOUND = 30.0
AGAIN = -1
"""What is passed when a command is done once more."""


async def _until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)


class AsTold(Exception):
    """A failure that is part of the history."""


@dataclass(eq=False)
class Command:
    """One thing for a run to do, and what came of it."""

    kind: str
    id: str = ""
    n: int = 0
    channel: int = 0
    count: int = 1
    turns: int = 0
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False)
class Driver:
    """One run, as it is meant to be."""

    key: int
    run_id: str = ""
    script: list[Command] = field(default_factory=list)
    state: str = "active"
    attempt: int = 0
    deaths: int = 0
    steps: dict[str, Any] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    commands: asyncio.Queue[Command] = field(default_factory=asyncio.Queue)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    fits: bool = True
    """Whether today's code does what the run remembers."""
    napping: str = ""
    """The step during which it isn't in memory."""
    begun: int = 0
    """How often it was executed."""
    waiting: Command | None = None
    """What it waits for an event or a child in; if that doesn't come soon, it begins anew when it comes."""

    def use(self, base: str) -> str:
        """The id under which the next use of a step is stored."""
        number = self.uses.get(base, 0)
        self.uses[base] = number + 1
        return f"{base}:{number}" if number else base

    def progressed(self, step_id: str, value: Any) -> None:
        self.steps[step_id] = value
        self.attempt = self.deaths = 0


@dataclass(eq=False)
class Reader:
    """A subscription, and what it must still get: in one order, or two where replay and live overlap."""

    subscription: Any
    channels: tuple[int, ...]
    exact: bool
    position: str | None
    expected: list[tuple[str, int]] = field(default_factory=list)
    """("live" or a message id, n) in order; where not exact, the order within each kind."""

    async def read(self) -> None:
        async with asyncio.timeout(_BOUND):
            message = await anext(self.subscription)
        self.check(message)

    def check(self, message: Any) -> None:
        got = (message.id or "live", message.data.n)
        if self.exact:
            assert got == self.expected[0]
            del self.expected[0]
        else:
            live = message.id is None
            same = [one for one in self.expected if (one[0] == "live") == live]
            assert got == (same[0] if same else None)
            self.expected.remove(got)
        assert (message.position is None) == (message.id is None)
        self.position = message.position or self.position

    async def drain(self) -> None:
        while self.expected:
            await self.read()

    async def ends(self) -> None:
        """The client has been left: what is buffered comes, then nothing."""
        async with asyncio.timeout(_BOUND):
            async for message in self.subscription:
                self.check(message)


class _Ends(Hook):
    """Says which runs have ended, once that is stored."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        self._ended = ended

    @contextlib.contextmanager
    def run(self, run: RunInfo, /) -> Iterator[None]:
        try:
            yield
        finally:
            if run.outcome in ("completed", "failed"):
                self._ended(run.run_id)


class World:
    """The engine, the model, and what moves both."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.number = 0
        self.log: list[tuple[int, str, int, int]] = []
        """seq, message id, channel, n"""
        self.drivers: list[Driver] = []
        self.readers: list[Reader] = []
        self.positions: list[tuple[str, tuple[int, ...]]] = []
        self.trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """What a run complained about."""
        self.requested = 0
        """How many requests the client's store had before the client was entered."""
        self.client = self._make()

    async def bounded(self, waiting: Awaitable[Any]) -> Any:
        """Wait for a run to do something, or for a run to complain."""
        task = asyncio.ensure_future(waiting)
        done, _ = await asyncio.wait({task, self.trouble}, timeout=_BOUND, return_when="FIRST_COMPLETED")
        if task not in done:
            task.cancel()
            if self.trouble.done():
                self.trouble.result()
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

    # -- the program -----------------------------------------------------------------------------------------

    def _make(self) -> Client:
        client = self.storage.client(shutdown_timeout=timedelta(milliseconds=30), hooks=[_Ends(self._ended)])

        @client.function("script", on="app/script", retries=RETRIES)
        async def script(ctx: Context) -> int:
            try:
                return await self._script(ctx)
            except AsTold:
                raise
            except Exception as error:
                if not self.trouble.done():
                    self.trouble.set_exception(error)
                raise

        @client.function("note", on="app/note")
        async def note(ctx: Context) -> None: ...

        @client.function("child")
        async def child(ctx: Context) -> int:
            return int(ctx.event.data["n"])

        self._child = child
        return client

    async def _script(self, ctx: Context) -> int:
        driver = self.drivers[ctx.event.data["key"]]
        driver.run_id = ctx.run_id
        driver.begun += 1
        assert ctx.attempt == (driver.attempt if driver.waiting is None else 0)
        for command in tuple(driver.script):
            if not driver.fits and command.kind in ("publish", "step"):
                with contextlib.suppress(Exception):  # it isn't the handler's to decide
                    await ctx.step.sleep(command.id, timedelta(0))
                raise AssertionError("the run goes on, and its code doesn't fit")
            assert await self._perform(ctx, command, again=True) == command.done.result()
        driver.ready.set()
        while True:
            command = driver.waiting or await driver.commands.get()
            if command.kind == "return":
                return command.n
            if command.kind == "raise":
                raise AsTold
            driver.waiting = command if command.kind in ("invoke", "wait") else None
            command.done.set_result(await self._perform(ctx, command))
            driver.waiting = None

    def _ended(self, run_id: str) -> None:
        for driver in self.drivers:
            if driver.run_id == run_id:
                driver.ended.set()

    async def _perform(self, ctx: Context, command: Command, again: bool = False) -> Any:
        ch = CHANNELS[command.channel]
        n = AGAIN if again else command.n  # the first data stands, whatever is passed now
        if command.kind == "publish":
            return (await ctx.step.realtime.publish(command.id, ch.tick, {"n": n})).n
        if command.kind == "step":
            return await ctx.step.run(command.id, self._give, n)
        if command.kind == "sleep":
            return await ctx.step.sleep(command.id, timedelta(microseconds=command.n % 1000))
        if command.kind == "nap":
            return await ctx.step.sleep(command.id, timedelta(hours=1))
        if command.kind == "send":
            return await ctx.step.send_event(command.id, "app/note", {"n": n})
        if command.kind == "invoke":
            return await ctx.step.invoke(command.id, function=self._child, data={"n": n})
        if command.kind == "wait":
            hour, match = timedelta(hours=1), {"run": ctx.run_id, "n": n}
            event = await ctx.step.wait_for_event(command.id, event="app/answer", timeout=hour, match=match)
            assert event is not None
            return event.data["n"]
        if command.kind == "live":
            await ctx.publish(ch.tick, {"n": n})
            return None
        if command.kind == "parallel":
            ids = [f"{command.id}.{one}" for one in range(command.count)]
            values = await asyncio.gather(*(ctx.step.realtime.publish(one, ch.tick, {"n": n}) for one in ids))
            return [value.n for value in values]
        assert command.kind == "cancel"
        return await self._cancelled(ctx, command, ch, again)

    async def _cancelled(self, ctx: Context, command: Command, ch: JobChannel, again: bool) -> None:
        publishing = asyncio.ensure_future(
            ctx.step.realtime.publish(command.id, ch.tick, {"n": AGAIN if again else command.n})
        )
        for _ in range(command.turns):
            await asyncio.sleep(0)
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing

    @staticmethod
    async def _give(n: int) -> int:
        return n

    # -- telling runs what to do, and the model what came of it ----------------------------------------------

    async def start_run(self) -> None:
        driver = Driver(len(self.drivers))
        self.drivers.append(driver)
        (driver.run_id,) = await self.client.send("app/script", {"key": driver.key})
        await self.ready(driver)

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
        begun = {driver: driver.begun for driver in commands}
        for driver, command in commands.items():
            driver.commands.put_nowait(command)
            if command.kind == "wait":
                await self.bounded(self._answer(driver, command))
        await self.bounded(asyncio.gather(*(command.done for command in commands.values())))
        messages: dict[str, tuple[int, int]] = {}
        for driver, command in commands.items():
            for _ in range(driver.begun - begun[driver]):  # it wasn't in memory while it waited
                driver.ready.clear()
                self.delivered_again(driver)
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
            driver.progressed(step_id, None if command.kind == "sleep" else n)
            if command.kind not in ("step", "sleep", "send", "invoke", "wait"):
                messages[message_id] = (channel, n)
        if command.kind == "cancel":
            command.done = asyncio.get_running_loop().create_future()
            command.done.set_result(None)
        elif command.kind in ("publish", "invoke", "wait"):
            assert command.done.result() == command.n
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
            self.delivered_again(driver)

    def delivered_again(self, driver: Driver) -> None:
        """Expect the live messages of a run again, since its handler began anew."""
        for command in driver.script:
            if command.kind == "live":
                self.delivered("live", command.channel, AGAIN)

    async def nap(self, driver: Driver) -> None:
        """Let a run sleep for long: it leaves memory, which is no attempt and no death."""
        command = Command("nap", "nap")
        driver.commands.put_nowait(command)
        driver.napping = driver.use("nap")
        await self.until_stored(driver, LeaveMemory)
        driver.attempt = driver.deaths = 0  # that it sleeps is a new memo
        command.done.set_result(None)
        driver.script.append(command)
        driver.state = "asleep"

    async def wake(self) -> None:
        """Do as if the time had come for all runs that sleep."""
        await self.storage.wake(self.client)
        for driver in self.having("asleep"):
            driver.state = "active"
            await self.ready(driver)
            driver.steps[driver.napping] = None
            self.delivered_again(driver)

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
        driver.commands = asyncio.Queue()
        driver.ready.clear()
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
        driver.attempt = driver.deaths = 0
        driver.fits = True  # the code was mended
        driver.ended.clear()
        await self.bounded(self.client.runs.retry(driver.run_id))
        await self._goes_on(driver)

    async def resume_run(self, driver: Driver, *, fits: bool) -> None:
        """Let a parked run be tried again; where its code still doesn't fit, it is parked once more."""
        driver.fits = fits
        await self.bounded(self.client.runs.resume(driver.run_id))
        if fits:
            await self._goes_on(driver)
            return
        await self.bounded(_until(lambda: self._shown(driver) == "parked"))
        for command in driver.script:
            if command.kind in ("publish", "step"):
                break
            if command.kind == "live":
                self.delivered("live", command.channel, AGAIN)

    async def _goes_on(self, driver: Driver) -> None:
        """Wait until a run has done its commands once more, or sleeps again."""
        if driver.napping and driver.napping not in driver.steps:
            await self.bounded(_until(lambda: self._shown(driver) == "sleeping"))
            driver.state = "asleep"
        else:
            driver.state = "active"
            await self.ready(driver)
        self.delivered_again(driver)

    def _shown(self, driver: Driver) -> str:
        """Return how a run is that isn't in memory."""
        if driver.run_id in self.storage.double.resident:
            return "in memory"
        return self.client.runs.get_sync(driver.run_id).state

    async def _operate(self, driver: Driver) -> None:
        """Cancel a run, or retry one that has ended."""
        if driver.state in ("failed", "cancelled"):
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
            seen = 0 if after == "start" else int(after.partition(":")[2])
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
        for driver in self.drivers:
            if driver.state == "active":
                await self.ready(driver)
            elif driver.state == "parked":
                await self.until_stored(driver, ParkRun)

    async def close(self) -> None:
        """Leave the client; with so short a time for it, the store may take a little longer."""
        await self.client.__aexit__(None, None, None)
        await self.bounded(self.storage.closed())

    async def leave(self) -> None:
        """In good order: no attempt, no death."""
        await self.close()
        await self.all_end()
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
        self.readers.clear()
        self._die()
        self._what_was_under_way(commands, told)
        given_up = [driver for driver in self.active if driver.deaths == MAX_DEATHS]
        self.client = self._make()
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
            driver.attempt = driver.deaths = 0
            driver.fits = True
            asleep = driver.napping and driver.napping not in driver.steps
            driver.state = "asleep" if asleep else "active"
            # Whether it was claimed already, and so dies with the process.
            driver.deaths = -1 if stored == "ready" and not asleep else 0
        elif stored == "cancelled":
            driver.state = "cancelled"
            driver.commands = asyncio.Queue()
            driver.ready.clear()
        else:
            assert not was_told, "acknowledged, and lost"

    def _die(self) -> None:
        for driver in self.active:
            driver.deaths += 1
            driver.commands = asyncio.Queue()
            driver.ready.clear()

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
        for driver in self.drivers:
            steps = self.storage.run(driver.run_id).steps
            assert {step.id for step in steps if step.state == "done"} == set(driver.steps)
