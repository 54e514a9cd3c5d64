"""What importing costs, in time and memory: the runtime, one channel, one channel of a thousand."""

from __future__ import annotations

import sys
import tempfile
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
_PUBLISHED = "… and a first publish"
_TIMED = """
import time
start = time.process_time()
{code}
took = time.process_time() - start
import resource, sys
try:
    # What `getrusage` says on Linux began with the process that started this one.
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
"""


def measure(*, quick: bool = False) -> Report:
    """One channel and a thousand, each in processes of their own."""
    report = Report(
        "imports",
        "CPU time and peak memory of a fresh process, less those of one that imports nothing. Each line does"
        " what the lines above it do as well.",
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
    opened = f"channel = {module}_channel({subject}_id='1')"
    refused = "ref = next(iter(topics(channel).values()))\ntry: encode(ref, [])\nexcept InvalidPayload: pass"
    steps = {
        _PYDANTIC: "import asyncio, orjson, jsonschema_rs, pydantic\nclass Model(pydantic.BaseModel): x: int",
        # Not more: what these two import, tightbeam has imported.
        _TIGHTBEAM: "from tightbeam import InvalidPayload\nfrom tightbeam._channels.refs import topics\n"
        "from tightbeam._payload.check import encode",
        _PACKAGE: f"import {package}",
        _MODULE: f"from {package} import {module}_channel\n{opened}",
        _PUBLISHED: refused,
    }
    codes = {"nothing": "pass", _PYDANTIC: steps.pop(_PYDANTIC)}
    so_far = ""
    for name, step in steps.items():
        so_far = f"{so_far}\n{step}"
        codes[name] = so_far
    times: dict[str, list[float]] = {name: [] for name in codes}
    peaks: dict[str, list[float]] = {name: [] for name in codes}
    for number in range(rounds + 1):
        for name, code in codes.items():
            took, peak = map(float, python(_TIMED.format(code=code), folder=folder).output.split())
            if number:  # the first round writes the .pyc files
                times[name].append(took)
                peaks[name].append(peak)
    base, floor = median(peaks["nothing"]), median(times[_PYDANTIC])
    milliseconds = {name: median(values) * 1e3 for name, values in times.items()}
    rows = tuple(
        (
            name,
            f"{milliseconds[name]:,.1f}",
            f"{milliseconds[name] / 1e3 / floor:.2f}",
            f"{median(peaks[name]) - base:,.1f}",
        )
        for name in codes
        if name != "nothing"
    )
    what = "One channel" if count == 1 else f"{count:,} channels"
    report.tables.append(Table(what, ("import", "ms", "÷ Pydantic…", "MB"), rows))

    def over(name: str, other: str) -> float:
        return median(one - two for one, two in zip(times[name], times[other], strict=True)) * 1e3

    which = "one channel" if count == 1 else f"{count:,} channels"
    pairs = (
        (f"{which}: the package over tightbeam", _PACKAGE, _TIGHTBEAM),
        (f"{which}: using one over the package", _MODULE, _PACKAGE),
    )
    report.bounds.extend(
        Bound(label, over(one, other), "≤", 10.0, " ms", None) for label, one, other in pairs
    )
    ratio = median(times[_TIGHTBEAM]) / floor
    if count == 1:
        report.bounds.append(Bound("tightbeam: ÷ the libraries it stands on", ratio, "≤", 1.5, margin=2))
    else:
        used = median(times[_MODULE]) / median(times[_TIGHTBEAM])
        report.bounds.append(Bound(f"one of {count:,} channels used: ÷ tightbeam", used, "≤", 1.3, margin=2))
