"""Wire names to Python names: always an identifier, never one that is taken, never two alike in one class."""

from __future__ import annotations

import keyword
import unicodedata
from pathlib import Path

import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam._payload.model import Payload
from tightbeam_codegen.names import (
    class_name,
    field_names,
    is_class_name,
    is_field_name,
    is_plain_key,
    pascal,
    snake,
)

TEXT = st.text(min_size=1, max_size=20)
NAMES = TEXT | st.from_regex(r"[a-z_$-]{1,6}[A-Z0-9]?[a-z_0-9]{0,6}", fullmatch=True)


@pytest.mark.parametrize(
    ("wire", "python"),
    [
        ("status", "status"),
        ("line-added", "line_added"),
        ("lineAdded", "line_added"),
        ("LINE_ADDED", "line_added"),
        ("giftFor", "gift_for"),
        ("URLPath", "url_path"),
        ("checkURL", "check_url"),
        ("check_run$completed", "check_run_completed"),
        ("3d-model", "x3d_model"),
        ("naïve", "naïve"),
        ("ﬁle", "file"),
        ("汉字", "汉字"),
        ("x y\tz", "x_y_z"),
        ("__dunder__", "dunder"),
        ("_", "x5f"),
        ("🎉", "x1f389"),
        ("$", "x24"),
        ("", "x"),
        ("class", "class_"),
        ("None", "none"),
        ("async", "async_"),
        ("match", "match"),
        ("İ", "i̇"),
        ("ß", "ß"),
        ("½", "x1_2"),
    ],
)
def test_snake(wire: str, python: str) -> None:
    assert snake(wire) == python


@pytest.mark.parametrize(
    ("wire", "python"),
    [
        ("status", "Status"),
        ("line-added", "LineAdded"),
        ("URLPath", "URLPath"),
        ("3d-model", "X3dModel"),
        ("naïve", "Naïve"),
        ("汉字", "X汉字"),
        ("ßx", "SSx"),
        ("🎉", "X1f389"),
        ("none", "None"),
        ("ŉa", "XʼnaX149"),
    ],
)
def test_pascal(wire: str, python: str) -> None:
    assert pascal(wire).casefold() == python.casefold()


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["line", "price"], "LinePrice"),
        (["chat", "message"], "ChatMessageData"),
        (["dict"], "DictData"),
        (["x", "Channel"], "XChannelData"),
        (["none"], "NoneData"),
        (["true"], "TrueData"),
        (["messages"], "Messages"),
    ],
)
def test_class_names_leave_room_for_what_else_a_module_declares(parts: list[str], name: str) -> None:
    assert class_name(parts) == name


@given(NAMES)
@example("ͺ")
@example("a·")
@example("℘")
@example("ﷺ")
@example("ª")
def test_every_name_has_an_identifier(wire: str) -> None:
    for made in (snake(wire), pascal(wire), class_name([wire]), *field_names([wire]).values()):
        assert made.isidentifier()
        # Python normalises identifiers as it reads them: a name must come back as it was written.
        assert unicodedata.normalize("NFKC", made) == made
        made.encode()
    assert not keyword.iskeyword(snake(wire))
    assert not keyword.iskeyword(class_name([wire]))
    assert not class_name([wire]).endswith(("Message", "Dict", "Channel"))
    assert class_name([wire])[0].isupper()
    assert not snake(wire).startswith("_")
    assert not snake(wire)[0].isupper()


@given(NAMES)
def test_names_of_names_stay(wire: str) -> None:
    assert class_name([class_name([wire])]) == class_name([wire])
    assert snake(snake(wire)) == snake(wire)


@given(st.lists(NAMES, unique=True, max_size=8))
@example(["a-b", "a_b", "a b", "aB", "AB"])
@example(["ﬁle", "file"])
@example(["a-b", "a_b", "a_b_a0be5d"])
@example(["x", "X", "\ud800", "\udfff"])
@example(["\u00a8"])
@example(["list", "list_", "model_list", "x_model_list"])
def test_the_fields_of_a_class_differ(wires: list[str]) -> None:
    names = field_names(wires)
    assert list(names) == wires
    assert len(set(names.values())) == len(wires)
    for name in names.values():
        assert name.isidentifier()
        assert is_plain_key(name)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=8), NAMES)
