"""Running the five type checkers over a folder, and reading what they found.

Each runs as a user's would, with nothing but its own strictest sensible settings: none of this repository's
configuration reaches the folder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKERS = ("mypy", "pyright", "basedpyright", "ty", "pyrefly")

_PYTHON = ["--pythonpath", sys.executable]
_COMMANDS = {
    "mypy": ["mypy", "--strict", "--no-error-summary", "--no-pretty", "--hide-error-context", "."],
    "pyright": ["pyright", "--project", "pyright.json", *_PYTHON],
    "basedpyright": ["basedpyright", "--project", "basedpyright.json", "--level", "error", *_PYTHON],
    "ty": ["ty", "check", "--output-format", "concise", "--python", sys.prefix],
    "pyrefly": [
        "pyrefly",
        "check",
        "--output-format",
        "min-text",
        "--python-interpreter-path",
        sys.executable,
    ],
}
_SETTINGS = {
    "mypy.ini": "[mypy]\n",
    "pyright.json": json.dumps({"include": ["."], "typeCheckingMode": "strict"}),
    "basedpyright.json": json.dumps({"include": ["."]}),
    "ty.toml": "",
    "pyrefly.toml": 'preset = "strict"\n',
}
_PLACE = re.compile(r"([\w./-]+\.py):(\d+)")
_ERROR = re.compile(r"^ *ERROR |: error: | - error: |: error\[")


@dataclass(frozen=True, slots=True)
class Finding:
    """One error a checker reported; `path` is relative to the folder."""

    path: str
    line: int
    text: str


def run(checker: str, folder: Path) -> list[Finding]:
    """The errors that `checker` reports for the Python files under `folder`; settings that are there stay."""
    for name, text in _SETTINGS.items():
        if not (folder / name).exists():
            (folder / name).write_text(text)
    executable, *arguments = _COMMANDS[checker]
    done = subprocess.run(
        [BIN / executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{checker} broke down:\n{done.stdout}\n{done.stderr}")
    return [found for line in done.stdout.splitlines() if (found := _finding(line, folder))]


def _finding(line: str, folder: Path) -> Finding | None:
    place = _PLACE.search(line)
    if place is None or not _ERROR.search(line):
        return None
    path = Path(place[1])
    relative = path.relative_to(folder) if path.is_absolute() else path
    return Finding(str(relative), int(place[2]), line.strip())
