"""`tightbeam init --from`: a definition for a document that is there already, of whatever kind it is."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import compile_files, write_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam_cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    Path("schemas").mkdir()
    return tmp_path


def taken(name: str, document: Any, said: pytest.CaptureFixture[str]) -> tuple[Mapping[str, str], str]:
    """The topics with their references, and what was said."""
    write_files(Path("schemas"), {name: document, "other.json": STRING})
    assert main(["init", "--from", f"schemas/{name}"]) == 0, said.readouterr().err
    written = Path("schemas") / f"{name.partition('.')[0]}-topics.channel.json"
    topics = json.loads(written.read_text())["topics"]
    return {topic: entry["schema"]["$ref"] for topic, entry in topics.items()}, said.readouterr().out


def refused(name: str, document: Any, said: pytest.CaptureFixture[str]) -> str:
    write_files(Path("schemas"), {name: document})
    assert main(["init", "--from", f"schemas/{name}"]) == 2
    assert sorted(path.name for path in Path("schemas").iterdir()) == [name]
    return said.readouterr().err


STRING = {"type": "string"}
CLOSED: dict[str, Any] = {"type": "object", "properties": {"a": STRING}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("document", "topics", "sentence"),
    [
        ({**CLOSED, "definitions": {"B": STRING}}, {"x": "", "B": "#/definitions/B"},
         "2 topics, for x.json itself and 1 schema in it."),
        ({**CLOSED, "$defs": {"B": STRING, "C": True}}, {"x": "", "B": "#/$defs/B", "C": "#/$defs/C"},
         "3 topics, for x.json itself and 2 schemas in it."),
        ({"$defs": {"B": STRING}, "definitions": {"C": STRING}}, {"B": "#/$defs/B", "C": "#/definitions/C"},
         "2 topics, for 2 schemas in x.json."),
        ({"title": "T", "$defs": {"B": STRING}}, {"B": "#/$defs/B"}, "1 topic, for 1 schema in x.json."),
        (CLOSED, {"x": ""}, "1 topic, for x.json itself."),
        (True, {"x": ""}, "1 topic, for x.json itself."),
        ({"$ref": "#/definitions/B", "definitions": {"B": STRING}}, {"B": "#/definitions/B"},
         "1 topic, for 1 schema in x.json."),
        ({"$ref": "other.json"}, {"x": ""}, "1 topic, for x.json itself."),
        ({**CLOSED, "$defs": {"x": STRING}}, {"x": "", "x-2d7116": "#/$defs/x"},
         "2 topics, for x.json itself and 1 schema in it."),
    ],
)  # fmt: skip
def test_the_document_itself_and_its_schemas(
    document: Any, topics: Mapping[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, said = taken("x.json", document, capsys)
    assert found == {name: f"x.json{fragment}" for name, fragment in topics.items()}
    assert said.startswith(f"Wrote schemas/x-topics.channel.json: {sentence}\n")


def test_a_document_with_an_address_of_its_own(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://schemas.example.com/v1/resume.schema.json",
        "type": "object",
        "properties": {"at": {"$ref": "#/definitions/date"}},
        "additionalProperties": False,
        "definitions": {"date": {"type": "string", "format": "date"}},
    }
    taken("resume.schema.json", document, capsys)
    assert main(["generate", "--strict", "--output", "made_resume"]) == 0, capsys.readouterr().err
    made = Path("made_resume/resume.py").read_text()
    assert (
        'class Resume(v1.Payload, extra="forbid"):\n    at: _t.Annotated[_dt.date | None, v1.optional] = None'
        in made
    )


OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {"/orders": {"get": {"responses": {"200": {"$ref": "#/components/responses/Found"}}}}},
    "components": {
        "responses": {"Found": {"description": "found"}},
        "schemas": {
            "OrderIn": {
                "type": "object",
                "properties": {
                    "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
                    "note": {"type": ["string", "null"], "example": "x"},
                },
                "required": ["lines"],
                "additionalProperties": False,
                "xml": {"name": "order"},
            },
            "Line": {**CLOSED, "externalDocs": {"url": "https://x.example/"}},
            "Unused": {"type": "object", "pattern": "(", "misspelt": 1},
        },
    },
}


def test_an_openapi_document(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = taken("shop.json", OPENAPI, capsys)
    assert found == {name: f"shop.json#/components/schemas/{name}" for name in ("OrderIn", "Line")}
    assert said.startswith(
        "Wrote schemas/shop-topics.channel.json: 3 topics, for 3 schemas in shop.json."
        " 1 of them is left out.\n"
        "Wrote schemas/channel.schema.json, for completion in your editor\n"
        "Of the OpenAPI 3.1.0 document nothing but its schemas was taken:"
        " the requests and responses of 1 operation are no messages.\n"
    )


def orders(reference: str) -> dict[str, Any]:
    return {"name": "orders", "topics": {"placed": {"schema": {"$ref": reference}}}}


def test_by_hand_a_schema_is_called_what_it_is_called_there(tmp_path: Path) -> None:
    """Only what is reached is checked, and carried along."""
    made = compile_files(
        tmp_path,
        {"shop.json": OPENAPI, "orders.channel.json": orders("shop.json#/components/schemas/OrderIn")},
    )
    assert made.result.problems == ()
    assert "class OrderIn(" in made.files["shop.py"]
    assert "lines: list[Line]" in made.files["shop.py"]
    assert "note: str | None | _MISSING" in made.files["shop.py"]
    bundle = made.files["_schemas/orders.py"]
    assert '"Line": {' in bundle
    assert not any(word in bundle for word in ("Unused", "paths", "responses", "Shop"))
    placed = made.module("orders").orders_channel.placed
    assert encode(placed, {"lines": [{"a": "x"}], "note": None})
    with pytest.raises(InvalidPayload, match="/lines/0/a: must be a string"):
        encode(placed, {"lines": [{"a": 1}]})


def test_a_mistake_in_what_is_reached_is_found_at_its_place(tmp_path: Path) -> None:
    made = compile_files(
        tmp_path,
        {"shop.json": OPENAPI, "orders.channel.json": orders("shop.json#/components/schemas/Unused")},
    )
    assert {(problem.severity, problem.message.partition(":")[0]) for problem in made.result.problems} >= {
        ("error", "the pattern '(' can't be used"),
        ("notice", "unknown keyword 'misspelt'"),
    }
    assert all(str(problem.place).startswith("schemas/shop.json:1:") for problem in made.result.problems)


def versioned(properties: dict[str, Any], **stated: str) -> dict[str, Any]:
    """An API document of some version with one schema."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    shared = (
        {"definitions": {"A": schema}} if "swagger" in stated else {"components": {"schemas": {"A": schema}}}
    )
    return {**stated, "info": {"title": "T", "version": "1"}, "paths": {}, **shared}


