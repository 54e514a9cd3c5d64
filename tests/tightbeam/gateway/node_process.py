"""A Node process that runs the official client and speaks in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests import node_packages

FOLDER = Path(__file__).parent / "node"


def require_node() -> None:
    """Skip without Node and the package; where TIGHTBEAM_REQUIRE_NODE says so, fail."""
    node_packages.require_node(FOLDER, "inngest", "the official client")


class Node:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def say(self, value: object) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write((value if isinstance(value, str) else json.dumps(value)).encode() + b"\n")
        await self.process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            line = await self.process.stdout.readline()
        assert line, "node ended"
        heard: dict[str, Any] = json.loads(line)
        return heard

    async def message(self) -> dict[str, Any]:
        """The next message, whatever else is said before it."""
        while "message" not in (heard := await self.hear()):
            assert "closed" not in heard
        found: dict[str, Any] = heard["message"]
        return found

    async def state(self, **wanted: object) -> dict[str, Any]:
        """The next state of the hook that is as wanted."""
        while True:
            state = (await self.hear()).get("state")
            if state is not None and all(state.get(name) == value for name, value in wanted.items()):
                found: dict[str, Any] = state
                return found


@contextlib.asynccontextmanager
async def node(script: str, settings: dict[str, Any]) -> AsyncIterator[Node]:
    """Run one of the scripts beside this file."""
    process = await asyncio.create_subprocess_exec(
        *("node", "--experimental-websocket", "--no-warnings", script),
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=8 * 1024 * 1024,
    )
    made = Node(process)
    try:
        await made.say(settings)
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
