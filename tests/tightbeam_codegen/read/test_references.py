"""References below every keyword that holds a schema: they lead somewhere, or are errors where they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors, warnings
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_6 = "http://json-schema.org/draft-06/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
OLD = [DRAFT_4, DRAFT_6, DRAFT_7]
NEW = [DRAFT_2019, DRAFT_2020]
SINCE_6, SINCE_7 = [DRAFT_6, DRAFT_7, *NEW], [DRAFT_7, *NEW]
ALL = [*OLD, *NEW]

HOLDERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "not": ({"not": ...}, ALL),
    "allOf": ({"allOf": [..., {"type": "object"}]}, ALL),
    "anyOf": ({"anyOf": [..., {"type": "string"}]}, ALL),
    "oneOf": ({"oneOf": [{"type": "string"}, ...]}, ALL),
    "properties": ({"properties": {"a": ...}}, ALL),
    "patternProperties": ({"patternProperties": {"^a": ...}}, ALL),
    "additionalProperties": ({"additionalProperties": ...}, ALL),
    "additionalProperties beside properties": ({"properties": {"b": {}}, "additionalProperties": ...}, ALL),
    "definitions inside": ({"properties": {"a": {"definitions": {"x": ...}}}}, ALL),
    "dependencies": ({"dependencies": {"a": ...}}, ALL),
    "items": ({"items": ...}, ALL),
    "items, a list": ({"items": [...]}, [*OLD, DRAFT_2019]),
    "additionalItems": ({"items": [{}], "additionalItems": ...}, [*OLD, DRAFT_2019]),
    "contains": ({"contains": ...}, SINCE_6),
    "propertyNames": ({"propertyNames": ...}, SINCE_6),
    "if": ({"if": ..., "then": {}}, SINCE_7),
    "then": ({"if": {}, "then": ...}, SINCE_7),
    "else": ({"if": {}, "else": ...}, SINCE_7),
    "then without if": ({"then": ...}, SINCE_7),
    "$defs inside": ({"properties": {"a": {"$defs": {"x": ...}}}}, NEW),
    "dependentSchemas": ({"dependentSchemas": {"a": ...}}, NEW),
    "unevaluatedProperties": ({"unevaluatedProperties": ...}, NEW),
    "unevaluatedItems": ({"unevaluatedItems": ...}, NEW),
    "contentSchema": ({"contentSchema": ...}, NEW),
    "prefixItems": ({"prefixItems": [...]}, [DRAFT_2020]),
    "items beside prefixItems": ({"prefixItems": [{}], "items": ...}, [DRAFT_2020]),
}
"""A keyword -> a schema with `...` where the keyword holds one, and the drafts that have it."""
EACH = [(name, dialect) for name, (_, dialects) in HOLDERS.items() for dialect in dialects]


def holding(name: str, schema: Any) -> Any:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return (
            [filled(item) for item in value] if isinstance(value, list) else schema if value is ... else value
        )

    return filled(HOLDERS[name][0])


@pytest.mark.parametrize("dialect", ALL)
def test_a_missing_file_is_an_error_wherever_a_schema_may_stand(dialect: str, compile_here: Compile) -> None:
    """At the place of the reference, and each time."""
    topics = {
        f"t{i}": holding(name, ref("missing.json")) for i, (name, of) in enumerate(EACH) if of == dialect
    }
    definition = json.dumps({"dialect": dialect, **channel(**topics)})
    made = compile_here({"x.channel.json": definition})
    found = [problem for problem in made.result.problems if problem.severity == "error"]
    said = "$ref 'missing.json': there is no file 'missing.json' in the schema root"
    assert [problem.message for problem in found] == [said] * len(topics)
    columns = [match.start(1) + 1 for match in re.finditer(r'"\$ref": ("missing.json")', definition)]
    assert [problem.place.column for problem in found if problem.place] == columns
    assert not made.files


@pytest.mark.parametrize("dialect", ALL)
def test_so_is_a_pointer_to_nothing_in_a_definition_that_is_reached_only_so(
    dialect: str, compile_here: Compile
) -> None:
    names = [name for name, of in EACH if of == dialect]
    topics = {f"t{i}": holding(name, ref(f"o.json#/definitions/A{i}")) for i, name in enumerate(names)}
    definitions: dict[str, Any] = {"Unused": {"not": ref("#/none")}}
    for i, name in enumerate(names):
        definitions[f"A{i}"] = {"not": ref(f"#/definitions/B{i}")}
        definitions[f"B{i}"] = holding(name, ref(f"#/definitions/nope{i}"))
    files = {
        "x.channel.json": {"dialect": dialect, **channel(**topics)},
        "o.json": {"$schema": dialect, "definitions": definitions},
    }
    assert errors(compile_here(files)) == [
        f"$ref '#/definitions/nope{i}' leads nowhere: schemas/o.json has nothing there"
        for i in range(len(names))
    ]


def test_no_reference_is_what_is_none(compile_here: Compile) -> None:
    """Values, notes of the user's own, keywords of other drafts and the names of properties."""
    schema = {
        "$schema": DRAFT_7,
        "type": "object",
        "properties": {
            "$ref": STRING,
            "a": {"const": ref("missing.json")},
            "b": {"enum": [ref("missing.json")]},
        },
        "default": ref("missing.json"),
        "examples": [ref("missing.json")],
        "x-see": ref("missing.json"),
        "dependentSchemas": {"a": ref("missing.json")},
        "definitions": {"unused": ref("missing.json")},
    }
    made = compile_here({"x.channel.json": channel(t=ref("f.json")), "f.json": schema})
    assert errors(made) == []
    assert encode(made.module("x").x_channel.t, {"$ref": "x"})


