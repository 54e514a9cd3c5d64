"""Fan-out of one process to many subscribers over loopback, beside what one would write without Tightbeam.

    python -m benchmarks.fanout [--subscribers 1000] [--messages 20] [--rounds 5] [--json FILE]

Each contender is a server process of its own; this process only reads. A round asks every server in turn for
a burst and takes the time until the last subscriber has the last message, so that what else the machine does
meets all of them alike. Figures are ratios of the rounds' medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTENDERS = (
    "raw socket.send",
    "Starlette WebSocket, queue each",
    "Tightbeam WebSocket",
    "Tightbeam WebSocket, plain ASGI",
    "Starlette SSE, queue each",
    "sse-starlette",
    "Tightbeam SSE",
)
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


def run(subscribers: int, messages: int, rounds: int) -> dict[str, Any]:
    """All of it; the figures."""
    subjects = [start(name) for name in CONTENDERS]
    try:
        for subject in subjects:
            subject.connect(subscribers)
            subject.burst(2)  # warm
            subject.walls.clear()
            subject.cpus.clear()
        for _ in range(rounds):
            for subject in subjects:
                subject.burst(messages)
        deliveries = subscribers * messages
        figures = {
            subject.name: {
                "deliveries_per_second": deliveries / statistics.median(subject.walls),
                "server_cpu_us_per_delivery": statistics.median(subject.cpus) / deliveries * 1e6,
            }
            for subject in subjects
        }
    finally:
        for subject in subjects:
            subject.end()
    latency = {}
    for name in ("Starlette WebSocket, queue each", "Tightbeam WebSocket", "Tightbeam SSE"):
        subject = start(name)
        try:
            subject.connect(100)
            subject.burst(2)
            found = subject.latencies(300, 100)
            latency[name] = {"p50_ms": found[len(found) // 2], "p99_ms": found[int(len(found) * 0.99)]}
        finally:
            subject.end()
    return {"figures": figures, "latency_100_subscribers_100_per_second": latency, "ratios": ratios(figures)}


def ratios(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """What is promised, as ratios of deliveries a second."""
    rate = {name: one["deliveries_per_second"] for name, one in figures.items()}
    return {
        "WebSocket / Starlette queue": rate["Tightbeam WebSocket"] / rate[CONTENDERS[1]],
        "WebSocket on plain ASGI / Starlette queue": rate[CONTENDERS[3]] / rate[CONTENDERS[1]],
        "SSE / Starlette queue": rate["Tightbeam SSE"] / rate[CONTENDERS[4]],
        "SSE / sse-starlette": rate["Tightbeam SSE"] / rate["sse-starlette"],
        "WebSocket / raw socket.send": rate["Tightbeam WebSocket"] / rate["raw socket.send"],
        "SSE / raw socket.send": rate["Tightbeam SSE"] / rate["raw socket.send"],
    }


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    done = run(options.subscribers, options.messages, options.rounds)
    done["machine"] = {
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    print(f"{options.subscribers} subscribers, bursts of {options.messages} messages of 200 bytes")
    for name, one in done["figures"].items():
        print(
            f"  {name:34} {one['deliveries_per_second']:>10,.0f} deliveries/s"
            f"   server CPU {one['server_cpu_us_per_delivery']:6.2f} µs each"
        )
    for name, ratio in done["ratios"].items():
        print(f"  {name:44} {ratio:6.2f}")
    print("100 subscribers, 100 messages a second")
    for name, one in done["latency_100_subscribers_100_per_second"].items():
        print(f"  {name:34} p50 {one['p50_ms']:.2f} ms   p99 {one['p99_ms']:.2f} ms")
    if options.json:
        options.json.write_text(json.dumps(done, indent=2))


if __name__ == "__main__":
    main()
