"""Readers that are cut off and resume by position while four processes write: no gap, no repeat."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.postgres.chaos.writer import CHANNELS
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client

ROOT = Path(__file__).parents[3]
WRITERS = 4
READERS = 8
_LOG = """
SELECT xid::text || '.' || seq, run_id || ':' || step || ':' || number FROM tightbeam.message
WHERE topic = 'tick' ORDER BY message.xid, message.seq
"""
_NAIVE = "SELECT seq FROM tightbeam.message WHERE seq > %s AND topic = 'tick' ORDER BY seq LIMIT 1000"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cuts", "part"), [(160, 0), *(pytest.param(1_250, part, marks=pytest.mark.soak) for part in range(8))]
)
async def test_readers_resume_without_gap_or_repeat_while_four_processes_write(
    address: str, cuts: int, part: int
) -> None:
    client = Client(address, run_functions=False)
    async with client:
        naive = Naive()
        async with writing(address):
            reading = asyncio.create_task(naive.read(address))
            readers = [Reader(client, seed * READERS + part) for seed in range(READERS)]
            await asyncio.gather(*(reader.read(cuts // READERS) for reader in readers))
            naive.enough.set()
            await reading
        log = await asyncio.to_thread(read_log, address)
        for reader in readers:
            await reader.catch_up(len(log))
            assert reader.got == log
        naive.compare(await asyncio.to_thread(read_numbers, address))
    print(f"{len(log)} messages, {cuts} cuts; the naive reader lost {naive.lost} of {naive.seen}")
    assert naive.lost > 0 or cuts < 1_000  # of few messages it may happen to lose none


class Reader:
    """One that reads a few messages, is cut off, and resumes behind the last one it has."""

    def __init__(self, client: Client, seed: int) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self._channels = [job_channel(job_id=f"j{n}") for n in range(CHANNELS)]
        self._position = "start"
        self.got: list[tuple[str, str]] = []
        """Position (without the journal's name) and id of each durable message."""

    async def read(self, cuts: int) -> None:
        """Read until it was cut off so often."""
        for _ in range(cuts):
            subscription = self._subscribe()
            taking = asyncio.create_task(self._take(subscription, self._chance.randint(0, 12)))
            if self._chance.random() < 0.3:  # in the midst of whatever it does
                await asyncio.sleep(self._chance.uniform(0, 0.02))
                taking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await taking
            subscription.close()

    async def catch_up(self, until: int) -> None:
        """Read until it has so many."""
        subscription = self._subscribe()
        async with asyncio.timeout(60):
            await self._take(subscription, until - len(self.got))
        subscription.close()

    def _subscribe(self) -> Any:
        refs = [ref for channel in self._channels for ref in (channel.tick, channel.token)]
        return self._client.realtime.subscribe(*refs, after=self._position)

    async def _take(self, subscription: Any, many: int) -> None:
        while many > 0:
            message = await anext(subscription)
            if message.topic == "tick":
                many -= 1
                self._position = message.position
                self.got.append((message.position.partition(".")[2], message.id))


class Naive:
    """One that takes the order of numbers for that of commits, as is done where there is no other."""

    def __init__(self) -> None:
        self.enough = asyncio.Event()
        self._got: set[int] = set()
        self._last = 0
        self.lost = self.seen = 0

    async def read(self, address: str) -> None:
        """Read behind the highest number, again and again."""
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
            while not self.enough.is_set():
                rows = await (await connection.execute(_NAIVE, (self._last,))).fetchall()
                self._got.update(number for (number,) in rows)
                self._last = max((self._last, *(number for (number,) in rows)))
                await asyncio.sleep(0)

    def compare(self, numbers: set[int]) -> None:
        """Count what it should have and hasn't."""
        passed = {number for number in numbers if number <= self._last}
        self.seen, self.lost = len(passed), len(passed - self._got)


@contextlib.asynccontextmanager
async def writing(address: str) -> AsyncIterator[None]:
    """Have processes write; all is committed when they are gone."""
    writers = [start_writer(address, number) for number in range(WRITERS)]
    try:
        yield
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()
        assert [await asyncio.to_thread(writer.wait, 60) for writer in writers] == [0] * WRITERS
    finally:
        for writer in writers:
            if writer.poll() is None:
                writer.kill()
                writer.wait()


def start_writer(address: str, number: int) -> subprocess.Popen[bytes]:
    """Start one of the writing processes; it ends with its input."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.postgres.chaos.writer", address, str(number)],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=ROOT,
    )


def read_log(address: str) -> list[tuple[str, str]]:
    """Return position and id of each message, in the log's order."""
    with psycopg.connect(address) as connection:
        return connection.execute(_LOG).fetchall()


def read_numbers(address: str) -> set[int]:
    """Return the numbers of all messages."""
    with psycopg.connect(address) as connection:
        return {number for (number,) in connection.execute("SELECT seq FROM tightbeam.message")}
