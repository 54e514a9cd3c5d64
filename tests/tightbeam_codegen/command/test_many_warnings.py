"""Any number of warnings: a file that draws thousands of them generates, and says how many there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tightbeam_cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "schemas").mkdir()
    return tmp_path


def noted(count: int, first: int = 0) -> dict[str, Any]:
    """An object with so many keywords of an editor's that mean nothing."""
    properties = {
        f"p{index:04}": {"type": "string", "markdownDescription": "x"}
        for index in range(first, first + count)
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def referred_to(count: int) -> None:
    document = {"$schema": "http://json-schema.org/draft-07/schema#", **noted(count)}
    Path("schemas/doc.json").write_text(json.dumps(document, indent=1))
    definition = {"name": "c", "topics": {"a": {"schema": {"$ref": "doc.json"}}}}
    Path("schemas/c.channel.json").write_text(json.dumps(definition))


def in_topics(*counts: int) -> None:
    topics = {f"t{index}": {"schema": noted(count)} for index, count in enumerate(counts)}
    Path("schemas/c.channel.json").write_text(json.dumps({"name": "c", "topics": topics}, indent=1))


def test_a_document_with_many(capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(414)
    assert main(["generate"]) == 0
    said = capsys.readouterr().err
    assert said.count("unknown keyword 'markdownDescription'") == 200
    assert "schemas/doc.json:807:4: warning: and 214 more warnings in this file" in said.splitlines()
    assert Path("generated/c.py").exists()


def test_those_of_all_topics_of_a_file_count_together(capsys: pytest.CaptureFixture[str]) -> None:
    in_topics(150, 150, 1)
    assert main(["generate"]) == 0
    said = capsys.readouterr().err
    assert said.count("unknown keyword") == 200
    assert said.count("and 101 more warnings in this file") == 1


def test_one_more(capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(201)
    assert main(["generate"]) == 0
    assert "warning: and 1 more warning in this file\n" in capsys.readouterr().err


def test_as_many_as_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(200)
    assert main(["generate"]) == 0
    assert "more" not in capsys.readouterr().err


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(414)
    assert main(["generate", "--format", "json"]) == 0
    said = capsys.readouterr().out
    problems = json.loads(said)["problems"]
    assert {problem["severity"] for problem in problems} == {"warning"}
    assert [p["message"] for p in problems if "more" in p["message"]] == [
        "and 214 more warnings in this file"
    ]


def test_as_annotations(capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(414)
    assert main(["generate", "--format", "github"]) == 0
    lines = capsys.readouterr().err.splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert sum("::warning file=schemas/doc.json," in line for line in commands) == 9
    assert commands[-1].endswith("::192 more warnings: the log of this step lists them")
    assert sum(line.startswith("schemas/doc.json:") for line in lines) == 192


@pytest.mark.parametrize("arguments", [["generate"], ["generate", "--check"]], ids=["write", "check"])
def test_they_are_fatal_under_strict_only(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    referred_to(414)
    assert main([*arguments, "--strict"]) == 2
    assert "Nothing was written: warnings are errors under --strict." in capsys.readouterr().err
    assert not Path("generated").exists()


def test_an_error_among_them_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    in_topics(414)
    definition = json.loads(Path("schemas/c.channel.json").read_text())
    definition["topics"]["t0"]["schema"]["properties"]["p0413"]["type"] = "strin"
    Path("schemas/c.channel.json").write_text(json.dumps(definition))
    assert main(["generate"]) == 2
    assert "error: unknown type 'strin'" in capsys.readouterr().err


def test_they_are_repeated_when_something_else_changed(capsys: pytest.CaptureFixture[str]) -> None:
    in_topics(414)
    assert main(["generate"]) == 0
    first = capsys.readouterr().err
    assert main(["generate"]) == 0
    assert capsys.readouterr().err == first
    other = {"name": "other", "topics": {"t": {"schema": {"type": "string"}}}}
    Path("schemas/other.channel.json").write_text(json.dumps(other))
    assert main(["generate"]) == 0
    assert capsys.readouterr().err == first


@pytest.mark.parametrize(("count", "more"), [(200, 0), (201, 1), (250, 1)])
def test_of_as_many_errors_it_says_that_there_are_more(
    count: int, more: int, capsys: pytest.CaptureFixture[str]
) -> None:
    topics = {f"t{index}": {"schema": {"type": "string"}, "nmae": "x"} for index in range(count)}
    Path("schemas/c.channel.json").write_text(json.dumps({"name": "c", "topics": topics}))
    assert main(["generate"]) == 2
    said = capsys.readouterr().err
    assert said.count("unknown key 'nmae'") == 200
    assert said.count("more than 200 errors in one file") == more
