"""Validators in TypeScript decide as Python does: the same payloads through both, Ajv being the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.suite.compiled import compile_topics
from tests.tightbeam_codegen.compiling import channel
from tests.typescript.agreement import ALL, CASES, DRAFTS, Agreement
from tests.typescript.node_tools import compiled_for_node, needs_node, project, run, tsc
from tests.typescript.union_cases import UNIONS
from tightbeam import InvalidPayload, Issue, TopicRef
from tightbeam._payload.encode import encode

pytestmark = pytest.mark.slow

PROGRAM = """
const said = {};
const exact = { libraryOptions: { exact: true } };
for (const [name, texts] of Object.entries(input)) {
  const module = await import(`./js/${name}.validators.js`);
  const channel = module[Object.keys(module).find((key) => key.endsWith("Channel"))];
  const { validate } = channel.topics.t.schema["~standard"];
  said[name] = texts.map((text) => {
    try {
      return validate(JSON.parse(text), exact).issues ?? [];
    } catch (error) {
      return String(error);
    }
  });
}
console.log(JSON.stringify(said));
"""

Place = tuple[str, ...]


def issues_in_python(topic: TopicRef[..., str, object], text: str) -> list[Issue]:
    """What a publish says is wrong: at most ten issues."""
    try:
        encode(topic, json.loads(text))
    except InvalidPayload as error:
        return list(error.issues)
    return []


def differences_of(cases: dict[str, Agreement], topic: Any, said: dict[str, Any]) -> list[object]:
    """Payloads that one side takes and the other refuses, or that both refuse at other places.

    Unions are explained in the same words too. Elsewhere numbers and JSON in a sentence are spelt otherwise.
    """
    found: list[object] = []
    for name, case in cases.items():
        for text, issues in zip(case.payloads, said[name], strict=True):
            right = issues_in_python(topic(name), text)
            if isinstance(issues, str) or bool(issues) is not bool(right):
                if not (case.milder and issues == []):
                    found.append((case.name, text, issues))
            elif not agree(right, issues, words=case in UNIONS):
                found.append((case.name, text, issues, right))
    return found


def agree(right: list[Issue], issues: list[Any], *, words: bool) -> bool:
    """Whether issues are at the same places, and in the same words if asked."""
    theirs = [(place_of(issue.pointer), issue.reason.split(": '")[0] if words else "") for issue in right]
    ours = [(tuple(map(str, issue["path"])), issue["message"] if words else "") for issue in issues]
    return all(any(is_same(one, other) for other in ours) for one in theirs) and (
        len(right) == 10 or all(any(is_same(one, other) for one in theirs) for other in ours)
    )


def place_of(pointer: str) -> Place:
    """The keys of a JSON pointer."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def is_same(right: tuple[Place, str], issue: tuple[Place, str]) -> bool:
    """Compare an issue of Python's with one of TypeScript's."""
    (place, reason), (path, message) = right, issue
    return (
        reason == message
        and len(place) == len(path)
        and all(one in (other, "*") for one, other in zip(place, path, strict=True))
    )


def by_python(topic: TopicRef[..., str, object], text: str) -> bool:
    """Whether a publish takes a payload."""
    return issues_in_python(topic, text) == []


def decided_in_node(folder: Path, given: dict[str, list[str]]) -> dict[str, list[bool]]:
    """Whether the validators of each module take its payloads."""
    said = run(folder, PROGRAM, given)
    return {name: [issues == [] for issues in each] for name, each in said.items()}


@pytest.mark.parametrize("year", ALL[1:])
def test_the_same_payloads_where_a_topic_is_written_in_a_later_draft(year: int, tmp_path: Path) -> None:
    """The topic is in 2020-12, and refers to the schema in its own draft: both decide alike."""
    cases = {f"c{index}": case for index, case in enumerate(CASES) if year in case.years}
    cases = {name: case for name, case in cases.items() if not case.name.startswith("format ")}
    files: dict[str, object] = {}
    for name, case in cases.items():
        files[f"{name}.channel.json"] = channel(name, t={"allOf": [{"$ref": f"docs/{name}.json"}]})
        files[f"docs/{name}.json"] = {"$schema": DRAFTS[year], **case.schema}
    made = compiled_for_node(tmp_path, files)
    said = run(tmp_path, PROGRAM, {name: case.payloads for name, case in cases.items()})
    differences = [
        (case.name, text, issues)
        for name, case in cases.items()
        for text, issues in zip(case.payloads, said[name], strict=True)
        if (issues == [])
        is not (issues_in_python(getattr(made.module(name), f"{name}_channel").t, text) == [])
        and not (case.milder and issues == [])
    ]
    assert differences == []


@pytest.mark.parametrize("year", ALL)
def test_the_same_payloads(year: int, tmp_path: Path) -> None:
    """What Python sends is taken; what it refuses is refused at the same places, unless docs differ."""
    needs_node()
    cases: dict[str, Agreement] = {
        f"c{index}": case for index, case in enumerate([*CASES, *UNIONS]) if year in case.years
    }
    compiled = compile_topics(
        tmp_path,
        f"agreement{year}",
        {name: case.schema for name, case in cases.items()},
        dialect=DRAFTS[year],
        assert_formats=True,
        typescript=True,
    )
    project(tmp_path, compiled.typescript)
    assert tsc(tmp_path, emit=True) == []
    said = run(tmp_path, PROGRAM, {name: case.payloads for name, case in cases.items()})
    assert differences_of(cases, compiled.topic, said) == []
    count = sum(len(case.payloads) for case in cases.values())
    taken = sum(issues == [] for name in cases for issues in said[name])
    assert count > 3_000
    assert count * 0.2 < taken < count * 0.9
