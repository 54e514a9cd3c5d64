"""Child processes, measured by the system: wall time, CPU time, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import environment

__all__ = ["Usage", "python", "run"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took, its children's CPU time included; memory is that of the largest single process."""

    wall: float
    cpu: float
    megabytes: float
    output: str


def run(
    command: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> Usage:
    """Run a command to its end. Raises RuntimeError, with what it printed, if it fails."""
    log = folder / ".output"
    start = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**(variables or {})), stdout=stream, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    output = log.read_text("utf-8", "replace")
    log.unlink()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed with {process.returncode}: {output[-2000:]}")
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Usage(wall, usage.ru_utime + usage.ru_stime, peak, output)


def python(code: str, *, folder: Path, variables: Mapping[str, str] | None = None) -> Usage:
    """Run a program text with the interpreter of this environment."""
    return run([sys.executable, "-W", "ignore", "-c", code], folder=folder, variables=variables)
