"""What `init --from` takes for a document, where the document may lie, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import write_files
from tightbeam_cli import main

CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "additionalProperties": False,
}
DOCUMENT = {
    "$defs": {"Order": {**CLOSED, "properties": {"line": {"$ref": "parts/line.json"}}}, "Note": CLOSED}
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    return folder


def below(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def topics(file: str) -> dict[str, str]:
    return {
        name: topic["schema"]["$ref"] for name, topic in json.loads(Path(file).read_text())["topics"].items()
    }


def test_a_document_outside_the_root_is_copied_with_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("api"), {"shop.json": DOCUMENT, "parts/line.json": CLOSED, "parts/other.json": CLOSED})
    assert main(["init", "--from", "api/shop.json"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "Wrote schemas/shop.json, a copy.\nWrote schemas/parts/line.json, a copy.\n" in said
    assert "map its folder in [tool.tightbeam.refs]" in said
    assert below("schemas") == [
        "channel.schema.json",
        "parts/line.json",
        "shop-topics.channel.json",
        "shop.json",
    ]
    assert Path("schemas/shop.json").read_bytes() == Path("api/shop.json").read_bytes()
    assert topics("schemas/shop-topics.channel.json")["Order"] == "shop.json#/$defs/Order"
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err


def test_a_document_in_a_mapped_folder_stays_there(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("api"), {"v1/shop.json": DOCUMENT, "v1/parts/line.json": CLOSED})
    Path("pyproject.toml").write_text('[tool.tightbeam.refs]\n"https://api.example.com/" = "api"\n')
    assert main(["init", "--from", "api/v1/shop.json"]) == 0, capsys.readouterr().err
    assert below("schemas") == ["channel.schema.json", "shop-topics.channel.json"]
    assert (
        topics("schemas/shop-topics.channel.json")["Note"]
        == "https://api.example.com/v1/shop.json#/$defs/Note"
    )
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err


def test_definitions_lie_beside_a_document_in_the_root(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("schemas"), {"shop/api/shop.json": DOCUMENT, "shop/api/parts/line.json": CLOSED})
    assert main(["init", "--from", "schemas/shop/api/shop.json"]) == 0, capsys.readouterr().err
    written = "schemas/shop/api/shop-topics.channel.json"
    assert topics(written)["Note"] == "shop.json#/$defs/Note"
    assert json.loads(Path(written).read_text())["$schema"] == "../../channel.schema.json"


@pytest.mark.parametrize(
    "reference", ["../secret.json", "/secret.json", ".hidden.json", "notes.txt", "link.json"]
)
def test_nothing_but_data_of_the_documents_own_folder_is_read(
    reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {"secret.json": CLOSED, "api/.hidden.json": CLOSED, "api/notes.txt": CLOSED}
    write_files(Path(), {**secret, "api/shop.json": {"$defs": {"Bad": {"$ref": reference}, "Note": CLOSED}}})
    Path("api/link.json").symlink_to("../secret.json")
    assert main(["init", "--from", "api/shop.json"]) == 0
    assert "api/shop.json:1:28: warning: the topic 'Bad' is left out: $ref" in capsys.readouterr().err
    assert below("schemas") == ["channel.schema.json", "shop-topics.channel.json", "shop.json"]


def test_topics_that_reach_what_is_remote_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    remote = {"$ref": "https://example.com/geo.json#/Place"}
    shared = {"Place": remote, "Trip": {"type": "array", "items": {"$ref": "#/$defs/Place"}}, "Note": CLOSED}
    write_files(Path("schemas"), {"trips.json": {"$defs": shared}})
    assert main(["init", "--from", "schemas/trips.json"]) == 0
    said = capsys.readouterr()
    assert "3 topics, for 3 schemas in trips.json. 2 of them are left out." in said.out
    assert (
        "warning: 2 topics ('Place', 'Trip') are left out: $ref 'https://example.com/geo.json#/Place'"
        in said.err
    )
    assert list(topics("schemas/trips-topics.channel.json")) == ["Note"]
    assert main(["generate"]) == 0, capsys.readouterr().err


def test_a_document_without_an_ending_is_known_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    Path("spec").write_text("$defs:\n  Note: { type: string }\n")
    assert main(["init", "--from", "spec"]) == 0, capsys.readouterr().err
    assert below("schemas") == ["channel.schema.json", "spec-topics.channel.json", "spec.yaml"]


def test_a_name_and_a_choice(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("schemas"), {"shop.json": {"$defs": {"Order": CLOSED, "Note": CLOSED, "Other": CLOSED}}})
    arguments = ["--name", "shop:{shopId}", "--only", "Note", "--only", "Order"]
    assert main(["init", "--from", "schemas/shop.json", *arguments]) == 0, capsys.readouterr().err
    written = json.loads(Path("schemas/shop-topics.channel.json").read_text())
    assert written["name"] == "shop:{shopId}"
    assert written["params"] == {"shopId": {"type": "string"}}
    assert list(written["topics"]) == ["Order", "Note"]
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["https://example.com/shop.json"], "is an address, and nothing is fetched"),
        (["models.py"], "Name its module, as Python finds it: --from models"),
        (["nowhere.json"], "No such file"),
        (["api/nowhere"], "No such file"),
        (["api"], "'api' is a folder"),
        (["./shop"], "Name its package, as Python finds it: --from shop."),
        (["shop/__init__.py"], "--from shop, or shop:Model"),
        (["my-app/models.py"], "--from models, or models:Model"),
        (["a\0b"], "'a\\x00b' is neither a file nor a module"),
        (["what is it"], "neither a file nor a module"),
        (["shop.json", "--only", "Nope"], "no schema 'Nope' in shop.json"),
        (["shop.json", "--only", "Ordr"], "Did you mean 'Order'?"),
        (["shop.json", "--name", "a:{"], "error: "),
        (["shop.json", "--name", "taken"], "taken"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_nothing_is_written(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = {"name": "taken", "topics": {"x": {"schema": True}}}
    write_files(
        Path(), {"schemas/t.channel.json": taken, "api/x.json": True, "models.py": "", "shop.json": DOCUMENT}
    )
    write_files(Path(), {"parts/line.json": CLOSED, "shop/__init__.py": "", "my-app/models.py": ""})
    assert main(["init", "--from", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert below("schemas") == ["t.channel.json"]


def test_options_without_a_source_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--name", "x"]) == 2
    assert "belong to --from" in capsys.readouterr().err


def test_what_an_editor_would_hide_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a\u202ey", "b\u200bc", "d\ufeff", "é 日本"]
    write_files(Path("schemas"), {"x.json": {"$defs": dict.fromkeys(names, CLOSED)}})
    assert main(["init", "--from", "schemas/x.json"]) == 0, capsys.readouterr().err
    text = Path("schemas/x-topics.channel.json").read_text("utf-8")
    assert text.replace("\n", "").isprintable()
    assert [name in text for name in names] == [False, False, False, True]
    assert list(json.loads(text)["topics"])[3] == "é 日本"
    assert main(["generate"]) == 0, capsys.readouterr().err


def test_a_schema_that_is_added_renames_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Names that meet get digits of their own, in the document and in the definition."""
    schemas = dict.fromkeys(["Cond<a>", "Cond<(a)>", "order_in", "OrderIn"], CLOSED)
    openapi = {"openapi": "3.1.0", "components": {"schemas": schemas}}

    def classes() -> set[str]:
        write_files(Path("schemas"), {"api.json": openapi})
        Path("schemas/api-topics.channel.json").unlink(missing_ok=True)
        assert main(["init", "--from", "schemas/api.json"]) == 0, capsys.readouterr().err
        assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
        lines = Path("generated/api.py").read_text().splitlines()
        return {line.partition("(")[0] for line in lines if line.startswith("class ")}

    before = classes()
    assert "class OrderIn" in before
    assert len(before) == 8
    schemas = {"First": CLOSED, **schemas, "OrderOut": CLOSED, "Cond[b]": CLOSED}
    openapi["components"] = {"schemas": schemas}
    assert before < classes()


def test_shared_schemas_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    shared: dict[str, Any] = {
        "v1": {"Pod": CLOSED, "Of": {"$ref": "#/definitions/v1/Pod"}},
        "Plain": {"type": "string"},
    }
    write_files(Path("schemas"), {"k.json": {"definitions": shared}})
    assert main(["init", "--from", "schemas/k.json"]) == 0, capsys.readouterr().err
    assert list(topics("schemas/k-topics.channel.json")) == ["v1-Pod", "v1-Of", "Plain"]
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    shared["v1"]["Pod"] = {"type": "objekt"}
    write_files(Path("schemas"), {"k.json": {"definitions": shared}})
    assert main(["generate"]) == 2
    assert "unknown type 'objekt'" in capsys.readouterr().err
