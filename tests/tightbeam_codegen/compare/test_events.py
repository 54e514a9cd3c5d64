"""Events are compared as topics are: by their names; functions read them, and senders publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compare.repositories import Clone, changed, definition
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam_cli import main
from tightbeam_codegen.compare import reading

Compare = Callable[..., tuple[int, str, str]]


def event(*kinds: str, name: str = "app/upload", **more: Any) -> dict[str, Any]:
    """An event whose property `kind` has these values."""
    return {"name": name, "schema": closed("kind", kind={"enum": list(kinds)}), **more}


OLD, NEW = event("image"), event("image", "video")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A repository whose branch main has an event and a channel."""
    clone = Clone.made(tmp_path / "project")
    clone.commit({"schemas/upload.event.json": OLD, "schemas/deliveries.channel.json": definition("traffic")})
    monkeypatch.chdir(clone.folder)
    return clone


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    """Runs the command against main: exit code, standard output, standard error."""

    def compared(*arguments: str, form: str = "json") -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["breaking", "--against", "main", *arguments, "--format", form])
        said = capsys.readouterr()
        return code, said.out, said.err

    return compared


def test_an_event_is_one_of_the_topics(clone: Clone, compare: Compare) -> None:
    clone.write({"schemas/upload.event.json": NEW})
    code, out, err = compare()
    (topic,) = json.loads(out)["topics"]
    assert (code, err) == (1, "")
    assert (topic["channel"], topic["topic"], topic["definition"]) == ("upload", "app/upload", "event")
    assert (topic["old_readers"], topic["new_readers"], topic["order"]) == ("no", "yes", "readers-first")
    assert topic["payloads"] == {"old_readers": {"kind": "video"}}
    refused = topic["places"]["old_readers"]
    assert refused["pointer"] == "/kind"
    assert refused["reader"] == {"file": "main:schemas/upload.event.json", "line": 7, "column": 17}
    assert refused["writer"] == {"file": "schemas/upload.event.json", "line": 7, "column": 17}
    assert topic["new"] == {"file": "schemas/upload.event.json", "line": 2, "column": 3}


@pytest.mark.parametrize(
    ("after", "order"),
    [
        (event("image", "video"), "readers-first"),
        (event("video"), "none"),
        ({**OLD, "schema": closed("kind", kind={"enum": ["image"]}, size=INTEGER)}, "any"),
        (
            {**OLD, "schema": closed("kind size", kind={"enum": ["image"]}, size=INTEGER)},
            "publishers-first",
        ),
    ],
)
def test_orders(clone: Clone, compare: Compare, after: Any, order: str) -> None:
    clone.write({"schemas/upload.event.json": after})
    code, out, _ = compare()
    assert changed(out) == [("upload", "app/upload", order)]
    assert code == (order != "any")


def test_a_shared_schema_reaches_events_and_channels(clone: Clone, compare: Compare) -> None:
    kinds = {"$defs": {"Kind": {"enum": ["image"]}}}
    shared = closed("kind", kind=ref("common.json#/$defs/Kind"))
    clone.commit(
        {
            "schemas/upload.event.json": {**OLD, "schema": shared},
            "schemas/uploads.channel.json": {"name": "uploads", "topics": {"kind": {"schema": shared}}},
            "schemas/common.json": kinds,
        }
    )
    clone.write({"schemas/common.json": {"$defs": {"Kind": {"enum": ["image", "video"]}}}})
    code, out, _ = compare()
    orders = [("upload", "app/upload", "readers-first"), ("uploads", "kind", "readers-first")]
    assert (code, sorted(changed(out))) == (1, orders)


