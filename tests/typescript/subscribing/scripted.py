"""A server that answers what a test says: token routes and gateways in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

__all__ = ["Answer", "Scripted", "scripted"]


class Answer:
    """An HTTP answer; one of server-sent events goes on until the test ends it."""

    def __init__(
        self,
        status: int = 200,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        hangs: bool = False,
    ) -> None:
        self.status = status
        self.body = body if isinstance(body, str) else json.dumps(body)
        self.headers = {
            "content-type": "application/json",
            "access-control-allow-origin": "*",
            **(headers or {}),
        }
        self.hangs = hangs
        """Whether what follows never comes: no answer at all, or a stream without another word."""

    @classmethod
    def events(cls, *frames: Any, hangs: bool = True) -> Answer:
        """Frames as server-sent events."""
        body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames)
        return cls(200, body or ":\n\n", {"content-type": "text/event-stream"}, hangs=hangs)


class Scripted:
    """Answers each path with the next of its answers, and with the last of them again and again."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, list[Answer | None]] = {}
        """None hangs up."""
        self.asked: list[str] = []
        """The targets of the requests so far."""
        self._tasks: set[asyncio.Task[None]] = set()

    def token(self, **more: Any) -> Answer:
        """What a token route answers."""
        return Answer(200, {"key": "a-token", "apiBaseUrl": self.url, **more})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            self.asked.append(target)
            answers = self.answers[target.partition("?")[0]]
            answer = answers[0] if len(answers) == 1 else answers.pop(0)
            if answer is not None:
                await self._write(answer, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _write(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        is_stream = answer.headers["content-type"] == "text/event-stream"
        if is_stream or not answer.hangs:
            length = {} if is_stream else {"content-length": str(len(answer.body.encode()))}
            lines = [f"HTTP/1.1 {answer.status} Whatever", "connection: close"]
            lines += [f"{name}: {value}" for name, value in {**length, **answer.headers}.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n" + answer.body).encode())
            await writer.drain()
        if answer.hangs:
            await asyncio.Event().wait()

    async def close(self) -> None:
        """End what still goes on."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """Serve on a port of its own."""
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()
        await script.close()
