"""Requests of several event loops are answered on their own, whatever an event loop can do."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import until
from tests.engine.samples import JobChannel
from tightbeam import Client, Context
from tightbeam._engines.embedded.bell import Bell

linux = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="there is no eventfd on this system")


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Deaf(asyncio.SelectorEventLoop):
    """As the proactor of Windows: it can't watch a file."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError


async def ring_from_a_thread(bell: Bell, times: int) -> list[int]:
    heard: list[int] = []

    def work() -> None:
        for n in range(times):
            bell.ring(lambda n=n: heard.append(n))  # type: ignore[misc]
        bell.close()

    thread = threading.Thread(target=work)
    thread.start()
    await until(lambda: len(heard) == times)
    thread.join()
    return heard


@pytest.mark.parametrize("deaf", [False, True])
def test_everything_that_is_rung_is_called_in_order(deaf: bool) -> None:
    loop = Deaf() if deaf else asyncio.new_event_loop()
    try:

        async def main() -> list[int]:
            return await ring_from_a_thread(Bell(loop), 1_000)

        assert loop.run_until_complete(main()) == list(range(1_000))
    finally:
        loop.close()


@linux
def test_what_raises_keeps_nothing_from_the_others() -> None:
    loop = asyncio.new_event_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))

    def fail() -> None:
        raise RuntimeError("this one")

    async def main() -> None:
        heard: list[int] = []
        bell = Bell(loop)
        for settle in (lambda: heard.append(1), fail, lambda: heard.append(2)):
            bell.ring(settle)
        await until(lambda: heard == [1, 2])
        bell.close()
        await asyncio.sleep(0)

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert [str(context["exception"]) for context in told] == ["this one"]


@linux
async def test_a_client_that_is_left_leaves_no_file_open(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})

    async def once() -> None:
        async with client:
            await client.run(work)

    await once()
    gc.collect()
    before = descriptors()
    for _ in range(3):
        await once()
    gc.collect()
    assert descriptors() == before


@linux
async def test_event_loops_that_are_gone_leave_no_file_open(client: Client, ch: JobChannel) -> None:
    @client.function("work")
    async def work(ctx: Context) -> None:
        for n in range(3):
            await ctx.step.realtime.publish("tick", ch.tick, {"n": n})

    async def read() -> list[int]:
        return [(await anext(subscription)).data.n for _ in range(3)]

    async with client:
        await client.run(work)
        subscription = client.realtime.subscribe(ch.tick, after="start")
        assert await asyncio.to_thread(asyncio.run, read()) == [0, 1, 2]
        await client.run(work)
        before = descriptors()
        for _ in range(5):
            subscription = client.realtime.subscribe(ch.tick, after="start")
            assert await asyncio.to_thread(asyncio.run, read()) == [0, 1, 2]
            await client.run(work)  # the journal's thread has something to do, and tidies up
        await until(lambda: descriptors() <= before)


async def test_a_journal_on_a_deaf_event_loop(tmp_path: Path, ch: JobChannel) -> None:
    client = Client(tmp_path / "app.db")

    @client.function("work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("tick", ch.tick, {"n": 7})).n

    async def main() -> int:
        async with client:
            return await client.run(work)

    def on_a_deaf_loop() -> int:
        with asyncio.Runner(loop_factory=Deaf) as runner:
            return runner.run(main())

    assert await asyncio.to_thread(on_a_deaf_loop) == 7
