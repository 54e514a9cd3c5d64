"""Text of a schema in Python source: a literal or docstring reads back as exactly one constant."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tightbeam_codegen.formatting import formatting_changes
from tightbeam_codegen.targets.python.literals import commented, docstring, literal

# All of Unicode, lone surrogates included, with what is likely to hurt more often than chance would have it.
NASTY = st.sampled_from(
    [
        *"'\"\\#{}%$`@\r\n\t\0\f\v\x1c\x85\u2028\u2029\u200b\u202e\u2066\ufeff\ud800\udfff\u00a0\u3000汉🎉\u0301",
        '"""',
        "'''",
        '\\"""',
        '""""',
        "{{ 1 }}",
        "{% if 1 %}",
        "{# #}",
        "@imports@",
        "\\N{DIGIT ONE}",
        "\\x41",
        "\\u0041",
        "coding: utf-7",
        "\r\n",
        "    ",
        "\nimport os\n",
        "# type: ignore",
    ]
)
TEXT = st.lists(NASTY | st.text(max_size=4) | st.characters(), max_size=8).map("".join)


def constant(source: str) -> object:
    node = ast.parse(source.encode(), mode="eval").body
    return ast.literal_eval(node)


@given(TEXT)
@example("")
@example("\\")
@example("\\'\"")
@example("a\\\nb")
def test_a_literal_reads_back(text: str) -> None:
    source = literal(text)
    node = ast.parse(source.encode(), mode="eval").body
    assert isinstance(node, ast.Constant)
    assert node.value == text
    # Nothing in it can act on a terminal, an editor or a reader's eye.
    assert source.isprintable()


@given(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
)
def test_a_literal_of_another_kind_reads_back(value: float | None) -> None:
    back = constant(literal(value))
    assert (type(back), back) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("it", '"it"'),
        ("it's", '"it\'s"'),
        ('say "it"', "'say \"it\"'"),
        ('it\'s "it"', "'it\\'s \"it\"'"),
        ("'\"", '"\'\\""'),
        ("\\d", '"\\\\d"'),
        ("\x00\u202e\ud800", '"\\x00\\u202e\\ud800"'),
        ("naïve 汉", '"naïve 汉"'),
    ],
)
def test_spelling(text: str, source: str) -> None:
    assert literal(text) == source


@settings(max_examples=20)
@given(
    st.lists(
        TEXT | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False), max_size=40
    )
)
def test_literals_are_spelt_as_the_formatter_spells_them(values: list[str | float]) -> None:
    source = "".join(f"x = {literal(value)}\n" for value in values)
    assert formatting_changes(source, 320) == ""


def body_of(text: str, indent: str) -> list[ast.stmt]:
    head = "class X:\n" if indent else ""
    source = f"{head}{docstring(text, indent)}{indent}x: int\n"
    module = ast.parse(source.encode())
    if not indent:
        return module.body
    (class_,) = module.body
    assert isinstance(class_, ast.ClassDef)
    return class_.body


@given(TEXT, st.sampled_from(["", "    "]))
@example('"', "    ")
@example('"""', "")
@example('""""', "")
@example('a"""', "    ")
@example('\\"""', "    ")
@example('a\n"', "    ")
@example("\\", "    ")
@example("\\\n\\", "    ")
@example("a\r\rb", "    ")
@example("word " * 60 + '"', "    ")
def test_a_docstring_reads_back(text: str, indent: str) -> None:
    body = body_of(text, indent)
    assert isinstance(body[-1], ast.AnnAssign)
    if not text.strip():
        assert len(body) == 1
        return
    doc, _ = body
    assert isinstance(doc, ast.Expr)
    assert isinstance(doc.value, ast.Constant)
    assert isinstance(doc.value.value, str)
    assert doc.value.value.split() == text.split()
    source = docstring(text, indent)
    assert all(
        line.isprintable() or line.isspace() or "\u00a0" in line or "\u3000" in line
        for line in source.split("\n")
    )


@settings(max_examples=20)
@given(st.lists(TEXT, max_size=30))
@example(['"', 'a"', "\\", 'a"""', '"""a', "a\nb", 'a\n"b"', "a\n\n\n\nb", "\u00a0a", "a\u3000\n\u3000b"])
def test_docstrings_are_laid_out_as_the_formatter_does(texts: list[str]) -> None:
    classes = [
        f"class X{index}:\n{docstring(text, '    ')}\n    x: int\n"
        for index, text in enumerate(texts)
        if text.strip()
    ]
    module = docstring(texts[0], "") + "\nx = 1\n\n\n" if texts and texts[0].strip() else ""
    assert formatting_changes(module + "\n\n".join(classes)) == ""


@given(TEXT)
@example("coding: utf-7 ")
@example("vim: set fileencoding=utf-7 :")
@example("coding:\tlatin-1")
@example("a\rimport os")
@example("a\x0cimport os")
def test_a_comment_stays_one(text: str) -> None:
    source = f"# from {commented(text)} .\nx = 1\n".encode()
    assert tokenize.detect_encoding(io.BytesIO(source).readline)[0] == "utf-8"
    module = ast.parse(source)
    assert [type(statement) for statement in module.body] == [ast.Assign]
    assert source.decode().count("\n") == 2


def test_a_comment_says_what_is_printable() -> None:
    assert commented("orders/line-item.channel.json") == "orders/line-item.channel.json"
    assert commented("a\nb") == "a\\nb"
    assert commented("coding=x") == "coding\\x3dx"
