"""Printed modules are laid out as `ruff format` does it, whatever the names, types and texts in them."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.tightbeam_codegen.allowed import check_source
from tests.tightbeam_codegen.formatting import formatting_changes
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.expressions import Word, subscript, type_expression
from tightbeam_codegen.targets.python.layout import Layout, columns
from tightbeam_codegen.targets.python.printer import Printer
from tightbeam_codegen.targets.python.type_tree import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONE,
    STR,
    ArrayOf,
    Constants,
    DictOf,
    Format,
    ListOf,
    MappingOf,
    Named,
    OneOf,
    SequenceOf,
    Type,
    one_of,
)
from tightbeam_codegen.targets.text import UnsafeText

CLASS_NAMES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,45}", fullmatch=True)
FIELD_NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,45}x", fullmatch=True)
WORDS = st.text("abcdefgh'\"\\\n 汉字éß€🎉", max_size=30)
SCALARS = st.sampled_from([ANY, BOOL, FLOAT, INT, NONE, STR, Format("date-time"), Format("date")])
LITERALS = st.lists(WORDS, min_size=1, max_size=6, unique=True).map(tuple).map(Constants)
TYPES: st.SearchStrategy[Type] = st.recursive(
    SCALARS | CLASS_NAMES.map(Named) | LITERALS,
    lambda inner: (
        inner.map(ListOf)
        | inner.map(DictOf)
        | inner.map(ArrayOf)
        | inner.map(SequenceOf)
        | inner.map(MappingOf)
        | st.lists(inner, min_size=2, max_size=4).map(one_of)
    ),
    max_leaves=6,
)
RULES = st.lists(
    st.tuples(
        st.sampled_from(["ge", "lt", "pattern", "max_length"]), WORDS | st.integers() | st.floats(-1e20, 1e20)
    ),
    max_size=3,
    unique_by=lambda rule: rule[0],
).map(tuple)
DOCS = st.sampled_from(["", "Short.", "Two\nlines.", 'A "quote"', "A very long line. " * 9])
FIELDS = st.builds(
    ir.Field,
    py_name=FIELD_NAMES,
    wire_name=FIELD_NAMES | WORDS,
    type=TYPES,
    wire_type=TYPES,
    rules=RULES,
    unchecked=st.just(()) | st.tuples(st.tuples(st.just("pattern"), WORDS)),
    presence=st.sampled_from(["required", "optional", "optional-nullable", "null-by-default"]),
    doc=DOCS,
)
CLASSES = st.builds(
    ir.Class, name=CLASS_NAMES, fields=st.lists(FIELDS, max_size=4).map(tuple), closed=st.booleans(), doc=DOCS
)
ALIASES = st.builds(
    ir.Alias, name=CLASS_NAMES, type=TYPES, wire_type=st.none() | TYPES, quoted=st.booleans(), doc=DOCS
)
PRIVATE_ALIASES = st.builds(
    ir.Alias,
    name=CLASS_NAMES.map("_Accepts{}".format),
    type=TYPES,
    wire_type=st.none(),
    quoted=st.booleans(),
    doc=st.just(""),
)
TOPICS = st.builds(
    ir.Topic,
    attribute=FIELD_NAMES,
    wire_name=WORDS,
    class_name=CLASS_NAMES,
    payload_type=TYPES,
    publish_type=TYPES,
    doc=DOCS,
)
PARAMS = st.builds(
    ir.Param,
    py_name=FIELD_NAMES,
    wire_name=FIELD_NAMES,
    kind=st.sampled_from(["string", "integer"]),
    type=LITERALS | st.just(STR),
    is_uuid=st.booleans(),
    doc=DOCS,
)
CHANNELS = st.builds(
    ir.Channel,
    class_name=CLASS_NAMES,
    function=FIELD_NAMES,
    template=WORDS,
    separator=st.sampled_from([":", "/"]),
    params=st.lists(PARAMS, max_size=3).map(tuple),
    topics=st.lists(TOPICS, min_size=1, max_size=4).map(tuple),
    private=st.lists(PRIVATE_ALIASES, max_size=2).map(tuple),
    doc=DOCS,
)
IMPORTS = st.builds(
    ir.Import,
    module=st.tuples(FIELD_NAMES),
    names=st.lists(CLASS_NAMES.map(lambda name: (name, f"_x_{name}")), min_size=1, max_size=3).map(tuple),
)
MODULES = st.builds(
    ir.Module,
    path=st.just(("x",)),
    source=st.just("x.channel.json"),
    digest=st.just("0" * 64),
    doc=DOCS.filter(bool),
    imports=st.lists(IMPORTS, max_size=2).map(tuple),
    items=st.tuples(
        st.lists(CLASSES, max_size=3, unique_by=lambda item: item.name),
        st.lists(ALIASES, max_size=3, unique_by=lambda item: item.name),
    ).map(lambda both: (*both[0], *both[1])),
    defined=st.none() | CHANNELS,
).filter(lambda module: module.items or module.defined)

# Shrinking would run the formatter for minutes; the difference says enough.
QUICK = settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@pytest.mark.slow
@pytest.mark.parametrize(
    "width", [88, pytest.param(100, marks=pytest.mark.slow), pytest.param(60, marks=pytest.mark.slow)]
)
@QUICK
@given(module=MODULES)
def test_modules_are_stable_under_the_formatter(width: int, module: ir.Module) -> None:
    text = Printer("0.1.0", width).module(module)
    ast.parse(text)
    assert formatting_changes(text, width) == ""


@pytest.mark.slow
@QUICK
@given(
    st.lists(
        st.tuples(FIELD_NAMES, st.lists(FIELD_NAMES, min_size=1, max_size=3, unique=True).map(tuple)),
        max_size=3,
        unique_by=lambda export: export[0],
    )
)
def test_packages_are_stable_under_the_formatter(exports: list[tuple[str, tuple[str, ...]]]) -> None:
    text = Printer("0.1.0", 88).package(ir.Package((), tuple(exports), "channels"))
    check_source(text)
    assert formatting_changes(text) == ""


@QUICK
@given(WORDS)
def test_schemas_are_stable_under_the_formatter(words: str) -> None:
    schemas = json.dumps({"description": words, words: [words] * 3})
    text = Printer("0.1.0", 88).schemas(
        ir.Schemas(("_schemas", "x"), "x.channel.json", "0" * 64, "The schemas.", schemas)
    )
    check_source(text)
    assert formatting_changes(text) == ""


@pytest.mark.parametrize("suffix", ["", " = None"])
def test_names_that_end_near_the_edge(suffix: str) -> None:
    types = (DictOf(INT), ListOf(Named("A" * 40)), OneOf((Named("A" * 30), Named("B" * 30))))
    fields = "".join(
        Layout(60).statement(f"{'x' * length}: ", annotation, suffix, "    ") + "\n"
        for length in range(1, 60)
        for annotation in (subscript("_t.Annotated", type_expression(t), Word("v1.optional")) for t in types)
    )
    assert formatting_changes(f"class Model:\n{fields}", 60) == ""


def test_what_fits_stays_on_its_line() -> None:
    layout = Layout(20)

    def field(item: str) -> str:
        return layout.statement("a: ", type_expression(OneOf((ListOf(Named(item)), NONE))))

    assert field("Strs") == "a: list[Strs] | None"
    assert field("Strss") == "a: (\n    list[Strss]\n    | None\n)"
    words = type_expression(Constants(("b", "c")))
    assert layout.statement("a: ", words, " = 1") == 'a: _t.Literal[\n    "b",\n    "c",\n] = 1'
    one = type_expression(ListOf(Named("ALongName")))
    assert layout.statement("a: ", one, " = None") == "a: list[\n    ALongName\n] = None"


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("汉字", 4), ("é", 1), ("e\u0301", 1), ("ﾊ", 1), ("ハ", 2)]
)
def test_width_of_text(text: str, width: int) -> None:
    assert columns(text) == width


def a_module(**changes: Any) -> ir.Module:
    stated: dict[str, Any] = {"py_name": "a", "type": STR, "wire_type": STR, "class_name": "X"} | changes
    field = ir.Field(stated["py_name"], "a", stated["type"], stated["wire_type"], (), (), "required", "")
    return ir.Module(
        ("x",), "x.json", "0" * 64, "Doc.", (), (ir.Class(stated["class_name"], (field,), True, ""),), None
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"py_name": "a: int = print()  #"},
        {"py_name": "a b"},
        {"py_name": "class"},
        {"py_name": ""},
        {"class_name": "X(print())"},
        {"type": Named("print()")},
        {"type": ListOf(Named("str\nprint"))},
        {"type": OneOf((Named("str; print"), STR))},
        {"wire_type": DictOf(Named("lambda"))},
        {"wire_type": MappingOf(ArrayOf(Named("str  # x")))},
        {"type": SequenceOf(Named(""))},
        {"type": Named("a.b")},
        {"type": Named('"a"')},
    ],
)
def test_what_is_no_name_is_never_printed(changes: dict[str, Any]) -> None:
    with pytest.raises(UnsafeText):
        Printer("0.1.0", 88).module(a_module(**changes))


def test_ordinary_names_and_types_are_printed() -> None:
    words = Constants(("it's", 'a"b', -1))
    type_ = DictOf(one_of([words, ListOf(Named("_common_Money")), Named("naïve汉"), NONE]))
    text = Printer("0.1.0", 88).module(a_module(type=type_, py_name="naïve"))
    assert """_t.Literal["it's", 'a"b', -1] | list[_common_Money] | naïve汉 | None""" in text
