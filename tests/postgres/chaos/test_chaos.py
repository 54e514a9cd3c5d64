"""Four processes on one server: what is lost, doubled or out of order when anything of them dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres.chaos.harness import PLANS
from tests.postgres.chaos.history import History
from tests.postgres.server import require_programs

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "part"), [(10, 0), *(pytest.param(125, part, marks=pytest.mark.soak) for part in range(8))]
)
def test_nothing_is_lost_doubled_or_out_of_order(faults: int, part: int) -> None:
    require_programs()
    # Beside other tests a worker may stand still for two seconds, and then its step is called again.
    lease = 2 if faults > 100 else 5
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"part {part}, seed {seed}")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.postgres.chaos.harness", str(faults), str(seed), str(lease)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(ended.stderr[-20_000:])  # shown where something is wrong
    assert ended.returncode == 0
    found = json.loads(ended.stdout)
    history = History.of(found)
    print(found["seen"], history.counts(), len(found["runs"]), "runs")
    assert found["wrong"] == []
    assert history.faults() == []
    assert found["processes"] == 0
    if faults > 100:
        seen = found["seen"]
        assert min(seen[plan] for plan in PLANS) > 0
        assert min(seen[f"with a {state} run"] for state in ("running", "sleeping", "cancelled")) > faults / 4
        assert len(history.overtaken) > 10
