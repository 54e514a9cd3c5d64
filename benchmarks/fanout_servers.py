"""The servers of `benchmarks.fanout`: one process each, told by standard input when to publish."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from benchmarks.fanout import LAST, PACE

PUBLISH = Callable[[str], Awaitable[None]]
CHANNEL = "pipeline:bench"


def text(marker: bytes = b"") -> str:
    """A message that makes about 200 bytes of payload."""
    return marker.decode().ljust(186, ".")


def payload(token: str) -> dict[str, str]:
    """What the generated channel takes."""
    return {"token": token}


async def obey(publish: PUBLISH) -> None:
    """Read orders until there are no more."""
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, sys.stdin.readline):
        name, *numbers = order.split()
        began = time.process_time()
        if name == "burst":
            count = int(numbers[0])
            for n in range(count):
                await publish(text(LAST if n == count - 1 else b""))
            # Deliveries go on after the publishes: the time is taken when the process has come to rest.
            before = -1.0
            while (now := time.process_time()) - before > 0.001:
                before = now
                await asyncio.sleep(0.05)
            print(now - began, flush=True)
        else:
            count, rate = map(int, numbers)
            due = loop.time()
            for _ in range(count):
                due += 1 / rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                await publish(text(PACE + f"{time.monotonic_ns():020}".encode()))
            print(time.process_time() - began, flush=True)


async def serve(app: Any, publish: PUBLISH, token: Callable[[], str] = str, **settings: Any) -> None:
    """Serve an ASGI app with uvicorn and obey."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    config = uvicorn.Config(app, log_level="critical", ws_ping_interval=None, **settings)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(json.dumps({"port": listener.getsockname()[1], "token": token()}), flush=True)
    await obey(publish)
    server.should_exit = True
    await serving


def raw() -> None:
    """The limit: one `send` a message and subscriber, in a loop."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(json.dumps({"port": listener.getsockname()[1], "token": ""}), flush=True)
    readers: list[socket.socket] = []
    while True:
        while listener in select.select([sys.stdin, listener], [], [])[0]:
            reader = listener.accept()[0]
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            readers.append(reader)
        order = sys.stdin.readline()
        if not order:
            return
        count = int(order.split()[1])
        began = time.process_time()
        for n in range(count):
            frame = json.dumps(payload(text(LAST if n == count - 1 else b""))).encode()
            for reader in readers:
                reader.sendall(frame)
        print(time.process_time() - began, flush=True)


async def starlette(kind: str) -> None:
    """A queue for each subscriber, as the tutorials have it; the text is made once, which many don't."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    queues: set[asyncio.Queue[str]] = set()

    async def connect(websocket: WebSocket) -> None:
        await websocket.accept()
        queue: asyncio.Queue[str] = asyncio.Queue()
        queues.add(queue)
        while True:
            await websocket.send_text(await queue.get())

    async def events() -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        queues.add(queue)
        while True:
            yield f"data: {await queue.get()}\n\n"

    async def sse(_request: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    async def sse_starlette(_request: Request) -> Response:
        from sse_starlette import EventSourceResponse

        async def plain() -> AsyncIterator[dict[str, str]]:
            queue: asyncio.Queue[str] = asyncio.Queue()
            queues.add(queue)
            while True:
                yield {"data": await queue.get()}

        return EventSourceResponse(plain())

    async def publish(token: str) -> None:
        message = json.dumps(payload(token))
        for queue in queues:
            queue.put_nowait(message)

    stream = sse_starlette if kind == "sse-starlette" else sse
    app = Starlette(
        routes=[WebSocketRoute("/v1/realtime/connect", connect), Route("/v1/realtime/sse", stream)]
    )
    await serve(app, publish, ws_per_message_deflate=False)


async def tightbeam_gateway(kind: str) -> None:
    """The gateway as `tightbeam serve` runs it, or with uvicorn's own protocol."""
    import generated
    import tightbeam
    import tightbeam.gateway
    from generated.pipeline import pipeline_channel
    from tightbeam.gateway._protocol import HttpProtocol, WebSocketProtocol

    client = tightbeam.Client()
    gateway = tightbeam.gateway.app(
        client, channels=generated, dev=True, public_url="http://127.0.0.1", limits=tightbeam.gateway.Limits()
    )
    channel = pipeline_channel(run_id="bench")

    def mint() -> str:
        return client.realtime.token_sync(channel, ["tokens"])["key"]

    async def publish(token: str) -> None:
        await client.realtime.publish(channel.tokens, {"token": token})

    if kind == "plain":
        await serve(gateway, publish, mint, ws_per_message_deflate=False)
    else:
        own = {"http": HttpProtocol, "ws": WebSocketProtocol}
        await serve(gateway, publish, mint, ws_per_message_deflate=False, **own)


def main() -> None:
    """Run the server that is named."""
    name = sys.argv[1]
    if name.startswith("raw"):
        raw()
    elif name.startswith("Tightbeam"):
        asyncio.run(tightbeam_gateway("plain" if "plain" in name else "own"))
    else:
        asyncio.run(starlette(name))


if __name__ == "__main__":
    main()
