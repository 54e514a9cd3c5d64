"""What is generated where definitions refer into documents of AsyncAPI: names, and the payloads alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.asyncapi.importing import CLOSED, version_2, version_3
from tests.tightbeam_codegen.compiling import Compiled, compile_files, write_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam_cli import main
from tightbeam_codegen.read.api_documents import api_document


def made_of(folder: Path, document: Any, *references: str, **files: Any) -> Compiled:
    topics = {f"t{index}": {"schema": {"$ref": each}} for index, each in enumerate(references)}
    more = {name.replace("__", "."): each for name, each in files.items()}
    return compile_files(
        folder, {"o.channel.json": {"name": "o", "topics": topics}, "doc.json": document, **more}
    )


NAMES = [
    (version_3({}, components={"messages": {"Placed": {"payload": CLOSED}}}),
     "/components/messages/Placed/payload", "Placed"),
    (version_3({}, components={"messages": {"Placed": {"payload": {"schema": CLOSED}}}}),
     "/components/messages/Placed/payload/schema", "Placed"),
    (version_3({"c": {"messages": {"order placed": {"payload": CLOSED}}}}),
     "/channels/c/messages/order%20placed/payload", "OrderPlaced"),
    (version_2({"a/b": {"publish": {"message": {"name": "Placed", "payload": CLOSED}}}}),
     "/channels/a~1b/publish/message/payload", "Placed"),
    (version_2({"a/b": {"publish": {"message": {"payload": CLOSED}}}}),
     "/channels/a~1b/publish/message/payload", "ABPublishMessageData"),
    (version_2({"a": {"publish": {"message": {"oneOf": [{"messageId": "Gone", "payload": CLOSED}]}}}}),
     "/channels/a/publish/message/oneOf/0/payload", "Gone"),
    (version_3({}, components={"messages": {"payload": {"payload": CLOSED}}}),
     "/components/messages/payload/payload", "Payload"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "pointer", "name"), NAMES)
def test_a_class_is_called_after_its_message(tmp_path: Path, document: Any, pointer: str, name: str) -> None:
    made = made_of(tmp_path, document, f"doc.json#{pointer}")
    assert [problem.message for problem in made.result.problems] == []
    assert f'class {name}(v1.Payload, extra="forbid"):' in made.files["doc.py"]
    assert encode(made.module("o").o_channel.t0, {"a": "x"})
    with pytest.raises(InvalidPayload):
        encode(made.module("o").o_channel.t0, {"a": 1})


PAIR = {
    "type": "object",
    "properties": {"pair": {"items": [{"type": "string"}], "additionalItems": False, "example": ["a"]}},
    "additionalProperties": False,
}
PARTS = [
    ({"payload": PAIR}, "/payload", "PlacedPart"),
    ({"Placed": {"payload": PAIR, "x-mine": 1}, "Other": PAIR}, "/Placed/payload", "Placed"),
    ({"messages": {"Placed": {"payload": {"schema": PAIR}}}}, "/messages/Placed/payload/schema", "Placed"),
    (
        {"subscribe": {"message": {"oneOf": [{"payload": PAIR}]}}},
        "/subscribe/message/oneOf/0/payload",
        "PlacedPart",
    ),
]


@pytest.mark.parametrize(("part", "pointer", "name"), PARTS)
def test_a_file_with_messages_is_read_as_asyncapi(tmp_path: Path, part: Any, pointer: str, name: str) -> None:
    """It states no version, being a part of a document: its messages tell."""
    made = made_of(tmp_path, {}, f"placed-part.json#{pointer}", **{"placed-part__json": part})
    assert [each.severity for each in made.result.problems if each.severity != "notice"] == []
    assert f"class {name}(v1.Payload" in made.files["placed_part.py"]
    assert encode(made.module("o").o_channel.t0, {"pair": ["a"]})
    with pytest.raises(InvalidPayload):
        encode(made.module("o").o_channel.t0, {"pair": ["a", "b"]})


DRAFTS = ["http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-06/schema#"]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("where", ["/components/schemas/A", "/components/messages/M/payload"])
def test_a_schema_with_a_draft_and_an_id(tmp_path: Path, draft: str, where: str) -> None:
    """No validator looks for it where it stands: one finds it among definitions."""
    schema = {"$schema": draft, "$id": "https://example.com/root.json", **CLOSED}
    components = {"schemas": {"A": schema}, "messages": {"M": {"payload": schema}}}
    made = made_of(tmp_path, version_3({}, components=components), f"doc.json#{where}")
    assert made.result.problems == ()
    assert encode(made.module("o").o_channel.t0, {"a": "x"})
    with pytest.raises(InvalidPayload):
        encode(made.module("o").o_channel.t0, {"a": 1})


@pytest.mark.parametrize("draft", DRAFTS)
def test_two_schemas_with_one_id_are_never_taken_for_each_other(tmp_path: Path, draft: str) -> None:
    """By the document's own draft each is found where it stands; by another one by its identifier only."""
    own = {"$schema": draft, "$id": "https://example.com/root.json"}
    schemas = {"A": {**own, **CLOSED}, "B": {**own, "type": "object", "required": ["b"]}}
    pointers = [f"doc.json#/components/schemas/{name}" for name in schemas]
    made = made_of(tmp_path, version_3({}, components={"schemas": schemas}), *pointers)
    if draft == DRAFTS[1]:
        assert [problem.message for problem in made.result.problems if problem.severity == "error"] == [
            f"two schemas have the `$id` {own['$id']!r}, of which the validator would find one"
        ]
        return
    channel = made.module("o").o_channel
    assert encode(channel.t0, {"a": "x"})
    assert encode(channel.t1, {"b": "x"})
    for topic, wrong in ((channel.t0, {"b": "x"}), (channel.t1, {"a": "x"})):
        with pytest.raises(InvalidPayload):
            encode(topic, wrong)


