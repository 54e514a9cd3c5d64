"""Unions whose branches no type tells apart: a value loads as the class whose schema it fits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam._payload.schemas import bundle

EVEN = {"type": "integer", "multipleOf": 2}
ODD = {"type": "integer", "not": {"multipleOf": 2}}
PARITY = {
    "$defs": {"Even": closed("n", n=EVEN), "Odd": closed("n", n=ODD, on={"type": "string", "format": "date"})}
}
EITHER = {"oneOf": [ref("parity.json#/$defs/Even"), ref("parity.json#/$defs/Odd")]}


def loaded(made: Any, topic: str, value: object) -> Any:
    channel = made.module("x").x_channel
    return load(getattr(channel, topic), encode(getattr(channel, topic), value))


def named(made: Any, topic: str) -> list[str]:
    """The classes of which schemas have to tell."""
    made.module("x")
    return sorted(bundle(f"{made.package}._schemas.x").branches)


@pytest.mark.parametrize(
    ("schema", "inside"),
    [
        (EITHER, lambda value: value),
        ({"type": "array", "items": EITHER}, lambda value: [value]),
        ({"type": "object", "additionalProperties": EITHER}, lambda value: {"key": value}),
        (closed("deep", deep=closed("here", here=EITHER)), lambda value: {"deep": {"here": value}}),
        ({"anyOf": [closed("deep", deep=EITHER), {"type": "null"}]}, lambda value: {"deep": value}),
    ],
)
@pytest.mark.parametrize(
    ("value", "name"), [({"n": 2}, "Even"), ({"n": 3, "on": "2026-11-22"}, "Odd"), ({"n": 5.0}, "Odd")]
)
def test_the_class_whose_schema_it_fits(
    compile_here: Compile, schema: Any, inside: Any, value: Any, name: str
) -> None:
    made = compile_here({"x.channel.json": channel("x", t=schema), "parity.json": PARITY})
    whole = loaded(made, "t", inside(value))
    assert f"{name}(n={int(value['n'])}" in repr(whole)
    assert json.loads(encode(made.module("x").x_channel.t, whole)) == inside(value)


@pytest.mark.parametrize("name", ["cls", "config", "default", "expected", "metadata", "ref", "serialization"])
def test_below_a_property_that_is_called_like_a_key_of_pydantics_schemas(
    compile_here: Compile, name: str
) -> None:
    made = compile_here(
        {"x.channel.json": channel("x", t=closed(name, **{name: EITHER})), "parity.json": PARITY}
    )
    assert repr(loaded(made, "t", {name: {"n": 3}})).endswith("=Odd(n=3, on=None))")


def test_lists_of_one_or_of_the_other(compile_here: Compile) -> None:
    lists = [{"type": "array", "items": ref(f"parity.json#/$defs/{name}")} for name in ("Even", "Odd")]
    made = compile_here({"x.channel.json": channel("x", t={"anyOf": lists}), "parity.json": PARITY})
    assert [type(one).__name__ for one in loaded(made, "t", [{"n": 1}, {"n": 3}])] == ["Odd", "Odd"]


def test_a_class_beside_a_map(compile_here: Compile) -> None:
    short = {"type": "object", "properties": {"a": STRING}, "maxProperties": 1}
    schema = {"anyOf": [short, {"type": "object", "additionalProperties": STRING}]}
    made = compile_here({"x.channel.json": channel("x", t=schema)})
    assert loaded(made, "t", {"a": "x", "b": "y"}) == {"a": "x", "b": "y"}
    assert type(loaded(made, "t", {"a": "x"})).__name__ == "TX0"


def test_unions_of_unions(compile_here: Compile) -> None:
    few = {"maxProperties": 1, "oneOf": [closed("n", n=EVEN, m=INTEGER), closed("n", n=ODD, m=INTEGER)]}
    many = {"minProperties": 2, "type": "object", "properties": {"n": INTEGER}}
    made = compile_here({"x.channel.json": channel("x", t={"anyOf": [few, many]})})
    names = [type(loaded(made, "t", value)).__name__ for value in ({"n": 2}, {"n": 3}, {"n": 2, "m": 1})]
    assert len(set(names)) == 3
    assert names[2] == "TX1"


def test_a_class_that_contains_itself(compile_here: Compile) -> None:
    node = closed("n", n=EVEN, next=ref("#/$defs/Either"))
    other = closed("n", n=ODD, next=ref("#/$defs/Either"))
    either = {"anyOf": [ref("#/$defs/Even"), ref("#/$defs/Odd")]}
    definitions = {"Even": node, "Odd": other, "Either": either}
    made = compile_here({"x.channel.json": channel("x", t=ref("#/$defs/Either")) | {"$defs": definitions}})
    found = loaded(made, "t", {"n": 1, "next": {"n": 2, "next": {"n": 3}}})
    assert [type(one).__name__ for one in (found, found.next, found.next.next)] == ["Odd", "Even", "Odd"]


def test_classes_that_stand_in_another_files_module(compile_here: Compile) -> None:
    """Those of files that refer to each other do."""
    files = {
        "even.json": closed("n", n=EVEN, next=ref("odd.json")),
        "odd.json": closed("n", n=ODD, next=ref("even.json")),
    }
    schema = {"anyOf": [ref("even.json"), ref("odd.json")]}
    made = compile_here({"x.channel.json": channel("x", t=schema), **files})
    assert repr(loaded(made, "t", {"n": 3, "next": {"n": 2}})) == "Odd(n=3, next=Even(n=2, next=None))"


UUID = "6f1e6a1e-0f5c-4b8e-9c3a-1d2f3a4b5c6d"


@pytest.mark.parametrize(
    ("form", "text"),
    [("uuid", UUID), ("date", "2026-11-22"), ("date-time", "2026-11-22T01:02:03Z"), ("ipv4", "127.0.0.1")],
)
def test_beside_formats(compile_here: Compile, form: str, text: str) -> None:
    """What was loaded is dumped to be looked at, whatever was built or dumped before."""
    branches = [closed("a n", a={**STRING, "format": form}, n=number) for number in (EVEN, ODD)]
    made = compile_here({"x.channel.json": channel("x", t={"anyOf": branches})})
    names = [type(loaded(made, "t", {"a": text, "n": n})).__name__ for n in (2, 3, 4.0, 5.0)]
    assert names == ["TX0", "TX1", "TX0", "TX1"]


DRAFT_4 = "http://json-schema.org/draft-04/schema#"


def named_numbers(identifier: str, definitions: str) -> list[Any]:
    """Branches that are documents of their own, each with a definition of the same name."""
    return [
        closed("n", n=ref(f"#/{definitions}/n")) | {identifier: f"{name}.json", definitions: {"n": number}}
        for name, number in (("even", EVEN), ("odd", ODD))
    ]


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(channel("x", t={"oneOf": named_numbers("$id", "$defs")}), id="in a topic"),
        pytest.param(
            channel(
                "x",
                t={"$id": "https://x.example/a/", "oneOf": [ref("even.json"), ref("odd.json")]}
                | {"$defs": dict(zip("ab", named_numbers("$id", "$defs"), strict=True))},
            ),
            id="among a topic's definitions",
        ),
        pytest.param(
            channel(
                "x",
                t={
                    "$schema": DRAFT_4,
                    "id": "https://x.example/a/",
                    "oneOf": [ref("even.json"), ref("odd.json")],
                }
                | {"definitions": dict(zip("ab", named_numbers("id", "definitions"), strict=True))},
            ),
            id="in a topic of another draft",
        ),
    ],
)
def test_branches_that_are_documents_of_their_own(compile_here: Compile, definition: Any) -> None:
    made = compile_here({"x.channel.json": definition})
    one, two = (type(loaded(made, "t", {"n": n})).__name__ for n in (2, 3))
    assert named(made, "t") == [f"x.{one}", f"x.{two}"]
    assert one != two


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            closed("kind", kind={"const": "a"}, n=EVEN), closed("kind", kind={"const": "b"}, n=ODD), id="tag"
        ),
        pytest.param(closed("a", a=STRING), closed("b", b=STRING), id="closed"),
        pytest.param(
            {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
            {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}},
            id="kind",
        ),
        pytest.param(
            closed("a", a={"type": ["string", "null"]}), closed("a", a={"enum": [1, True]}), id="literals"
        ),
    ],
)
def test_nothing_is_asked_where_types_tell(compile_here: Compile, one: Any, other: Any) -> None:
    made = compile_here({"x.channel.json": channel("x", t={"anyOf": [one, other]})})
    assert named(made, "t") == []


def test_only_the_topics_own_unions_count(compile_here: Compile) -> None:
    """What another channel does with the same classes changes nothing for this one."""
    made = compile_here(
        {
            "x.channel.json": channel("x", t=ref("parity.json#/$defs/Odd")),
            "y.channel.json": channel("y", t=EITHER),
            "parity.json": PARITY,
        }
    )
    assert named(made, "t") == []
    assert '"branches"' in made.files["_schemas/y.py"]


def test_what_fits_no_branch_loads_all_the_same(compile_here: Compile) -> None:
    """Data of another version of the schemas, say."""
    made = compile_here({"x.channel.json": channel("x", t=EITHER | {"$comment": "x"}), "parity.json": PARITY})
    found = load(made.module("x").x_channel.t, json.dumps({"n": 2, "on": "2026-11-22"}))
    assert type(found).__name__ == "Odd"
    with pytest.raises(InvalidPayload, match="must be an integer"):
        load(made.module("x").x_channel.t, '{"n": "2"}')


def test_maps_of_one_or_of_the_other(compile_here: Compile) -> None:
    maps = [
        {"type": "object", "additionalProperties": ref(f"parity.json#/$defs/{name}")}
        for name in ("Even", "Odd")
    ]
    made = compile_here({"x.channel.json": channel("x", t={"anyOf": maps}), "parity.json": PARITY})
    for n, name in ((2, "Even"), (3, "Odd")):
        assert type(loaded(made, "t", {"key": {"n": n}})["key"]).__name__ == name


def test_a_map_beside_a_class(compile_here: Compile) -> None:
    """Whichever is written first."""
    short = {"type": "object", "properties": {"a": STRING}, "maxProperties": 1}
    texts = {"type": "object", "additionalProperties": STRING}
    for schemas in ([short, texts], [texts, short]):
        made = compile_here({"x.channel.json": channel("x", t={"anyOf": schemas})})
        assert loaded(made, "t", {"a": "x", "b": "y"}) == {"a": "x", "b": "y"}


@pytest.mark.parametrize("turned", [False, True])
def test_an_alias_beside_a_class(turned: bool, compile_here: Compile) -> None:
    """Whichever is written first."""
    either = {
        "anyOf": [ref("#/$defs/Twos"), {"type": "null"}, {"type": "array", "items": ref("#/$defs/Tree")}]
    }
    definitions = {"Twos": closed("n", n=EVEN), "Ones": closed("n", n=ODD), "Tree": either}
    branches = [ref("#/$defs/Tree"), ref("#/$defs/Ones")]
    schema = {"anyOf": branches[::-1] if turned else branches}
    made = compile_here({"x.channel.json": channel("x", t=schema) | {"$defs": definitions}})
    assert type(loaded(made, "t", {"n": 2})).__name__ == "Twos"
    assert type(loaded(made, "t", {"n": 3})).__name__ == "Ones"
