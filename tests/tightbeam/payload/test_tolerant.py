"""Results of steps and functions that another version of the program stored."""

from __future__ import annotations

from typing import Annotated

import pydantic
import pytest
import typing_extensions

from tests.tightbeam.channels.channels_sample import Open, Status, Times
from tightbeam._payload.tolerant import Shape, readings
from tightbeam._results import return_type
from tightbeam.errors import NotJson


class Closed(typing_extensions.TypedDict):
    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")  # type: ignore[misc]
    a: int


class Aliased(pydantic.BaseModel, extra="forbid"):
    a: int = pydantic.Field(validation_alias=pydantic.AliasChoices("a", "b"))


def status() -> Status: ...  # type: ignore[empty-body]
def statuses() -> list[Status]: ...  # type: ignore[empty-body]
def opened() -> Open: ...  # type: ignore[empty-body]
def either() -> Status | Times: ...  # type: ignore[empty-body]
def typed_dict() -> Closed: ...  # type: ignore[empty-body]
def checked() -> Annotated[Status, pydantic.AfterValidator(lambda value: value)]: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "raw", "read"),
    [
        (status, b'{"message":"x","new":1}', Status(message="x")),
        (statuses, b'[{"message":"x","new":1}]', [Status(message="x")]),
        (either, b'{"message":"x","new":{}}', Status(message="x")),
        (typed_dict, b'{"a":1,"new":2}', {"a": 1}),
        (checked, b'{"message":"x","new":1}', Status(message="x")),
        (opened, b'{"gift_for":"x","new":1}', Open.model_validate({"gift_for": "x", "new": 1})),
    ],
)
def test_what_a_result_has_too_much_is_passed_over(function: object, raw: bytes, read: object) -> None:
    assert return_type(function, "The result").recall(raw) == read  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b'{"new":1}', b'{"message":1,"new":1}', b'{"message":"x","new":'])
def test_a_result_that_doesnt_fit_otherwise_stays_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        return_type(status, "The result").recall(raw)


def test_a_class_of_unusual_aliases_loses_nothing() -> None:
    adapter = pydantic.TypeAdapter(Aliased)
    assert list(readings(Shape(adapter.core_schema), b'{"b":1,"new":2}')) == []


def test_what_has_nothing_undeclared_has_no_other_reading() -> None:
    adapter = pydantic.TypeAdapter(Status)
    assert list(readings(Shape(adapter.core_schema), b'{"message":1}')) == []
    assert list(readings(Shape(adapter.core_schema), b'{"message":"1.0"}')) == []
    assert list(readings(Shape(adapter.core_schema), '{"message":"\ud800","percent":1.0}')) == [
        '{"message": "\\ud800", "percent": 1}'
    ]
