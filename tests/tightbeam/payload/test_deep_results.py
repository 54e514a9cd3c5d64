"""Remembered results whose type is a union inside of its own branches."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal, NotRequired

import pydantic
import pytest
from typing_extensions import TypedDict

from tightbeam._results import return_type
from tightbeam.errors import NotJson

_DEPTH = 120
"""More than can be loaded where both branches are tried at each level."""


class Sum(pydantic.BaseModel):
    kind: Literal["sum"]
    inner: Node | None = None


class Product(pydantic.BaseModel):
    kind: Literal["product"]
    inner: Node | None = None


Node = Sum | Product


class And(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    both: str
    inner: Condition | None = None


class Or(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    either: str = pydantic.Field(alias="anyOf")
    inner: Condition | None = None


Condition = And | Or


class Text(TypedDict):
    kind: Literal["text"]
    inner: NotRequired[Part]


class Image(TypedDict):
    kind: Literal["image"]
    inner: NotRequired[Part]


Part = Text | Image


@dataclasses.dataclass
class Call:
    kind: Literal["call"]
    inner: Step | None = None


@dataclasses.dataclass
class Wait:
    kind: Literal["wait"]
    inner: Step | None = None


Step = Call | Wait


class Renamed(pydantic.BaseModel):
    kind: Literal["renamed"]
    inner: Mixed | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_the_old_name(cls, value: Any) -> Any:
        return (
            {**value, "kind": "renamed"} if isinstance(value, dict) and value.get("kind") == "old" else value
        )


class Kept(pydantic.BaseModel):
    kind: Literal["kept"]
    inner: Mixed | None = None


Mixed = Kept | Renamed


def node() -> Node: ...  # type: ignore[empty-body]  # for its annotation
def condition() -> Condition: ...  # type: ignore[empty-body]  # likewise
def part() -> Part: ...  # type: ignore[empty-body]  # likewise
def step() -> list[Step]: ...  # type: ignore[empty-body]  # likewise
def mixed() -> Mixed: ...  # type: ignore[empty-body]  # likewise


def _deep(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    value = one
    for level in range(_DEPTH):
        value = {**(other if level % 2 else one), "inner": value}
    return value


@pytest.mark.parametrize(
    ("function", "value", "kind"),
    [
        (node, _deep({"kind": "sum"}, {"kind": "product"}), Product),
        (condition, _deep({"both": "x"}, {"anyOf": "x"}), Or),
        (condition, _deep({"both": "x"}, {"either": "x"}), Or),
        (part, _deep({"kind": "text"}, {"kind": "image"}), dict),
        (step, [_deep({"kind": "call"}, {"kind": "wait"})], list),
    ],
)
def test_deep_results_load(function: Any, value: Any, kind: type) -> None:
    loaded = return_type(function, "step 'x'").load(json.dumps(value).encode())
    assert type(loaded) is kind
    again = return_type(function, "step 'x'").dump(loaded)
    assert return_type(function, "step 'x'").load(again) == loaded


def test_undeclared_properties_are_passed_over_at_the_bottom() -> None:
    raw = json.dumps(_deep({"both": "x", "new": 1}, {"anyOf": "x"})).encode()
    with pytest.raises(NotJson):
        return_type(condition, "step 'x'").load(raw)
    assert type(return_type(condition, "step 'x'").recall(raw)) is Or


def test_a_result_that_does_not_fit_says_where() -> None:
    raw = json.dumps({"kind": "sum", "inner": {"kind": "product", "inner": {"kind": "nope"}}}).encode()
    with pytest.raises(NotJson, match="inner"):
        return_type(node, "step 'x'").load(raw)


def test_a_class_that_changes_what_comes_is_still_tried() -> None:
    loaded = return_type(mixed, "step 'x'").load(b'{"kind":"kept","inner":{"kind":"old"}}')
    assert type(loaded.inner) is Renamed
