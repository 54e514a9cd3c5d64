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

_CACHE = Path(__file__).parents[2] / ".cache" / "mypy"  # what it knows of pydantic serves every folder
_PYTHON = ["--pythonpath", sys.executable]
_COMMANDS = {
    "mypy": [
        "mypy",
        "--strict",
        "--cache-dir",
        str(_CACHE),
        "--no-error-summary",
        "--hide-error-context",
        ".",
    ],
    "pyright": ["pyright", "--project", "pyright.json", *_PYTHON],
    "basedpyright": ["basedpyright", "--project", "basedpyright.json", *_PYTHON],
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
_PLACE = re.compile(r"([\w./-]+\.py)(?::(\d+))?")
_ERROR = re.compile(r"^ *ERROR |: error: | - error: |: error\[")
_WARNING = re.compile(r"^ *WARN |: warning: | - warning: |: warning\[")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a checker reported; `path` is relative to the folder, a file as a whole has line 0."""

    path: str
    line: int
    text: str
    is_error: bool


def run(checker: str, folder: Path, environment: Path | None = None) -> list[Finding]:
    """What `checker` reports for the Python files under `folder`; settings that are there stay.

    Args:
        checker: its name.
        folder: the project.
        environment: the virtual environment whose packages it sees; None for the one it is installed in.
    """
    for name, text in _SETTINGS.items():
        if not (folder / name).exists():
            (folder / name).write_text(text)
    executable, *arguments = _COMMANDS[checker]
    if environment is not None:
        places = {
            sys.executable: str(environment / "bin/python"),
            sys.prefix: str(environment),
            str(_CACHE): str(folder / ".mypy_cache"),
        }
        arguments = [places.get(each, each) for each in arguments]
        if checker == "mypy":
            arguments += ["--python-executable", str(environment / "bin/python")]
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
    is_error = _ERROR.search(line) is not None
    if place is None or not (is_error or _WARNING.search(line)):
        return None
    path = Path(place[1])
    relative = path.relative_to(folder) if path.is_absolute() else path
    return Finding(str(relative), int(place[2] or 0), line.strip(), is_error)
