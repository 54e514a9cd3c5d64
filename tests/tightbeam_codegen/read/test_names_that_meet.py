"""Class names that meet: settled in a document that stays as it is, refused where the author can choose."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.tightbeam_codegen.compiling import Compiled, channel, compile_files, errors, write_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode

WORDS = [
    "Cond<number|null>",
    "Cond<(number|null)>",
    "Cond[number|null]",
    "Cond(number|null)",
    "Cond {number}null",
]


def made_of(key: str) -> dict[str, Any]:
    """A class that can be told by its one property."""
    return {
        "type": "object",
        "properties": {f"p{WORDS.index(key)}": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 1,
    }


def document(*keys: str, keyword: str = "definitions") -> dict[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        keyword: {key: made_of(key) for key in keys},
    }


def using(*keys: str, file: str = "doc.json", keyword: str = "definitions") -> dict[str, Any]:
    """A definition with a topic for each of these."""
    topics = {f"t{WORDS.index(key)}": {"$ref": f"{file}#/{keyword}/{quote(key)}"} for key in keys}
    return channel("c", **topics)


def names(compiled: Compiled, file: str = "doc.py") -> dict[str, str]:
    """The class of each property."""
    assert errors(compiled) == []
    found = {}
    for node in ast.parse(compiled.files[file]).body:
        if isinstance(node, ast.ClassDef) and not node.name.endswith(("Dict", "Channel")):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    found[field.target.id] = node.name
    return found


def named(folder: Path, *keys: str) -> dict[str, str]:
    return names(compile_files(folder, {"doc.json": document(*keys), "c.channel.json": using(*keys)}))


def test_one_alone_has_the_plain_name(tmp_path: Path) -> None:
    for index, key in enumerate(WORDS):
        assert named(tmp_path, key) == {f"p{index}": "CondNumberNull"}


def test_an_addition_renames_nobody_else(tmp_path: Path) -> None:
    """Of the plain spelling, whatever is added before it or after it."""
    alone = named(tmp_path, WORDS[0])
    for more in WORDS[1:]:
        for order in ((WORDS[0], more), (more, WORDS[0])):
            both = named(tmp_path, *order)
            assert {key: both[key] for key in alone} == alone
            assert len(set(both.values())) == 2


def test_the_order_of_a_document_means_nothing(tmp_path: Path) -> None:
    found = [named(tmp_path, *order) for order in itertools.permutations(WORDS[:4])]
    assert all(each == found[0] for each in found)
    assert len(set(found[0].values())) == 4


def test_names_with_digits_depend_on_their_own_place_only(tmp_path: Path) -> None:
    whole = named(tmp_path, *WORDS)
    for count in range(2, len(WORDS)):
        for keys in itertools.combinations(WORDS, count):
            found = named(tmp_path, *keys)
            changed = {key: name for key, name in found.items() if whole[key] != name}
            # At most the one that has the plain name as long as the plainest isn't there.
            assert set(changed.values()) <= {"CondNumberNull"}
            assert not changed or WORDS[0] not in keys


def test_each_topic_has_the_class_of_its_own_schema(tmp_path: Path) -> None:
    compiled = compile_files(tmp_path, {"doc.json": document(*WORDS), "c.channel.json": using(*WORDS)})
    ch = compiled.module("c").c_channel
    for index in range(len(WORDS)):
        ref = getattr(ch, f"t{index}")
        assert encode(ref, {f"p{index}": 1}) == encode(ref, ref.payload_type(**{f"p{index}": 1}))
        with pytest.raises(InvalidPayload):
            encode(ref, {f"p{(index + 1) % len(WORDS)}": 1})


@pytest.mark.parametrize("keyword", ["definitions", "$defs"])
@pytest.mark.parametrize("file", ["doc.json", "doc.schema.json", "doc.yaml", "vendor/doc.json"])
def test_in_any_plain_document(file: str, keyword: str, tmp_path: Path) -> None:
    keys = WORDS[:2]
    files = {
        file: document(*keys, keyword=keyword),
        "c.channel.json": using(*keys, file=file, keyword=keyword),
    }
    module = file.partition(".")[0] + ".py"
    assert len(set(names(compile_files(tmp_path, files), module).values())) == 2


def test_in_a_mapped_document(tmp_path: Path) -> None:
    folder = tmp_path / "mapped"
    folder.mkdir()
    write_files(folder, {"doc.json": document(*WORDS)})
    files = {"c.channel.json": using(*WORDS, file="https://x.example/doc.json")}
    compiled = compile_files(tmp_path, files, refs={"https://x.example/": folder})
    assert len(set(names(compiled, "x_example/doc.py").values())) == len(WORDS)


def test_an_enum_and_a_class(tmp_path: Path) -> None:
    files = {
        "doc.json": {"$defs": {"a-b": {"enum": ["x", "y"]}, "a/b": made_of(WORDS[0])}},
        "c.channel.json": channel("c", t={"$ref": "doc.json#/$defs/a-b"}, u={"$ref": "doc.json#/$defs/a~1b"}),
    }
    compiled = compile_files(tmp_path, files)
    assert errors(compiled) == []
    ch = compiled.module("c").c_channel
    assert encode(ch.t, "x") == b'"x"'
    assert encode(ch.u, {"p0": 1}) == b'{"p0":1}'


def test_two_of_one_name_in_both_keywords(tmp_path: Path) -> None:
    files = {
        "doc.json": {"$defs": {"X": made_of(WORDS[0])}, "definitions": {"X": made_of(WORDS[1])}},
        "c.channel.json": channel(
            "c", t={"$ref": "doc.json#/$defs/X"}, u={"$ref": "doc.json#/definitions/X"}
        ),
    }
    assert len(set(names(compile_files(tmp_path, files)).values())) == 2


def test_branches_and_what_is_inside(tmp_path: Path) -> None:
    """A definition called as what a property of another comes to, and branches that meet one."""
    inner = {"type": "object", "properties": {"x": made_of(WORDS[1])}, "additionalProperties": False}
    union = {"oneOf": [made_of(WORDS[2]), made_of(WORDS[3])]}
    files = {
        "doc.json": {
            "$defs": {"Line": inner, "LineX": made_of(WORDS[0]), "Ab": union, "Ab0": made_of(WORDS[0])}
        },
        "c.channel.json": channel(
            "c",
            a={"$ref": "doc.json#/$defs/Line"},
            b={"$ref": "doc.json#/$defs/LineX"},
            d={"$ref": "doc.json#/$defs/Ab"},
            e={"$ref": "doc.json#/$defs/Ab0"},
        ),
    }
    compiled = compile_files(tmp_path, files)
    assert errors(compiled) == []
    ch = compiled.module("c").c_channel
    assert ch.b.payload_type.__name__ == "LineX"
    assert encode(ch.a, ch.a.payload_type.model_validate({"x": {"p1": 1}})) == b'{"x":{"p1":1}}'
    assert encode(ch.d, {"p3": 1}) == b'{"p3":1}'


# -- of one's own --------------------------------------------------------------------------------------------


def test_in_a_definition_file_it_is_an_error_with_both_places(tmp_path: Path) -> None:
    definition = using(*WORDS[:2], file="", keyword="$defs")
    definition["$defs"] = {key: made_of(key) for key in WORDS[:2]}
    compiled = compile_files(tmp_path, {"c.channel.json": definition})
    (error,) = compiled.result.problems
    assert error.message.startswith("the class name 'CondNumberNull' is taken: schemas/c.channel.json:1:")
    assert error.place is not None
    assert error.place.path == "schemas/c.channel.json"
    assert "[tool.tightbeam.names]" in error.remedy


def test_names_that_were_asked_for_are_an_error_anywhere(tmp_path: Path) -> None:
    found = document(*WORDS[:2])
    for schema in found["definitions"].values():
        schema["x-tightbeam-name"] = "Both"
    compiled = compile_files(tmp_path, {"doc.json": found, "c.channel.json": using(*WORDS[:2])})
    assert [message[:34] for message in errors(compiled)] == ["the class name 'Both' is taken: sc"]


def test_one_that_was_asked_for_comes_first(tmp_path: Path) -> None:
    found = document(*WORDS[:2])
    found["definitions"][WORDS[1]]["x-tightbeam-name"] = "CondNumberNull"
    compiled = compile_files(tmp_path, {"doc.json": found, "c.channel.json": using(*WORDS[:2])})
    assert names(compiled)["p1"] == "CondNumberNull"


def test_branches_that_refer_elsewhere_are_classes_of_their_own(tmp_path: Path) -> None:
    """Beside other keywords a branch is no longer what it refers to."""
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "anyOf": [
            {"$ref": "#/$defs/A"},
            {"$ref": "#/$defs/B"},
            {"title": "C", "properties": {"c": {"type": "integer"}}, "required": ["c"]},
        ],
    }
    definition = channel("c", x=schema)
    definition["$defs"] = {
        name: {"properties": {name.lower(): {"type": "integer"}}, "required": [name.lower()]} for name in "AB"
    }
    compiled = compile_files(tmp_path, {"c.channel.json": definition})
    assert errors(compiled) == []
    module = compiled.module("c")
    ch = module.c_channel
    assert encode(ch.x, module.XA(a=1, id="x")) == b'{"id":"x","a":1}'
    assert encode(ch.x, module.XB(b=1)) == b'{"b":1}'
    assert encode(ch.x, module.XC(c=1)) == b'{"c":1}'


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_the_front_end_has_the_same_names(order: tuple[int, ...], tmp_path: Path) -> None:
    keys = [WORDS[index] for index in order]
    files: Mapping[str, Any] = {"doc.json": document(*keys), "c.channel.json": using(*keys)}
    compiled = compile_files(tmp_path, files, typescript=tmp_path / "web")
    for name in names(compiled).values():
        assert f"export type {name} = " in compiled.typescript["doc.ts"]