@pytest.mark.parametrize("dialect", OLD)
def test_what_a_reference_hides_up_to_draft_7_may_lead_nowhere(dialect: str, compile_here: Compile) -> None:
    beside = {"not": ref("#/definitions/nope"), "properties": {"a": ref("gone.json")}}
    document = {
        "$schema": dialect,
        **closed(a={**ref("#/definitions/N"), **beside}),
        "definitions": {"N": INTEGER},
    }
    made = compile_here({"x.channel.json": channel(t=ref("f.json")), "f.json": document})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {"a": 1})
    with pytest.raises(InvalidPayload, match="/a: must be an integer"):
        encode(topic, {"a": "x"})


def test_all_of_them_are_told_at_once(compile_here: Compile) -> None:
    topics = {"a": {"not": ref("no.json")}, "b": closed(x={"contains": ref("#/$defs/no")})}
    made = compile_here(
        {"x.channel.json": channel(**topics), "y.channel.json": channel("y:{id}", t=topics["a"])}
    )
    assert [message.partition(" ")[0] for message in errors(made)] == ["$ref", "$ref", "the"]


def test_a_document_may_begin_with_a_byte_order_mark(compile_here: Compile) -> None:
    """Foreign ones do; the places of what is wrong in them are as editors show them."""
    text = json.dumps({"not": ref("missing.json"), **STRING})
    files = {"x.channel.json": channel(t=ref("f.json")), "f.json": b"\xef\xbb\xbf" + text.encode()}
    (problem,) = [each for each in compile_here(files).result.problems if each.severity == "error"]
    column = text.index("missing")
    assert str(problem.place) == f"schemas/f.json:1:{column}"


# -- documents that are nothing but a reference --------------------------------------------------------------


def identified(dialect: str, uri: str) -> dict[str, str]:
    return {"id" if dialect == DRAFT_4 else "$id": uri}


def agrees(topic: TopicRef[..., str, Any], good: Any, bad: Any, why: str) -> None:
    """A good payload goes and comes back, a bad one is refused with a reason."""
    assert json.loads(encode(topic, load(topic, encode(topic, good)))) == good
    with pytest.raises(InvalidPayload, match=why):
        encode(topic, bad)


@pytest.mark.parametrize("dialect", OLD)
@pytest.mark.parametrize("with_id", [False, True])
@pytest.mark.parametrize("inline", [False, True])
def test_a_document_or_topic_may_be_a_reference(
    dialect: str, with_id: bool, inline: bool, compile_here: Compile
) -> None:
    """What stands beside it doesn't count, `$id` included, which would change what it is relative to."""
    own = identified(dialect, "https://example.com/elsewhere/wrap.json") if with_id else {}
    wrap = {"$schema": dialect, **own, **ref("./staff.json")}
    files = {
        "x.channel.json": channel(t=wrap if inline else ref("wrap.json")),
        "wrap.json": wrap,
        "staff.json": {"$schema": dialect, "type": "object", "properties": {"site": STRING}},
    }
    made = compile_here(files)
    assert errors(made) == []
    agrees(made.module("x").x_channel.t, {"site": "x"}, {"site": 1}, "/site: must be a string")


@pytest.mark.parametrize("dialect", OLD)
@pytest.mark.parametrize("with_id", [False, True])
def test_a_root_that_refers_to_its_own_definition(dialect: str, with_id: bool, compile_here: Compile) -> None:
    """The way in which generators of Go, Rust and TypeScript write schemas."""
    own = identified(dialect, "https://example.com/wrap.json") if with_id else {}
    root = {"type": "object", "properties": {"s": ref("staff.json#/definitions/S"), "again": ref("#")}}
    files = {
        "x.channel.json": channel(t=ref("wrap.json"), part=ref("wrap.json#/definitions/Part")),
        "wrap.json": {
            "$schema": dialect,
            **own,
            **ref("#/definitions/Root"),
            "definitions": {"Root": root, "Part": ref("#/definitions/Root")},
        },
        "staff.json": {"$schema": dialect, "definitions": {"S": STRING}},
    }
    made = compile_here(files)
    assert errors(made) == []
    for topic in ("t", "part"):
        agrees(
            getattr(made.module("x").x_channel, topic),
            {"s": "x", "again": {"s": "y"}},
            {"again": {"s": 1}},
            "/again/s: must be a string",
        )


