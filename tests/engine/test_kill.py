"""G2: exactly once in the log per run and step, whenever the process is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.kill_nursery import PUBLISHES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_g2_no_duplicate_no_gap_nothing_acknowledged_is_lost(path: Path, kills: int) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.engine.kill_nursery", str(path), str(kills), str(seed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["status"], told["checks"], told["states"]) == (0, ["ok"], ["done"])
    assert set(told["sent"]) <= set(told["messages"])
    assert told["killed_at_work"] > kills / 4
    everything: set[str] = set()
    for run_id, (function, ids) in told["messages"].items():
        in_order = [f"{run_id}:p{n}:0" for n in range(PUBLISHES)]
        assert ids[:PUBLISHES] == in_order
        parallel = [f"{run_id}:g{n}:0" for n in range(PUBLISHES)] if function == "work" else []
        assert sorted(ids[PUBLISHES:]) == parallel
        everything |= set(ids)
    assert set(told["acknowledged"]) <= everything
    assert told["acknowledged"]
