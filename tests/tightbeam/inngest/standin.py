"""A stand-in for Inngest's realtime endpoints, on a real socket of this machine, in a thread of its own.

It does what the real server was seen to do, also where that is unkind: it cuts long bodies without a word,
takes messages without a topic, relays what isn't JSON as a string and what isn't UTF-8 as it is, ignores a
bad run id, loses a message whose metadata isn't JSON, and stops nobody who publishes twice. It answers an
upgrade first and subscribes afterwards, and reads frames, pings too, only then.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

LIMIT = 524_288
_SUBSCRIBES_AFTER = 0.005
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        value = self.headers.get("authorization")
        return value.removeprefix("Bearer ") if value is not None else None


@dataclass(eq=False)
class Socket:
    """One subscriber."""

    writer: asyncio.StreamWriter
    topics: set[tuple[str, str]]
    token: str
    pongs: list[bytes] = field(default_factory=list)

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([size])
        elif size < 65_536:
            head += bytes([126]) + size.to_bytes(2, "big")
        else:
            head += bytes([127]) + size.to_bytes(8, "big")
        self.writer.write(head + payload)


class StandIn:
    """The server; `requests` is what it got, `script` what it answers instead, one each."""

    def __init__(self, keys: set[str] | None = None) -> None:
        self.keys = keys
        """Hashed signing keys that are accepted; None accepts anything, as in dev mode."""
        self.requests: list[Request] = []
        self.script: deque[tuple[int, bytes] | tuple[int, bytes, dict[str, str]] | str] = deque()
        """Scripted answers to POSTs: status and body (and headers), "hang" or "drop"."""
        self.refuse_sockets = 0
        """How many connections are answered with 401, whatever their token."""
        self.redirect_sockets: str | None = None
        """Where connections are sent on to."""
        self.subscribes = True
        """False keeps the server from subscribing sockets after their upgrade, until `subscribe_held`."""
        self._held: list[asyncio.Event] = []
        self.upgraded = 0
        """How many upgrades were answered."""
        self.close_at_once = 0
        """How many connections are closed as soon as they stand."""
        self.sockets: list[Socket] = []
        self.connections = 0
        self.open_now = 0
        self.most_open = 0
        self.port = 0
        self._tokens: dict[str, set[tuple[str, str]]] = {}
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    # ----------------------------------------------------------------------------- what a test asks

    @property
    def published(self) -> list[Request]:
        return [one for one in tuple(self.requests) if one.path == "/v1/realtime/publish"]

    @property
    def tokens(self) -> list[Request]:
        return [one for one in tuple(self.requests) if one.path == "/v1/realtime/token"]

    def until(self, condition: Any, what: str = "condition") -> None:
        """Wait, at most half a minute, until something has happened here."""
        with self._changed:
            assert self._changed.wait_for(condition, 30), f"never: {what}"

    def emit(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send a frame to every subscriber: as text, or as a binary one."""

        def send() -> None:
            for socket in tuple(self.sockets):
                if isinstance(frame, bytes):
                    socket.send(2, frame)
                else:
                    socket.send(1, (frame if isinstance(frame, str) else json.dumps(frame)).encode())

        self._loop.call_soon_threadsafe(send)

    def ping(self, payload: bytes = b"are you there") -> None:
        """The protocol's ping, which the server sends every 15 seconds."""
        self._loop.call_soon_threadsafe(lambda: [socket.send(9, payload) for socket in self.sockets])

    def subscribe_held(self) -> None:
        """Subscribe what was held back, and from now on all others."""
        self.subscribes = True
        self._loop.call_soon_threadsafe(lambda: [held.set() for held in self._held])

    def drop_sockets(self) -> None:
        """Break all subscribers' connections."""
        self._loop.call_soon_threadsafe(lambda: [socket.writer.close() for socket in tuple(self.sockets)])

    # ----------------------------------------------------------------------------------- the server

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**21)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        self.subscribe_held()
        for listener in server.sockets:  # asyncio forgets to close what it accepts while its server is closed
            self._loop.remove_reader(listener.fileno())
        for writer in tuple(self._writers):
            writer.transport.abort()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stop.is_set():  # accepted in the last moment
            writer.transport.abort()
            return
        self._writers.add(writer)
        task = self._loop.create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._writers.discard(writer)
            self.open_now -= 1
            self._note()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        request = Request(method, parts.path, parts.query, headers, body)
        self.requests.append(request)
        self._note()
        if request.path == "/v1/realtime/connect":
            await self._subscriber(request, reader, writer)
            return False
        scripted = self.script.popleft() if self.script else None
        if scripted == "hang":
            await self._stop.wait()
            return False
        if scripted == "drop":
            return False
        if isinstance(scripted, tuple):
            self._answer(writer, *scripted)
        else:
            self._answer(writer, *self._handle(request))
        await writer.drain()
        return True

    def _answer(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode("latin-1") + body
        )

    def _handle(self, request: Request) -> tuple[int, bytes]:
        if request.path == "/v1/realtime/token":
            if not self._may(request):
                return 401, b"Authentication failed"
            return self._token(request)
        if request.path == "/v1/realtime/publish":
            if request.bearer in self._tokens:
                return 401, b'{"error":"Not authenticated for publishing","status":401}'
            if not self._may(request):
                return 401, b"Authentication failed"
            self._publish(request)
            return 200, b""
        return 404, b"not found"

    def _may(self, request: Request) -> bool:
        return self.keys is None or request.bearer in self.keys

    def _token(self, request: Request) -> tuple[int, bytes]:
        asked = json.loads(request.body)
        if not isinstance(asked, list):
            error = "Invalid request: must provide a list of topics"
            return 400, json.dumps({"error": error, "data": None, "status": 400}).encode()
        token = f"header.{base64.urlsafe_b64encode(request.body).decode()}.{len(self._tokens)}"
        self._tokens[token] = {(one["channel"], one["name"]) for one in asked}
        return 201, json.dumps({"jwt": token}).encode()

    def _publish(self, request: Request) -> None:
        body = request.body[:LIMIT]  # cut, and 200 all the same
        try:
            data = json.loads(body, parse_constant=_not_json)
        except (UnicodeDecodeError, RecursionError):
            self._relay_bytes(request, body)
            return
        except ValueError:
            data = body.decode("utf-8", "replace")
        query = request.query
        frame: dict[str, Any] = {"kind": "data", "data": data}
        if "metadata" in query:
            try:
                frame["metadata"] = json.loads(query["metadata"])
            except ValueError:
                return  # lost
        frame |= {
            "created_at": "2026-11-22T05:40:30.249725938Z",
            "channel": query.get("channel", ""),
            "env_id": "00000000-0000-4000-b000-000000000000",
            "topic": query.get("topic", ""),
        }
        if _ULID.fullmatch(query.get("run_id", "")):
            frame["run_id"] = query["run_id"]
        for socket in tuple(self.sockets):
            if (frame["channel"], frame["topic"]) in socket.topics:
                socket.send(1, json.dumps(frame).encode())

    def _relay_bytes(self, request: Request, body: bytes) -> None:
        address = (request.query.get("channel", ""), request.query.get("topic", ""))
        names = json.dumps({"channel": address[0], "topic": address[1]}).encode()
        for socket in tuple(self.sockets):
            if address in socket.topics:
                socket.send(1, b'{"kind":"data","data":' + body + b"," + names[1:])

    async def _subscriber(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        token = request.query.get("token") or request.bearer or ""
        if token not in self._tokens or self.refuse_sockets:
            self.refuse_sockets = max(0, self.refuse_sockets - 1)
            self._answer(writer, 401, b'{"error":"Unauthorized"}', {"connection": "close"})
            await writer.drain()
            return
        if self.redirect_sockets is not None:
            self._answer(writer, 307, b"", {"location": self.redirect_sockets, "connection": "close"})
            await writer.drain()
            return
        digest = hashlib.sha1(request.headers["sec-websocket-key"].encode() + _GUID).digest()
        accept = base64.b64encode(digest).decode()
        socket = Socket(writer, self._tokens[token], token)
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-accept: {accept}\r\n\r\n".encode()
        )
        await writer.drain()
        self.upgraded += 1
        self._note()
        if not self.subscribes:
            held = asyncio.Event()
            self._held.append(held)
            await held.wait()
        # Later than the answer, as the server's own SUBSCRIBE is: open doesn't mean subscribed.
        await asyncio.sleep(_SUBSCRIBES_AFTER)
        self.sockets.append(socket)
        self._note()
        try:
            if self.close_at_once:
                self.close_at_once -= 1
                return
            await self._read_frames(reader, socket)
        finally:
            self.sockets.remove(socket)
            self._note()

    async def _read_frames(self, reader: asyncio.StreamReader, socket: Socket) -> None:
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            mask = await reader.readexactly(4)
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
            opcode = first & 0x0F
            if opcode == 8:
                socket.send(8, payload)
                return
            if opcode == 9:
                socket.send(10, payload)
            if opcode == 10:
                socket.pongs.append(payload)
                self._note()


def _not_json(constant: str) -> Any:
    raise ValueError(constant)
