"""Event definitions: what the model says of them, and what data they may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import (
    channel,
    compile_files,
    errors,
    event,
    settings_of,
    write_files,
)
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam_codegen.model import EventModel, Model
from tightbeam_codegen.pipeline import read


def model_of(folder: Path, files: dict[str, Any], **settings: Any) -> Model:
    """Read definitions."""
    write_files(folder, files)
    return read(folder, settings_of(folder, **settings), shown_root="schemas", exact=True)


def event_of(folder: Path, schema: Any, **files: Any) -> EventModel:
    """Read one event with this schema beside other files."""
    model = model_of(folder, {"upload.event.json": event("app/upload", schema=schema), **files})
    assert not model.has_errors, model.problems
    (found,) = model.events
    return found


def test_an_event_is_in_the_model_beside_channels(tmp_path: Path) -> None:
    files = {
        "a.channel.json": channel("a", t=STRING),
        "shop/line-added.event.yaml": "name: shop/line-added\nschema: {type: object, properties: {}}\n",
        "ping.event.json": event("app/ping", description="Nothing."),
    }
    model = model_of(tmp_path, files)
    assert model.is_complete
    assert not model.has_errors, model.problems
    assert [each.module for each in model.channels] == [("a",)]
    ping, added = model.events
    assert (ping.definition.name, ping.payload, ping.bundle.value["topics"]) == ("app/ping", None, {})
    assert (added.module, added.definition.name) == (("shop", "line_added"), "shop/line-added")
    assert added.payload is not None
    assert (added.payload.name, added.payload.attribute) == ("shop/line-added", "line_added_event")
    assert list(added.bundle.value["topics"]) == ["shop/line-added"]
    assert model.exact is not None
    assert [topic.name for topic in model.exact.topics[added.module]] == ["shop/line-added"]
    assert model.exact.topics[ping.module] == ()


def test_the_schema_of_an_event_is_compiled_as_that_of_a_topic(tmp_path: Path) -> None:
    """With references to shared files, into itself, to itself by an anchor, and to a channel's topic."""
    schema = closed(
        a=ref("common.json#/$defs/Money"),
        b=ref("#/$defs/Line"),
        c=ref("#/schema/properties/d"),
        d=closed(x=INTEGER),
        e=ref("x.channel.json#/topics/t/schema"),
        f=ref("#here"),
        g={"$anchor": "here", "type": "string"},
    )
    files = {
        "upload.event.json": event("app/upload", schema=schema) | {"$defs": {"Line": closed(n=INTEGER)}},
        "x.channel.json": channel("x", t=closed(y=ref("upload.event.json#/schema/properties/d"))),
        "common.json": {"$defs": {"Money": closed(cents=INTEGER)}},
    }
    made = compile_files(tmp_path, files)
    assert errors(made) == []
    upload = made.module("upload")
    loaded = upload.Upload.model_validate_json(
        '{"a": {"cents": 1}, "b": {"n": 2}, "c": {"x": 3}, "d": {"x": 4}, "e": {"y": {"x": 5}}, "f": "f"}'
    )
    assert (loaded.a.cents, loaded.b.n, loaded.c.x, loaded.e.y.x, loaded.f) == (1, 2, 3, 5, "f")
    assert type(loaded.c) is type(loaded.d) is upload.UploadD
    assert type(loaded.e.y) is upload.UploadD


OBJECTS: dict[str, Any] = {
    "closed": closed(a=STRING),
    "empty": {"type": "object", "additionalProperties": False},
    "map": {"type": "object", "additionalProperties": STRING},
    "any object": {"type": "object"},
    "union": {"oneOf": [closed("a", a={"const": 1}), {"type": "object", "additionalProperties": INTEGER}]},
    "reference": ref("#/$defs/Alias"),
    "intersection": {"allOf": [ref("#/$defs/Open"), {"type": "object"}]},
    "nullable or not": {"type": ["object", "null"], "allOf": [{"type": "object"}]},
    "itself": closed(children={"type": "array", "items": ref("#/schema")}),
}


@pytest.mark.parametrize("schema", OBJECTS.values(), ids=OBJECTS.keys())
def test_data_is_an_object(tmp_path: Path, schema: Any) -> None:
    shared = {
        "Alias": ref("#/$defs/Object"),
        "Object": closed(a=STRING),
        "Open": {"properties": {"a": STRING}},
    }
    made = compile_files(tmp_path, {"upload.event.json": event(schema=schema) | {"$defs": shared}})
    assert errors(made) == []
    assert made.module("upload").upload_event.name == "app/x"


