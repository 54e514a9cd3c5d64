"""`python -m benchmarks [NAME …] [--quick] [--page FILE]`: all benchmarks, or those that are named."""

from __future__ import annotations

import argparse
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.report import Report, as_page, as_text, load, save, too_far

NAMES = (
    "payload",
    "publish",
    "telemetry",
    "durable",
    "postgres",
    "imports",
    "generate",
    "breaking",
    "inngest_publish",
    "fanout",
)


def main() -> int:
    """Measure and print; the exit code is 1 if something in a quick run is far off its bound."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, for CI")
    parser.add_argument(
        "--messages", type=int, help="how far journals grow [default: 100,000; a million on Postgres]"
    )
    parser.add_argument("--files", type=int, help="how many definitions generate takes [default: 1,000]")
    parser.add_argument("--page", type=Path, help="write a page with the latest results of all, too")
    arguments = parser.parse_args()
    names: list[str] = arguments.names or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    scales = {"messages": arguments.messages, "files": arguments.files}
    given = {key: value for key, value in scales.items() if value is not None}
    code = _measure(names[0], given, quick=arguments.quick) if len(names) == 1 else _each(names, arguments)
    if arguments.page is not None:
        arguments.page.write_text(as_page(filter(None, map(load, NAMES))), "utf-8")
    return code


def _each(names: Iterable[str], arguments: argparse.Namespace) -> int:
    """Each in a process of its own, so that what one has imported is neither help nor burden to the next."""
    options = ["--quick"] if arguments.quick else []
    for name in ("messages", "files"):
        if (value := getattr(arguments, name)) is not None:
            options += [f"--{name}", str(value)]
    codes = [
        subprocess.run([sys.executable, "-m", "benchmarks", name, *options], check=False).returncode
        for name in names
    ]
    return max(codes)


def _measure(name: str, given: Mapping[str, int], *, quick: bool) -> int:
    measure: Callable[..., Report] = importlib.import_module(f"benchmarks.{name}").measure
    known = inspect.signature(measure).parameters
    report = measure(quick=quick, **{key: value for key, value in given.items() if key in known})
    sys.stdout.write(as_text(report) + "\n")
    save(report, quick=quick)
    far_off = too_far(report) if quick else []
    for bound in far_off:
        sys.stderr.write(f"far off: {bound.what}: {bound.found:.3g}, {bound.relation} {bound.limit:g}\n")
    return 1 if far_off else 0


if __name__ == "__main__":
    sys.exit(main())
