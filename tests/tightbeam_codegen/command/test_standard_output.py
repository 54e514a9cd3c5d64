"""Standard output that shows few characters, has no room, or has lost its reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import sys; from tightbeam_cli import main; sys.exit(main())"

COMMANDS = [
    "generate ü",
    "init s --from document.json",
    "init ü",
    "init ü --editor",
    "docs ü",
    "export asyncapi ü",
    "export asyncapi ü --output ü.json",
    "breaking ü --against ./ü",
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    (tmp_path / "ü").mkdir()
    (tmp_path / "ü/a.channel.json").write_text('{"name": "a", "topics": {"t": {"schema": true}}}')
    (tmp_path / "document.json").write_text('{"$defs": {"A": {"type": "object"}}}')
    return tmp_path


def run(project: Path, command: str, output: int, **variables: str) -> tuple[int, str]:
    """Return the exit code of a command, and what it prints on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()],
        cwd=project,
        env={**os.environ, "TIGHTBEAM_CACHE_DIR": "", **variables},
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_with_few_characters(project: Path, command: str) -> None:
    code, errors = run(project, command, subprocess.DEVNULL, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert (code, "Traceback" in errors) == (0, False)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_without_room(project: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        code, errors = run(project, command, full.fileno())
    assert code == 2
    assert "No space left on device" in errors
    assert "Traceback" not in errors
    assert "nothing was changed" not in errors
