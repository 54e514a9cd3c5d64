"""Rules that one definition in a thousand needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def test_every_pair_of_names_is_compared(compile_here: Compile) -> None:
    names = {"a": "{x}:z", "b": "m:b", "c": "m:c", "d": "m:z"}
    params = {"params": {"x": {"type": "string"}}}
    files = {
        f"{file}.channel.json": channel(name, t=STRING) | (params if "{" in name else {})
        for file, name in names.items()
    }
    assert [message[:46] for message in errors(compile_here(files))] == [
        "the name 'm:z' overlaps with '{x}:z' in schema"
    ]


@pytest.mark.parametrize("separator", ["{", "}"])
def test_a_brace_is_no_separator(separator: str, compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t=STRING) | {"separator": separator}})
    assert f"the separator '{separator}' can't be used" in errors(made)


def test_what_stands_in_examples_is_no_reference(compile_here: Compile) -> None:
    """Nor what stands in other data: not even whether it can be read matters."""
    data = {"$ref": "broken.json"}
    for keyword, value in (("examples", [data]), ("default", data), ("enum", [data]), ("const", data)):
        made = compile_here({"x.channel.json": channel(t={keyword: value}), "broken.json": "{"})
        assert errors(made) == [], keyword


def test_a_reference_may_escape_characters_and_have_a_query(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel(t=closed(a=ref("a%20b.json"), b=ref("a%20b.json?v=2"))),
        "a b.json": INTEGER,
    }
    made = compile_here(files)
    assert errors(made) == []
    assert encode(made.module("x").x_channel.t, {"a": 1, "b": 1})
    with pytest.raises(InvalidPayload):
        encode(made.module("x").x_channel.t, {"a": "1"})


def test_a_reference_to_no_file_name(compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t=ref("a%00b.json"))})
    assert ["there is no file" in message for message in errors(made)] == [True]


def test_the_number_of_files_is_limited(compile_here: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.read.resolve.document_set._MAX_DOCUMENTS", 3)
    files: dict[str, Any] = {f"d{number}.json": ref(f"d{number + 1}.json") for number in range(5)}
    made = compile_here({"x.channel.json": channel(t=ref("d0.json")), **files, "d5.json": STRING})
    assert "more than 3 files are referred to" in errors(made)


def test_formats_that_stay_text(compile_here: Compile) -> None:
    """Those that the draft doesn't have, and those beside keywords that demand a spelling."""
    uuid = {"type": "string", "format": "uuid"}
    moment = {"type": "string", "format": "date-time"}
    texts = {
        "a": {**moment, "minLength": 1},
        "b": {**moment, "maxLength": 99},
        "c": {**moment, "pattern": "Z$"},
        "d": {**uuid, "pattern": "^0"},
    }
    old = {"$schema": DRAFT_7, **closed("a", a=uuid)}
    made = compile_here(
        {"x.channel.json": channel(t=closed("a b c d", **texts), u=old, v=closed("a", a=uuid))}
    )
    assert errors(made) == []
    for name in "TU":
        types = made.module("x").__dict__[name].model_fields.values()
        assert {field.annotation for field in types} == {str}
    assert "a: _uuid.UUID\n" in made.files["x.py"]


def test_values_that_only_python_takes_for_one(compile_here: Compile) -> None:
    both = {"allOf": [{"enum": [1, "x", [True]]}, {"enum": [True, "x", [1]]}]}
    either = {"anyOf": [{"const": 1}, {"const": True}]}
    made = compile_here({"x.channel.json": channel(t=closed("a b", a=both, b=either))})
    assert errors(made) == []
    assert 'a: _t.Literal["x"]\n' in made.files["x.py"]
    assert "b: _t.Literal[1] | _t.Literal[True]\n" in made.files["x.py"]
    ref_ = made.module("x").x_channel.t
    for value in (1, True):
        assert json.loads(encode(ref_, {"a": "x", "b": value}))["b"] is value


def test_integers_that_no_literal_holds(compile_here: Compile) -> None:
    enum = {"enum": [2**63 - 1, 2**63]}
    made = compile_here({"x.channel.json": channel(t=closed("a", a=enum), u=closed("a", a={"const": 2**63}))})
    assert errors(made) == []
    for value in enum["enum"]:
        assert made.module("x").T.model_validate({"a": value}).a == value
    assert made.module("x").U.model_validate({"a": 2**63}).a == 2**63


def test_draft_4_may_require_nothing(compile_here: Compile) -> None:
    """Its metaschema wants one name at least; no validator does, and people write empty lists."""
    document = {"$schema": "http://json-schema.org/draft-04/schema#", **closed(a=INTEGER), "required": []}
    made = compile_here({"x.channel.json": channel(t=ref("f.json")), "f.json": document})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.t, {}) == b"{}"


def test_two_dashes_in_a_class_of_a_pattern_are_no_difference(compile_here: Compile) -> None:
    """Pydantic's regular expressions would subtract: its models leave such a pattern to the validator."""
    made = compile_here({"x.channel.json": channel(t=closed(a={"type": "string", "pattern": "^[+--]$"}))})
    topic = made.module("x").x_channel.t
    for sign in "+,-":
        assert load(topic, encode(topic, {"a": sign})).a == sign
    with pytest.raises(InvalidPayload, match="must match the pattern"):
        encode(topic, {"a": "a"})


def test_a_pattern_that_only_the_validator_reads_may_match_any_key(compile_here: Compile) -> None:
    schema = {
        "type": "object",
        "patternProperties": {"^(?!x)": STRING},
        "additionalProperties": INTEGER,
        "required": ["a", "x"],
    }
    made = compile_here({"x.channel.json": channel(t=schema)})
    assert errors(made) == []
    topic, model = made.module("x").x_channel.t, made.module("x").T
    assert encode(topic, {"a": "text", "x": 1}) == encode(topic, model(a="text", x=1))
    with pytest.raises(InvalidPayload):
        encode(topic, {"a": 1, "x": 1})


def test_a_map_of_what_patterns_and_other_keys_have(compile_here: Compile) -> None:
    schema = {"type": "object", "patternProperties": {"^a": STRING}, "additionalProperties": INTEGER}
    made = compile_here({"x.channel.json": channel(t=closed("m", m=schema))})
    assert errors(made) == []
    assert "m: dict[str, str | int]\n" in made.files["x.py"]
    assert made.module("x").T.model_validate({"m": {"a": "text", "b": 1}}).m == {"a": "text", "b": 1}
