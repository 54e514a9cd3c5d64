"""What readers with older bindings make of messages that a newer publisher sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import Compiled, compile_files, errors
from tests.tightbeam_codegen.reader_cases import FILES, INVALID_MESSAGES, READ
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: Compiled = compile_files(tmp_path_factory.mktemp("readers"), FILES)
    assert errors(made) == []
    return made.module("x").x_channel


@pytest.mark.parametrize(
    ("topic", "sent", "read"),
    READ,
)
def test_undeclared_properties_are_passed_over(reader: Any, topic: str, sent: Any, read: Any) -> None:
    ref_ = getattr(reader, topic)
    found = load(ref_, json.dumps(sent))
    assert json.loads(encode(ref_, found)) == read
    with pytest.raises(InvalidPayload):  # publishing stays exact
        encode(ref_, sent)


@pytest.mark.parametrize(
    ("topic", "sent", "class_name"),
    [
        ("told", {"n": 2, "new": 1}, "ToldX0"),
        ("told", {"n": 3, "new": 1}, "ToldX1"),
        ("untagged", {"a": 1, "new": 1}, "UntaggedX0"),
        ("untagged", {"a": 1, "b": 1, "new": 1}, "UntaggedX1"),
        ("beside_open", {"x": {"new": 1}, "a": 1}, "BesideOpenX1"),
        ("beside_open", {"a": 1, "new": 1}, "BesideOpenX0"),
    ],
)
def test_the_class_is_the_one_whose_schema_the_rest_fits(
    reader: Any, topic: str, sent: Any, class_name: str
) -> None:
    assert type(load(getattr(reader, topic), json.dumps(sent))).__name__ == class_name


@pytest.mark.parametrize(
    ("topic", "sent", "pointer"),
    INVALID_MESSAGES,
)
def test_everything_else_is_an_invalid_message(reader: Any, topic: str, sent: Any, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        load(getattr(reader, topic), json.dumps(sent))
    assert caught.value.issues
    assert "extra" not in str(caught.value) or topic != "flat"
    assert pointer in [issue.pointer for issue in caught.value.issues] or pointer == ""


def test_what_is_undeclared_hides_no_issue(reader: Any) -> None:
    with pytest.raises(InvalidPayload) as caught:
        load(reader.flat, b'{"secret-name":1,"a":"x"}')
    assert [str(issue) for issue in caught.value.issues] == ["/a: must be an integer, not a string"]


@pytest.mark.parametrize(
    ("topic", "raw"),
    [
        ("tagged", b'{"kind":"lost","secret-name":1}'),
        ("tagged", b'{"kind":"paid","cents":"x","secret-name":1}'),
        ("untagged", b'{"b":"x","secret-name":1}'),
        ("mixed_lists", b'[{"kind":"lost","secret-name":1}]'),
        ("beside_open", b'{"secret-name":{"secret-name":1}}'),
        ("map", b'{"secret-name":{"secret-name":1}}'),
    ],
)
def test_undeclared_names_stay_out_of_the_error(reader: Any, topic: str, raw: bytes) -> None:
    with pytest.raises(InvalidPayload) as caught:
        load(getattr(reader, topic), raw)
    assert "secret-name" not in str(caught.value)


@pytest.mark.parametrize("raw", [b'{"a":1,"new":', b'{"a":NaN,"new":1}', b'{"a":1e999,"new":1}', b"\xff"])
def test_what_isnt_json_stays_refused(reader: Any, raw: bytes) -> None:
    with pytest.raises(InvalidPayload):
        load(reader.flat, raw)


def test_deep_nesting_is_refused_and_no_crash(reader: Any) -> None:
    with pytest.raises(InvalidPayload):
        load(reader.recursive, b'{"new":1,"children":[' * 50_000)
    deep = b'{"new":1,"children":[' * 300 + b"{}" + b"]}" * 300
    with pytest.raises(InvalidPayload):
        load(reader.flat, deep)
