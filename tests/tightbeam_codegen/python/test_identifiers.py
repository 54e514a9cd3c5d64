"""`$id`: with any characters, in files and in topics, and only where it can be relied on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode

IDS = [
    "https://x.example/größe",
    "https://x.example/a b",
    "https://x.example/100%",
    "https://x.example/{a}/[b]",
    "https://ü.example/x",
    "größe",
    "urn:x:grö ße",
    'q"uo\\te',
    "https://x.example/a?b=c d",
]


@pytest.mark.parametrize("own", IDS)
def test_an_id_may_have_any_characters(own: str, compile_here: Compile) -> None:
    """In a topic, in a part of one, and in a file that is referred to by its path, as a whole and in part."""
    part = {"$id": own, **closed("n", n=ref("#/$defs/Count")), "$defs": {"Count": INTEGER}}
    inner = closed(a={**part, "$id": "inner/" + own.rpartition("/")[2]}, b=ref("#/$defs/Whole"))
    files: dict[str, Any] = {
        "x.channel.json": channel(
            t=part,
            u=inner,
            v=ref("y.json"),
            w=closed(a=ref("y.json#/$defs/Count")),
            z=ref("z.json"),
        )
        | {"$defs": {"Whole": part}},
        "y.json": {**part, "$id": own + "y"},
        "z.json": ref("y.json"),
    }
    made = compile_here(files)
    assert errors(made) == []
    topics = made.module("x").x_channel
    for topic, good in (
        (topics.t, {"n": 1}),
        (topics.u, {"a": {"n": 1}, "b": {"n": 1}}),
        (topics.v, {"n": 1}),
        (topics.w, {"a": 1}),
        (topics.z, {"n": 1}),
    ):
        assert encode(topic, good)
        with pytest.raises(InvalidPayload):
            encode(topic, {"n": "1", "a": "1"})


@pytest.mark.parametrize("own", ["::x", "1:2", "a b:c", "https://[", "//[x", "https://[::1]:x/"])
@pytest.mark.parametrize("where", ["topic", "part", "file", "part of a file"])
def test_an_id_that_is_none_is_refused(own: str, where: str, compile_here: Compile) -> None:
    bad = {"$id": own, **closed(a=STRING)}
    schemas: dict[str, Any] = {
        "topic": bad,
        "part": closed(a=bad),
        "file": ref("y.json"),
        "part of a file": ref("z.json"),
    }
    made = compile_here({"x.channel.json": channel(t=schemas[where]), "y.json": bad, "z.json": closed(a=bad)})
    assert len(made.result.problems) == 1
    assert "isn't a URI or the end of one" in errors(made)[0]
    assert made.result.problems[0].place


def test_an_id_of_a_file_is_known_to_those_who_refer_to_the_file(compile_here: Compile) -> None:
    shared = {"$id": "https://x.example/shared", "$defs": {"Count": INTEGER}}
    by_id = closed(a=ref("https://x.example/shared#/$defs/Count"))
    definition = channel("x", t=closed(a=ref("y.json#/$defs/Count")), u=by_id)
    made = compile_here({"x.channel.json": definition, "y.json": shared})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.u, {"a": 1})


def test_an_id_of_a_file_is_unknown_to_the_others(compile_here: Compile) -> None:
    """Else what one file means would depend on which others there are."""
    shared = {"$id": "https://x.example/shared", "$defs": {"Count": INTEGER}}
    by_id = closed(a=ref("https://x.example/shared#/$defs/Count"))
    files = {
        "x.channel.json": channel("x", t=closed(a=ref("y.json#/$defs/Count"))),
        "y.json": shared,
        "z.channel.json": channel("z", t=by_id),
    }
    said = "$ref 'https://x.example/shared#/$defs/Count' is an $id in schemas/y.json, which isn't referred to"
    assert [message[: len(said)] for message in errors(compile_here(files))] == [said]


def test_an_id_of_a_topic_is_unknown_to_other_files(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel("x", t={"$id": "https://x.example/t", **closed(a=STRING)}),
        "z.channel.json": channel("z", t=closed(a=ref("https://x.example/t"))),
    }
    assert len(errors(compile_here(files))) == 1


def test_a_long_chain_of_references(compile_here: Compile) -> None:
    """References alone are no nesting; lists inside each other are, and that is said."""
    length = 300
    ends: dict[str, Any] = {f"D{length}": STRING}
    links = {f"D{number}": ref(f"#/$defs/D{number + 1}") for number in range(length)}
    plain = {**channel("x", t=ref("#/$defs/D0")), "$defs": links | ends}
    made = compile_here({"x.channel.json": plain})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.t, "a") == b'"a"'
    nested = {name: {"type": "array", "items": link} for name, link in links.items()} | ends
    said = errors(compile_here({"x.channel.json": plain | {"$defs": nested}}))
    assert said == ["schemas are nested more than 100 levels deep, those that they refer to included"]