def test_a_property_at_the_end_renames_only_those_it_meets(wires: list[str], added: str) -> None:
    """The one spelt like the attribute has the right to it; any other newcomer steps aside."""
    before = field_names(wires)
    after = field_names([*dict.fromkeys([*wires, added])])
    renamed = {wire for wire in wires if before[wire] != after[wire]}
    if added not in wires:
        assert all(before[wire] == added or before[wire] == field_names([added])[added] for wire in renamed)
        assert not renamed or after[added] == added
    else:
        assert renamed == set()


def test_the_one_spelt_so_keeps_the_name_wherever_it_stands() -> None:
    assert field_names(["a-b", "a_b"])["a_b"] == "a_b"
    assert field_names(["a_b", "a-b"])["a_b"] == "a_b"
    first, second = field_names(["a-b", "a b"]).values()
    assert first == "a_b"
    assert second.startswith("a_b_")


@given(st.lists(NAMES, unique=True, max_size=6), st.data())
def test_chosen_names_are_used_as_they_are(wires: list[str], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(wires), unique=True)) if wires else []
    words = st.from_regex(r"[a-z][a-zA-Z0-9_]{0,4}", fullmatch=True).filter(is_field_name)
    chosen = dict(
        zip(
            some, data.draw(st.lists(words, unique=True, min_size=len(some), max_size=len(some))), strict=True
        )
    )
    names = field_names(wires, chosen)
    assert len(set(names.values())) == len(wires)
    assert {wire: names[wire] for wire in chosen} == chosen


def test_no_attribute_of_the_base_class_is_hidden() -> None:
    public = {name for name in dir(pydantic.BaseModel) if not name.startswith("_")}
    assert {name for name in public if field_names([name])[name] == name} == set()
    assert {name for name in public if is_field_name(name)} == set()


@pytest.mark.parametrize("name", ["list", "dict", "str", "int", "float", "bool", "v1", "self", "cls"])
def test_what_annotations_are_spelt_with_is_kept_free(name: str) -> None:
    assert field_names([name]) == {name: name + "_"}
    assert not is_field_name(name)


@pytest.mark.parametrize(
    ("name", "is_class", "is_field"),
    [
        ("Severity", True, True),
        ("giftFor", False, True),
        ("gift_for", False, True),
        ("Gift_For", False, True),
        ("ChatMessage", False, True),
        ("3d", False, False),
        ("class", False, False),
        ("None", False, False),
        ("_x", False, False),
        ("model_x", False, False),
        ("naïve", False, False),
        ("a b", False, False),
        ("x = 1  #", False, False),
        ("", False, False),
    ],
)
def test_names_that_can_be_chosen(name: str, is_class: bool, is_field: bool) -> None:
    assert is_class_name(name) == is_class
    assert is_field_name(name) == is_field


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ("a", True),
        ("aB", True),
        ("naïve", True),
        ("_a", True),
        ("self", True),
        ("__a", False),
        ("class", False),
        ("a-b", False),
        ("", False),
        ("ﬁle", False),
        ("3d", False),
    ],
)
def test_keys_of_the_class_form(wire: str, plain: bool) -> None:
    assert is_plain_key(wire) == plain


def test_no_field_hides_what_a_model_has(tmp_path: Path) -> None:
    """Pydantic warns of such a field when the class is made, and warnings are errors here."""
    names = {
        name
        for cls in (pydantic.BaseModel, type(pydantic.BaseModel), Payload)
        for name in dir(cls)
        if name[0] != "_"
    }
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in sorted(names)}}
    definition = channel("x:{register}", t=schema) | {"params": {"register": {"type": "string"}}}
    compiled = compile_files(tmp_path, {"x.channel.json": definition})
    module = compiled.module("x")
    assert not {field for field in module.T.model_fields if hasattr(Payload, field)}
    assert module.x_channel(register="a").name == "x:a"
