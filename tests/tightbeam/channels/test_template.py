"""Name templates: format, parse back, refuse."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tightbeam._channels.template import Kind, ParamValue, Template
from tightbeam.errors import InvalidParam

LINE = Template("orders:{region}:n{line}:{open}", {"region": "string", "line": "integer", "open": "boolean"})


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"region": "eu", "line": 1, "open": True}, "orders:eu:n1:true"),
        (
            {"region": "naïve 漢字 👍", "line": -(2**53), "open": False},
            "orders:naïve 漢字 👍:n-9007199254740992:false",
        ),
        ({"region": "{region}", "line": 0, "open": False}, "orders:{region}:n0:false"),
        ({"region": "a/b?c#d", "line": 2**53, "open": False}, "orders:a/b?c#d:n9007199254740992:false"),
    ],
)
def test_a_name_gives_its_parameters_back(params: dict[str, ParamValue], name: str):
    assert LINE.format(params) == name
    assert LINE.parse(name) == params


GOOD: dict[str, object] = {"region": "eu", "line": 1, "open": True}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"region": ""}, "must not be empty"),
        ({"region": "a:b"}, "must not contain the separator ':'"),
        ({"region": "a\nb"}, "must not contain control characters"),
        ({"region": "\x00"}, "must not contain control characters"),
        ({"region": "\x7f"}, "must not contain control characters"),
        ({"region": "\x85"}, "must not contain control characters"),
        ({"region": "\ud800"}, "must not contain lone surrogates"),
        ({"region": 5}, "must be a string, not int"),
        ({"region": None}, "must be a string, not NoneType"),
        ({"region": b"eu"}, "must be a string, not bytes"),
        ({"line": True}, "must be an integer, not bool"),
        ({"line": "1"}, "must be an integer, not str"),
        ({"line": 1.0}, "must be an integer, not float"),
        ({"line": 2**53 + 1}, "must be an integer within ±2^53"),
        ({"line": -(2**53) - 1}, "must be an integer within ±2^53"),
        ({"line": 10**5000}, "must be an integer within ±2^53"),
        ({"open": 1}, "must be a boolean, not int"),
        ({"open": "true"}, "must be a boolean, not str"),
    ],
)
def test_a_value_that_cannot_be_part_of_a_name_is_refused(wrong: dict[str, object], words: str):
    with pytest.raises(InvalidParam) as caught:
        LINE.format({**GOOD, **wrong})
    assert words in str(caught.value)
    assert repr(next(iter(wrong))) in str(caught.value)


@pytest.mark.parametrize("params", [{}, {"region": "eu"}, {**GOOD, "more": 1}])
def test_missing_and_unknown_parameters_are_refused(params: dict[str, object]):
    with pytest.raises(InvalidParam, match="takes the parameters: region, line, open"):
        LINE.format(params)


def test_the_value_of_a_string_subclass_is_taken():
    class Region(str):
        def __str__(self) -> str:
            return "somewhere:else"

    assert LINE.format({**GOOD, "region": Region("eu")}) == "orders:eu:n1:true"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "orders",
        "orders:eu:n1",
        "orders:eu:n1:true:x",
        "Orders:eu:n1:true",
        "orders::n1:true",
        "orders:eu:1:true",
        "orders:eu:n:true",
        "orders:eu:n01:true",
        "orders:eu:n-0:true",
        "orders:eu:n+1:true",
        "orders:eu:n1.0:true",
        "orders:eu:n\u0661:true",
        "orders:eu:n9007199254740993:true",
        "orders:eu:n1:True",
        "orders:eu:n1:1",
        "orders:e\nu:n1:true",
        "orders:eu:n1:true\n",
    ],
)
def test_a_name_of_another_form_is_refused(name: str):
    with pytest.raises(InvalidParam):
        LINE.parse(name)


@pytest.mark.parametrize(
    ("text", "kinds", "words"),
    [
        ("a:{x}{y}", {"x": "string", "y": "string"}, "no separator ':' between {x} and {y}"),
        ("a:{x}-{y}", {"x": "string", "y": "string"}, "no separator ':' between {x} and {y}"),
        ("a:{x}:{x}", {"x": "string"}, "stands twice"),
        ("a:{x}", {}, "has no parameter"),
        ("a", {"x": "string"}, "no placeholder for parameter 'x'"),
        ("a:{x", {"x": "string"}, "a brace that is no placeholder"),
        ("a:x}", {}, "a brace that is no placeholder"),
        ("a:{}", {}, "a brace that is no placeholder"),
    ],
)
def test_a_wrong_template_is_refused(text: str, kinds: Mapping[str, Kind], words: str):
    with pytest.raises(ValueError, match=words):
        Template(text, kinds)


@pytest.mark.parametrize("separator", ["", "::", "{", "}"])
def test_a_separator_is_one_character(separator: str):
    with pytest.raises(ValueError, match="one character"):
        Template("a", {}, separator)


def test_another_separator():
    template = Template("a/{x}/{y}", {"x": "string", "y": "integer"}, "/")
    assert template.parse(template.format({"x": "b:c", "y": -1})) == {"x": "b:c", "y": -1}
    with pytest.raises(InvalidParam, match="separator '/'"):
        template.format({"x": "b/c", "y": 1})
    assert Template("a_{up_id}", {"up_id": "string"}, "_").parse("a_x") == {"up_id": "x"}
    with pytest.raises(InvalidParam, match="separator '-'"):
        Template("a-{y}", {"y": "integer"}, "-").format({"y": -1})


TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=":"), min_size=1, max_size=8
)
PARAMS = st.fixed_dictionaries({"region": TEXTS, "line": st.integers(-(2**53), 2**53), "open": st.booleans()})


@given(PARAMS)
def test_parse_is_the_inverse_of_format(params: dict[str, ParamValue]):
    found = LINE.parse(LINE.format(params))
    assert found == params
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value) for key, value in params.items()
    }


@given(PARAMS, PARAMS)
def test_distinct_parameters_give_distinct_names(one: dict[str, ParamValue], two: dict[str, ParamValue]):
    assume(one != two)
    assert LINE.format(one) != LINE.format(two)


@given(st.text(max_size=20))
def test_a_name_that_parses_is_the_name_of_what_it_parses_to(text: str):
    for name in (text, f"orders:{text}", f"orders:{text}:n1:true"):
        try:
            params = LINE.parse(name)
        except InvalidParam:
            continue
        assert LINE.format(params) == name
