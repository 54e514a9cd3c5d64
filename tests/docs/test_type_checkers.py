"""docs/type-checkers.md: the five type checkers say what the page has them say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks, matches

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "type-checkers.md"
BIN = Path(sys.executable).parent
BLOCKS = blocks(PAGE)
MISTAKE = next(block for block in BLOCKS if block.title == "upload.py")
CHECKERS = ("mypy", "pyright", "basedpyright", "ty", "pyrefly")

pytestmark = pytest.mark.slow

FORGOTTEN = MISTAKE.text.replace("await ", "").replace("mesage", "message")
PLUGIN = """
from pydantic import BaseModel
from generated.alerts import Alert

class Answer(BaseModel):
    number: int

Answer(number="five")
Alert(message="disk full", severity="urgent")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the generated code and nobody's settings."""
    shutil.copytree(ROOT / "generated", tmp_path / "generated", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def check(project: Path, command: str) -> str:
    """What a checker prints, run as in an environment that is activated."""
    executable, *arguments = shlex.split(command)
    done = subprocess.run(
        [BIN / executable, *arguments],
        cwd=project,
        env={
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": sys.prefix,
            "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def shown() -> dict[str, str]:
    """What each command of the page's console blocks prints, by command."""
    consoles: list[Block] = [block for block in BLOCKS if block.language == "console"]
    entries = [entry for block in consoles for entry in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]]
    return {line: output for line, _, output in (entry.partition("\n") for entry in entries)}


def test_the_page_has_each_of_them_speak() -> None:
    assert {line.split()[0] for line in shown()} == {*CHECKERS, "tightbeam"}


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_a_checker_says_of_the_mistake(checker: str, project: Path) -> None:
    (project / "upload.py").write_text(MISTAKE.text, encoding="utf-8")
    command, expected = next((line, text) for line, text in shown().items() if line.split()[0] == checker)
    printed = check(project, command)
    assert matches(expected, printed), printed


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("basedpyright", {"tool.basedpyright": 'reportUnusedCoroutine = "error"'}),
        ("ty check --output-format concise", {"tool.ty.rules": 'unused-awaitable = "error"'}),
    ],
)
def test_a_forgotten_await_as_an_error(command: str, settings: dict[str, str], project: Path) -> None:
    """What the others do, and these two without the setting, is in tests/typing/cases."""
    (project / "upload.py").write_text(FORGOTTEN, encoding="utf-8")
    _settle(project, settings)
    printed = check(project, command)
    assert re.search(r"upload\.py:7:.*error", printed), printed


def test_pyrefly_checks_little_without_its_table(project: Path) -> None:
    (project / "upload.py").write_text(MISTAKE.text, encoding="utf-8")
    command = "pyrefly check --output-format min-text"
    assert "bad-argument-type" not in check(project, command)
    _settle(project, {"tool.pyrefly": ""})
    assert "bad-argument-type" in check(project, command)


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"tool.mypy": 'plugins = ["pydantic.mypy"]'}, [9]),
        ({"tool.mypy": 'plugins = ["pydantic.mypy"]', "tool.pydantic-mypy": "init_typed = true"}, [8, 9]),
    ],
)
def test_pydantics_plugin(settings: dict[str, str], refused: list[int], project: Path) -> None:
    (project / "upload.py").write_text(PLUGIN, encoding="utf-8")
    _settle(project, settings)
    printed = check(project, "mypy --strict upload.py")
    assert [int(line) for line in re.findall(r"upload\.py:(\d+): error", printed)] == refused, printed


def _settle(project: Path, settings: dict[str, str]) -> None:
    text = "".join(f"[{table}]\n{line}\n" for table, line in settings.items())
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
