"""Events over several runs: what is remembered of them is compared, and their files come and go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, event, write_files
from tests.tightbeam_codegen.schemas import STRING, closed, ref
from tightbeam_cli import main

UPLOAD = event("app/upload", schema=closed(a=STRING))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    write_files(Path("schemas"), {"upload.event.json": UPLOAD, "x.channel.json": channel("x", t=STRING)})
    assert main(["generate"]) == 0
    return tmp_path


def put(name: str, value: dict[str, Any]) -> None:
    Path("schemas", name).write_text(json.dumps(value), "utf-8")


def test_an_event_is_counted_and_its_files_come_and_go(capsys: pytest.CaptureFixture[str]) -> None:
    put("other.event.json", event("app/other"))
    assert main(["generate"]) == 0
    assert capsys.readouterr().out.startswith("Generated 1 channel and 2 events in generated: ")
    put("ping.event.json", event("app/ping"))
    assert main(["generate", "--check"]) == 1
    assert "+++ b/generated/ping.py" in capsys.readouterr().out
    assert main(["generate"]) == 0
    assert Path("generated/ping.py").exists()
    assert not Path("generated/_schemas/ping.py").exists()
    put("ping.event.json", event("app/ping", schema=closed(a=STRING)))
    assert main(["generate"]) == 0
    assert Path("generated/_schemas/ping.py").exists()
    put("ping.event.json", event("app/ping"))
    assert main(["generate"]) == 0
    assert not Path("generated/_schemas/ping.py").exists()
    assert "class Ping" not in Path("generated/ping.py").read_text("utf-8")
    Path("schemas/ping.event.json").unlink()
    assert main(["generate"]) == 0
    assert not Path("generated/ping.py").exists()
    assert "ping_event" not in Path("generated/__init__.py").read_text("utf-8")
    assert main(["generate", "--check"]) == 0


@pytest.mark.slow
def test_packages_of_schemas_stay_where_an_event_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    """Of an unchanged event, too, it is known whether it has data."""
    put("ping.event.json", event("app/ping"))
    write_files(
        Path("schemas"), {"a/full.event.json": UPLOAD | {"name": "b"}, "c/none.event.json": event("c")}
    )
    assert main(["generate"]) == 0
    for text in ("once", "twice"):
        put("x.channel.json", channel("x", t=STRING) | {"description": text})
        assert main(["generate"]) == 0
        assert Path("generated/_schemas/a/__init__.py").exists()
        assert not Path("generated/_schemas/c").exists()
        assert main(["generate", "--check"]) == 0


def test_a_name_that_a_remembered_event_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    put("again.event.json", event("app/upload"))
    assert main(["generate"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "schemas/upload.event.json:1:10: error: the event 'app/upload' is defined in"
        " schemas/again.event.json too"
    )
    put("again.event.json", event("app/again"))
    assert main(["generate"]) == 0
    put("uploads.channel.json", channel("u", t=ref("upload.event.json#/schema")))
    assert main(["generate"]) == 0
    assert "_upload_Upload" in Path("generated/uploads.py").read_text("utf-8")
    assert main(["generate", "--check"]) == 0


@pytest.mark.slow
def test_an_event_that_others_refer_to_takes_them_along(capsys: pytest.CaptureFixture[str]) -> None:
    put("restored.event.json", event("app/restored", schema=ref("upload.event.json#/schema")))
    assert main(["generate"]) == 0
    before = Path("generated/_schemas/restored.py").read_text("utf-8")
    put("upload.event.json", event("app/upload", schema=closed(a=STRING, b=STRING)))
    assert main(["generate"]) == 0
    after = Path("generated/_schemas/restored.py").read_text("utf-8")
    assert ('"b"' in before, '"b"' in after) == (False, True)
    put("upload.event.json", event("app/upload", schema=STRING))
    assert main(["generate"]) == 2
    places = [line for line in capsys.readouterr().err.splitlines() if "the data of an event" in line]
    assert [place.partition(":")[0] for place in places] == [
        "schemas/restored.event.json",
        "schemas/upload.event.json",
    ]


@pytest.mark.slow
def test_the_settings_name_the_class_of_an_event() -> None:
    Path("pyproject.toml").write_text(
        '[tool.tightbeam.names]\n"schemas/upload.event.json#/schema" = "Uploaded"\n'
    )
    assert main(["generate", "--strict"]) == 0
    text = Path("generated/upload.py").read_text("utf-8")
    assert "class Uploaded(v1.Payload" in text
    assert "Upload: _t.TypeAlias = Uploaded\n" in text
    assert 'UploadEvent: _t.TypeAlias = v1.Event[_t.Literal["app/upload"], Upload]\n' in text
