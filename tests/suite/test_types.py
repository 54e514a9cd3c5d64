"""What the suite's groups come to as Python types: five checkers, and how much is left as Any."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.suite.conftest import CompileDraft, Say
from tests.suite.groups import DIALECTS
from tests.typing import checkers


@pytest.fixture(scope="module")
def generated(compile_draft: CompileDraft, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of all drafts side by side."""
    folder = tmp_path_factory.mktemp("generated")
    for draft in DIALECTS:
        compiled = compile_draft(draft)
        shutil.copytree(compiled.folder / compiled.package, folder / compiled.package)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("checker", checkers.CHECKERS)
def test_everything_type_checks(checker: str, generated: Path) -> None:
    assert not [found.text for found in checkers.run(checker, generated)]


def test_everything_is_formatted(compile_draft: CompileDraft) -> None:
    compiled = compile_draft("draft2020-12")
    package = str(compiled.folder / compiled.package)
    command = [str(checkers.BIN / "ruff"), "format", "--check", "--isolated", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "draft",
    [draft if draft == "draft2020-12" else pytest.param(draft, marks=pytest.mark.slow) for draft in DIALECTS],
)
def test_how_much_is_any(draft: str, compile_draft: CompileDraft, say: Say) -> None:
    count = Counter[str]()
    compiled = compile_draft(draft)
    for path, text in compiled.files.items():
        if not path.startswith("_schemas/"):
            count += _types(text)
    say(
        f"{draft}: {count['topic any']} of {count['topic']} topics are Any,"
        f" {count['field any']} of {count['field']} fields"
    )
    assert count["topic"] > 100
    # Half of the suite states no type at all; no more may become Any than do now.
    assert count["topic any"] / count["topic"] < 0.53


def _types(source: str) -> Counter[str]:
    """The topics and fields that a module declares, and those of them that are nothing but Any."""
    count = Counter[str]()
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.ClassDef) or statement.name.endswith("Dict"):
            continue
        for line in statement.body:
            match line:
                case ast.AnnAssign(
                    annotation=ast.Subscript(value=ast.Attribute(attr="TopicRef"), slice=shape)
                ):
                    assert isinstance(shape, ast.Tuple)
                    count["topic"] += 1
                    count["topic any"] += ast.unparse(shape.elts[2]) == "_t.Any"
                case ast.AnnAssign(annotation=annotation):
                    count["field"] += 1
                    count["field any"] += ast.unparse(annotation) in ("_t.Any", "_t.Any | _MISSING")
    return count
