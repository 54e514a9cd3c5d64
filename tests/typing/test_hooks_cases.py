"""The good cases of hooks, run."""

from __future__ import annotations

import importlib
from pathlib import Path


def test_the_good_case_runs(project: Path) -> None:
    case = importlib.reload(importlib.import_module("hooks_ok"))
    assert case.publish() == ['status 15 b\'{"message":"x"}\'', "uploads:{uploadId} False"]