def test_openapi_3_0_has_rules_of_its_own(tmp_path: Path) -> None:
    """`nullable` beside a type is null; limits are exclusive by a boolean; nothing counts beside `$ref`."""
    document = versioned(
        {
            "note": {"type": "string", "nullable": True, "example": "x"},
            "kind": {"type": "string", "nullable": True, "enum": ["a", None]},
            "count": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "nullable": False},
            "nullable": {"type": "boolean"},
            "other": {"$ref": "#/components/schemas/A/properties/note", "description": "hidden"},
        },
        openapi="3.0.3",
    )
    made = compile_files(
        tmp_path, {"a.json": document, "o.channel.json": orders("a.json#/components/schemas/A")}
    )
    assert made.result.problems == ()
    placed = made.module("o").o_channel.placed
    for right in (
        {"note": None},
        {"kind": None},
        {"count": 1},
        {"nullable": True},
        {"other": None},
        {"note": "x"},
    ):
        encode(placed, right)
    for wrong in ({"note": 1}, {"kind": "b"}, {"count": 0}, {"count": None}, {"nullable": None}):
        with pytest.raises(InvalidPayload):
            encode(placed, wrong)


@pytest.mark.parametrize(
    "schema",
    [
        {"nullable": True, "allOf": [{"type": "string"}]},
        {"type": "string", "nullable": True, "enum": ["a"]},
        {"nullable": True, "description": "no type"},
    ],
)
def test_where_nullable_has_no_effect_it_is_said(schema: dict[str, Any], tmp_path: Path) -> None:
    document = versioned({"a": schema}, openapi="3.0.0")
    made = compile_files(
        tmp_path, {"a.json": document, "o.channel.json": orders("a.json#/components/schemas/A")}
    )
    said = [each for each in made.result.problems if each.message.startswith("nullable has no effect here")]
    assert len(said) == 1
    assert json.dumps(document)[said[0].place.column - 1 :].startswith('"nullable"')  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("version", ["3.1.0", "3.2.0"])
def test_since_3_1_nullable_is_no_keyword(version: str, tmp_path: Path) -> None:
    document = versioned({"a": {"type": "string", "nullable": True}}, openapi=version)
    made = compile_files(
        tmp_path, {"a.json": document, "o.channel.json": orders("a.json#/components/schemas/A")}
    )
    said = [(each.severity, each.message) for each in made.result.problems]
    assert said == [("notice", "unknown keyword 'nullable': it has no effect")]


def test_swagger(capsys: pytest.CaptureFixture[str]) -> None:
    document = versioned({"n": {"type": "integer", "maximum": 5, "exclusiveMaximum": True}}, swagger="2.0")
    found, said = taken("pets.json", document, capsys)
    assert found == {"A": "pets.json#/definitions/A"}
    assert "Of the Swagger 2.0 document nothing but its schemas was taken." in said
    assert main(["generate", "--strict", "--output", "made_pets"]) == 0, capsys.readouterr().err
    assert "class A(" in Path("made_pets/pets.py").read_text()


