"""Where the time goes: a live publish, a durable one, and a start, cut into their parts.

``python -m benchmarks.cost [--svg FILE]`` prints the parts and draws them. Each part is a median of what was
measured in this run, by stopwatches put around the functions that it is about.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson

from benchmarks.bindings import MEDIUM, SCHEMAS, payload_channel
from benchmarks.durable import fill
from benchmarks.journals import on_disk, raw
from tightbeam import Client, Context
from tightbeam._engine.intake import Intake
from tightbeam._engine.pending import Pending
from tightbeam._engine.scheduler import Scheduler
from tightbeam._engine.settling import Settler
from tightbeam._engine.sqlite import file
from tightbeam._engine.sqlite.store import SqliteStore
from tightbeam._payload.encode import encode
from tightbeam._publishing import build_message

__all__ = ["Bar", "bars", "draw"]

_COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f")
_WIDTH, _BAR, _LINE = 760, 26, 16


class Bar(NamedTuple):
    """One thing and its parts, in seconds."""

    title: str
    parts: tuple[tuple[str, float], ...]


def bars(*, quick: bool = False) -> list[Bar]:
    """Measure everything."""
    logging.getLogger("tightbeam").setLevel(logging.ERROR)
    return [_live(), _durable(100 if quick else 600), _start(*((1_000, 50) if quick else (100_000, 1_000)))]


def _each(call: Callable[[], object], times: int = 2_000, rounds: int = 15) -> float:
    """The least of some rounds: what disturbs only adds."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(times):
            call()
        found.append((time.process_time() - start) / times)
    return min(found)


def _live() -> Bar:
    import jsonschema_rs

    ref = payload_channel("closed").closed_payloads_channel(id="1").medium
    client = Client()
    is_valid = jsonschema_rs.validator_for(SCHEMAS["closed"]["medium"], offline=True).is_valid
    limit = 1 << 20
    valid = _each(lambda: is_valid(MEDIUM))
    encoded = valid + _each(lambda: orjson.dumps(MEDIUM))
    checked = max(encoded, _each(lambda: encode(ref, MEDIUM)))
    composed = max(checked, _each(lambda: build_message(ref, MEDIUM, None, limit)))
    published = max(composed, _each(lambda: client.realtime.publish_sync(ref, MEDIUM)))
    return Bar(
        "A live publish, 216 bytes, nobody listening",
        (
            ("schema check", valid),
            ("encoding", encoded - valid),
            ("choosing how", checked - encoded),
            ("message", composed - checked),
            ("call and hub", published - composed),
        ),
    )


class _Watched:
    """A connection whose commits are timed."""

    def __init__(self, connection: Any, noted: list[tuple[str, float]]) -> None:
        self._connection = connection
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, values: tuple[object, ...] = ()) -> Any:
        if text != "COMMIT":
            return self._connection.execute(text, values)
        self._noted.append(("statements", time.perf_counter()))
        done = self._connection.execute(text)
        self._noted.append(("write and sync", time.perf_counter()))
        return done


@contextlib.contextmanager
def _before(place: Any, name: str, note: Callable[[], None]) -> Iterator[None]:
    """Call ``note`` whenever that function is called."""
    really = getattr(place, name)

    def noting(*args: Any, **kwargs: Any) -> Any:
        note()
        return really(*args, **kwargs)

    setattr(place, name, noting)
    try:
        yield
    finally:
        setattr(place, name, really)


