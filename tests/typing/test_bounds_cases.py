"""The good cases of bounds, run."""

from __future__ import annotations

import importlib
from pathlib import Path


def test_the_good_case_runs(project: Path) -> None:
    case = importlib.reload(importlib.import_module("bounds_ok"))
    assert [function.id for function in case.client.functions] == ["work", "plain", "one"]
