"""Other processes that have the journal of a test open: `make test-processes` runs whole suites beside them.

``TIGHTBEAM_TEST_PROCESSES`` says how many processes there are in all, that of the tests included. Every other
bystander is a worker with a function of its own; the rest read, as gateways do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from unittest.mock import patch

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context
from tightbeam._engine.postgres import runs

__all__ = ["beside"]

_NUMBER = int(os.environ.get("TIGHTBEAM_TEST_PROCESSES", "1")) - 1


class _Bystander:
    """A process that enters and leaves when it is told to; it ends with its input."""

    def __init__(self, role: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.bystanders", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, address: str) -> None:
        """Have it enter a client with an address; leave it, if that is empty."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{address}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until it has done what it was told."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "done\n", "a bystander has failed"


@cache
def _bystanders() -> tuple[_Bystander, ...]:
    return tuple(_Bystander("work" if number % 2 else "read") for number in range(_NUMBER))


@contextlib.contextmanager
def beside(address: str) -> Iterator[None]:
    """Have as many processes enter a journal as the environment says, and leave it at the end.

    Where a test moves the clock, it moves those of the bystanders, too: so the process of the tests counts as
    alone for that.
    """
    with patch.object(runs, "is_alone", lambda _: True) if _NUMBER else contextlib.nullcontext():
        _tell_all(address)
        yield
        _tell_all("")


def _tell_all(address: str) -> None:
    for bystander in _bystanders():
        bystander.tell(address)
    for bystander in _bystanders():
        bystander.wait()


# -- in the process ------------------------------------------------------------------------------------------


def _client(role: str, address: str) -> Client:
    client = Client(address, run_functions=role == "work")

    @client.function("bystander", on="tests/bystander")
    async def bystander(ctx: Context) -> None: ...

    return client


async def _main(role: str) -> None:
    while address := (await asyncio.to_thread(sys.stdin.readline)).strip():
        async with _client(role, address) as client, contextlib.AsyncExitStack() as stack:
            if role == "read":
                await stack.enter_async_context(client.realtime.subscribe(job_channel(job_id="j1")))
            sys.stdout.write("done\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
