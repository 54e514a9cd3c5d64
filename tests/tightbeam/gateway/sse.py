"""Server-sent events, parsed as the standard says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx


async def first_messages(stream: AsyncIterator[dict[str, str]], count: int) -> AsyncIterator[dict[str, str]]:
    """Yield the first messages among the events of a stream."""
    async for event in stream:
        if "data" in event:
            yield event
            count -= 1
            if not count:
                return


@contextlib.asynccontextmanager
async def events(url: str, token: str, **headers: str) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The events of a stream; ids without data come as events of their own."""

    async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
        event: dict[str, str] = {}
        async for line in lines:
            if not line:
                if event:
                    yield event
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value

    # Without certificates: to load them takes longer than all the rest, and there are none to check.
    async with httpx.AsyncClient(timeout=60, verify=False) as http:
        stream = http.stream("GET", f"{url}/v1/realtime/sse", params={"token": token}, headers=headers)
        async with stream as answer:
            assert answer.status_code == 200
            yield parsed(answer.aiter_lines())
