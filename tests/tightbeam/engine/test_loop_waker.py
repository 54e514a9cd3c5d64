"""The client's event loop is woken by a loop waker, if it can be; others are woken as ever."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.tightbeam.engine.conftest import let_stores_close, until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context
from tightbeam._engine import settling
from tightbeam._engine.loop_waker import LoopWaker, waker_of

pytestmark = pytest.mark.usefixtures("path")  # see `tests.tightbeam.engine.stores`

linux = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="there is no eventfd on this system")


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Deaf(asyncio.SelectorEventLoop):
    """As the proactor of Windows: it can't watch a file."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError


async def wake_from_a_thread(waker: LoopWaker, times: int) -> list[int]:
    called: list[int] = []

    def work() -> None:
        for n in range(times):
            assert waker.wake(partial(called.append, n))
        waker.close()

    thread = threading.Thread(target=work)
    thread.start()
    await until(lambda: len(called) == times)
    thread.join()
    return called


@linux
async def test_everything_that_is_handed_over_is_called_in_order() -> None:
    waker = waker_of(asyncio.get_running_loop())
    assert waker is not None
    assert await wake_from_a_thread(waker, 1_000) == list(range(1_000))


@linux
def test_what_raises_keeps_nothing_from_the_others() -> None:
    loop = asyncio.new_event_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))

    def fail() -> None:
        raise RuntimeError("this one")

    async def main() -> None:
        called: list[int] = []
        waker = waker_of(loop)
        assert waker is not None
        for settle in (partial(called.append, 1), fail, partial(called.append, 2)):
            assert waker.wake(settle)
        await until(lambda: called == [1, 2])
        waker.close()
        await asyncio.sleep(0)

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert [str(context["exception"]) for context in told] == ["this one"]


@linux
async def test_a_waker_whose_number_was_read_by_another_still_answers() -> None:
    waker = waker_of(asyncio.get_running_loop())
    assert waker is not None
    called: list[int] = []
    assert waker.wake(partial(called.append, 1))
    os.eventfd_read(waker._descriptor)  # as a forked child may that goes on with its parent's loop
    waker.run()
    assert called == [1]
    waker.close()
    await asyncio.sleep(0)


def work_of(client: Client, ch: JobChannel) -> Any:
    @client.function("work")
    async def work(ctx: Context) -> int:
        return (await ctx.step.realtime.publish("tick", ch.tick, {"n": 7})).n

    return work


@linux
async def test_a_waker_that_is_broken_is_done_without(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = work_of(client, ch)
    wakers: list[Any] = []
    monkeypatch.setattr(settling, "waker_of", lambda loop: wakers.append(waker_of(loop)) or wakers[0])
    async with client:
        (waker,) = wakers
        descriptor, waker._descriptor = waker._descriptor, 1_000_000  # nothing is that far
        assert await client.run(work) == 7
        waker._descriptor = descriptor


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "too many"), None])
async def test_without_a_descriptor_for_a_waker(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    if error is None:
        monkeypatch.delattr(os, "eventfd", raising=False)
    else:
        monkeypatch.setattr(os, "eventfd", Mock(side_effect=error), raising=False)
    work = work_of(client, ch)
    wakers: list[Any] = []
    monkeypatch.setattr(settling, "waker_of", lambda loop: wakers.append(waker_of(loop)) or wakers[0])
    async with client:
        assert wakers == [None]
        assert await client.run(work) == 7


@linux
async def test_an_event_loop_that_cannot_watch_one(client: Client, ch: JobChannel) -> None:
    work = work_of(client, ch)

    async def main() -> int:
        async with client:
            return await client.run(work)

    def on_a_deaf_loop() -> int:
        with asyncio.Runner(loop_factory=Deaf) as runner:
            return runner.run(main())

    let_stores_close()
    before = descriptors()
    assert await asyncio.to_thread(on_a_deaf_loop) == 7
    assert descriptors() <= before


@pytest.mark.slow
@linux
async def test_a_client_that_is_left_leaves_no_descriptor_open(
    client: Client, storage: Storage, ch: JobChannel
) -> None:
    work = work_of(client, ch)

    async def once() -> None:
        async with client:
            await client.run(work)

    await once()
    await storage.closed()
    let_stores_close()
    before = descriptors()
    for _ in range(3):
        await once()
        await storage.closed()
    gc.collect()
    assert descriptors() == before


@pytest.mark.slow
@linux
async def test_event_loops_that_come_and_go_leave_no_descriptor_open(client: Client, ch: JobChannel) -> None:
    work = work_of(client, ch)

    async def read() -> int:
        subscription = client.realtime.subscribe(ch.tick, after="start")
        return (await anext(subscription)).data.n

    let_stores_close()
    async with client:
        await client.run(work)
        assert await asyncio.to_thread(asyncio.run, read()) == 7
        gc.collect()
        before = descriptors()
        for _ in range(5):
            assert await asyncio.to_thread(asyncio.run, read()) == 7
        gc.collect()
        assert descriptors() <= before


@linux
def test_a_loop_that_is_closed_first() -> None:
    loop = asyncio.new_event_loop()

    async def make() -> LoopWaker | None:
        return waker_of(loop)

    let_stores_close()
    before = descriptors()
    loop.run_until_complete(make())  # nobody keeps it but the loop
    closed_waker = loop.run_until_complete(make())
    assert closed_waker is not None
    loop.close()
    closed_waker.close()
    del closed_waker
    gc.collect()
    assert descriptors() == before - 3  # and the loop's own
