"""OpenAPI documents that are split into files: each part is read as the document that refers to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import compile_files, errors, write_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam_cli import main

PET = """\
type: object
properties:
  name: { type: string, example: Rex }
  note: { type: string, nullable: true }
  age: { type: integer, minimum: 0, exclusiveMinimum: true }
  kind: { $ref: "../openapi.yaml#/components/schemas/Kind" }
additionalProperties: false
xml: { name: pet }
"""
SHARED = (
    "components:\n  schemas:\n    Tag: { type: string, nullable: true }\nTop: { type: integer, example: 1 }\n"
)
OPENAPI = """\
openapi: 3.0.3
info: { title: Pets, version: "1" }
paths:
  /pets: { $ref: paths/pets.yaml }
  /gone: { $ref: paths/gone.yaml }
components:
  schemas:
    Pet: { $ref: schemas/pet.yaml }
    Kind: { type: string, enum: [cat, dog] }
    Tag: { $ref: "shared.yaml#/components/schemas/Tag" }
    Top: { $ref: "shared.yaml#/Top" }
"""
PATHS = (
    "get:\n  responses: { 200: { description: fine } }\n  parameters: [{ name: x, schema: { type: bad } }]\n"
)
FILES: dict[str, Any] = {
    "openapi.yaml": OPENAPI,
    "schemas/pet.yaml": PET,
    "shared.yaml": SHARED,
    "paths/pets.yaml": PATHS,
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))


def test_a_split_document_is_imported_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("api"), FILES)
    assert main(["init", "--from", "api/openapi.yaml"]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert "4 topics, for 4 schemas in openapi.yaml.\n" in said.out
    assert said.err == ""
    written = {path.relative_to("schemas").as_posix() for path in Path("schemas").rglob("*.yaml")}
    assert written == {"openapi.yaml", "schemas/pet.yaml", "shared.yaml"}
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    assert '"Pet",' in Path("generated/schemas/pet.py").read_text()


def test_its_parts_have_its_dialect(tmp_path: Path) -> None:
    topics = {
        name.lower(): {"schema": {"$ref": f"openapi.yaml#/components/schemas/{name}"}}
        for name in ("Pet", "Tag", "Top")
    }
    made = compile_files(tmp_path, {**FILES, "c.channel.json": {"name": "c", "topics": topics}})
    assert errors(made) == []
    ch = made.module("c").c_channel
    for right in ({"note": None}, {"age": 1}, {"kind": "cat"}):
        encode(ch.pet, right)
    for wrong in ({"age": 0}, {"name": None}, {"kind": "cow"}):
        with pytest.raises(InvalidPayload):
            encode(ch.pet, wrong)
    encode(ch.tag, None)
    with pytest.raises(InvalidPayload):
        encode(ch.top, "1")


def test_what_a_part_is_read_as_depends_on_no_earlier_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A definition that refers to a part alone is compiled again when the whole turns up, or goes."""
    alone = {"name": "a", "topics": {"tag": {"schema": {"$ref": "shared.yaml#/components/schemas/Tag"}}}}
    whole = {"name": "b", "topics": {"tag": {"schema": {"$ref": "openapi.yaml#/components/schemas/Tag"}}}}
    write_files(Path("schemas"), {**FILES, "a.channel.json": alone})
    assert main(["generate"]) == 0
    without = Path("generated/a.py").read_text(), Path("generated/_schemas/a.py").read_text()
    assert "None" not in without[0].partition("class ")[0].partition("import")[0]
    write_files(Path("schemas"), {"b.channel.json": whole})
    assert main(["generate"]) == 0
    remembered = Path("generated/a.py").read_text(), Path("generated/_schemas/a.py").read_text()
    assert remembered != without
    assert main(["generate", "--output", "afresh"]) == 0
    assert (Path("afresh/a.py").read_text(), Path("afresh/_schemas/a.py").read_text()) == remembered
    Path("schemas/b.channel.json").unlink()
    assert main(["generate"]) == 0
    assert (Path("generated/a.py").read_text(), Path("generated/_schemas/a.py").read_text()) == without
    capsys.readouterr()


def test_a_mistake_in_a_part_has_its_place(tmp_path: Path) -> None:
    bad = PET.replace("type: integer", "type: integr")
    topics = {"pet": {"schema": {"$ref": "openapi.yaml#/components/schemas/Pet"}}}
    made = compile_files(
        tmp_path, {**FILES, "schemas/pet.yaml": bad, "c.channel.json": {"name": "c", "topics": topics}}
    )
    (problem,) = [each for each in made.result.problems if each.severity == "error"]
    assert str(problem.place) == "schemas/schemas/pet.yaml:5:16"


def test_a_part_that_says_what_it_is_is_read_so(tmp_path: Path) -> None:
    own = {"$schema": "http://json-schema.org/draft-07/schema#", "exclusiveMinimum": 1, "type": "integer"}
    api = {"openapi": "3.0.0", "components": {"schemas": {"Own": {"$ref": "own.json"}}}}
    topics = {"own": {"schema": {"$ref": "api.json#/components/schemas/Own"}}}
    made = compile_files(
        tmp_path, {"own.json": own, "api.json": api, "c.channel.json": {"name": "c", "topics": topics}}
    )
    assert errors(made) == []
    with pytest.raises(InvalidPayload):
        encode(made.module("c").c_channel.own, 1)


@pytest.mark.parametrize("key", ["id", "$id", "$schema", "$anchor", "items"])
@pytest.mark.parametrize("value", [{"type": "string"}, [1], 5, None])
def test_a_part_may_hold_anything_beside_its_schemas(key: str, value: Any, tmp_path: Path) -> None:
    part: dict[str, Any] = {"Pet": {"type": "string"}, "x": {key: value, "properties": {"y": {key: value}}}}
    if not key.startswith("$"):
        part[key] = value
    api = {"openapi": "3.0.0", "components": {"schemas": {"Pet": {"$ref": "part.json#/Pet"}}}}
    topics = {"pet": {"schema": {"$ref": "api.json#/components/schemas/Pet"}}}
    files = {"part.json": part, "api.json": api, "c.channel.json": {"name": "c", "topics": topics}}
    assert errors(compile_files(tmp_path, files)) == []


def test_schemas_that_stand_in_another_file_all_together_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    openapi = "openapi: 3.0.3\ncomponents:\n  schemas: { $ref: schemas/index.yaml }\n"
    write_files(Path("api"), {"openapi.yaml": openapi, "schemas/index.yaml": "Pet: { type: string }\n"})
    assert main(["init", "--from", "api/openapi.yaml"]) == 2
    assert "api/openapi.yaml:3:20: error: components/schemas is a reference" in capsys.readouterr().err
    assert not Path("schemas").exists()
