"""The types of the public API are complete: what a user sees of it depends on no checker's inference."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.typing import checkers


@pytest.mark.slow
def test_every_public_type_is_written_down(tmp_path: Path) -> None:
    done = subprocess.run(
        [checkers.BIN / "pyright", "--verifytypes", "tightbeam", "--ignoreexternal", "--outputjson"],
        cwd=tmp_path,
        # It looks for the package with the `python` that it finds on PATH.
        env={**os.environ, "PATH": f"{checkers.BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)["typeCompleteness"]
    incomplete = {symbol["name"] for symbol in report["symbols"] if not symbol["isTypeKnown"]}
    assert incomplete == set()
    assert report["completenessScore"] == 1
    assert report["exportedSymbolCounts"]["withKnownType"] > 50
