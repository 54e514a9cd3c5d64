"""The program that the model of the engine is about: functions that do what they are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from tests.tightbeam.engine.model_parts import AGAIN, CHANNELS, HOURS, RETRIES, AsTold, Command, Driver
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, CronEvent, Hook, StepTimeout, cron
from tightbeam.hooks import RunInfo

__all__ = ["HOUR", "Program"]

HOUR = timedelta(hours=1)


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


class Program:
    """What each process runs: the same functions, one client after another."""

    def __init__(self, storage: Storage, drivers: Sequence[Driver]) -> None:
        self._storage = storage
        self._drivers = drivers
        self.trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """What a run complained about."""

    def client(self) -> Client:
        """Return a client with the functions, which goes on with what is stored."""
        client = self._storage.client(shutdown_timeout=timedelta(milliseconds=30), hooks=[_Ends(self._ended)])

        @client.function("script", on="app/script", retries=RETRIES, timeout=HOURS * HOUR)
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

        @client.function("tick", on=cron("0 * * * *"))
        async def tick(ctx: Context[CronEvent]) -> None: ...

        @client.function("child")
        async def child(ctx: Context) -> int:
            return int(ctx.event.data["n"])

        self._child = child
        return client

    async def _script(self, ctx: Context) -> int:
        driver = self._drivers[ctx.event.data["key"]]
        driver.run_id = ctx.run_id
        driver.begun += 1
        driver.attempt += driver.is_trying
        driver.is_trying = False
        if driver.waiting is not None and driver.waiting.kind != "late":
            driver.attempt = 0
        assert ctx.attempt == driver.attempt
        for command in tuple(driver.script):
            if not driver.fits and command.kind in ("publish", "step"):
                with contextlib.suppress(Exception):  # it isn't the handler's to decide
                    await ctx.step.sleep(command.id, timedelta(0))
                raise AssertionError("the run goes on, and its code doesn't fit")
            assert await self._perform(ctx, driver, command, again=True) == command.done.result()
        driver.ready.set()
        while True:
            command = driver.waiting or await driver.commands.get()
            if command.kind == "return":
                return command.n
            if command.kind == "raise":
                raise AsTold
            driver.waiting = command if command.kind in ("invoke", "late", "wait") else None
            command.done.set_result(await self._perform(ctx, driver, command))
            driver.waiting = None

    def _ended(self, run_id: str) -> None:
        for driver in self._drivers:
            if driver.run_id == run_id:
                driver.ended.set()

    async def _perform(self, ctx: Context, driver: Driver, command: Command, again: bool = False) -> Any:
        ch = CHANNELS[command.channel]
        n = AGAIN if again else command.n  # the first data stands, whatever is passed now
        if command.kind == "publish":
            return (await ctx.step.realtime.publish(command.id, ch.tick, {"n": n})).n
        if command.kind == "step":
            return await ctx.step.run(command.id, self._give, n)
        if command.kind == "sleep":
            return await ctx.step.sleep(command.id, timedelta(microseconds=command.n % 1000))
        if command.kind == "nap":
            return await ctx.step.sleep(command.id, HOUR)
        if command.kind == "late":
            return await self._late(ctx, driver, command, again)
        if command.kind == "send":
            return await ctx.step.send_event(command.id, "app/note", {"n": n})
        if command.kind == "invoke":
            return await ctx.step.invoke(command.id, function=self._child, data={"n": n})
        if command.kind == "wait":
            match = {"run": ctx.run_id, "n": n}
            event = await ctx.step.wait_for_event(command.id, event="app/answer", timeout=HOUR, match=match)
            assert event is not None
            return event.data["n"]
        if command.kind == "live":
            await ctx.publish(ch.tick, {"n": n})
            if again:
                driver.again.append(command.channel)
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
    async def _late(ctx: Context, driver: Driver, command: Command, again: bool) -> str:
        driver.is_trying = not again or command.stored_as in driver.failing
        try:
            await ctx.step.run(command.id, asyncio.Event().wait, timeout=timedelta(milliseconds=1))
        except StepTimeout as error:
            if driver.is_trying:
                driver.attempt = driver.deaths = 0
            driver.is_trying = False
            driver.failing.discard(command.stored_as)
            return error.error_type
        return "in time"

    @staticmethod
    async def _give(n: int) -> int:
        return n