NOT_SAID = "this schema doesn't say that it is one"
OTHERS: dict[str, tuple[Any, str]] = {
    "text": (STRING, "this schema admits text"),
    "number": ({"type": "number"}, "this schema admits numbers"),
    "boolean": ({"type": "boolean"}, "this schema admits booleans"),
    "array": ({"type": "array", "items": open_object()}, "this schema admits arrays"),
    "null": ({"type": "null"}, "this schema admits null"),
    "enum": ({"enum": ["a", "b"]}, "this schema admits text"),
    "constants of two kinds": ({"enum": ["a", 1]}, "this schema admits text and numbers"),
    "nullable": ({"type": ["object", "null"], "properties": {"a": STRING}}, "this schema admits null"),
    "true": (True, NOT_SAID),
    "false": (False, NOT_SAID),
    "empty": ({}, NOT_SAID),
    "no type": ({"properties": {"a": STRING}}, NOT_SAID),
    "only required": ({"required": ["a"]}, NOT_SAID),
    "reference": (ref("#/$defs/Text"), "this schema admits text"),
    "reference to a reference": (ref("#/$defs/Again"), "this schema admits text"),
    "union": (
        {"anyOf": [closed(a=STRING), ref("#/$defs/Text"), {"type": ["array", "null"]}]},
        "this schema admits text, arrays and null",
    ),
    "union behind a reference": (ref("#/$defs/Mixed"), "this schema admits text"),
    "recursive": (ref("#/$defs/Tree"), "this schema admits numbers"),
}


@pytest.mark.parametrize(("schema", "reason"), OTHERS.values(), ids=OTHERS.keys())
def test_other_data_is_refused(tmp_path: Path, schema: Any, reason: str) -> None:
    shared = {
        "Text": STRING,
        "Again": ref("#/$defs/Text"),
        "Mixed": {"oneOf": [closed(a=STRING), STRING]},
        "Tree": {"anyOf": [{"type": "object", "additionalProperties": ref("#/$defs/Tree")}, INTEGER]},
    }
    made = compile_files(tmp_path, {"upload.event.json": event(schema=schema) | {"$defs": shared}})
    assert f"the data of an event is a JSON object: {reason}" in errors(made)
    assert made.files == {}


@pytest.mark.parametrize(
    "schema",
    [
        ref("#/$defs/Gone"),
        {"allOf": [ref("#/$defs/Gone")]},
        {"anyOf": [closed(a=STRING), ref("#/$defs/Gone")]},
    ],
    ids=["itself", "a part", "a branch"],
)
def test_a_reference_that_leads_nowhere_is_the_one_error(tmp_path: Path, schema: Any) -> None:
    (error,) = errors(compile_files(tmp_path, {"upload.event.json": event(schema=schema)}))
    assert error.startswith("$ref '#/$defs/Gone' leads nowhere")


def test_an_object_that_settings_assume_is_refused(tmp_path: Path) -> None:
    """The validator takes other values of such a schema."""
    made = compile_files(
        tmp_path, {"a.event.json": event(schema={"properties": {"a": STRING}})}, assume_objects=True
    )
    assert errors(made) == [f"the data of an event is a JSON object: {NOT_SAID}"]


def test_a_file_of_a_mapped_folder_is_a_plain_schema_whatever_its_name(tmp_path: Path) -> None:
    write_files(tmp_path / "vendor", {"order.event.json": closed(a=STRING)})
    refs = {"https://schemas.example.com/": tmp_path / "vendor"}
    schema = ref("https://schemas.example.com/order.event.json")
    made = compile_files(tmp_path, {"order.event.json": event(schema=schema)}, refs=refs)
    assert errors(made) == []
    assert made.module("order").Order.model_validate_json('{"a": "x"}').a == "x"


@pytest.mark.parametrize("kind", ["channel", "event"])
def test_the_metaschema_for_editors_is_no_matter_to_files_that_refer_to_it(tmp_path: Path, kind: str) -> None:
    """Such as `"$schema": "event.schema.json"`, which no validator knows."""
    editors = {"$schema": f"{kind}.schema.json", "$defs": {"D": closed(b=INTEGER)}}
    data = closed("a", a=STRING)
    if kind == "event":
        name, definition, target = "upload.event.json", event("app/upload", schema=data), "schema"
    else:
        name, definition, target = "upload.channel.json", channel("u", t=data), "topics/t/schema"
    made = compile_files(
        tmp_path,
        {
            name: definition | editors,
            "again.event.json": event("app/again", schema=ref(f"{name}#/{target}")),
            "part.event.json": event("app/part", schema=closed(d=ref(f"{name}#/$defs/D"))),
            "x.channel.json": channel("x", t=ref(f"{name}#/{target}")),
        },
    )
    assert errors(made) == []
    again = made.module("again").again_event
    assert encode(again, {"a": "x"}) == b'{"a":"x"}'
    with pytest.raises(InvalidPayload):
        encode(again, {"a": 1})
