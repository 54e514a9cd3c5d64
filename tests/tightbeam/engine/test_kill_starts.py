"""Whenever the process is killed: no start twice, none missing, each event and each result arrives once.

Each failure is handled once, a timeout holds, and of a key one run executes at a time until none is left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tightbeam.engine.kill_starts import LIMIT

ROOT = Path(__file__).parents[3]
ENDS_IN = {"late": "RunTimeout", "fails": "ValueError"}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_no_start_twice_none_missing(path: Path, kills: int) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.tightbeam.engine.kill_starts", str(path), str(kills), str(seed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["status"], found["check"]) == (0, "ok"), ended.stderr[-8_000:]

    runs = {run[0]: run for run in found["runs"]}
    steps: dict[str, dict[str, list[str]]] = {}
    for run_id, step_id, *rest in found["steps"]:
        steps.setdefault(run_id, {})[step_id] = rest
    print(Counter(run[1] for run in runs.values()))
    assert {run[3] for run in runs.values() if run[1] not in ENDS_IN} == {"done"}

    asked, replied, children = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    handled = Counter[str]()
    for run_id, function, key, state, parent, step, result, error, held, took in runs.values():
        assert not held
        if function == "parent":
            assert json.loads(result) == [1, 2, 41]
            kind, state, ids = steps[run_id]["ask"]
            assert (kind, state) == ("step.send_event", "done")
            asked.update(json.loads(ids))
            assert json.loads(steps[run_id]["reply"][2])["data"] == {"to": run_id, "n": 40}
            assert {steps[run_id][each][1] for each in ("leaf", "again")} == {"done"}
        elif function == "replier":
            replied[run_id] += 1
            sent = [each for each in steps[run_id].values() if each[0] == "step.send_event"]
            assert len(sent) == 1  # it was taken once
        elif function == "leaf":
            children[parent, step] += 1
        elif function in ENDS_IN:
            assert (state, error) == ("failed", ENDS_IN[function])
            assert function != "late" or took >= LIMIT // timedelta(microseconds=1)
        elif function.endswith("-failure"):
            handled[json.loads(result)] += 1
        elif function == "tenant":
            assert result == '""', result
        else:
            assert function in ("keyed", "tick")
            assert key is not None
    assert handled == Counter(run_id for run_id, run in runs.items() if run[1] in ENDS_IN)
    assert min(Counter(run[1] for run in runs.values())[each] for each in (*ENDS_IN, "tenant")) > kills / 30
    assert asked == replied  # each ask has started one replier, and no replier came from elsewhere
    parents = [run[0] for run in runs.values() if run[1] == "parent"]
    assert children == Counter((run_id, step) for run_id in parents for step in ("leaf", "again"))
    keys = Counter((run[1], run[2]) for run in runs.values() if run[2] is not None)
    assert set(keys.values()) == {1}
    assert len(parents) > kills / 30
    assert Counter(run[1] for run in runs.values())["tick"] > 0
