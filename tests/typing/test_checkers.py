"""Each checker refuses every line marked bad, and no other line, neither in the cases nor in the bindings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.typing.checkers import CHECKERS, Finding
from tests.typing.marks import marks

CASES = sorted(path.name for path in (Path(__file__).parent / "cases").glob("*.py"))


@pytest.mark.parametrize("case", CASES)
def test_exactly_the_marked_lines_are_refused(
    case: str, checker: str, project: Path, findings: Callable[[str], list[Finding]]
) -> None:
    expected = {number for number, mark in marks(project / case).items() if checker in mark.refused_by}
    found = {one.line: one.text for one in findings(checker) if one.path == case and one.is_error}
    missed = {f"{case}:{number} is accepted" for number in expected - found.keys()}
    extra = {text for number, text in found.items() if number not in expected}
    assert missed | extra == set()


def test_the_bindings_are_clean(checker: str, findings: Callable[[str], list[Finding]]) -> None:
    """Not even a warning: whoever generates them can't mend them."""
    assert [finding.text for finding in findings(checker) if finding.path not in CASES] == []


def test_the_good_cases_have_no_mark_and_the_bad_ones_many(project: Path) -> None:
    counts = {case: len(marks(project / case)) for case in CASES}
    assert {case for case, count in counts.items() if count == 0} == {
        "bindings_ok.py",
        "bounds_ok.py",
        "events_ok.py",
        "inngest_events_ok.py",
        "gateway_ok.py",
        "generic_ok.py",
        "hooks_ok.py",
        "inngest_ok.py",
        "literals_ok.py",
        "runs_ok.py",
        "shapes_ok.py",
        "starting_ok.py",
        "transactions_ok.py",
    }
    assert sum(counts.values()) > 100


def test_marks(tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text("a\nb  # bad\nc  # bad except ty pyrefly, types only\nd  # bad, types only\n")
    found = marks(source)
    assert found[2].refused_by == frozenset(CHECKERS)
    assert found[2].fails_when_run
    assert found[3].refused_by == frozenset({"mypy", "pyright", "basedpyright"})
    assert not found[3].fails_when_run
    assert sorted(found) == [2, 3, 4]
    source.write_text("a  # bad, somehow\n")
    with pytest.raises(AssertionError, match=re.escape("x.py:1: a mark")):
        marks(source)


def test_the_page_about_helpers_has_the_functions_that_are_checked() -> None:
    """Those of `docs/typed-helpers.md` stand in the case that every checker must accept."""
    case = Path(__file__).parent / "cases" / "generic_ok.py"
    shown = "\n".join(
        block.text
        for block in blocks(Path(__file__).parents[2] / "docs" / "typed-helpers.md")
        if block.language == "python"
    )
    found, checked = (definitions(text) for text in (shown, case.read_text(encoding="utf-8")))
    assert {name for name in found if name not in checked} == {"greet", "store"}
    assert len(found) > 5
    for name in found.keys() & checked.keys():
        assert found[name] == checked[name], name


def definitions(source: str) -> dict[str, str]:
    """The functions and classes of a piece of Python, without their docstrings."""
    found: dict[str, str] = {}
    for node in compile(source, "page", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = [
                part for part in node.body if not isinstance(part, ast.Expr) or not is_text(part.value)
            ]
            found[node.name] = ast.dump(node)
    return found


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
