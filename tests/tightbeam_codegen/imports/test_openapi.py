"""OpenAPI documents: shared schemas, payloads of webhooks and callbacks, and references to anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import compile_files, errors, write_files
from tests.typescript.node_tools import compiled_for_node
from tests.typescript.test_agreement import decided_in_node
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam_cli import main

CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def sends(schema: Any, media_type: str = "application/json") -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {"schema": schema}}}}


BODY = "#/paths/~1pets/post/requestBody/content/application~1json/schema"
PET = {"$ref": "#/components/schemas/Pet"}
API: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "webhooks": {
        "petBorn": {"post": sends(CLOSED)},
        "petSold": {"post": sends(PET)},
        "petLost": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Lost"}}},
        "petSeen": {"post": sends({"type": "string"}, "text/plain")},
        "petMoved": {"$ref": "#/components/pathItems/Moved"},
    },
    "paths": {
        "/pets": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": CLOSED}}}}},
            "post": {
                "operationId": "addPet",
                "parameters": [{"name": "tag", "in": "query", "schema": {"enum": ["a", "b"]}}],
                **sends({"type": "array", "items": CLOSED}),
                "responses": {"201": {"$ref": "#/components/responses/Added"}},
                "callbacks": {
                    "added": {"{$request.body#/url}": {"post": sends(CLOSED, "application/x+json")}}
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Pet": CLOSED,
            "Of": {
                "type": "object",
                "properties": {
                    "added": {"$ref": "#/components/responses/Added/content/application~1json/schema"},
                    "tag": {"$ref": "#/paths/~1pets/post/parameters/0/schema"},
                    "both": {
                        "$ref": "#/paths/~1pets/post/requestBody/content/application~1json/schema/items"
                    },
                    "found": {"$ref": "#/paths/~1pets/get/responses/200/content/application~1json/schema"},
                },
                "additionalProperties": False,
            },
        },
        "requestBodies": {"Lost": {"content": {"application/json; charset=utf-8": {"schema": CLOSED}}}},
        "responses": {"Added": {"content": {"application/json": {"schema": CLOSED}}}},
        "pathItems": {"Moved": {"post": sends(CLOSED)}},
    },
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    Path("schemas").mkdir()
    return tmp_path


def test_what_an_api_sends_by_itself_becomes_topics(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("schemas"), {"pets.json": API})
    assert main(["init", "--from", "schemas/pets.json"]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    topics = json.loads(Path("schemas/pets-topics.channel.json").read_text())["topics"]
    assert list(topics) == ["Pet", "Of", "petBorn", "petLost", "petMoved", "added"]
    assert topics["petLost"]["schema"]["$ref"].startswith("pets.json#/components/requestBodies/Lost/content/")
    assert (
        "Its webhooks are among the topics: 'petBorn', 'petSold' as 'Pet', 'petLost', 'petMoved'." in said.out
    )
    assert "Its callback is among the topics: 'added'." in said.out
    assert "the webhook 'petSeen' is left out: it sends no JSON with a schema" in said.err
    assert "the requests and responses of 2 operations are no messages" in said.out
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    made = Path("generated/pets.py").read_text()
    for name in ("PetBorn", "LostRequest", "Added", "AddedResponse", "Moved", "GetPetsResponse200"):
        assert f"class {name}(" in made, name
    assert "ApplicationJson" not in made
    bundle = Path("generated/_schemas/pets_topics.py").read_text()
    assert not any(word in bundle for word in ("operationId", "requestBodies/Other", "Pets", "text/plain"))


SINGLE = {
    "tag": {"schema": {"$ref": "pets.json#/paths/~1pets/post/parameters/0/schema"}},
    "list": {"schema": {"$ref": f"pets.json{BODY}"}},
    "one": {"schema": {"$ref": f"pets.json{BODY}/items"}},
    "of": {"schema": {"$ref": "pets.json#/components/schemas/Of"}},
}
"""Steps into arrays, and a schema inside another one that is referred to as well."""
OF = {"added": {"a": "x"}, "tag": "b", "both": {"a": "x"}, "found": {"a": "y"}}
PAYLOADS: dict[str, tuple[Any, Any]] = {
    "tag": ("a", "c"),
    "list": ([{"a": "x"}], [{"a": 1}]),
    "one": ({"a": "x"}, {}),
    "of": (OF, {**OF, "both": {}}),
}
"""By topic, a right one and a wrong one."""


def test_bindings_of_single_schemas_validate(tmp_path: Path) -> None:
    made = compile_files(tmp_path, {"pets.json": API, "c.channel.json": {"name": "c", "topics": SINGLE}})
    assert errors(made) == []
    ch = made.module("c").c_channel
    for ref in (ch.tag, ch.list_, ch.one, ch.of):
        right, wrong = PAYLOADS[ref.topic]
        assert encode(ref, right)
        with pytest.raises(InvalidPayload):
            encode(ref, wrong)


@pytest.mark.slow
def test_they_validate_in_node_too(tmp_path: Path) -> None:
    channels = {
        f"{name}.channel.json": {"name": name, "topics": {"t": topic}} for name, topic in SINGLE.items()
    }
    compiled_for_node(tmp_path, {"pets.json": API, **channels})
    texts = {name: [json.dumps(value) for value in payloads] for name, payloads in PAYLOADS.items()}
    assert decided_in_node(tmp_path, texts) == {name: [True, False] for name in SINGLE}


def test_an_error_in_one_payload_costs_only_its_topic(capsys: pytest.CaptureFixture[str]) -> None:
    bad = {
        **API,
        "webhooks": {
            "bad": {"post": sends({"type": "string", "pattern": "("})},
            "good": {"post": sends(CLOSED)},
        },
    }
    write_files(Path("schemas"), {"pets.json": bad})
    assert main(["init", "--from", "schemas/pets.json"]) == 0
    assert "warning: the topic 'bad' is left out: the pattern '(' can't be used" in capsys.readouterr().err
    topics = json.loads(Path("schemas/pets-topics.channel.json").read_text())["topics"]
    assert list(topics) == ["Pet", "Of", "good", "added"]


def test_an_unknown_dialect_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("schemas"), {"pets.json": {**API, "jsonSchemaDialect": "https://example.com/own"}})
    assert main(["init", "--from", "schemas/pets.json"]) == 0
    assert "the jsonSchemaDialect 'https://example.com/own' isn't known" in capsys.readouterr().err


@pytest.mark.parametrize(
    "keyword", ["allOf", "oneOf", "properties", "patternProperties", "prefixItems", "required", "type"]
)
@pytest.mark.parametrize("value", [True, 1, [], [1], [[]], {"a": 1}])
def test_a_malformed_schema_is_an_error_at_its_place(keyword: str, value: Any, tmp_path: Path) -> None:
    document = {
        "openapi": "3.1.0",
        "components": {"schemas": {"A": {keyword: value, "additionalProperties": False}}},
    }
    topics = {"a": {"schema": {"$ref": "a.json#/components/schemas/A"}}}
    made = compile_files(tmp_path, {"a.json": document, "c.channel.json": {"name": "c", "topics": topics}})
    assert errors(made) or (keyword, value) == ("required", [])
    assert all(problem.place for problem in made.result.problems)


@pytest.mark.parametrize("keyword", ["$schema", "$id", "$anchor", "$dynamicAnchor"])
@pytest.mark.parametrize("value", [True, 1, [], {}, None])
def test_an_identity_that_is_no_text_is_an_error(keyword: str, value: Any, tmp_path: Path) -> None:
    topics = {"a": {"schema": {"$ref": "a.json#/$defs/A"}}}
    document = {"$defs": {"A": {"type": "string", keyword: value}}}
    made = compile_files(tmp_path, {"a.json": document, "c.channel.json": {"name": "c", "topics": topics}})
    assert f"{keyword} must be a string" in errors(made)


def test_a_parameter_is_no_schema(tmp_path: Path) -> None:
    """A topic may refer to a whole document, in which operations refer to shared parameters."""
    document = {
        "openapi": "3.1.0",
        "paths": {"/a/{b}": {"parameters": [{"$ref": "#/components/parameters/b"}]}},
        "components": {"parameters": {"b": {"name": "b", "in": "path", "required": True, "schema": {}}}},
    }
    topics = {"t": {"schema": {"$ref": "a.json"}}}
    made = compile_files(tmp_path, {"a.json": document, "c.channel.json": {"name": "c", "topics": topics}})
    assert errors(made) == []
