"""Fan-out of one process to many subscribers over loopback, beside what one would write without Tightbeam.

Each contender is a server process of its own; this process only reads. A round asks every server in turn for
a burst and takes the time until the last subscriber has the last message, so that what else the machine does
meets all of them alike.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from statistics import median

from benchmarks.report import Bound, Report, Table

__all__ = ["LAST", "PACE", "measure"]

CONTENDERS = (
    "raw socket.send",
    "Starlette WebSocket, queue each",
    "Tightbeam WebSocket",
    "Tightbeam WebSocket, plain ASGI",
    "Starlette SSE, queue each",
    "sse-starlette",
    "Tightbeam SSE",
)
BOUNDS = {
    "WebSocket, bursts: ÷ Starlette with queues": ("Tightbeam WebSocket", CONTENDERS[1], 2.0),
    "SSE, bursts: ÷ Starlette with queues": ("Tightbeam SSE", CONTENDERS[4], 4.0),
    "WebSocket, bursts: ÷ raw socket.send": ("Tightbeam WebSocket", CONTENDERS[0], 0.5),
    "SSE, bursts: ÷ raw socket.send": ("Tightbeam SSE", CONTENDERS[0], 0.5),
}
BURST = 20
LAST = b"LAST"
PACE = b"PACE:"
_DEADLINE = 120.0


@dataclass
class Subject:
    """One server process and the connections to it."""

    name: str
    process: subprocess.Popen[str]
    port: int
    token: str
    sockets: list[socket.socket] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def connect(self, subscribers: int) -> None:
        """Open all streams."""
        for _ in range(subscribers):
            one = socket.create_connection(("127.0.0.1", self.port))
            one.settimeout(30)
            if self.name != "raw socket.send":
                path = f"/v1/realtime/{'sse' if 'SSE' in self.name or 'sse' in self.name else 'connect'}"
                lines = [f"GET {path}?token={self.token} HTTP/1.1", "Host: 127.0.0.1"]
                if path.endswith("connect"):
                    lines += [
                        "Connection: Upgrade",
                        "Upgrade: websocket",
                        "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    ]
                one.sendall("\r\n".join([*lines, "", ""]).encode())
                answer = one.recv(4096)
                if not answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                    raise RuntimeError(f"{self.name}: {answer[:200]!r}")
            one.setblocking(False)
            self.sockets.append(one)

    def ask(self, what: str) -> None:
        """Tell the server to publish."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def answer(self) -> float:
        """What it answers: CPU seconds."""
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())

    def burst(self, messages: int) -> None:
        """One round."""
        waiting = selectors.DefaultSelector()
        for one in self.sockets:
            waiting.register(one, selectors.EVENT_READ, bytearray())
        began = time.perf_counter()
        self.ask(f"burst {messages}")
        left = len(self.sockets)
        while left:
            if time.perf_counter() - began > _DEADLINE:
                raise RuntimeError(f"{self.name}: {left} subscribers are without the last message")
            for key, _ in waiting.select(1.0):
                tail: bytearray = key.data
                got = key.fileobj.recv(262_144)  # type: ignore[union-attr]  # a socket: registered above
                if not got:
                    raise RuntimeError(f"{self.name} hung up")
                tail += got[-400:]
                if LAST in tail:
                    waiting.unregister(key.fileobj)
                    left -= 1
                del tail[:-16]
        self.walls.append(time.perf_counter() - began)
        self.cpus.append(self.answer())
        waiting.close()

    def latencies(self, messages: int, rate: int) -> list[float]:
        """Milliseconds from each publish to each of the subscribers, at a steady rate."""
        waiting = selectors.DefaultSelector()
        for one in self.sockets:
            waiting.register(one, selectors.EVENT_READ, bytearray())
        self.ask(f"pace {messages} {rate}")
        found: list[float] = []
        began = time.perf_counter()
        while len(found) < messages * len(self.sockets):
            if time.perf_counter() - began > _DEADLINE:
                raise RuntimeError(f"{self.name}: messages are missing")
            for key, _ in waiting.select(1.0):
                text: bytearray = key.data
                text += key.fileobj.recv(262_144)  # type: ignore[union-attr]  # a socket: registered above
                now = time.monotonic_ns()
                *sent, rest = bytes(text).split(PACE)
                if len(rest) >= 20 and sent:
                    sent.append(rest)
                    rest = b""
                found += [(now - int(stamp[:20])) / 1e6 for stamp in sent[1:]]
                text[:] = PACE + rest if rest and sent else rest[-20:]
        self.answer()
        waiting.close()
        return sorted(found)

    def end(self) -> None:
        """Stop the server that was started here."""
        for one in self.sockets:
            one.close()
        self.process.kill()  # uvicorn would wait for its readers
        self.process.wait(20)


