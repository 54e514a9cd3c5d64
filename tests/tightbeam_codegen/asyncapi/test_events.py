"""Events in AsyncAPI: a channel each, whose address is the event's name, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.asyncapi.exported import exported_from
from tests.tightbeam_codegen.asyncapi.test_parser import NEWER, parsed
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam_cli import main
from tightbeam_codegen.settings import Settings

UPLOAD = {
    "name": "app/upload",
    "description": "A file has arrived.",
    "schema": closed("uploadId", uploadId=STRING, size=INTEGER),
}
PING = {"name": "app/ping", "description": "Somebody is there."}
FILES: dict[str, Any] = {
    "upload.event.json": UPLOAD,
    "health/ping.event.json": PING,
    "odd.event.json": {"name": "app/{odd} name", "x-tightbeam-name": "Oddity", "schema": ref("common.json")},
    "common.json": closed("a", a=STRING),
    "uploads.channel.json": channel("uploads", shared=ref("common.json")),
}


def exported(folder: Path, files: dict[str, Any] = FILES, **about: Any) -> dict[str, Any]:
    write_files(folder / "schemas", files)
    found = exported_from(folder / "schemas", Settings(folder / "schemas"), **about)
    assert found.problems == ()
    return dict(found.document)


def test_an_event_is_a_channel_with_one_message(tmp_path: Path) -> None:
    document = exported(tmp_path)
    assert document["channels"]["upload"] == {
        "address": "app/upload",
        "title": "Upload",
        "description": "A file has arrived.",
        "messages": {"upload": {"$ref": "#/components/messages/upload.upload"}},
        "x-tightbeam": {"file": "upload.event.json", "event": "app/upload"},
    }
    assert document["components"]["messages"]["upload.upload"] == {
        "name": "app/upload",
        "title": "Upload",
        "summary": "A file has arrived.",
        "contentType": "application/json",
        "payload": UPLOAD["schema"],
    }
    assert document["operations"]["upload.upload"] == {
        "action": "send",
        "channel": {"$ref": "#/channels/upload"},
        "title": "Upload",
        "summary": "A file has arrived.",
        "messages": [{"$ref": "#/channels/upload/messages/upload"}],
    }


def test_an_event_without_data_has_a_message_without_a_payload(tmp_path: Path) -> None:
    message = exported(tmp_path)["components"]["messages"]["health.ping.ping"]
    assert message == {"name": "app/ping", "title": "Ping", "summary": "Somebody is there."}


def test_a_name_with_braces_is_no_address(tmp_path: Path) -> None:
    """An address with braces would be a template, whose parameters there aren't."""
    document = exported(tmp_path)
    odd = document["channels"]["odd"]
    assert odd["address"] is None
    assert odd["x-tightbeam"] == {"file": "odd.event.json", "event": "app/{odd} name", "name": "Oddity"}
    assert document["components"]["messages"]["odd.odd"]["payload"] == {
        "$ref": "#/components/schemas/common.Common"
    }


def test_one_that_subscribes_receives_events(tmp_path: Path) -> None:
    assert exported(tmp_path, view="subscriber")["operations"]["upload.upload"]["action"] == "receive"


def export(project: Path, *options: str, form: str = "json") -> Path:
    document = project / "elsewhere" / f"all.{form}"
    document.parent.mkdir()
    assert main(["export", "asyncapi", "schemas", "--output", str(document), *options]) == 0
    return document


def texts(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".schema." not in path.name)
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


@pytest.mark.parametrize("form", ["json", pytest.param("yaml", marks=pytest.mark.slow)])
def test_the_files_come_back(project: Path, form: str) -> None:
    write_files(project / "schemas", FILES)
    document = export(project, form=form)
    assert main(["init", "again", "--from", str(document)]) == 0
    assert texts(project / "again") == texts(project / "schemas")
    for folder in ("schemas", "again"):
        assert main(["generate", folder, "--output", f"of_{folder}"]) == 0
    assert texts(project / "of_again") == texts(project / "of_schemas")


