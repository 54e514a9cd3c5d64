"""A process that forks while a run executes: the child is told that the run isn't its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel
from tightbeam import Client, ContextSync
from tightbeam._engine.sqlite.lock import Lock


def outcome(use: Callable[[], object]) -> str:
    try:
        return repr(use())
    except BaseException as error:  # noqa: BLE001 - told to the parent
        return type(error).__name__


def in_child(ctx: ContextSync, client: Client, ch: JobChannel, subscription: Any, told: Any) -> None:
    async def read() -> list[int]:
        return [message.data.n async for message in subscription]

    told.send(
        [
            outcome(lambda: ctx.publish(ch.status, {"message": "live"})),
            outcome(lambda: ctx.step.realtime.publish("child", ch.tick, {"n": 1})),
            outcome(lambda: ctx.step.run("child", len, "")),
            outcome(lambda: client.realtime.publish_sync(ch.tick, {"n": 2})),
            outcome(lambda: asyncio.run(read())),
        ]
    )


@pytest.mark.parametrize("after", [None, "start"])
@pytest.mark.parametrize("how", ["os.fork", "multiprocessing"])
async def test_the_sync_twins_in_a_forked_child(
    client: Client, path: Path, ch: JobChannel, how: str, after: str | None
) -> None:
    outcomes: list[str] = []

    @client.function("work", retries=0)
    def work(ctx: ContextSync) -> int:
        ctx.step.realtime.publish("before", ch.tick, {"n": 0})
        mine, others = multiprocessing.Pipe()
        if how == "os.fork":
            child = os.fork()
            if child == 0:
                try:
                    in_child(ctx, client, ch, subscription, others)
                finally:
                    os._exit(0)
        else:
            context = multiprocessing.get_context("fork")
            process = context.Process(target=in_child, args=(ctx, client, ch, subscription, others))
            process.start()
        assert mine.poll(60), "the child waits for somebody who doesn't exist there"
        outcomes.extend(mine.recv())
        if how == "os.fork":
            os.waitpid(child, 0)
        else:
            process.join(60)
        return ctx.step.realtime.publish("after", ch.tick, {"n": 3}).n

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        async with client:
            subscription = client.realtime.subscribe(ch.tick, after=after)
            assert await client.run(work) == 3
            assert [(await anext(subscription)).data.n for _ in range(2)] == [0, 3]
    assert outcomes == ["StepMisuse", "StepMisuse", "StepMisuse", "None", "[]" if after else "[0]"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        assert connection.execute("SELECT id FROM memo ORDER BY started_at").fetchall() == [
            ("before",),
            ("after",),
        ]


async def test_what_belongs_to_a_process_is_not_sent_to_another(client: Client) -> None:
    """As `multiprocessing` does with what a child gets that isn't forked."""

    @client.function("work", retries=0)
    def work(ctx: ContextSync) -> None:
        with pytest.raises(TypeError, match="a run's context belongs to its process"):
            pickle.dumps(ctx)

    async with client:
        await client.run(work)
    with pytest.raises(TypeError, match="a client belongs to its process"):
        pickle.dumps(client)


def test_a_lock_is_given_up_once(path: Path) -> None:
    """Its descriptor's number may be another file's by then."""
    with path.open("wb") as other:
        lock = Lock(path)
        number = lock._fd
        lock.release()
        os.dup2(other.fileno(), number)
        lock.release()  # as every lock that there was is in a forked child
        assert os.path.sameopenfile(number, other.fileno())  # it is still open
        os.close(number)
