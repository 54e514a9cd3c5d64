from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from cel_expr_python import cel

from tightbeam._starting import matching
from tightbeam._starting.matching import as_expression, check_condition, condition_of, takes
from tightbeam.errors import StepMisuse

OWN = {"name": "order/placed", "data": {"orderId": "o1", "limit": 5}}


def event(**data: Any) -> dict[str, Any]:
    return {"name": "order/paid", "data": data}


@pytest.fixture(autouse=True)
def fresh_programs() -> None:
    matching._program.cache_clear()


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"orderId": "o1"}, {"orderId": "o1", "more": 1}, True),
    ({"orderId": "o1"}, {"orderId": "o2"}, False),
    ({"orderId": "o1"}, {}, False),
    ({"a": 1}, {"a": 1.0}, True),
    ({"a": 1}, {"a": True}, False),
    ({"a": True}, {"a": 1}, False),
    ({"a": "1"}, {"a": 1}, False),
    ({"a": None}, {"a": None}, True),
    ({"a": None}, {}, False),
    ({"a.b": 1}, {"a": {"b": 1}}, True),
    ({"a.b": 1}, {"a": 1}, False),
    ({"a.b": 1}, {"a": [{"b": 1}]}, False),
    ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
    ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    ({"with-dash": 'quo"te\\ü\n'}, {"with-dash": 'quo"te\\ü\n'}, True),
    ({"in": "x"}, {"in": "x"}, True),
    ({"a": "\U0001f600"}, {"a": "\U0001f600"}, True),
    ({"a": "\U0001f600"}, {"a": "\U0001f601"}, False),
    ({"\U0001f600": "\u2028\ufeff\x7f\b\f\r\t"}, {"\U0001f600": "\u2028\ufeff\x7f\b\f\r\t"}, True),
    ({"a": '" == "" || true || "'}, {"a": "x"}, False),
    ({'a"] == "x" || true || async.data["a': "x"}, {"a": "y"}, False),
]


@pytest.mark.parametrize(("match", "data", "expected"), MATCHES)
def test_properties_are_compared_as_json_has_it(
    match: dict[str, Any], data: dict[str, Any], expected: bool
) -> None:
    check_condition("s", match, None)
    assert takes(condition_of("s", match, None, OWN), event(**data)) is expected


@pytest.mark.parametrize(("match", "data", "expected"), MATCHES)
def test_the_same_on_inngest_by_an_expression(
    match: dict[str, Any], data: dict[str, Any], expected: bool
) -> None:
    expression = as_expression(match, None)
    assert expression is not None
    env = cel.NewEnv(variables={"event": cel.Type.DYN, "async": cel.Type.DYN})
    found = env.compile(expression).eval(data={"async": event(**data), "event": OWN}).value()
    assert (
        found is True
    ) is expected  # a property that isn't there is an error in CEL, and no match on Inngest


@pytest.mark.parametrize(
    ("expression", "data", "expected"),
    [
        ("event.data.orderId == async.data.orderId", {"orderId": "o1"}, True),
        ("event.data.orderId == async.data.orderId", {"orderId": "o2"}, False),
        ("event.data.orderId == async.data.orderId", {}, False),
        ("async.data.total > event.data.limit && async.name == 'order/paid'", {"total": 7.5}, True),
        ("async.data.total > event.data.limit", {"total": "7"}, False),
        ("has(async.data.total) && async.data.total > 1", {}, False),
        ("async.data.orderId", {"orderId": "true"}, False),  # no truth value
        ("async.data.tags.exists(tag, tag == 'vip')", {"tags": ["a", "vip"]}, True),
        ("async.data.n == 1", {"n": 2**80}, False),
        ("async.data.n > 1", {"n": 2**80}, True),
    ],
)
def test_expressions_see_both_events(expression: str, data: dict[str, Any], expected: bool) -> None:
    assert takes(condition_of("s", None, expression, OWN), event(**data)) is expected


def test_both_conditions_hold_together() -> None:
    condition = condition_of("s", {"a": 1}, "async.data.b == 2", OWN)
    assert takes(condition, event(a=1, b=2))
    assert not takes(condition, event(a=1, b=3))
    assert not takes(condition, event(a=2, b=2))
    assert as_expression({"a": 1}, "x || y") == "async.data.a == 1 && (x || y)"
    assert as_expression(None, "x || y") == "x || y"
    commented = as_expression({"a": 1}, "false || true // a remark")
    assert (
        cel.NewEnv(variables={"async": cel.Type.DYN})
        .compile(commented)
        .eval(data={"async": {"data": {"a": 1}}})
        .value()
    )
    assert as_expression(None, None) is None
    assert takes(None, event())


@pytest.mark.parametrize(
    ("match", "if_exp", "says"),
    [
        ({}, None, "mapping"),
        ("orderId", None, "mapping"),
        ({"": 1}, None, "path"),
        ({"a..b": 1}, None, "path"),
        ({5: 1}, None, "path"),
        ({"a": [1]}, None, '"a"'),
        ({"a": float("nan")}, None, '"a"'),
        ({"a": 2**53}, None, "beyond"),
        (None, "", "CEL"),
        (None, 5, "CEL"),
    ],
)
def test_what_is_no_condition_is_refused(match: object, if_exp: object, says: str) -> None:
    with pytest.raises(StepMisuse) as refused:
        check_condition("s", match, if_exp)
    assert says in str(refused.value)


def test_an_expression_that_isnt_one_is_refused_before_it_waits() -> None:
    with pytest.raises(StepMisuse, match="no expression in CEL"):
        condition_of("s", None, "event.data.a ==", OWN)
    with pytest.raises(StepMisuse, match="undeclared reference"):
        condition_of("s", None, "data.a == 1", OWN)


def test_without_the_library_match_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stored = condition_of("s", None, "async.data.a == 1", OWN)
    matching._program.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python.cel", None)
    with pytest.raises(StepMisuse, match=r"pip install 'tightbeam\[cel\]'"):
        condition_of("s", None, "async.data.a == 1", OWN)
    assert not takes(stored, event(a=1))
    assert "tightbeam[cel]" in caplog.text
    assert takes(condition_of("s", {"a": 1}, None, OWN), event(a=1))
    assert json.loads(condition_of("s", {"a": 1}, None, OWN) or b"") == {"match": {"a": 1}}