def test_only_events_that_are_affected_are_read(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.commit({f"schemas/e{number}.event.json": event("a", name=f"app/{number}") for number in range(3)})
    clone.write({"schemas/e1.event.json": event("a", "b", name="app/1")})
    read: list[frozenset[str]] = []
    real = reading._read

    def noted(*arguments: Any) -> Any:
        read.append(arguments[3])
        return real(*arguments)

    monkeypatch.setattr(reading, "_read", noted)
    assert changed(compare()[1]) == [("e1", "app/1", "readers-first")]
    assert read == [frozenset(["e1.event.json"])] * 2


def test_yaml_is_the_same_event(clone: Clone, compare: Compare) -> None:
    clone.git("mv", "schemas/upload.event.json", "schemas/upload.event.yaml")
    clone.write({"schemas/upload.event.yaml": json.dumps(OLD, indent=1)})
    code, out, _ = compare(form="text")
    assert (code, "and exactly the same payloads as before" in out) == (0, True)
    clone.write({"schemas/upload.event.yaml": json.dumps(NEW, indent=1)})
    assert changed(compare()[1]) == [("upload", "app/upload", "readers-first")]


def test_an_event_is_the_same_in_another_file(clone: Clone, compare: Compare) -> None:
    """The name is what travels; the file gives the names of generated code."""
    clone.git("mv", "schemas/upload.event.json", "schemas/uploaded.event.json")
    clone.write({"schemas/uploaded.event.json": NEW})
    code, out, _ = compare()
    assert (code, changed(out)) == (1, [("uploaded", "app/upload", "readers-first")])
    (renamed,) = [each for each in json.loads(out)["code"] if each["kind"] == "module-renamed"]
    assert renamed["was"] == ["upload.upload_event", "upload.UploadEvent"]
    assert renamed["now"] == ["uploaded.uploaded_event", "uploaded.UploadedEvent"]
    assert (renamed["definition"], renamed["topic"]) == ("event", "app/upload")


def test_an_event_that_takes_a_channel_s_place_is_no_channel(clone: Clone, compare: Compare) -> None:
    """A channel and an event of one name, or in files of one name, have nothing to do with each other."""
    (clone.folder / "schemas/deliveries.channel.json").unlink()
    clone.write({"schemas/deliveries.event.json": event("image", name="deliveries")})
    code, out, _ = compare()
    found = json.loads(out)
    assert (code, found["topics"]) == (1, [])
    assert [each["kind"] for each in found["code"]] == ["channel-removed"]
    assert [(each["topic"], each["definition"]) for each in found["new"]] == [("deliveries", "event")]


def test_schemas_as_written(clone: Clone, compare: Compare) -> None:
    clone.write(
        {"schemas/upload.event.json": {**OLD, "schema": closed("kind", kind={"enum": ["image"]}, s=STRING)}}
    )
    assert compare()[0] == 0
    code, out, _ = compare("--as-written")
    assert (code, changed(out)) == (1, [("upload", "app/upload", "readers-first")])


@pytest.mark.parametrize("form", ["text", "github", "markdown"])
def test_words_for_people(clone: Clone, compare: Compare, form: str) -> None:
    clone.write(
        {"schemas/upload.event.json": NEW, "schemas/deliveries.channel.json": definition("traffic", "x")}
    )
    code, out, _ = compare(form=form)
    assert code == 1
    assert "event <code>app/upload</code>" in out or "event `app/upload`: functions first" in out
    assert "Old functions can't take every new event" in out
    assert "Deploy all processes that run its functions first, then those that send it." in out
    assert "Old readers can't take every new message" in out
    assert "1 topic breaks; 1 event breaks" in out


def test_a_comment_has_a_table_for_events(clone: Clone, compare: Compare) -> None:
    clone.write({"schemas/upload.event.json": NEW})
    out = compare(form="markdown")[1]
    assert "| Payloads of | Deploy | Old functions take new events | New functions take old events |" in out
    assert "| event `app/upload` | **functions first** | no | yes |" in out
    assert "Old readers" not in out


@pytest.mark.parametrize("where", [("x-tightbeam-allow-breaking",), ("schema", "x-tightbeam-allow-breaking")])
def test_an_exception_at_the_event_or_at_its_schema(
    clone: Clone, compare: Compare, where: tuple[str, ...]
) -> None:
    allowed: Any = json.loads(json.dumps(NEW))
    inner = allowed
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = "All functions know videos since May."
    clone.write({"schemas/upload.event.json": allowed})
    code, out, _ = compare()
    found = json.loads(out)
    assert (code, found["topics"][0]["allowed"]) == (0, "All functions know videos since May.")
    (exception,) = found["exceptions"]
    assert (exception["topic"], exception["definition"], exception["allows"]) == ("app/upload", "event", 1)


def test_an_exception_at_a_schema_that_the_event_refers_to(clone: Clone, compare: Compare) -> None:
    shared = {"$defs": {"Upload": OLD["schema"]}}
    whole = {**OLD, "schema": ref("common.json#/$defs/Upload")}
    clone.commit({"schemas/upload.event.json": whole, "schemas/common.json": shared})
    clone.write(
        {
            "schemas/common.json": {
                "$defs": {"Upload": {**NEW["schema"], "x-tightbeam-allow-breaking": "Known."}}
            }
        }
    )
    code, out, _ = compare()
    assert (code, json.loads(out)["topics"][0]["allowed"]) == (0, "Known.")


def test_names_of_both_languages(clone: Clone, compare: Compare) -> None:
    clone.write({"pyproject.toml": "[tool.tightbeam]\ntypescript = 'web'\n"})
    (clone.folder / "schemas/upload.event.json").unlink()
    gone = "is gone, with `upload_event` (in TypeScript `uploadEvent`), `UploadEvent` and the module `upload`"
    assert gone in compare(form="text")[1]


def test_data_that_comes_or_goes(clone: Clone, compare: Compare) -> None:
    """An event without data is an empty object on the wire, and what has no data reads nothing."""
    clone.write({"schemas/upload.event.json": {"name": "app/upload"}})
    code, out, _ = compare()
    assert (code, changed(out)) == (1, [("upload", "app/upload", "readers-first")])
    assert json.loads(out)["topics"][0]["payloads"] == {"old_readers": {}}
    assert [each["kind"] for each in json.loads(out)["code"]] == ["data-removed"]
    optional = {**OLD, "schema": closed(kind={"enum": ["image"]})}
    clone.commit({"schemas/upload.event.json": {"name": "app/upload"}})
    clone.write({"schemas/upload.event.json": optional})
    code, out, _ = compare()
    assert (code, changed(out)) == (1, [("upload", "app/upload", "any")])
    assert [each["kind"] for each in json.loads(out)["code"]] == ["data-added"]


@pytest.mark.parametrize(("before", "after"), [(OLD, {"name": "app/upload"}), ({"name": "app/upload"}, OLD)])
def test_an_exception_allows_data_that_comes_or_goes(
    clone: Clone, compare: Compare, before: Any, after: Any
) -> None:
    """Both of what changes: the payloads, and what callers must change."""
    clone.commit({"schemas/upload.event.json": before})
    clone.write(
        {"schemas/upload.event.json": {**after, "x-tightbeam-allow-breaking": "Nobody sends it yet."}}
    )
    code, out, _ = compare()
    found = json.loads(out)
    assert (code, found["exceptions"][0]["allows"]) == (0, 2)
    assert [each["allowed"] for each in found["topics"] + found["code"]] == ["Nobody sends it yet."] * 2