def start(name: str) -> Subject:
    """A server process, listening."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fanout_servers", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    return Subject(name, process, said["port"], said["token"])


def measure(*, quick: bool = False) -> Report:
    """All of it."""
    raise_file_limit()
    subscribers, rounds, paced = (100, 3, 50) if quick else (1_000, 9, 500)
    subjects = [start(name) for name in CONTENDERS]
    try:
        for subject in subjects:
            subject.connect(subscribers)
            subject.burst(2)  # warm
        bursts, alone = (_rounds(subjects, messages, rounds) for messages in (BURST, 1))
    finally:
        for subject in subjects:
            subject.end()
    report = Report(
        "fanout",
        f"One process to {subscribers:,} subscribers over loopback, payloads of 200 bytes, read by another"
        f" process. Each contender is a server of its own, all take turns for {rounds} rounds. The"
        " baselines have a queue for each subscriber, as tutorials do, and encode a message once.",
    )
    rows = [_row(name, bursts[name], alone[name], subscribers) for name in CONTENDERS]
    report.tables.append(
        Table(
            f"Deliveries a second, in bursts of {BURST} messages and one by one",
            ("", "bursts", "÷ raw", "server's CPU, µs", "one by one", "÷ raw"),
            tuple(rows),
        )
    )
    for name, (of, over, limit) in BOUNDS.items():
        report.bounds.append(Bound(name, median(ratio(bursts[of], bursts[over])), "≥", limit))
    report.tables.append(_latencies(paced))
    return report


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds of each round, and its ratio to the raw loop in the same round."""

    walls: list[float]
    cpus: list[float]
    to_raw: float
    messages: int


def ratio(of: Found, over: Found) -> list[float]:
    """How many times as fast one is as another, round by round."""
    return [theirs / ours for ours, theirs in zip(of.walls, over.walls, strict=True)]


def _rounds(subjects: list[Subject], messages: int, rounds: int) -> dict[str, Found]:
    for subject in subjects:
        subject.walls.clear()
        subject.cpus.clear()
    for _ in range(rounds):
        for subject in subjects:
            subject.burst(messages)
    raw = subjects[0].walls
    return {
        one.name: Found(
            list(one.walls),
            list(one.cpus),
            median(theirs / ours for ours, theirs in zip(one.walls, raw, strict=True)),
            messages,
        )
        for one in subjects
    }


def _row(name: str, bursts: Found, alone: Found, subscribers: int) -> tuple[str, ...]:
    deliveries = subscribers * bursts.messages
    return (
        name,
        f"{deliveries / median(bursts.walls):,.0f}",
        f"{bursts.to_raw:.2f}",
        f"{median(bursts.cpus) / deliveries * 1e6:.2f}",
        f"{subscribers / median(alone.walls):,.0f}",
        f"{alone.to_raw:.2f}",
    )


def _latencies(messages: int) -> Table:
    rows = []
    for name in (CONTENDERS[1], "Tightbeam WebSocket", CONTENDERS[4], "Tightbeam SSE"):
        subject = start(name)
        try:
            subject.connect(100)
            subject.burst(2)
            found = subject.latencies(messages, 100)
            at = [found[int(len(found) * part)] for part in (0.5, 0.99)]
            rows.append((name, *(f"{one:.2f}" for one in at)))
        finally:
            subject.end()
    return Table("Milliseconds to 100 subscribers, 100 messages a second", ("", "p50", "p99"), tuple(rows))


def raise_file_limit() -> None:
    """Each subscriber is an open file here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
