"""What importing costs, in time and memory: the runtime, one channel, one channel of a thousand."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks.definitions import definition_files, write_definitions
from benchmarks.processes import python, run
from benchmarks.report import Bound, Report, Table

__all__ = ["generate_command", "import_costs", "measure"]

_PYDANTIC = "Pydantic, jsonschema_rs, orjson, asyncio"
_TIGHTBEAM = "tightbeam"
_PACKAGE = "… and the package"
_MODULE = "… and one channel of it"
_PUBLISHED = "… and a first payload checked"
_LIBRARIES = """
import asyncio, orjson, jsonschema_rs, pydantic
class Model(pydantic.BaseModel): x: int
"""
_CHECKED = """
from tightbeam._channels.refs import topics
from tightbeam._payload.encode import encode
try: encode(next(iter(topics(channel).values())), [])
except tightbeam.InvalidPayload: pass
"""
_START = """
import resource, sys, time

def note():
    took = time.process_time() - start
    try:
        # What `getrusage` says on Linux began with the process that started this one.
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(took, peak / (1024 * 1024 if sys.platform == "darwin" else 1024))

start = time.process_time()
note()
"""


def measure(*, quick: bool = False) -> Report:
    """One channel and a thousand, each in processes of their own."""
    report = Report(
        "imports",
        "CPU time and peak memory of a fresh process. The first line is one of its own; below it each line's"
        " time is what comes on top of the line above it.",
    )
    with tempfile.TemporaryDirectory(prefix="tightbeam-bench-") as made:
        folder = Path(made)
        for count in (1, 30 if quick else 1000):
            name = f"channels{count}"
            write_definitions(folder / f"schemas{count}", definition_files(count))
            run(generate_command(f"schemas{count}", name), folder=folder)
            import_costs(report, folder, name, count, rounds=3 if quick else 15)
    return report


def generate_command(schemas: str, output: str, *more: str) -> list[str]:
    """The command of users, from the environment this runs in."""
    return [str(Path(sys.executable).with_name("tightbeam")), "generate", schemas, "--output", output, *more]


def import_costs(report: Report, folder: Path, package: str, count: int, *, rounds: int) -> None:
    """Measure the imports of a generated package in `folder`, which has `count` channels."""
    module = min(path.stem for path in (folder / package).glob("[a-z]*.py") if path.stem != "common")
    subject = module.partition("_")[0]
    stages = {
        _TIGHTBEAM: "import tightbeam",
        _PACKAGE: f"import {package}",
        _MODULE: f"channel = {package}.{module}_channel({subject}_id='1')",
        _PUBLISHED: _CHECKED,
    }
    libraries = {_PYDANTIC: _LIBRARIES}
    times: dict[str, list[float]] = {name: [] for name in (*libraries, *stages)}
    memory: dict[str, list[float]] = {name: [] for name in times}
    for number in range(rounds + 1):
        for group in (libraries, stages):
            (before, base), *noted = _stages(group.values(), folder)
            for name, (took, peak) in zip(group, noted, strict=True):
                if number:  # the first round writes the .pyc files
                    times[name].append(took - before)
                    memory[name].append(peak - base)
                before = took
    milliseconds = {name: median(values) * 1e3 for name, values in times.items()}
    floor = milliseconds[_PYDANTIC]
    rows = tuple(
        (name, f"{found:,.1f}", f"{found / floor:.3f}", f"{median(memory[name]):,.1f}")
        for name, found in milliseconds.items()
    )
    which = "one channel" if count == 1 else f"{count:,} channels"
    headings = ("import", "ms", "÷ Pydantic…", "MB so far")
    report.tables.append(Table(f"{which[0].upper()}{which[1:]}", headings, rows))
    for what, name in (("the package", _PACKAGE), ("using one", _MODULE)):
        found = milliseconds[name]
        report.bounds.append(Bound(f"{which}: {what}, more", found, "≤", 10.0, " ms", None))
        report.bounds.append(Bound(f"{which}: {what} ÷ Pydantic…", found / floor, "≤", 0.1, margin=4))
    if count == 1:
        ratio = milliseconds[_TIGHTBEAM] / floor
        report.bounds.append(Bound("tightbeam: ÷ the libraries it stands on", ratio, "≤", 1.5, margin=2))


def _stages(codes: Iterable[str], folder: Path) -> list[tuple[float, float]]:
    """CPU seconds and peak megabytes of a new process at its start and after each piece of code."""
    text = _START + "\nnote()\n".join([*codes, ""])
    lines = python(text, folder=folder).output.splitlines()
    return [(float(took), float(peak)) for took, peak in map(str.split, lines)]
