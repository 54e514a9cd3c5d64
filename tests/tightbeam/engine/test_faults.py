"""G8: when a write or a sync fails, wherever: nothing is half done, and the engine goes on afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.fault_nursery import FAULT, PUBLISHES

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])}
EVERYTHING = [f"p{n}" for n in range(PUBLISHES)]
STRACE = ["strace", "-f", "-o", "/dev/null"]


slow, soak = pytest.mark.slow, pytest.mark.soak


def children(
    folder: Path, call: str, place: str, fault: str | None, first: int = 1, stride: int = 1
) -> Iterator[dict[str, Any]]:
    """What the children told, one after the other."""
    command = [sys.executable, "-m", "tests.tightbeam.engine.fault_nursery", str(folder), call, place]
    command += [str(first), str(stride)]
    if fault is not None:
        if shutil.which("strace") is None:
            pytest.skip("strace is not installed")
        # It is quicker with a filter in the kernel, but then it delivers no signals.
        filtered = [] if "signal" in fault else ["--seccomp-bpf"]
        command = [
            *STRACE,
            *filtered,
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:{fault}:when={FAULT}",
            *command,
        ]
    ended = subprocess.run(
        command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    for line in ended.stdout.splitlines():
        told = json.loads(line)
        assert "error" not in told, told["error"]
        yield told


def check_finished(told: dict[str, Any]) -> None:
    """Whatever happened before: everything was done in the end, each thing once, and in order."""
    assert told["wrong"] == []
    assert told["received"] == list(range(PUBLISHES))
    steps, messages = told["stored"]
    assert (sorted(set(steps) - {"nap"}), messages) == (EVERYTHING, EVERYTHING)
    assert told["check"] == "ok"
    # No attempt is lost by it, and there are no retries to lose.
    assert told["runs"] in ([["done", 0]], [["done", 0], ["cancelled", 0]])


def check_all(
    folder: Path, call: str, place: str, fault: str | None, first: int = 1, stride: int = 1
) -> None:
    count = noticed = 0
    for told in children(folder, call, place, fault, first, stride):
        count += 1
        check_finished(told)
        if told["left"]:
            assert not told["failed"]
            assert "refused" not in told
        else:
            noticed += bool(told["failed"] or "refused" in told)
    assert told["left"], "there are more calls than were made to fail"
    print(f"{place}, {call}, {fault}: {count - 1} calls failed, of {noticed} somebody was told")
    # Of an interrupted write nobody hears, nor where a checkpoint can be done another time.
    assert noticed or count < 3 or "EINTR" in str(fault) or call == "ftruncate"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "fault", "first", "stride"),
    [
        ("pwrite64", "error=ENOSPC", 10, 29),
        pytest.param("fdatasync", "error=EIO", 3, 5, marks=pytest.mark.slow),
        pytest.param("size", None, 20, 31, marks=pytest.mark.slow),
    ],
)
def test_g8_a_publish_whose_write_fails_is_as_if_it_had_not_been(
    tmp_path: Path, call: str, fault: str | None, first: int, stride: int
) -> None:
    check_all(tmp_path, call, "publish", fault, first, stride)


_FAULTS = [
    ("pwrite64", "error=ENOSPC"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=EINTR"),
    ("pwrite64", "retval=0"),  # nothing was written
    ("fdatasync", "error=EIO"),
    ("fdatasync", "error=ENOSPC"),
    ("fdatasync", "error=EINTR"),
    ("fsync", "error=EIO"),
    ("ftruncate", "error=EIO"),
    ("size", None),  # written in part
]


@slow
@pytest.mark.parametrize(("place", "stride"), [("publish", 4), ("create", 1), ("open", 1)])
def test_g8_on_a_full_disk(tmp_path: Path, place: str, stride: int) -> None:
    check_all(tmp_path, "pwrite64", place, "error=ENOSPC", stride=stride)


@slow
def test_g8_a_cancellation_or_retry_whose_write_fails_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    check_all(tmp_path, "pwrite64", "operate", "error=ENOSPC", stride=7)


@slow
def test_g2_killed_while_a_run_is_cancelled_or_retried(tmp_path: Path) -> None:
    """What was acknowledged is stored, and holds in the next process."""
    count = 0
    for told in children(tmp_path, "fdatasync", "operate", "signal=KILL", 1, 2):
        count += 1
        assert told["status"] == signal.SIGKILL
        sleeper, failed = told["states"]
        assert sleeper == "cancelled" or "cancel" not in told["acknowledged"]
        assert failed != "failed" or "retry" not in told["acknowledged"]
        check_finished(told["after"])
    assert told["left"], "there are more calls than were looked at"
    print(f"operate: {count - 1} kills")


@soak
@pytest.mark.parametrize(("call", "fault"), _FAULTS)
@pytest.mark.parametrize("place", ["publish", "create", "open", "recover", "operate"])
def test_g8_every_fault_at_every_call(tmp_path: Path, place: str, call: str, fault: str | None) -> None:
    if call == "size" and place in ("create", "open"):
        return  # refused by the file's size before it is opened, which `create` has for every write
    check_all(tmp_path, call, place, fault)


@pytest.mark.parametrize(
    ("place", "call", "stride"),
    [
        pytest.param("publish", "fdatasync", 3, marks=slow),
        *(
            pytest.param(place, call, 1, marks=soak)
            for place in ("publish", "create", "open", "recover")
            for call in ("pwrite64", "fdatasync", "fsync", "ftruncate")
        ),
    ],
)
def test_g2_killed_at_every_call(tmp_path: Path, place: str, call: str, stride: int) -> None:
    count = 0
    for told in children(tmp_path, call, place, "signal=KILL", 1, stride):
        count += 1
        assert told["status"] == signal.SIGKILL
        steps, messages = told["before"]
        assert steps == messages == EVERYTHING[: len(steps)]
        assert set(told["acknowledged"]) <= set(steps)
        check_finished(told["after"])
    assert told["left"], "there are more calls than were looked at"
    print(f"{place}, {call}: {count - 1} kills")
