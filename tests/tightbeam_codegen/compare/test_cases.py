"""Changes that people make, and all that `tightbeam breaking` prints of them, a folder each.

`TIGHTBEAM_UPDATE_CASES=1 pytest tests/tightbeam_codegen/compare/test_cases.py` writes the words anew.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tightbeam_cli import main

CASES = Path(__file__).parents[2] / "golden" / "breaking"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    code = main(["breaking", "after", "--against", "./before"])

    said = capsys.readouterr()
    printed = f"{said.err}{said.out}exit code {code}\n"
    if os.environ.get("TIGHTBEAM_UPDATE_CASES"):
        (CASES / case / "printed.txt").write_text(printed, "utf-8")
        pytest.skip("written")
    assert printed == (tmp_path / "printed.txt").read_text("utf-8")
