"""A Node process that runs the official client and speaks in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "node"


@functools.cache
def _missing() -> str | None:
    node = shutil.which("node")
    if node is None:
        return "there is no node"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    if int(said.removeprefix("v").partition(".")[0] or 0) < 20:
        return f"node {said.strip()} is older than 20"
    if not (FOLDER / "node_modules" / "inngest").is_dir():
        return "the npm package inngest isn't installed: make setup-node"
    return None


def require_node() -> None:
    """Skip without Node and the package; where TIGHTBEAM_REQUIRE_NODE says so, fail."""
    missing = _missing()
    if missing is not None and os.environ.get("TIGHTBEAM_REQUIRE_NODE") == "1":
        pytest.fail(f"the official client can't be tested here: {missing}")
    if missing is not None:
        pytest.skip(f"left out, the official client: {missing}")


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
        await process.wait()
