"""Values and places, from JSON and YAML alike."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems
from tightbeam_codegen.read.load import Document, parse
from tightbeam_codegen.read.load.json_text import locate, scan
from tightbeam_codegen.read.load.limits import MAX_BYTES, MAX_DEPTH, MAX_DOCUMENT_BYTES
from tightbeam_codegen.read.load.positions import Lines, find


def load(text: str | bytes, path: str = "x.json") -> Document:
    data = text.encode() if isinstance(text, str) else text
    return parse(data, path, f"schemas/{path}", f"https://tightbeam.invalid/{path}")


def refusal(text: str | bytes, path: str = "x.json") -> str:
    with pytest.raises(DefinitionErrors) as raised:
        load(text, path)
    return str(raised.value)


def problems_of(data: bytes, path: str) -> tuple[Problem, ...]:
    try:
        load(data, path)
    except DefinitionErrors as errors:
        return errors.problems
    return ()


JSON = """{
  "name": "a",\r
  "list": [1, {"ä\\u0041": [ ] }, []],
  "deep": {"x": {"y": {"z": null}}}
}
"""
YAML = """# a comment
name: a
list:
  - 1
  - äA: []
  - []
deep: {x: {y: {z: null}}}
"""


@pytest.mark.parametrize(
    ("pointer", "value_at", "key_at"),
    [
        ((), (1, 1), (1, 1)),
        (("name",), (2, 11), (2, 3)),
        (("list", 0), (3, 12), (3, 12)),
        (("list", 1, "äA"), (3, 27), (3, 16)),
        (("list", 2), (3, 34), (3, 34)),
        (("deep", "x", "y", "z"), (4, 29), (4, 24)),
        (("deep", "nothing", "there"), (4, 11), (4, 3)),
        (("list", 7), (3, 11), (3, 3)),
        (("list", "x"), (3, 11), (3, 3)),
    ],
)
def test_places_in_json(
    pointer: tuple[str | int, ...], value_at: tuple[int, int], key_at: tuple[int, int]
) -> None:
    document = load(JSON)
    assert document.place(pointer) == Place("schemas/x.json", *value_at)
    assert document.place(pointer, key=True) == Place("schemas/x.json", *key_at)


@pytest.mark.parametrize(
    ("pointer", "value_at", "key_at"),
    [
        ((), (2, 1), (2, 1)),
        (("name",), (2, 7), (2, 1)),
        (("list", 0), (4, 5), (4, 5)),
        (("list", 1, "äA"), (5, 9), (5, 5)),
        (("deep", "x", "y", "z"), (7, 19), (7, 16)),
        (("deep", "nothing", "there"), (7, 7), (7, 1)),
    ],
)
def test_places_in_yaml(
    pointer: tuple[str | int, ...], value_at: tuple[int, int], key_at: tuple[int, int]
) -> None:
    document = load(YAML, "x.yaml")
    assert document.place(pointer) == Place("schemas/x.yaml", *value_at)
    assert document.place(pointer, key=True) == Place("schemas/x.yaml", *key_at)


def test_json_and_yaml_say_the_same() -> None:
    assert load(JSON).value == load(YAML, "x.yaml").value


def test_a_document_goes_to_another_process() -> None:
    document = pickle.loads(pickle.dumps(load(JSON)))
    assert document.place(("name",)) == Place("schemas/x.json", 2, 11)


def pointers(value: Any, pointer: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield pointer
    yield (*pointer, "not there")
    yield (*pointer, 99)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from pointers(inner, (*pointer, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from pointers(inner, (*pointer, index))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
# JSON spells characters beyond these as two escapes, which YAML doesn't know.
basic = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
# A key in YAML has at most 1,024 characters; JSON may spell one as six.
keys = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=150)


@given(values, st.sampled_from([None, 0, 3]), st.booleans())
def test_values_survive_and_both_ways_to_a_place_agree(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert json.dumps(load(text).value) == json.dumps(value)
    root = scan(text, Lines(text, ""), Problems())
    for pointer in pointers(value):
        for key in (False, True):
            assert locate(text, pointer, key=key) == find(root, pointer, key=key)


@given(st.recursive(basic, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=10))
def test_json_in_yaml_files(value: Any) -> None:
    assert json.dumps(load(json.dumps(value), "x.yaml").value) == json.dumps(value)


@given(st.text())
def test_any_text_loads_or_is_refused_with_a_place(text: str) -> None:
    for path in ("x.json", "x.yaml"):
        problems = problems_of(text.encode(errors="surrogatepass"), path)
        assert all(problem.place is not None for problem in problems)


def test_numbers_stay_exact() -> None:
    numbers = "[18446744073709551617, -9223372036854775809, 1.0, 1e2, -0, 9007199254740993]"
    value = load(numbers).value
    assert (
        json.dumps(value) == "[18446744073709551617, -9223372036854775809, 1.0, 100.0, 0, 9007199254740993]"
    )
    assert load(numbers, "x.yaml").value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("+5", 5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("190:20:30", "190:20:30"),
        ("2001-12-14", "2001-12-14"),
        ("=", "="),
        ('"5"', "5"),
        ("'true'", "true"),
        ("! 5", "5"),
        ("|\n  5", "5"),
    ],
)
def test_plain_words_of_yaml_follow_the_core_schema(text: str, value: object) -> None:
    loaded = load(f"a: {text}", "x.yaml").value
    assert loaded == {"a": value}
    assert isinstance(loaded, dict)
    assert type(loaded["a"]) is type(value)


def test_an_alias_is_a_copy_with_the_places_of_its_own() -> None:
    document = load("a: &x {k: [1]}\nb: *x\n", "x.yaml")
    value: Any = document.value
    assert value == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert value["a"] is not value["b"]
    assert value["a"]["k"] is not value["b"]["k"]
    assert document.place(("b",)) == Place("schemas/x.yaml", 2, 4)
    assert document.place(("b", "k")) == Place("schemas/x.yaml", 1, 11)


def test_depth_is_limited_at_the_same_depth_everywhere() -> None:
    fine = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert load(fine).value == load(fine, "x.yaml").value
    for path in ("x.json", "x.yaml"):
        assert f"nested more than {MAX_DEPTH} deep" in refusal(f"[{fine}]", path)
        assert f"nested more than {MAX_DEPTH} deep" in refusal("[" * 200_000, path)


def test_brackets_in_strings_are_no_depth() -> None:
    assert load(json.dumps("[" * 500)).value == "[" * 500


def test_size_is_limited() -> None:
    text = b'"' + b"x" * MAX_BYTES + b'"'
    assert "too large" in refusal(text, "x.channel.json")
    assert load(text).path == "x.json"
    assert "too large" in refusal(b" " * (MAX_DOCUMENT_BYTES + 1))


def test_utf_16_is_named() -> None:
    assert "UTF-16" in refusal("{}".encode("utf-16"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[1,]", "1:3"),
        ("[1,\n\n]", "1:3"),
        ('{"a": 1,\n}', "1:8"),
        ('{"a" 1}', "1:6"),
        ('{"a": "\n"}', "1:8"),
        ('{"a": tru}', "1:7"),
        ('["\\x"]', "1:3"),
        ("[1 2]", "1:4"),
        ("{", "1:2"),
        ('"abc', "1:1"),
    ],
)
def test_bad_json_is_located(text: str, place: str) -> None:
    said = refusal(text)
    assert said.startswith(f"schemas/x.json:{place}: error: not valid JSON: ")


def test_yaml_without_its_c_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.read.load.yaml_text._LOADER", yaml.SafeLoader)
    assert load(YAML, "x.yaml").place(("deep", "x", "y", "z")) == Place("schemas/x.yaml", 7, 19)
    assert refusal("a: 1\nb: \x01", "x.yaml").startswith("schemas/x.yaml:2:4: error: not valid YAML")
    assert "half of a surrogate" in refusal('a: "\\uD800"', "x.yaml")


@pytest.mark.parametrize("half", ["\\ud800", "\\uD800", "\\uDFFF", "\\udc00x"])
def test_half_a_character_is_refused_however_it_is_spelt(half: str) -> None:
    assert "half of a surrogate pair" in refusal(f'["{half}"]')
    assert "half of a surrogate pair" in refusal(f'{{"{half}": 1}}')


def test_an_anchor_stands_for_what_it_was_given_last() -> None:
    assert load("- &x 1\n- *x\n- &x 2\n- *x\n", "x.yaml").value == [1, 1, 2, 2]
    assert "stands inside what it stands for" in refusal("- &x 1\n- &x [*x]\n", "x.yaml")
    assert "stands inside what it stands for" in refusal("- &x 1\n- &x {a: *x}\n", "x.yaml")


def test_an_anchor_may_stand_at_a_key() -> None:
    assert load("&x a: 1\nb: *x\n", "x.yaml").value == {"a": 1, "b": "a"}


@pytest.mark.parametrize("path", ["x.json", "x.yaml"])
def test_a_line_may_end_in_any_way(path: str) -> None:
    document = load('{"a": 1,\r"b": 2,\r\n"c": 3,\n  "d": 4}', path)
    places = [document.place((key,), key=True) for key in "abcd"]
    assert places == [
        Place(f"schemas/{path}", line, column) for line, column in ((1, 2), (2, 1), (3, 1), (4, 3))
    ]
