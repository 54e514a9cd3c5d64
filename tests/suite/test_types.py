"""The suite's groups as Python types: five checkers, right and wrong publishes, how much is left as Any."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.suite.compiled import compile_topics
from tests.suite.conftest import CompileDraft, Say
from tests.suite.groups import DIALECTS, groups, remotes
from tests.suite.soundness import Call, Verdict, calls, judge, write_calls
from tests.typing import checkers

FAST = ("additionalProperties", "allOf", "anyOf", "enum", "items", "oneOf", "properties", "ref", "required")
LEAST = 0.95
"""Of the wrong calls more than this are type errors. The others need more than types: `True` is an `int`."""


Generated = tuple[Path, dict[str, dict[int, Call]]]


@pytest.fixture(scope="module")
def generated(compile_draft: CompileDraft, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """The packages of all drafts side by side, with a module of calls for each."""
    folder = tmp_path_factory.mktemp("generated")
    lines = {}
    for draft, dialect in DIALECTS.items():
        compiled = compile_draft(draft)
        shutil.copytree(compiled.folder / compiled.package, folder / compiled.package)
        file = folder / f"calls_{compiled.package}.py"
        lines[draft] = write_calls(compiled, calls(compiled, groups(draft), dialect), file)
    return folder, lines


def say_verdict(say: Say, draft: str, checker: str, verdict: Verdict) -> None:
    caught = verdict.wrong - len(verdict.missed)
    say(
        f"{draft}, {checker}: {verdict.right - len(verdict.refused)} of {verdict.right} right publishes"
        f" taken, {caught} of {verdict.wrong} wrong ones refused ({caught / verdict.wrong:.1%})"
    )
    assert verdict.right > 30
    assert not verdict.refused
    assert caught / verdict.wrong > LEAST


@pytest.mark.slow
def test_calls_of_a_part(tmp_path: Path, say: Say) -> None:
    wanted = [group for group in groups("draft2020-12") if group.file in FAST]
    schemas = {group.name: group.schema for group in wanted}
    dialect = DIALECTS["draft2020-12"]
    compiled = compile_topics(tmp_path, "suite", schemas, dialect=dialect, refs=remotes())
    lines = write_calls(compiled, calls(compiled, wanted, dialect), tmp_path / "calls.py")
    findings = checkers.run("mypy", tmp_path)
    assert not [found.text for found in findings if found.path != "calls.py"]
    say_verdict(say, "draft2020-12, a part", "mypy", judge(findings, "calls.py", lines))


@pytest.mark.slow
@pytest.mark.parametrize("checker", checkers.CHECKERS)
def test_everything_type_checks(checker: str, generated: Generated, say: Say) -> None:
    folder, lines = generated
    findings = checkers.run(checker, folder)
    assert not [found.text for found in findings if not found.path.startswith("calls_")]
    for draft, by_line in lines.items():
        (file,) = (path.name for path in folder.glob(f"calls_{draft.replace('-', '_')}_*.py"))
        say_verdict(say, draft, checker, judge(findings, file, by_line))


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