def _durable(count: int) -> Bar:
    """One caller: the moments of each publish, in the order in which they come."""
    ref = payload_channel("closed").closed_payloads_channel(id="1").medium
    noted: list[tuple[str, float]] = []
    publishes: list[list[tuple[str, float]]] = []
    opened = file.open_file

    def note(name: str) -> Callable[[], None]:
        return lambda: noted.append((name, time.perf_counter()))

    async def main(folder: Path) -> None:
        client = Client(folder / "app.db")

        @client.function("publish")
        async def publish(ctx: Context) -> None:
            for number in range(count):
                noted.clear()
                note("begin")()
                await ctx.step.realtime.publish(f"p{number}", ref, MEDIUM)
                note("resume")()
                publishes.append(list(noted))

        async with client:
            await client.run(publish)

    file.open_file = lambda path, lock: _Watched(opened(path, lock), noted)  # type: ignore[assignment]
    try:
        with (
            on_disk() as folder,
            _before(Intake, "_enqueue", note("check, encode, book")),
            _before(SqliteStore, "_write", note("to the journal's thread")),
            _before(Settler, "settle", note("hand out")),
            _before(Pending, "settle", note("back to the event loop")),
        ):
            asyncio.run(main(folder))
    finally:
        file.open_file = opened
    parts: dict[str, list[float]] = {}
    for moments in publishes:
        for (_, start), (name, end) in pairwise(moments):
            parts.setdefault(name, []).append(end - start)
    usual = [name for name, _ in publishes[count // 2][1:]]
    found = tuple((name, median(parts[name])) for name in usual)
    limit = median(raw(1, 50) / 50 for _ in range(15))
    title = f"A durable publish, one caller (write and fdatasync alone: {limit * 1e6:,.0f} µs)"
    return Bar(title, found)


def _start(finished: int, unfinished: int) -> Bar:
    """A start with runs to recover, until all of them have ended; the median of some starts, part by part."""
    moments: list[tuple[str, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: moments.append((name, time.perf_counter()))

    async def enter(place: Path) -> None:
        client = Client(place)
        ended, count = asyncio.Event(), 0

        @client.function("work")
        async def work(_ctx: Context) -> None:
            nonlocal count
            count += 1
            if count == unfinished:
                ended.set()

        note("begin")()
        async with client:
            note("recover the runs")()
            if unfinished:
                await ended.wait()
                note("execute them")()

    parts: dict[str, list[float]] = {}
    with on_disk() as folder:
        asyncio.run(_empty(folder / "full.db"))
        fill(folder / "full.db", finished, unfinished)
        with (
            _before(file, "check", note("lock")),
            _before(file, "_tune", note("check every page")),
            _before(Scheduler, "start", note("open")),
        ):
            for _ in range(5):
                moments.clear()
                shutil.copyfile(folder / "full.db", folder / "copy.db")
                asyncio.run(enter(folder / "copy.db"))
                for (_, start), (name, end) in pairwise(moments):
                    parts.setdefault(name, []).append(end - start)
                (folder / "copy.db").unlink()
    title = f"A start with {finished:,} finished and {unfinished:,} unfinished runs, until these have ended"
    return Bar(title, tuple((name, median(values)) for name, values in parts.items()))


async def _empty(place: Path) -> None:
    async with Client(place):
        pass


def draw(found: list[Bar]) -> str:
    """The bars as a picture, each as wide as the others: parts can be compared within one only."""
    lines: list[str] = []
    y = 4
    for bar in found:
        total = sum(seconds for _, seconds in bar.parts)
        y += _LINE
        lines.append(f'<text x="0" y="{y}" font-weight="bold">{escape(bar.title)}: {_time(total)}</text>')
        y += 8
        x = 0.0
        for number, (_, seconds) in enumerate(bar.parts):
            width = seconds / total * _WIDTH
            colour = _COLOURS[number % len(_COLOURS)]
            lines.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>')
            x += width
        y += _BAR
        for number, (name, seconds) in enumerate(bar.parts):
            if number % 4 == 0:
                y += _LINE
            left = number % 4 * (_WIDTH // 4)
            colour = _COLOURS[number % len(_COLOURS)]
            lines.append(f'<rect x="{left}" y="{y - 9}" width="9" height="9" fill="{colour}"/>')
            lines.append(f'<text x="{left + 13}" y="{y}">{escape(name)} {_time(seconds)}</text>')
        y += _LINE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" '
        f'height="{y}" font-family="sans-serif" font-size="11" fill="#222" role="img" '
        'aria-label="Where the time of a publish and of a start goes">'
    )
    return "\n".join((head, f'<rect width="{_WIDTH}" height="{y}" fill="#fff"/>', *lines, "</svg>")) + "\n"


def _time(seconds: float) -> str:
    if seconds < 1e-5:
        return f"{seconds * 1e6:.2f} µs"
    return f"{seconds * 1e6:,.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.cost", description="Where the time goes.")
    parser.add_argument("--svg", type=Path, help="write the picture to this file")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    found = bars(quick=options.quick)
    for bar in found:
        print(f"{bar.title}: {_time(sum(seconds for _, seconds in bar.parts))}")
        for name, seconds in bar.parts:
            print(f"  {_time(seconds):>12}  {name}")
    if options.svg is not None:
        options.svg.write_text(draw(found), "utf-8")


if __name__ == "__main__":
    main()
