"""Without the extra `codegen` every command that needs it says so, whatever it was asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
sys.modules["referencing"] = None  # so that it can't be imported
from tightbeam_cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "doing"),
    [
        ("generate", "generating"),
        ("docs", "reading definitions"),
        ("export asyncapi", "exporting"),
        ("breaking --against ./before", "comparing"),
        ("init --from document.json", "importing"),
        ("init --from models --update", "importing"),
        ("init --from models --check", "importing"),
    ],
)
def test_a_package_of_the_extra(tmp_path: Path, command: str, doing: str) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/a.channel.json").write_text('{"name": "a", "topics": {"t": {"schema": true}}}')
    (tmp_path / "before").mkdir()
    (tmp_path / "document.json").write_text('{"$defs": {"A": {"type": "object"}}}')
    arguments = [sys.executable, "-c", WITHOUT, *command.split()]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {doing} needs the package referencing\n" in done.stderr
    assert "Run: pip install 'tightbeam[codegen]'" in done.stderr
    assert "Traceback" not in done.stderr