def test_an_id_beside_a_reference_inside_counts_for_nothing_either(compile_here: Compile) -> None:
    inner = {"$id": "https://example.com/q/", **ref("staff.json")}
    files = {
        "x.channel.json": channel(t=ref("f.json")),
        "f.json": {"$schema": DRAFT_7, "type": "object", "properties": {"a": inner}},
        "staff.json": {"$schema": DRAFT_7, **STRING},
    }
    made = compile_here(files)
    assert errors(made) == []
    agrees(made.module("x").x_channel.t, {"a": "x"}, {"a": 1}, "/a: must be a string")


# -- definitions without their document ----------------------------------------------------------------------


def test_of_a_file_only_what_is_needed_is_bundled(compile_here: Compile) -> None:
    other = {"type": "object", "properties": {"y": ref("#/$defs/Y")}, "$defs": {"X": INTEGER, "Y": STRING}}
    made = compile_here({"x.channel.json": channel(doc=ref("other.json#/$defs/X")), "other.json": other})
    assert '"Y"' not in made.files["_schemas/x.py"]
    assert '"properties"' not in made.files["_schemas/x.py"]
    agrees(made.module("x").x_channel.doc, 1, "x", "must be an integer")


def test_the_rest_of_a_file_is_there_where_something_leads_into_it(compile_here: Compile) -> None:
    other = {
        "components": {"schemas": {"X": closed(y=ref("#/$defs/Y"))}},
        "$defs": {"Y": STRING, "Z": STRING},
    }
    made = compile_here({"x.channel.json": channel(t=ref("o.json#/components/schemas/X")), "o.json": other})
    assert '"Z"' not in made.files["_schemas/x.py"]
    agrees(made.module("x").x_channel.t, {"y": "x"}, {"y": 1}, "/y: must be a string")


def test_below_keywords_of_no_dialect_references_are_followed_from_where_they_are_needed(
    compile_here: Compile,
) -> None:
    other = {"components": {"schemas": {"X": {"not": ref("#/no")}, "Unused": {"not": ref("#/nothing")}}}}
    made = compile_here({"x.channel.json": channel(t=ref("o.json#/components/schemas/X")), "o.json": other})
    assert errors(made) == ["$ref '#/no' leads nowhere: schemas/o.json has nothing there"]


def test_a_dynamic_anchor_counts_in_a_file_of_which_a_definition_is_needed(tmp_path: Path) -> None:
    """Whoever enters by a definition has the file's root in scope."""
    tree = {
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"sub": {"$dynamicRef": "#node"}},
    }
    strict = {
        "$dynamicAnchor": "node",
        "required": ["sub"],
        "$defs": {"Start": ref("tree.json")},
    }
    files = {
        "x.channel.json": channel(t=ref("strict.json#/$defs/Start")),
        "tree.json": tree,
        "strict.json": strict,
    }
    made = compile_files(tmp_path, files)
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    with pytest.raises(InvalidPayload):
        encode(topic, {"sub": {}})


# -- how people write `$schema` ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stated",
    [
        "https://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-07/schema",
        "http://www.json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema/",
    ],
)
@pytest.mark.parametrize("inline", [False, True])
def test_a_draft_may_be_spelt_in_several_ways(stated: str, inline: bool, compile_here: Compile) -> None:
    """In draft 7 a list in `items` says what the first elements are, and what is beside `$ref` is nothing."""
    schema = {
        "$schema": stated,
        "definitions": {"S": STRING},
        "type": "array",
        "items": [{**ref("#/definitions/S"), "minLength": 5}, INTEGER],
    }
    files = {"x.channel.json": channel(t=schema if inline else ref("f.json")), "f.json": schema}
    made = compile_here(files)
    assert errors(made) == []
    assert "dialect" not in "".join(warnings(made))
    agrees(made.module("x").x_channel.t, ["x", 1], ["x", "y"], "/1: must be an integer")


@pytest.mark.parametrize("stated", ["http://json-schema.org/schema#", "https://json-schema.org/schema"])
@pytest.mark.parametrize("inline", [False, True])
def test_json_schema_in_general_is_the_draft_of_the_settings(
    stated: str, inline: bool, compile_here: Compile
) -> None:
    schema = {"$schema": stated, "type": "array", "items": [STRING]}
    files = {"x.channel.json": channel(t=schema if inline else ref("f.json")), "f.json": schema}
    made = compile_here(files, dialect=DRAFT_7)
    assert errors(made) == []
    assert "dialect" not in "".join(warnings(made))
    agrees(made.module("x").x_channel.t, ["x"], [1], "/0: must be a string")
    assert errors(compile_here(files)) == ["items must be a schema, not an array"]