YAML = """\
openapi: 3.1.0
info: {title: Shop, version: 1.0}
on: {push: no}
x-closed: &closed
  type: object
  additionalProperties: false
x-more: &more {description: More., type: array}
x-name: &name note
paths:
  /orders:
    get:
      responses:
        200: {description: !!str 5}
        404: {description: !custom none}
        default: {description: 2020-01-01}
components:
  schemas:
    Order:
      <<: *closed
      properties:
        at: {type: string, format: date, example: 2020-01-01}
        *name : {type: string}
        next: {$ref: '#/components/schemas/Order'}
    Codes:
      <<: [*closed, *more]
      properties: {200: {type: integer}, true: {type: string}, 1.50: {type: string}}
"""


def test_openapi_in_yaml_as_people_write_it(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = taken("shop.yaml", YAML, capsys)
    assert found.keys() == {"Order", "Codes"}
    assert main(["generate", "--strict", "--output", "made_shop"]) == 0, capsys.readouterr().err
    made = Path("made_shop/shop.py").read_text()
    assert '"200": _t.NotRequired[int]' in made
    assert '"true": _t.NotRequired[str]' in made
    assert '"1.50": _t.NotRequired[str]' in made
    assert "note: _t.Annotated[str | None, v1.optional] = None" in made
    assert '"""More."""' in made
    assert 'class Codes(v1.Payload, extra="forbid"):' in made


def test_definitions_of_our_own_stay_as_strict(capsys: pytest.CaptureFixture[str]) -> None:
    text = "name: x\ntopics:\n  a: {schema: {type: object, properties: {200: {type: string}}}}\n"
    write_files(Path("schemas"), {"x.channel.yaml": text})
    assert main(["generate"]) == 2
    assert "the key '200' isn't a string" in capsys.readouterr().err


def test_by_hand_it_works(tmp_path: Path) -> None:
    document = {"asyncapi": "3.0.0", "info": {}, "components": {"messages": {"Placed": {"payload": CLOSED}}}}
    files = {"e.json": document, "o.channel.json": orders("e.json#/components/messages/Placed/payload")}
    made = compile_files(tmp_path, files)
    assert made.result.problems == ()
    with pytest.raises(InvalidPayload):
        encode(made.module("o").o_channel.placed, {"a": 1})


def test_by_hand_the_payload_of_a_message_works_that_refers_to_a_shared_schema(tmp_path: Path) -> None:
    document = {
        "asyncapi": "3.0.0",
        "components": {
            "messages": {
                "Placed": {"payload": {"$ref": "#/components/schemas/Order"}},
                "Gone": {"payload": CLOSED},
            },
            "schemas": {"Order": CLOSED, "Unused": {"$ref": "#/nowhere"}},
        },
    }
    topics = ("Placed", "Gone")
    definition = {
        "name": "o",
        "topics": {
            name.lower(): {"schema": {"$ref": f"a.json#/components/messages/{name}/payload"}}
            for name in topics
        },
    }
    made = compile_files(tmp_path, {"o.channel.json": definition, "a.json": document})
    assert [problem.message for problem in made.result.problems] == []
    ch = made.module("o").o_channel
    for topic in (ch.placed, ch.gone):
        assert encode(topic, {"a": "x"})
        with pytest.raises(InvalidPayload):
            encode(topic, {"a": 1})


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("x.json", {}, "no schema in x.json"),
        ("x.json", {"openapi": "3.1.0", "info": {}, "paths": {}}, "no schema in x.json"),
        (
            "package.json",
            {"name": "x", "type": "module", "dependencies": {"a": "1"}},
            "no schema in package.json",
        ),
        ("x.json", {"type": "library", "required": "yes", "items": 3}, "no schema in x.json"),
        ("x.json", ["type"], "x.json isn't a schema document"),
        ("x.channel.json", {"name": "x", "topics": {}}, "this is a definition already"),
        ("x.event.json", {"name": "x"}, "this is a definition already"),
        ("x.json", "{", "expected a key in double quotes"),
        ("x.json", {"$defs": {"B": STRING, "note": "no schema"}}, "a schema must be an object"),
    ],
)
def test_what_has_no_schemas_is_refused(
    name: str, document: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(name, document, capsys)


def test_all_that_was_taken_can_be_imported(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a-b", "a~c", "a/d", "a%2Fe", "name", "", "a b#f", "Order"]
    document = {**OPENAPI, "components": {"schemas": {name: {"const": name} for name in names}}}
    found, _ = taken("odd.json", document, capsys)
    assert main(["generate", "--strict", "--output", "made_odd"]) == 0, capsys.readouterr().err
    monkeypatch.syspath_prepend(project)
    channel = importlib.import_module("made_odd.odd_topics").odd_topics_channel
    for topic in found:
        attribute = next(
            name for name in dir(channel) if getattr(getattr(channel, name), "topic", None) == topic
        )
        reference = getattr(channel, attribute)
        assert sum(_takes(reference, name) for name in names) == 1


def _takes(reference: Any, value: str) -> bool:
    try:
        encode(reference, value)
    except InvalidPayload:
        return False
    return True
