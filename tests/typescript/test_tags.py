"""What a schema says beside its type is a tag in TSDoc: one short line, and never another tag."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files
from tests.tightbeam_codegen.schemas import closed

DATE = {"type": "string", "format": "date"}
SMALL = {"type": "integer", "minimum": 0, "exclusiveMaximum": 10}


def module(tmp_path: Path, topics: dict[str, Any], **others: Any) -> str:
    """The module of a channel with these topics."""
    files = {"x.channel.json": {**channel("x", **topics), **others}}
    return compile_files(tmp_path, files, typescript=tmp_path / "web").typescript["x.ts"]


@pytest.mark.parametrize(
    ("schema", "type_", "tags"),
    [
        (DATE, "string", ["@format date"]),
        (SMALL, "number", ["@minimum 0", "@exclusiveMaximum 10"]),
        ({"type": "string", "minLength": 1, "maxLength": 80}, "string", ["@minLength 1", "@maxLength 80"]),
        ({"type": "string", "pattern": "^[a-z]+$"}, "string", ["@pattern ^[a-z]+$"]),
        ({"type": "number", "multipleOf": 0.01}, "number", ["@multipleOf 0.01"]),
        (
            {"type": "array", "items": DATE, "minItems": 1, "uniqueItems": True},
            "string[]",
            ["@minItems 1", "@uniqueItems", "@items.format date"],
        ),
        (
            {"type": "array", "items": {"type": "array", "items": SMALL}},
            "number[][]",
            ["@items.items.minimum 0", "@items.items.exclusiveMaximum 10"],
        ),
        (
            {"type": "object", "additionalProperties": DATE},
            "{ [key: string]: string }",
            ["@additionalProperties.format date"],
        ),
        ({"anyOf": [DATE, {"type": "null"}]}, "string | null", ["@format date"]),
        ({"$ref": "#/$defs/Date"}, "string", ["@format date"]),
        ({"allOf": [{"$ref": "#/$defs/Date"}], "maxLength": 9}, "string", ["@format date", "@maxLength 9"]),
        ({**DATE, "deprecated": True}, "string", ["@deprecated", "@format date"]),
        ({"$ref": "#/$defs/Kind", "deprecated": True}, "Kind", ["@deprecated"]),
        ({"type": "string", "description": "See a@b.c, @format."}, "string", []),
    ],
)  # fmt: skip
def test_a_property_says_what_its_schema_asks_for(
    tmp_path: Path, schema: dict[str, Any], type_: str, tags: list[str]
) -> None:
    definitions = {"Date": DATE, "Kind": {"enum": ["a", "b"]}}
    text = module(tmp_path, {"t": closed("", before={}, p=schema)}, **{"$defs": definitions})
    assert f"  p?: {type_};" in text
    found = text.partition(f"  p?: {type_};")[0].partition("  before?: unknown;\n")[2]
    assert re.findall(r"(?<!\w)@\S.*?(?= \*/|\n)", found) == tags


def test_aliases_topics_classes_and_parameters_say_it_too(tmp_path: Path) -> None:
    definitions = {
        "Old": {**closed("", a={}), "deprecated": True},
        "Kind": {"enum": ["aa", "b"], "minLength": 2, "description": "Which."},
    }
    topics = {
        "at": DATE,
        "many": {"type": "array", "items": DATE},
        "old": {"$ref": "#/$defs/Old"},
        "kind": {"$ref": "#/$defs/Kind"},
    }
    params = {
        "id": {"type": "string", "minLength": 1, "maxLength": 9},
        "n": {"type": "integer", "minimum": 3},
    }
    text = module(tmp_path, topics, name="x:{id}:{n}", params=params, **{"$defs": definitions})
    for head, tag in {
        "export type At =": "@format date",
        "export type Many =": "@items.format date",
        "export type Old =": "@deprecated",
        "    id: string": "@maxLength 9",
        "    n: number | bigint": "@minimum 3",
    }.items():
        assert f"/** {tag} */\n{head}" in text
    assert "/**\n * Which.\n *\n * @minLength 2\n */\nexport type Kind =" in text


def test_draft_4_has_its_own_words(tmp_path: Path) -> None:
    schema = {
        "type": "number",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 5,
        "exclusiveMaximum": False,
    }
    draft = {"$schema": "http://json-schema.org/draft-04/schema#", **closed("", p=schema)}
    files = {"x.channel.json": channel("x", t={"$ref": "p.json"}), "p.json": draft}
    text = compile_files(tmp_path, files, typescript=tmp_path / "web").typescript["p.ts"]
    assert "  /**\n   * @exclusiveMinimum 0\n   * @maximum 5\n   */\n  p?: number;" in text


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("a*/ (alert)", "@pattern a*\\/ (alert)"),
        ("^@ts-ignore$", "@pattern ^&#64;ts-ignore$"),
        ("[{@link x}]", "@pattern [{&#64;link x}]"),
        ("a\n@deprecated", ""),
        ("a\u2028b", ""),
        ("\u202ea", "@pattern \\u202ea"),
        ("a" * 500, ""),
        ("   ", ""),
    ],
)
@pytest.mark.parametrize("keyword", ["pattern", "format"])
def test_text_of_a_schema_ends_no_comment_and_begins_no_tag(
    tmp_path: Path, keyword: str, pattern: str, shown: str
) -> None:
    schema = {"type": "string", keyword: pattern}
    text = module(tmp_path, {"t": closed("", p=schema)})
    before = text.partition("  p?: string;")[0].rpartition("export type T = {\n")[2]
    shown = shown.replace("@pattern", f"@{keyword}")
    assert before == (f"  /** {shown} */\n" if shown else "")
