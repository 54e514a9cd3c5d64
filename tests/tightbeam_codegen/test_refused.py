"""Input that must be refused: each folder of `refused` has files and in `stderr.txt` all that is said.

`TIGHTBEAM_UPDATE_CASES=1 pytest tests/tightbeam_codegen/test_refused.py` writes the words anew;
read the difference.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tightbeam_cli import main

CASES = Path(__file__).parents[1] / "golden" / "refused"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True)
    expected = tmp_path / "stderr.txt"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")

    code = main(["generate", "--output", "out"])

    said = capsys.readouterr()
    if os.environ.get("TIGHTBEAM_UPDATE_CASES"):
        (CASES / case / "stderr.txt").write_text(said.err, "utf-8")
        pytest.skip("written")
    assert said.err == expected.read_text("utf-8")
    assert said.out == ""
    assert code == 2
    assert not (tmp_path / "out").exists()
