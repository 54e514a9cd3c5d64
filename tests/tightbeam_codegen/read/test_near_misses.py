"""Files that were most likely meant as definitions: said once, whatever else there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tightbeam_codegen.compiling import channel, event, write_files
from tightbeam_cli import main

DEFINITION = channel("uploads", status={"type": "string"})
EVENT = event("app/upload", schema={"type": "object", "additionalProperties": False})
GOOD = channel("good", status={"type": "string"})


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("uploads.json", "uploads.channel.json"),
        ("uploads.yaml", "uploads.channel.yaml"),
        ("uploads.JSON", "uploads.channel.json"),
        ("uploads.schema.json", "uploads.channel.json"),
        ("uploads.channels.json", "uploads.channel.json"),
        ("uploads.channel.jsonc", "uploads.channel.json"),
        ("deep/er/uploads.json", "deep/er/uploads.channel.json"),
        ("upload.event.jsn", "upload.event.json"),
        ("upload.json", "upload.event.json"),
        pytest.param("upload.Event.json", "upload.event.json", marks=pytest.mark.slow),
        pytest.param("upload.events.json", "upload.event.json", marks=pytest.mark.slow),
        pytest.param("upload-event.yaml", "upload-event.event.yaml", marks=pytest.mark.slow),
        pytest.param("deep/er/upload.event.jsonc", "deep/er/upload.event.json", marks=pytest.mark.slow),
    ],
)
def test_alone_and_beside_good_files(name: str, called: str, capsys: pytest.CaptureFixture[str]) -> None:
    is_event = ".event." in called
    kind = "an event" if is_event else "a channel"
    write_files(Path(), {f"schemas/{name}": json.dumps(EVENT if is_event else DEFINITION)})
    assert main(["generate"]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"schemas/{name}:1:1: error: no *.channel.json, *.channel.yaml, *.event.json or *.event.yaml"
        " below schemas,"
        " but this looks like one\n"
        f"    Call it schemas/{called}.\n"
    )
    write_files(Path(), {"schemas/good.channel.json": GOOD})
    warning = (
        f"schemas/{name}:1:1: warning: this looks like {kind} definition, and isn't read as one\n"
        f"    Call it schemas/{called}.\n"
    )
    for _ in range(2):
        assert main(["generate"]) == 0
        assert capsys.readouterr().err == warning
    assert main(["generate", "--strict"]) == 2
    capsys.readouterr()
    file = Path("schemas", name)
    file.rename(file.with_name(Path(called).name))
    assert main(["generate", "--strict"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "x", "topics": {}}),
        json.dumps({"name": "x", "topics": ["a"]}),
        json.dumps({"name": "x", "description": "Neither topics nor a schema."}),
        json.dumps({"name": "x", "schema": {"type": "object"}, "version": 1}),
        json.dumps({"name": {"type": "string"}, "schema": {"type": "object"}}),
        json.dumps({"name": "x", "schema": "https://example.com"}),
        json.dumps({"name": 1, "topics": {"a": {"schema": {}}}}),
        json.dumps({"topics": {"a": {"schema": {}}}}),
        json.dumps({"type": "object", "properties": {"topics": {"type": "array"}}}),
        '{"topics": ',
        "topics",
    ],
)
def test_what_looks_otherwise_is_no_matter(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path(), {"schemas/good.channel.json": GOOD, "schemas/other.json": text})
    assert main(["generate", "--strict"]) == 0
    assert capsys.readouterr().err == ""


def test_a_schema_of_another_tool_may_have_such_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"})
    write_files(Path(), {"schemas/good.channel.json": GOOD, "schemas/order.event.schema.json": schema})
    assert main(["generate", "--strict"]) == 0
    assert capsys.readouterr().err == ""


def test_one_that_is_referred_to_is_meant_so(capsys: pytest.CaptureFixture[str]) -> None:
    definition = channel("good", t={"$ref": "between.json#/$defs/A"})
    shared = DEFINITION | {"$defs": {"B": {"type": "string"}}}
    write_files(
        Path(),
        {
            "schemas/good.channel.json": definition,
            "schemas/between.json": {"$defs": {"A": {"$ref": "uploads.json#/$defs/B"}}},
            "schemas/uploads.json": shared,
        },
    )
    assert main(["generate"]) == 0
    assert "looks like" not in capsys.readouterr().err
    write_files(Path(), {"schemas/more.channel.json": channel("more", t={"type": "string"})})
    assert main(["generate"]) == 0
    assert "looks like" not in capsys.readouterr().err
