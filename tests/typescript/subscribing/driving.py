"""`subscribe` in a Node process that does what a test says, and tells what it is called back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tests.typescript.node_tools import bindings, project, tsc

__all__ = ["ALERTS", "TRANSPORTS", "Follower", "compiled", "following"]

DRIVER = Path(__file__).parent / "driver.mjs"
SCHEMAS = Path(__file__).parents[3] / "schemas"
TRANSPORTS = ("websocket", "sse")
ALERTS = {"module": "alerts", "name": "alertsChannel"}
_PATIENCE = 120


def compiled(folder: Path, *, validators: bool = False) -> Path:
    """Compile the bindings of the example's schemas, and return the folder of their JavaScript."""
    project(folder, bindings(SCHEMAS, "js", validators=validators))
    assert tsc(folder, resolution="nodenext", emit=True) == []
    return folder / "js" / "channels"


class Follower:
    """One subscription in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[tuple[str, Any]] = []
        """What was told so far, in order: a kind and a value."""

    async def do(self, command: str, **given: Any) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **given}).encode() + b"\n")
        await self._process.stdin.drain()

    async def until(self, kind: str, is_it: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return the next value of a kind that is the one."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_PATIENCE):
                while line := await self._process.stdout.readline():
                    told = json.loads(line)
                    self.told.append((told["kind"], told["value"]))
                    if told["kind"] == kind and is_it(told["value"]):
                        return told["value"]
        except TimeoutError:
            raise AssertionError(f"no {kind} came after {self.told[-5:]}") from None
        raise AssertionError(f"it ended without {kind}: {self.told[-5:]}")

    async def state(self, state: str) -> Any:
        """Return the connection when it is in a state."""
        return await self.until("connection", lambda connection: connection["state"] == state)

    def values(self, kind: str) -> list[Any]:
        """Return what was told of a kind."""
        return [value for told, value in self.told if told == kind]

    def states(self) -> list[str]:
        """Return the states of the connection, in order."""
        return [connection["state"] for connection in self.values("connection")]


@contextlib.asynccontextmanager
async def following(folder: Path, transport: str | None, **options: Any) -> AsyncIterator[Follower]:
    """Subscribe in Node, to all topics of `alerts` unless told otherwise."""
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        *(node, "--experimental-websocket", DRIVER, folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        limit=16 * 1024 * 1024,
    )
    follower = Follower(process)
    try:
        await follower.until("ready")
        asked = options if transport is None else {"transport": transport, **options}
        await follower.do("subscribe", **{"channels": [ALERTS], **asked})
        yield follower
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