def change(document: Path) -> None:
    value = json.loads(document.read_text())
    value["components"]["messages"]["upload.upload"]["payload"]["properties"]["kind"] = STRING
    document.write_text(json.dumps(value))


@pytest.mark.parametrize("is_changed", [True, False])
def test_a_document_without_its_files_gives_events_that_refer_to_it(project: Path, is_changed: bool) -> None:
    """Files are passed over once the document was changed, and it may carry none at all."""
    write_files(project / "schemas", FILES)
    document = export(project, *([] if is_changed else ["--no-sources"]))
    if is_changed:
        change(document)
    assert main(["init", "again", "--from", str(document)]) == 0
    written = {path: json.loads(text) for path, text in texts(project / "again").items()}
    upload = written["upload.event.json"]
    assert upload == {
        "$schema": "event.schema.json",
        "name": "app/upload",
        "description": "A file has arrived.",
        "schema": {"$ref": "all.json#/components/messages/upload.upload/payload"},
    }
    assert "schema" not in written["ping.event.json"]
    assert written["odd.event.json"]["name"] == "app/{odd} name"
    assert written["odd.event.json"]["x-tightbeam-name"] == "Oddity"
    assert main(["generate", "again", "--output", "generated", "--strict"]) == 0
    assert ("kind: " in texts(project / "generated")["all.py"]) is is_changed


def test_one_event_may_be_taken_and_named(project: Path) -> None:
    write_files(project / "schemas", FILES)
    document = export(project)
    assert main(["init", "again", "--from", str(document), "--only", "upload", "--name", "app/uploaded"]) == 0
    (file,) = (project / "again").glob("*.event.json")
    assert (file.name, json.loads(file.read_text())["name"]) == ("upload.event.json", "app/uploaded")
    assert not list((project / "again").glob("*.channel.json"))


def test_an_event_that_cannot_be_generated_is_left_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(project / "schemas", FILES)
    document = export(project, "--no-sources")
    value = json.loads(document.read_text())
    value["components"]["messages"]["upload.upload"]["payload"]["properties"]["uploadId"]["pattern"] = "("
    document.write_text(json.dumps(value))
    capsys.readouterr()
    assert main(["init", "again", "--from", str(document)]) == 0
    assert "the event 'app/upload' is left out: the pattern '(' can't be used" in capsys.readouterr().err
    assert sorted(path.name for path in (project / "again").glob("*.event.json")) == [
        "odd.event.json",
        "ping.event.json",
    ]


@pytest.mark.slow
def test_the_parser_takes_events(project: Path) -> None:
    write_files(project / "schemas", FILES)
    document = export(project)
    outcome = parsed(document)[str(document)]
    assert [each for each in outcome["diagnostics"] if each["code"] != NEWER] == []
    assert {(key, address) for key, address, _ in outcome["channels"]} == {
        ("upload", "app/upload"),
        ("health.ping", "app/ping"),
        ("odd", None),
        ("uploads", "uploads"),
    }
    assert {name: has_payload for name, has_payload, _ in outcome["messages"]} == {
        "app/upload": True,
        "app/ping": False,
        "app/{odd} name": True,
        "shared": True,
    }


def test_files_of_one_name_are_told_apart_by_their_folders(project: Path) -> None:
    """A channel and an event of one name would be one module, too."""
    files = {
        **{f"{each}/done.event.json": {"name": f"{each}/done"} for each in ("orders", "uploads", "users")},
        "rooms/done.channel.json": channel("rooms", left=STRING),
    }
    write_files(project / "schemas", files)
    document = export(project, "--no-sources")
    assert main(["init", "again", "--from", str(document)]) == 0
    written = [path for path in texts(project / "again") if path.endswith((".event.json", ".channel.json"))]
    assert sorted(written) == [
        "done.channel.json",
        "orders-done.event.json",
        "uploads-done.event.json",
        "users-done.event.json",
    ]
    assert main(["generate", "again", "--output", "generated", "--strict"]) == 0
