"""Processes of one program on one server, started by a test: workers that execute functions, and gateways."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator

__all__ = ["crew", "started"]


@contextlib.asynccontextmanager
async def started(role: str, address: str) -> AsyncIterator[str]:
    """Start a process, and give what it says when it is ready: the URL of a gateway."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.postgres.crew_child", role, address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode().strip()
        assert said, f"a process that was to {role} has ended: {process.returncode}"
        yield said
        process.stdin.close()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def crew(address: str, *, workers: int = 0, gateways: int = 0) -> AsyncIterator[list[str]]:
    """Start so many processes; gives the URLs of the gateways."""
    roles = ["work"] * workers + ["serve"] * gateways
    async with contextlib.AsyncExitStack() as stack:
        said = await asyncio.gather(*(stack.enter_async_context(started(role, address)) for role in roles))
        yield said[workers:]
