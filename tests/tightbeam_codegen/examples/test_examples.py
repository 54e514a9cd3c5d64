"""Examples of payloads and parameters: valid, human, the same each time, and found in bounded work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.golden import GOOD, Case
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam._payload.schemas import Bundle as RuntimeBundle
from tightbeam_codegen.examples import Example, example_of, example_parameters
from tightbeam_codegen.examples.finder import _Search
from tightbeam_codegen.examples.patterns import texts_matching
from tightbeam_codegen.imports.pydantic import texts
from tightbeam_codegen.model import Model
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS

LABELS = {"type": "object", "additionalProperties": STRING}
A_AND_B = {"type": "object", "properties": {"a": STRING, "b": STRING}}


def model_of(folder: Path, files: dict[str, Any], **settings: Any) -> Model:
    write_files(folder, files)
    model = with_room(lambda: read(folder, Settings(folder, **settings), shown_root="schemas"))
    assert not model.has_errors, model.problems
    return model


def example(folder: Path, schema: Any, **definition: Any) -> Any:
    """The example of a topic with a schema; `...` where there is none."""
    model = model_of(folder, {"x.channel.json": {**channel("x", t=schema), **definition}})
    found = with_room(lambda: example_of(model.channels[0].bundle, "t"))
    return found.value if isinstance(found, Example) else ...


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({**STRING, "examples": ["cat.png"]}, "cat.png"),
        ({**STRING, "default": "calm"}, "calm"),
        ({**STRING, "default": ""}, "Example"),
        ({"const": 3}, 3),
        ({"const": None}, None),
        ({"enum": [None, "low", "high"]}, "low"),
        ({"type": ["null", "string"]}, "Example"),
        ({"type": "null"}, None),
        (closed(message=STRING, percent=INTEGER), {"message": "The file is being stored.", "percent": 40}),
        (closed(uploadId=STRING, email=STRING), {"uploadId": "upload-1", "email": "ada@example.com"}),
        (closed(at={**STRING, "format": "date-time"}), {"at": "2026-01-31T09:30:00Z"}),
        (closed(currency={**STRING, "pattern": "^[A-Z]{3}$"}), {"currency": "EUR"}),
        ({**STRING, "pattern": "^[a-z]+-[0-9]{4}$"}, "abcd-5678"),
        ({**STRING, "pattern": texts.DECIMAL}, "12.50"),
        ({**STRING, "pattern": texts.DATE_TIME}, "2026-01-31T09:30:00Z"),
        ({**STRING, "pattern": texts.NAIVE_DATE_TIME}, "2026-01-31T09:30:00"),
        ({**STRING, "pattern": texts.TIME}, "09:30:00"),
        ({**STRING, "pattern": texts.DURATION}, "PT1H30M"),
        ({**STRING, "pattern": "^[0-9]{4}$"}, "0123"),
        ({**STRING, "minLength": 3, "maxLength": 4}, "Exam"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.25}, 0.25),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"type": "array", "prefixItems": [STRING, {"type": "integer"}], "items": False}, ["Example", 2]),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, {"key": True}),
        ({**LABELS, "minProperties": 3}, {"key": "Example", "key2": "Example", "key3": "Example"}),
        (closed(labels=LABELS), {"labels": {"label": "Example label"}}),
        ({"type": "object", "propertyNames": {"pattern": "^x-"}, "minProperties": 1}, {"x-": "Example"}),
        (
            {
                "oneOf": [
                    {"type": "null"},
                    *(closed("kind", kind={"const": kind}) for kind in ("paid", "sent")),
                ]
            },
            {"kind": "paid"},
        ),
        ({"allOf": [closed(a=STRING), {"required": ["a"]}]}, {"a": "Example a"}),
        (closed(old={**STRING, "deprecated": True}, new=STRING), {"new": "Example new"}),
    ],
)
def test_examples_as_a_person_would_write_them(schema: Any, value: Any, tmp_path: Path) -> None:
    assert example(tmp_path, schema) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        # An example of the author's that isn't valid is passed over, and the rest of the payload kept.
        (closed("n", n={"type": "integer", "examples": ["many"]}, s=STRING), {"n": 1, "s": "Example s"}),
        # Only one branch may hold, and both would.
        ({**A_AND_B, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": "Example a"}),
        ({**A_AND_B, "not": {"required": ["a", "b"]}}, {"b": "Example b"}),
        ({"type": "string", "not": {"const": "Example"}}, "example"),
        (
            {
                "type": "object",
                "properties": {"kind": {"enum": ["a", "b"]}},
                "required": ["kind"],
                "if": {"properties": {"kind": {"const": "a"}}},
                "then": {"required": ["size"], "properties": {"size": {"type": "integer"}}},
            },
            {"kind": "a", "size": 2048},
        ),
        ({"type": "array", "contains": {"const": 5}, "items": {"type": "integer"}}, [5]),
        ({"type": "integer", "anyOf": [{"minimum": 100}, {"maximum": -100}]}, 100),
    ],
)
def test_what_fails_is_tried_otherwise(schema: Any, value: Any, tmp_path: Path) -> None:
    assert example(tmp_path, schema) == value


def test_recursion_ends_at_its_shortest(tmp_path: Path) -> None:
    own = ref("#/$defs/T")
    tree = closed("value children", value=STRING, children={"type": "array", "items": own}, next=own)
    assert example(tmp_path, own, **{"$defs": {"T": tree}}) == {"value": "Example value", "children": []}
    either = {"anyOf": [closed("next", next=own), INTEGER]}
    assert example(tmp_path, own, **{"$defs": {"T": either}}) == 1
    mutual = {"T": closed("u", u=ref("#/$defs/U")), "U": {"anyOf": [own, {"type": "null"}]}}
    assert example(tmp_path, own, **{"$defs": mutual}) == {"u": None}


def test_formats_that_are_notes_are_no_law(tmp_path: Path) -> None:
    schema = {**STRING, "format": "date", "minLength": 20}
    assert example(tmp_path, schema) is ...
    assert example(tmp_path, schema, assert_formats=False) == "2026-01-31 and some."


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": "integer"}, {"type": "string"}]},
        {"type": "string", "minLength": 1_000_000_000},
        {"type": "array", "minItems": 1_000_000_000},
        {"type": "object", "minProperties": 1_000_000_000},
        {"type": "string", "pattern": "^(?=b)a$"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"enum": [0.5], "allOf": [{"anyOf": [{"minimum": n}, {"multipleOf": n}]} for n in range(1, 40)]},
    ],
)
def test_no_example_after_bounded_work(schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    attempt = _Search._attempt

    def counted(search: _Search, *args: Any, **kwargs: Any) -> Any:
        attempts.append(1)
        return attempt(search, *args, **kwargs)

    monkeypatch.setattr(_Search, "_attempt", counted)
    assert example(tmp_path, schema) is ...
    assert len(attempts) <= 240


@pytest.mark.slow
def test_unions_in_each_other_take_bounded_work(tmp_path: Path) -> None:
    """Each level doubles the ways down, and none of them leads anywhere."""
    levels: dict[str, Any] = {"L40": {"type": "string", "minLength": 1_000_000}}
    for depth in range(40):
        below = ref(f"#/$defs/L{depth + 1}")
        levels[f"L{depth}"] = {"oneOf": [closed("a", a=below), closed("b", b=below)]}
    assert example(tmp_path, ref("#/$defs/L0"), **{"$defs": levels}) is ...


def test_parameters(tmp_path: Path) -> None:
    definition = {
        "name": "x/{region}/{uploadId}/{no}/{on}/{day}",
        "separator": "/",
        "params": {
            "region": {"enum": ["eu", "us"]},
            "uploadId": {"type": "string"},
            "no": {"type": "integer", "minimum": 100},
            "on": {"type": "boolean"},
            "day": {"type": "string", "format": "date"},
        },
        "topics": {"t": {"schema": STRING}},
    }
    found = model_of(tmp_path, {"x.channel.json": definition}).channels[0]
    expected = {"region": "eu", "uploadId": "upload-1", "no": 100, "on": True, "day": "2026-01-31"}
    assert example_parameters(found.definition, found.bundle) == expected


def test_a_parameter_has_no_separator_in_it(tmp_path: Path) -> None:
    definition = {
        **channel("x-{uploadId}", t=STRING),
        "separator": "-",
        "params": {"uploadId": {"type": "string"}},
    }
    found = model_of(tmp_path, {"x.channel.json": definition}).channels[0]
    assert example_parameters(found.definition, found.bundle) == {"uploadId": "Example"}


def test_channels_without_parameters_and_impossible_ones(tmp_path: Path) -> None:
    impossible = {**channel("y:{p}", t=STRING), "params": {"p": {"type": "string", "pattern": "^:$"}}}
    model = model_of(tmp_path, {"x.channel.json": channel("x", t=STRING), "y.channel.json": impossible})
    assert [example_parameters(each.definition, each.bundle) for each in model.channels] == [{}, None]


def settings_of(case: Case, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(case.folder)
    return load_settings(Path(), OPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_golden_cases(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validators of the runtime take each; only what no value fits has none; twice is the same."""
    model = with_room(lambda: read(Path("schemas"), settings_of(case, monkeypatch), shown_root="schemas"))
    for each in model.channels:
        runtime = RuntimeBundle("x", json.loads(each.bundle.text()))
        for topic in each.topics:
            found = with_room(lambda each=each, topic=topic: example_of(each.bundle, topic.name))
            assert found == with_room(lambda each=each, topic=topic: example_of(each.bundle, topic.name))
            if found is None:
                assert case.name == "unsatisfiable", topic.name
            else:
                assert runtime.topic_validator(runtime.topics[topic.name]).is_valid(found.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[A-Z]{3}$", "ABC"),
        (r"^\d{4}-\d{2}$", "0123-56"),
        ("^(red|green)$", "red"),
        ("^a?b*c+$", "abbbbcccc"),
        (r"^\p{Lu}\p{L}+$", "Abcde"),
        (r"^[^a-c\]]x\.y$", "dx.y"),
        (r"^\x41B(?:C)(?<n>D)$", "ABCD"),
        ("^(?=.*[0-9])[a-z0-9]{3}$", "abc"),
        ("[]a]", "]"),
    ],
)
def test_texts_of_patterns(pattern: str, text: str) -> None:
    assert next(texts_matching(pattern, 0)) == text


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a{", "(?i)a", r"(a)\1", "(" * 60, "a{9999999999}", "[[:alpha:]]", "\\"]
)
def test_patterns_that_are_not_understood_give_nothing_wild(pattern: str) -> None:
    assert all(len(text) < 3_000 for text in texts_matching(pattern, 0))
