"""Validators in TypeScript decide as Python does: the same payloads through both, Ajv being the real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.codegen.compiling import channel, compile_files, errors
from tests.suite.compiled import compile_topics
from tests.typescript.agreement import ALL, CASES, DRAFTS, Agreement
from tests.typescript.node_tools import needs_node, project, run, tsc
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.check import encode

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
      return validate(JSON.parse(text), exact).issues === undefined;
    } catch (error) {
      return String(error);
    }
  });
}
console.log(JSON.stringify(said));
"""


def by_python(topic: TopicRef[..., str, object], text: str) -> bool:
    try:
        encode(topic, json.loads(text))
    except InvalidPayload:
        return False
    return True


@pytest.mark.parametrize("year", ALL[1:])
def test_the_same_payloads_where_a_topic_is_written_in_a_later_draft(year: int, tmp_path: Path) -> None:
    """The topic is in 2020-12, and refers to the schema in its own draft."""
    needs_node()
    cases = {f"c{index}": case for index, case in enumerate(CASES) if year in case.years}
    cases = {name: case for name, case in cases.items() if not case.name.startswith("format ")}
    files: dict[str, object] = {}
    for name, case in cases.items():
        files[f"{name}.channel.json"] = channel(name, t={"allOf": [{"$ref": f"docs/{name}.json"}]})
        files[f"docs/{name}.json"] = {"$schema": DRAFTS[year], **case.schema}
    web = tmp_path / "web"
    made = compile_files(
        tmp_path, files, typescript=web, typescript_validators=True, typescript_import_extension="js"
    )
    assert errors(made) == []
    project(tmp_path, made.result.typescript)
    assert tsc(tmp_path, emit=True) == []
    said = run(tmp_path, PROGRAM, {name: case.payloads for name, case in cases.items()})
    differences = [
        (case.name, text, verdict)
        for name, case in cases.items()
        for text, verdict in zip(case.payloads, said[name], strict=True)
        if verdict is not by_python(getattr(made.module(name), f"{name}_channel").t, text)
        and not (case.milder and verdict is True)
    ]
    assert differences == []


@pytest.mark.parametrize("year", ALL)
def test_the_same_payloads(year: int, tmp_path: Path) -> None:
    """What Python sends is taken; what it refuses is refused too, unless documentation says otherwise."""
    needs_node()
    cases: dict[str, Agreement] = {
        f"c{index}": case for index, case in enumerate(CASES) if year in case.years
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
    differences: list[tuple[str, str, object]] = []
    taken, count = 0, 0
    for name, case in cases.items():
        for text, verdict in zip(case.payloads, said[name], strict=True):
            right = by_python(compiled.topic(name), text)
            taken, count = taken + right, count + 1
            if verdict is not right and not (case.milder and verdict is True):
                differences.append((case.name, text, verdict))
    assert differences == []
    assert count > 2_000
    assert count * 0.2 < taken < count * 0.9
