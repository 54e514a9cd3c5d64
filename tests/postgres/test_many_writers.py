"""Four processes write at once: each reader gets the whole log in one order, however often it is cut off.

What clients read while processes write is a test for every day: `tests/postgres/chaos/test_resume.py`.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.writing_child import CHANNELS
from tests.postgres.written import Process, journal, placed, processes
from tightbeam._engine.requests import ReadPage

pytestmark = [pytest.mark.slow, pytest.mark.soak]
_ROOT = Path(__file__).parents[2]
_NAIVE = "SELECT seq FROM tightbeam.message WHERE seq > %s ORDER BY seq"
_ADDRESSES = tuple((channel, topic) for channel in CHANNELS for topic in ("tick", "token"))
_WRITERS = 4


@contextlib.contextmanager
def writing(address: str, seed: int, transactions: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Have four processes write so many transactions each."""
    command = [sys.executable, "-m", "tests.postgres.writing_child", address]
    children = [
        subprocess.Popen([*command, str(seed * _WRITERS + n), str(transactions)], cwd=_ROOT)
        for n in range(_WRITERS)
    ]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


class Reader:
    """Reads pages, is cut off somewhere in each, and resumes by position: in this process or in another."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.after = "start"
        self.seen: list[int] = []
        self.cuts = 0

    def read(self, process: Process) -> bool:
        """Read a page, and be cut off; return whether there was anything."""
        page = process.ask(ReadPage(_ADDRESSES, self.after, messages=self.choice.randrange(1, 40)))
        if not page.messages:
            return False
        kept = page.messages[: self.choice.randrange(1, len(page.messages) + 1)]
        self.seen += [message.seq or 0 for message in kept]
        self.after = process.log.position(self.seen[-1])
        self.cuts += 1
        return True


def read_all(address: str, seed: int, transactions: int, cuts: int) -> None:
    """Have four processes write, read what they write, and compare.

    Args:
        address: of an empty database.
        seed: of all choices.
        transactions: that each process writes.
        cuts: how often readers resume, at least.
    """
    choice = random.Random(seed)
    readers = [Reader(choice) for _ in range(8)]
    naive: list[int] = []
    with processes(address, 2) as gateways, writing(address, seed, transactions) as children:

        def look() -> bool:
            found = [reader.read(choice.choice(gateways)) for reader in choice.sample(readers, 4)]
            choice.choice(gateways).follow()
            if choice.random() < 0.3:
                last = naive[-1] if naive else 0
                naive.extend(seq for (seq,) in gateways[0].connection.execute(_NAIVE, (last,)).fetchall())
            return any(found)

        while any(child.poll() is None for child in children):
            look()
        assert [child.returncode for child in children] == [0] * _WRITERS
        log = placed(gateways[0].connection)
        while any(reader.seen[-1:] != log[-1:] for reader in readers):
            look()
        assert len(log) > transactions * _WRITERS
        assert all(gateway.log.wait_for(log[-1], 30) for gateway in gateways)
        assert all(gateway.fanned_out == log for gateway in gateways)
        assert all(reader.seen == log for reader in readers)
        assert sum(reader.cuts for reader in readers) >= cuts
        lost = {place & 0xFFFF_FFFF for place in log} - set(naive)
        assert lost, "who reads on from the highest number should have lost some: is the test too tame?"
        print(f"{len(log)} messages, {sum(one.cuts for one in readers)} cuts; naive lost {len(lost)}")


@pytest.mark.parametrize("seed", range(1, 5))
async def test_readers_that_are_cut_off_very_often(address: str, seed: int) -> None:
    await journal(address)
    read_all(address, seed, 1_500, 2_500)
