"""G2: exactly once in the log per run and step, whenever the process is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tightbeam.engine.kill_child import PARALLEL, STEPS

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "kills", [5, pytest.param(200, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.soak)]
)
def test_g2_no_duplicate_no_gap_nothing_acknowledged_is_lost(path: Path, kills: int) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.tightbeam.engine.kill_nursery", str(path), str(kills), str(seed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    runs, seen = told["runs"], told["seen"]
    lines: dict[str, list[str]] = {"everything": told["lines"]}
    for line in told["lines"]:
        kind, _, rest = line.partition(":")
        lines.setdefault(kind, []).append(rest)
    print({kind: len(rest) for kind, rest in lines.items()}, seen, len(runs), told["steps"])

    assert told["status"] == 0, ended.stderr[-8_000:]  # why the last child ended
    assert (told["checks"], set(told["steps"])) == (["ok"], {"done"})
    check_operated(runs, lines, set(told["mended"]))
    assert told["left"] == ["app.db", "app.db.lock"]
    assert set(lines["sent"]) <= set(runs)

    everything: set[str] = set()
    for run_id, (function, _, ids) in runs.items():
        if function.startswith("victim"):
            everything |= set(ids)
            continue
        in_order = [*(f"{run_id}:p{n}:0" for n in range(STEPS)), f"{run_id}:all:0"]
        assert ids[: len(in_order)] == in_order
        parallel = [f"{run_id}:g{n}:0" for n in range(PARALLEL)] if function == "work" else []
        assert sorted(ids[len(in_order) :]) == parallel
        everything |= set(ids)
    assert set(lines["ack"]) <= everything

    # The readers of all children together have seen every message once, in the order of the log.
    assert lines["got"] == [f"{position}:{one}" for position, one in told["everyone"]]
    assert "disorder" not in lines
    # What a step returned once, it isn't run for again.
    done: set[str] = set()
    for line in told["lines"]:
        kind, _, step = line.partition(":")
        if kind == "done":
            done.add(step)
        assert not (kind == "runs" and step in done), step
    if kills >= 200:
        assert min(seen[phase] for phase in ("starting", "working", "leaving", "creating")) > 0
        assert seen["in a checkpoint"] > 0
        assert seen["with a log to recover"] > kills / 4
        assert seen["with a running run"] > kills / 4
        assert seen["a cancelled run"] > 0
        assert min(len(lines["cancelled"]), len(lines["retried"])) > kills / 20


def check_operated(
    runs: dict[str, tuple[str, str, list[str]]], lines: dict[str, list[str]], mended: set[str]
) -> None:
    """What was acknowledged to those who cancel and retry holds, and each run has published what it may.

    Args:
        runs: function, state and the ids of the messages, by run.
        lines: what the children told.
        mended: runs that somebody was about to retry.
    """
    cancelled, retried = set(lines.get("cancelled", ())), set(lines.get("retried", ()))
    assert retried <= mended
    for run_id, (function, state, ids) in runs.items():
        if not function.startswith("victim"):
            assert state == "done"
            continue
        assert state == ("done" if run_id in mended else "cancelled")
        most = [*(f"{run_id}:p{n}:0" for n in range(STEPS)), f"{run_id}:after:0"]
        assert ids == (most if state == "done" else most[: min(len(ids), STEPS)])
    assert cancelled <= set(runs)
    for_good = {run_id: lines["everything"].index(f"cancelled:{run_id}") for run_id in cancelled - mended}
    for number, line in enumerate(lines["everything"]):
        kind, _, rest = line.partition(":")
        if kind in ("ack", "runs", "done"):
            assert number < for_good.get(rest.partition(":")[0], number + 1), line
