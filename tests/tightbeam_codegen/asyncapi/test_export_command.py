"""`tightbeam export asyncapi`: what it writes, prints, compares, refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tightbeam_codegen.compiling import channel, write_files
from tightbeam_cli import main

pytestmark = pytest.mark.usefixtures("project")

DEFINITION = channel("x", t={"type": "string", "examples": ["hello"]})


def run(*options: str) -> int:
    return main(["export", "asyncapi", *options])


def write(**files: Any) -> None:
    write_files(Path("schemas"), {f"{name}.channel.json": each for name, each in files.items()})


def test_it_is_printed_unless_a_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write(x=DEFINITION)
    assert run() == 0
    printed = capsys.readouterr().out
    assert run("--format", "yaml") == 0
    assert yaml.safe_load(capsys.readouterr().out) == json.loads(printed)
    document = json.loads(printed)
    assert (document["asyncapi"], document["info"]) == ("3.0.0", {"title": "Channels", "version": "1.0.0"})
    assert document["components"]["messages"]["x.t"]["examples"] == [
        {"headers": {"topic": "t"}, "payload": "hello"}
    ]


@pytest.mark.parametrize(
    ("options", "info"),
    [
        ((), {"title": "shop", "version": "2.1"}),
        (
            ("--title", "T", "--api-version", "9", "--description", "D."),
            {"title": "T", "version": "9", "description": "D."},
        ),
    ],
)
def test_title_and_version_are_the_project_s_unless_stated(
    options: tuple[str, ...], info: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write(x=DEFINITION)
    Path("pyproject.toml").write_text('[project]\nname = "shop"\nversion = "2.1"\n')
    assert run(*options) == 0
    assert json.loads(capsys.readouterr().out)["info"] == info


@pytest.mark.parametrize("name", ["a.yaml", "deep/er/a.json"])
def test_a_file_is_written_compared_and_written_again(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(x=DEFINITION)
    assert run("--output", name, "--check") == 1
    assert not Path(name).exists()
    assert capsys.readouterr().err == f"{name} is out of date; run `tightbeam export asyncapi`.\n"
    assert run("--output", name) == 0
    assert capsys.readouterr().out == f"Wrote {name}\n"
    assert Path(name).read_text().startswith("{" if name.endswith(".json") else "asyncapi: ")
    assert run("--output", name, "--check") == 0
    assert run("--output", name) == 0
    assert capsys.readouterr().out == f"Nothing to do: {name} is up to date.\n"
    write(x=channel("x", t={"type": "string"}, u={"type": "integer"}))
    before = Path(name).read_bytes()
    assert run("--output", name, "--check") == 1
    assert f"--- a/{name}" in capsys.readouterr().out
    assert Path(name).read_bytes() == before
    assert run("--output", name) == 0
    assert run("--output", name, "--check") == 0


@pytest.mark.parametrize("content", ["{}", '{"asyncapi": "3.0.0"}', "x-tightbeam", ""])
def test_a_file_of_somebody_else_s_stays(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(x=DEFINITION)
    Path("a.json").write_text(content)
    assert run("--output", "a.json") == 2
    assert "'a.json' is in the way: this command hasn't written it" in capsys.readouterr().err
    assert Path("a.json").read_text() == content


def test_neither_a_link_nor_a_folder_is_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    write(x=DEFINITION)
    Path("target.json").write_text("{}")
    Path("link.json").symlink_to("target.json")
    for name in ("link.json", "schemas"):
        assert run("--output", name) == 2
        assert "it is no regular file" in capsys.readouterr().err
    assert Path("target.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("definition", "options", "words"),
    [
        (channel("x", t={"type": "strin"}), (), "unknown type 'strin', did you mean 'string'?"),
        (None, (), "isn't a folder"),
        (DEFINITION, ("--check",), "--check compares with a file, and none is named"),
    ],
)
def test_what_can_not_be_exported(
    definition: Any, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if definition is not None:
        write(x=definition)
    assert run(*options) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""


def test_warnings_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    write(x=channel("x", t={"type": "string", "require": ["a"]}))
    assert run("--output", "a.json") == 0
    assert "warning: unknown keyword 'require'" in capsys.readouterr().err


def test_the_same_definitions_give_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    schema = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in "cab"]}
    write(b={**channel("b", t=schema), "$defs": {name: {"const": name} for name in "abc"}}, a=DEFINITION)
    texts: list[str] = []
    for _ in range(2):
        assert run() == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_names_that_keys_can_not_have_are_kept_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    definition = {
        "name": "x:{user id}:{é}",
        "x-tightbeam-name": "Everything",
        "params": {"user id": {"type": "boolean"}, "é": {"const": 3, "default": 3, "examples": [3]}},
        "topics": {
            "a b": {"schema": {"type": "string"}},
            "ax20b": {"schema": {"type": "string"}},
            "c": {"description": "C.", "x-tightbeam-name": "see", "schema": {"type": "string"}},
        },
    }
    write(x=definition)
    assert run("--output", "a.json", "--no-sources") == 0
    document = json.loads(Path("a.json").read_text())
    (exported,) = document["channels"].values()
    assert exported["address"] == "x:{userx20id}:{xe9}"
    assert exported["parameters"]["xe9"] == {
        "enum": ["3"],
        "default": "3",
        "examples": ["3"],
        "x-tightbeam": {"name": "é", "schema": {"const": 3, "default": 3, "examples": [3]}},
    }
    assert sorted(exported["messages"]) == ["ax20b", "ax20b.ax20b", "c"]
    assert main(["init", "again", "--from", "a.json"]) == 0
    again = json.loads(Path("again/x.channel.json").read_text())
    topics = {name: {**each, "schema": {"type": "string"}} for name, each in again.pop("topics").items()}
    assert {**again, "topics": topics} == {"$schema": "channel.schema.json", **definition}


def test_a_document_that_can_not_be_read_back_draws_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(48):
        schema = {"type": "object", "properties": {"a": schema}, "additionalProperties": False}
    write(x=channel("x", t=schema))
    assert run("--output", "a.json") == 0
    said = capsys.readouterr().err
    assert "warning: `tightbeam init --from` won't be able to read this document: " in said
    assert json.loads(Path("a.json").read_text())["asyncapi"] == "3.0.0"
