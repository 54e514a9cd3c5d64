"""What a document that describes an API leaves open is a notice: readers can't mend it, so no run fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import compile_files, write_files
from tightbeam_cli import main

ORDER = {
    "type": "object",
    "properties": {
        "a": {},
        "b": {},
        "c": {"properties": {"d": {"type": "string"}}},
        "kind": {"enum": ["x", "y"], "x-enum-varnames": ["X", "Y"], "x-enumNames": ["X", "Y"]},
    },
    "misspelt": 1,
    "additionalProperties": False,
}
API = {"openapi": "3.1.0", "info": {}, "paths": {}, "components": {"schemas": {"Order": ORDER}}}
CHANNEL = {"name": "c", "topics": {"order": {"schema": {"$ref": "api.json#/components/schemas/Order"}}}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    write_files(Path("schemas"), {"api.json": API, "c.channel.json": CHANNEL})


def test_a_strict_run_goes_through_and_says_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second run finds nothing to do, and says the same
        assert main(["generate", "--strict"]) == 0
        said = capsys.readouterr().err
        assert (
            said.count("notice: the type is left open here, so Python's will be Any (and at 1 more place in")
            == 1
        )
        assert said.count("so anything but what is meant fits too") == 1
        assert said.count("unknown keyword 'misspelt'") == 1
        assert "x-enum" not in said


def test_programs_get_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--strict", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert [problem["severity"] for problem in found["problems"]] == ["notice"] * 4


def test_on_github_they_are_lines_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--strict", "--format", "github"]) == 0
    said = capsys.readouterr().err
    assert "notice: the type is left open" in said
    assert not any(line.startswith("::") for line in said.splitlines())


@pytest.mark.parametrize("document", [{"$defs": {"Order": ORDER}}])
def test_those_of_other_documents_are_warnings(document: Any, tmp_path: Path) -> None:
    topics = {"order": {"schema": {"$ref": "shared.json#/$defs/Order"}}}
    made = compile_files(
        tmp_path, {"shared.json": document, "c.channel.json": {"name": "c", "topics": topics}}
    )
    assert {problem.severity for problem in made.result.problems} == {"warning"}
    assert not any("x-enum" in problem.message for problem in made.result.problems)
