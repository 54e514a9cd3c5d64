"""Channels of AsyncAPI become definitions: names, separators, parameters, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.asyncapi.importing import CLOSED, taken, version_2, version_3
from tests.tightbeam_codegen.compiling import write_files
from tightbeam_cli import main

pytestmark = pytest.mark.usefixtures("project")

MESSAGE = {"payload": CLOSED}


def channel(address: Any, **more: Any) -> dict[str, Any]:
    return {"address": address, "messages": {"m": MESSAGE}, **more}


@pytest.mark.parametrize(
    ("address", "separator"),
    [
        ("a/{b}/c/{d}", "/"),
        ("a.{b}.{c}", "."),
        ("a:{b}-{c}", "-"),
        ("{b}@trade", ":"),
        ("{b}@kline_{c}", "_"),
        ("plain/name", "/"),
        ("plain", ":"),
        ("smart.1.0/{b}/{c}", "/"),
    ],
)
def test_the_separator_stands_between_all_placeholders(address: str, separator: str) -> None:
    definition = taken(version_3({"x": channel(address)})).only
    assert (definition["name"], definition.get("separator", ":")) == (address, separator)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("{a}{b}", "no character of the address stands between all of its placeholders"),
        ("{a}-{b}/{c}", "no character of the address stands between all of its placeholders"),
        ("a/{b}/{b}", "the address has the placeholder {b} twice"),
        ("a/{?q}", "the address has {?q}, from which a name can't be read back"),
        ("a/{+q}", "the address has {+q}, from which a name can't be read back"),
        ("a/{}", "a placeholder of the address has no name"),
        ("a/{b", "a brace in the address belongs to no placeholder"),
        ("x" * 1001, "'name' must have at most 1000 characters"),
    ],
)
def test_addresses_that_no_channel_can_have(address: str, words: str) -> None:
    outcome = taken(version_3({"good": channel("good"), "bad": channel(address)}))
    assert list(outcome.definitions) == ["good"]
    (warning,) = [each for each in outcome.messages if each.startswith("the channel 'bad' is left out: ")]
    assert words in warning


def test_control_characters_are_left_out_of_names() -> None:
    assert taken(version_3({"x": channel("a\n\u2028b")})).only["name"] == "ab"


def test_an_address_that_is_not_known_is_the_key() -> None:
    outcome = taken(version_3({"replies": channel(None), "more": {"messages": {"m": MESSAGE}}}))
    assert {each["name"] for each in outcome.definitions.values()} == {"replies", "more"}
    assert (
        "Called by their keys, since the document has no address for them: 'replies', 'more'."
        in outcome.notes
    )


def test_channels_of_one_address_are_one_definition() -> None:
    other = {"address": "x", "messages": {"m": MESSAGE, "n": MESSAGE}}
    outcome = taken(version_3({"one": channel("x"), "two": other}))
    topics = list(outcome.only["topics"])
    assert (topics[0], topics[-1]) == ("m", "n")
    assert len(topics) == 3  # the second `m` has a payload of its own
    assert outcome.notes == "Channels with one address are one definition: 'one', 'two'."


def test_messages_without_any_channel_are_topics_of_one() -> None:
    outcome = taken(version_3({}, components={"messages": {"A": MESSAGE, "B": MESSAGE}}))
    assert outcome.definitions == {
        "doc-topics": {
            "name": "doc-topics",
            "topics": {
                name: {"schema": {"$ref": f"doc.json#/components/messages/{name}/payload"}} for name in "AB"
            },
        }
    }
    assert "Called by their keys, since the document has no address for them: 'doc-topics'." in outcome.notes


def test_names_that_meet_are_refused_with_the_name() -> None:
    document = version_3({"one": channel("a/{b}"), "two": channel("a/b in c"), "three": channel("c/{d}")})
    outcome = taken(document)
    assert sorted(outcome.definitions) == ["one", "three"]
    message = "the channel 'two' is left out: it and 'one' can both be called 'a/b in c'"
    assert message in outcome.messages


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({}, {"type": "string"}),
        ({"description": "D.", "enum": ["a", "b"], "examples": ["a"]},
         {"type": "string", "enum": ["a", "b"], "examples": ["a"], "description": "D."}),
        ({"enum": ["a", "", "a:b/c"]}, {"type": "string"}),
        ({"$ref": "#/components/parameters/P"}, {"type": "string", "description": "Shared."}),
    ],
)  # fmt: skip
def test_parameters_of_version_3_are_texts(parameter: Any, expected: Any) -> None:
    components = {"parameters": {"P": {"description": "Shared."}}}
    document = version_3({"x": channel("x/{p}", parameters={"p": parameter})}, components=components)
    assert taken(document).only["params"] == {"p": expected}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1}),
        ({"type": "boolean"}, {"type": "boolean"}),
        ({"type": ["integer", "null"]}, {"type": "integer"}),
        ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
        ({"type": "number"}, {"type": "string"}),
        ({"type": "object"}, {"type": "string"}),
        ({"type": "string", "pattern": "("}, {"type": "string"}),
        ({"type": "string", "pattern": 3, "minLength": 1}, {"type": "string", "minLength": 1}),
        ({"$ref": "#/components/schemas/Id"}, {"type": "string", "format": "uuid"}),
    ],
)  # fmt: skip
def test_parameters_of_version_2_have_schemas(schema: Any, expected: Any) -> None:
    parameters = {"p": {"schema": schema}}
    channels = {"x/{p}": {"parameters": parameters, "subscribe": {"message": MESSAGE}}}
    document = version_2(channels, components={"schemas": {"Id": {"type": "string", "format": "uuid"}}})
    assert taken(document).only["params"] == {"p": expected}


def test_a_parameter_without_a_placeholder_and_one_without_a_description() -> None:
    outcome = taken(version_3({"x": channel("x/{p}", parameters={"other": {}})}))
    assert outcome.only["params"] == {"p": {"type": "string"}}
    assert outcome.notes == "Parameters that the document doesn't describe are texts: 'p'."
    assert (
        "1 parameter that isn't in the address has no counterpart and is left out: 'other'"
        in outcome.messages
    )


HOSTILE = [
    "../x",
    "/etc/passwd",
    "a\0b",
    "con",
    "NUL.txt",
    "y" * 5000,
    "",
    ".",
    "..",
    "ﬁx",
    "class",
    "a\u202eb",
    "A",
    "a",
]


@pytest.mark.slow
def test_keys_never_become_paths(project: Path) -> None:
    channels = {key: channel(f"n{index}") for index, key in enumerate(HOSTILE)}
    write_files(Path("schemas"), {"doc.json": version_3(channels)})
    assert main(["init", "--from", "schemas/doc.json"]) == 0
    files = [path for path in project.rglob("*") if path.is_file()]
    assert {path.parent for path in files} == {project / "schemas"}
    assert len({path.name.casefold() for path in files}) == len(files)
    assert all(path.name.isascii() and len(path.name) < 90 for path in files)
    written = [json.loads(path.read_text())["name"] for path in files if ".channel." in path.name]
    assert sorted(written) == sorted(f"n{index}" for index in range(len(HOSTILE)))
    assert main(["generate"]) == 0


def test_long_addresses_give_short_files() -> None:
    address = "smartylighting.streetlights.1.0.action.{streetlightId}.turn"
    channels = {f"{address}.{way}": {"publish": {"message": MESSAGE}} for way in ("on", "off")}
    outcome = taken(version_2(channels))
    assert sorted(outcome.definitions) == [
        "smartylighting-streetlights-1-0-action-turn-off",
        "smartylighting-streetlights-1-0-action-turn-on",
    ]


def test_some_channels_of_a_document() -> None:
    second = channel("second/{a}", parameters={"a": {"description": "A."}})
    document = version_3({"first": channel("first"), "second": second})
    assert taken(document, only=("second",)).only["name"] == "second/{a}"
    renamed = taken(document, only=("second",), name="other:{a}:{b}").only
    assert renamed["name"] == "other:{a}:{b}"
    assert "separator" not in renamed
    assert renamed["params"] == {"a": {"type": "string", "description": "A."}, "b": {"type": "string"}}
    wrong = taken(document, only=("secnd",))
    assert wrong.text == (
        "schemas/doc.json:1:1: error: there is no channel 'secnd' in doc.json\n    Did you mean 'second'?"
    )
    assert "--name names one definition, and doc.json has 2" in taken(document, name="x").text
    assert "no character of the address stands" in taken(document, only=("second",), name="{a}{b}").text


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (version_3({}), "no channel in doc.json"),
        ({"asyncapi": "1.2.0"}, "this is AsyncAPI 1.2.0, which can't be taken over"),
        ({"asyncapi": "4.0.0"}, "this is AsyncAPI 4.0.0, which can't be taken over"),
        (version_3({"x": {"address": "x"}}), "the channel 'x' is left out: it has no messages"),
        (version_3({"x": 3}), "the channel 'x' is left out: it isn't an object"),
        (
            version_3({"x": {"$ref": "#/channels/x"}}),
            "the channel 'x' is left out: this reference leads to itself",
        ),
        (
            version_3({"x": channel("x/{p}", parameters={"p": {"$ref": "#/nowhere"}})}),
            "the channel 'x' is left out: $ref '#/nowhere' leads nowhere",
        ),
        (version_3("none"), "no channel in doc.json"),
    ],
)  # fmt: skip
def test_documents_of_which_nothing_is_left_are_refused(document: Any, words: str) -> None:
    outcome = taken(document)
    assert outcome.definitions == {}
    assert f"error: {words}" in outcome.text
    assert "schemas/doc.json:1:" in outcome.text


def test_a_document_in_yaml_whose_version_is_a_number() -> None:
    text = json.dumps(version_2({"x": {"publish": {"message": MESSAGE}}})).replace('"2.6.0"', "2.6")
    assert taken(text).only["name"] == "x"


def test_aliases_that_stand_for_a_billion_values() -> None:
    lines = ["asyncapi: 3.0.0", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "values once the aliases are written out" in taken("\n".join(lines)).text
