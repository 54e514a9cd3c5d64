"""Right publishes of the suite's instances type-check, wrong ones don't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite.compiled import Compiled, compile_topics
from tests.suite.conftest import CompileDraft, Say
from tests.suite.groups import DIALECTS, Group, groups, remotes
from tests.suite.soundness import calls, judge, write_calls
from tests.typing.checkers import CHECKERS

FAST = ("additionalProperties", "allOf", "anyOf", "enum", "items", "oneOf", "properties", "ref", "required")
LEAST = 0.95
"""Of the wrong calls more than this are type errors. The others need more than types: `True` is an `int`."""


def check(compiled: Compiled, checker: str, draft: str, wanted: list[Group], say: Say) -> None:
    lines = write_calls(compiled, calls(compiled, wanted, DIALECTS[draft]))
    verdict = judge(checker, compiled.folder, lines)
    caught = verdict.wrong - len(verdict.missed)
    say(
        f"{draft}, {checker}: {verdict.right - len(verdict.refused)} of {verdict.right} right publishes"
        f" taken, {caught} of {verdict.wrong} wrong ones refused ({caught / verdict.wrong:.1%})"
    )
    assert verdict.right > 30
    assert not verdict.refused
    assert caught / verdict.wrong > LEAST


def test_a_part(tmp_path: Path, say: Say) -> None:
    wanted = [group for group in groups("draft2020-12") if group.file in FAST]
    schemas = {group.name: group.schema for group in wanted}
    compiled = compile_topics(tmp_path, "suite", schemas, dialect=DIALECTS["draft2020-12"], refs=remotes())
    check(compiled, "mypy", "draft2020-12", wanted, say)


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("draft", DIALECTS)
def test_all(draft: str, checker: str, compile_draft: CompileDraft, say: Say) -> None:
    check(compile_draft(draft), checker, draft, groups(draft), say)
