"""Names that a definition brings along never break the module they come into."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors, warnings
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import STRING, open_object, ref
from tightbeam import Client

CLOSED = {"type": "object", "additionalProperties": False}


async def test_topics_called_like_what_the_module_is_spelt_with(tmp_path: Path) -> None:
    names = ["bool", "dict", "float", "int", "list", "str", "v1"]
    strings = {"type": "array", "items": {"type": "string"}}
    topics = {name: {"schema": strings} for name in names}
    made = compile_files(tmp_path, {"words.channel.json": {"name": "words", "topics": topics}})
    assert errors(made) == []
    channel = made.module("words").words_channel
    for name in names:
        topic = getattr(channel, f"{name}_")
        assert (topic.topic, topic.payload_type) == (name, list[str])
        await Client().realtime.publish(topic, ["a"])


def test_topics_that_meet_only_by_that(tmp_path: Path) -> None:
    topics = {name: {"schema": CLOSED} for name in ("list", "list_")}
    made = compile_files(tmp_path, {"words.channel.json": {"name": "words", "topics": topics}})
    assert "topics 'list' and 'list_' both become 'list_' in Python" in "\n".join(errors(made))


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("list", "x-tightbeam-name 'list' is reserved"),
        ("Alert", "x-tightbeam-name 'Alert' begins in upper case, as only classes do"),
    ],
)
def test_chosen_names_that_would_hide_others(override: str, complaint: str, tmp_path: Path) -> None:
    topics = {"one": {"x-tightbeam-name": override, "schema": CLOSED}}
    made = compile_files(tmp_path, {"words.channel.json": {"name": "words", "topics": topics}})
    assert complaint in "\n".join(errors(made))


def test_the_name_of_the_channels_class_is_no_part_of_other_names(tmp_path: Path) -> None:
    definition = {
        "name": "words",
        "x-tightbeam-name": "Dictionary",
        "topics": {"one": {"schema": {"$ref": "#/$defs/Entry"}}},
        "$defs": {"Entry": CLOSED},
    }
    made = compile_files(tmp_path, {"words.channel.json": definition})
    assert errors(made) == []
    module = made.module("words")
    assert module.One is module.Entry
    assert module.Dictionary.__name__ == "Dictionary"


def test_titles_name_the_branches_beside_null_and_references(tmp_path: Path) -> None:
    branches = [
        {"title": "Mail", **CLOSED, "properties": {"address": {"type": "string"}}},
        {"title": "Call", **CLOSED, "properties": {"number": {"type": "string"}}},
        {"$ref": "#/$defs/Letter"},
        {"type": "null"},
    ]
    definition = {
        "name": "words",
        "topics": {"contact": {"schema": {"anyOf": branches}}},
        "$defs": {"Letter": {**CLOSED, "properties": {"street": {"type": "string"}}}},
    }
    made = compile_files(tmp_path, {"words.channel.json": definition})
    module = made.module("words")
    assert module.Contact == module.ContactMail | module.ContactCall | module.Letter | None


@pytest.mark.parametrize("schema", [{}, {"description": "Anything."}, {"$ref": "#/$defs/Open"}])
def test_a_schema_that_demands_nothing_is_pointed_out(schema: dict[str, str], tmp_path: Path) -> None:
    closed = {**CLOSED, "properties": {"part": schema}}
    for topic in (schema, closed):
        definition = {
            "name": "words",
            "topics": {"one": {"schema": topic}},
            "$defs": {"Open": {"title": "Anything"}},
        }
        made = compile_files(tmp_path, {"words.channel.json": definition})
        assert "the type is left open here" in "\n".join(warnings(made))


@pytest.mark.parametrize("schema", [True, {"$ref": "#/$defs/Open", "description": "Anything."}])
def test_who_writes_true_means_it(schema: object, tmp_path: Path) -> None:
    definition = {"name": "words", "topics": {"one": {"schema": schema}}, "$defs": {"Open": True}}
    assert warnings(compile_files(tmp_path, {"words.channel.json": definition})) == []


def test_an_alias_of_any_alphabet_beside_an_odd_key(compile_here: Compile) -> None:
    """The functional form of a typed dictionary is evaluated before the alias is there."""
    names = ["été", "汉", "Ωmega", "ab"]
    shared = {name: {"enum": ["a", "b"]} for name in names}
    keys = {f"{name}-": {"$ref": f"#/$defs/{quote(name)}"} for name in names}
    made = compile_here({"x.channel.json": {**channel("x", s=open_object(**keys)), "$defs": shared}})
    assert made.module("x").SDict.__annotations__.keys() == keys.keys()


def test_marks_in_names_and_long_names(compile_here: Compile) -> None:
    """A name that a first look takes for none gets a second one, in linear time both."""
    name = "a" * 60 + "汉\u0301" + "b" * 60
    files = {
        "x.channel.json": channel("x", s=ref(quote(f"{name}.json"))),
        f"{name}.json": open_object(a=STRING),
    }
    made = compile_here(files)
    assert made.result.problems == ()
    assert made.module("x").S.__name__.endswith("b")