@pytest.mark.parametrize(
    "value",
    [
        {"payload": {"type": "string"}, "type": "object"},
        {"$defs": {"payload": {"payload": {}}}},
        {"payload": {"type": "string"}, "other": 1},
        {"payload": 1},
        {"name": "x", "topics": {"payload": {"schema": {}}}},
        {"oneOf": [{"title": "x"}], "examples": [{"payload": {}}]},
    ],
)
def test_a_schema_with_a_keyword_of_messages_is_none(value: Any) -> None:
    assert api_document(value) is None


def test_a_file_with_messages_alone_is_nothing_to_import(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("messages.json").write_text(json.dumps({"Placed": {"payload": CLOSED}}))
    assert main(["init", "schemas", "--from", "messages.json"]) == 2
    assert "messages.json has messages of AsyncAPI, but isn't a document" in capsys.readouterr().err


def test_classes_of_messages_that_meet_get_digits(tmp_path: Path) -> None:
    channels = {key: {"messages": {"Placed": {"payload": CLOSED}}} for key in "ab"}
    pointers = [f"doc.json#/channels/{key}/messages/Placed/payload" for key in "ab"]
    made = made_of(tmp_path, version_3(channels), *pointers)
    classes = [line for line in made.files["doc.py"].splitlines() if line.startswith("class Placed")]
    assert len(classes) == 4  # each with its dictionary
    assert made.result.problems == ()


GOOD = {
    "type": "object",
    "properties": {"b": {"$ref": "#/components/schemas/B"}},
    "additionalProperties": False,
}
BROKEN: dict[str, Any] = {
    "servers": {"s": {"host": "secret.example.com"}},
    "channels": {
        "c": {
            "messages": {
                "good": {"payload": GOOD},
                "wrong": {"payload": {"type": "strin"}},
                "remote": {"payload": {"properties": {"a": {"$ref": "http://example.com/a"}}}},
                "proto": {"payload": {"$ref": "other.json"}},
                "avro": {"payload": {"$ref": "avro.json"}},
            }
        }
    },
    "components": {"schemas": {"B": {"type": "string"}, "C": {"type": "strin"}}},
}  # fmt: skip


def test_the_rest_of_a_document_neither_counts_nor_is_carried_along(tmp_path: Path) -> None:
    """What is wrong in other messages, or in files that only they refer to, is no matter of this topic."""
    document = {**version_3({}), **BROKEN}
    files = {"other__json": 'syntax = "proto3";', "avro__json": {"type": "record"}}
    made = made_of(tmp_path, document, "doc.json#/channels/c/messages/good/payload", **files)
    assert [problem.message for problem in made.result.problems] == []
    text = made.files["_schemas/o.py"]
    bundle = json.loads(text.partition('r"""')[2].partition('"""')[0])
    assert bundle["resources"]["https://tightbeam.invalid/doc.json"] == {
        "$schema": "http://json-schema.org/draft-07/schema",
        "channels": {"c": {"messages": {"good": {"payload": GOOD}}}},
        "components": {"schemas": {"B": {"type": "string"}}},
    }
    assert encode(made.module("o").o_channel.t0, {"b": "x"})


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("wrong", "unknown type 'strin', did you mean 'string'?"),
        ("remote", "$ref 'http://example.com/a' is remote, and nothing is fetched"),
        ("proto", "not valid JSON: expected a value"),
        ("avro", "unknown type 'record'"),
    ],
)
def test_what_is_wrong_in_the_payload_itself_is_an_error(tmp_path: Path, message: str, words: str) -> None:
    document = {**version_3({}), **BROKEN}
    files = {"other__json": 'syntax = "proto3";', "avro__json": {"type": "record"}}
    made = made_of(tmp_path, document, f"doc.json#/channels/c/messages/{message}/payload", **files)
    assert words in " ".join(problem.message for problem in made.result.problems)


def test_each_message_that_can_not_be_generated_is_left_out_by_itself(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"other.json": 'syntax = "proto3";', "avro.json": {"type": "record"}}
    write_files(project / "schemas", {"doc.json": {**version_3({}), **BROKEN}, **files})
    assert main(["init", "--from", "schemas/doc.json"]) == 0
    said = capsys.readouterr().err
    for message in ("wrong", "remote", "avro"):
        assert f"the topic '{message}' is left out: " in said
    assert (
        "the message 'proto' of 'c' is left out: $ref 'other.json' leads to a file that can't be read" in said
    )
    definition = json.loads(Path("schemas/c.channel.json").read_text())
    assert list(definition["topics"]) == ["good"]
    assert main(["generate", "--strict"]) == 0
