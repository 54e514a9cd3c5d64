"""JSON text as the topic's Python type."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
import pytest
from pydantic_core import MISSING

from tests.tightbeam.channels.channels_sample import (
    Node,
    Open,
    StatePaid,
    StateShipped,
    Status,
    Times,
    sample_channel,
)
from tightbeam._channels.refs import TopicRef
from tightbeam._codegen import v1
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam.errors import InvalidPayload

CH = sample_channel(sample_id="u1", n=3)


@pytest.mark.parametrize(
    ("ref", "raw", "data"),
    [
        (CH.status, b'{"message":"x"}', Status(message="x")),
        (CH.status, b'{"message":"x","note":null}', Status(message="x", note=None)),
        (CH.status, b'{"message":"x","percent":5.0}', Status(message="x", percent=5)),
        (CH.open_thing, b'{"giftFor":"a","gift_for":"b"}', Open.model_validate({"giftFor": "a"})),
        (CH.times, b'{"at":"2026-01-31T13:00:00+01:00"}', Times(at=datetime(2026, 1, 31, 12, tzinfo=UTC))),
        (
            CH.times,
            b'{"at":"2026-01-31T12:00:00Z","day":"2026-01-31","id":"2EB8AA08-AA98-11EA-B4AA-73B441D16380","host":"1.2.3.4"}',
            Times(
                at=datetime(2026, 1, 31, 12, tzinfo=UTC),
                day=date(2026, 1, 31),
                id=UUID("2eb8aa08-aa98-11ea-b4aa-73b441d16380"),
                host=IPv4Address("1.2.3.4"),
            ),
        ),
        (CH.state, b'{"kind":"paid","cents":1}', StatePaid(kind="paid", cents=1)),
        (CH.state, b'{"kind":"shipped","carrier":"c"}', StateShipped(kind="shipped", carrier="c")),
        (CH.node, b'{"label":"x","children":[{"label":"y"}]}', Node(label="x", children=[Node(label="y")])),
        (CH.mixed, b"null", None),
        (CH.mixed, b'"s"', "s"),
        (CH.mixed, b'{"kind":"paid","cents":1}', StatePaid(kind="paid", cents=1)),
        (CH.items, b'[{"message":"x"}]', [Status(message="x")]),
        (
            CH.by_name,
            b'{"k":{"at":"2026-01-31T12:00:00Z"}}',
            {"k": Times(at=datetime(2026, 1, 31, 12, tzinfo=UTC))},
        ),
        (CH.tree, b'[1,[{"message":"x"},2.0]]', [1, [Status(message="x"), 2]]),
        (CH.counters, b'{"a":1.0,"b":2}', {"a": 1, "b": 2}),
        (CH.plain, b'"x"', "x"),
        (CH.number, b"1.0", 1),
        (CH.number, b"9007199254740993", 2**53 + 1),
        (CH.when, b'"2026-01-31T12:00:00Z"', datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (CH.one, b"true", True),
        (CH.one, b"1", 1),
        (CH.one, b"1.0", 1),
        (CH.nothing, b"null", None),
        (CH.anything, b'{"a":[null,1.0]}', {"a": [None, 1.0]}),
    ],
)
def test_json_becomes_the_topics_type_and_goes_back(ref: TopicRef[..., str, Any], raw: bytes, data: object):
    loaded = load(ref, raw)
    assert loaded == data or ref is CH.open_thing
    assert type(loaded) is type(data)
    assert load(ref, encode(ref, loaded)) == loaded


@pytest.mark.parametrize(
    ("ref", "raw"),
    [
        (CH.status, b'{"message":"x","level":null}'),
        (CH.status, b'{"message":"x","percent":null}'),
        (CH.status, b'{"message":"x","percent":"5"}'),
        (CH.status, b'{"message":"x","percent":5.5}'),
        (CH.status, b'{"message":"x","percent":true}'),
        (CH.status, b'{"message":1}'),
        (CH.status, b'{"more":1}'),
        (CH.status, b"{}"),
        (CH.status, b"null"),
        (CH.status, b'{"message":"x"'),
        (CH.status, b""),
        (CH.status, b"\xff"),
        (CH.status, b"[" * 100_000),
        (CH.open_thing, b'{"class":true}'),
        (CH.open_thing, b'{"class":3}'),
        (CH.open_thing, b'{"giftFor":null}'),
        (CH.times, b'{"at":"2026-01-31T12:00:00"}'),
        (CH.times, b'{"at":1}'),
        (CH.times, b'{"at":"2026-01-31T12:00:00Z","day":null}'),
        (CH.state, b'{"kind":"lost"}'),
        (CH.node, b'{"label":"x","children":[{"label":"y","children":null}]}'),
        (CH.number, b"true"),
        (CH.number, b"1.5"),
        (CH.number, b"1e999"),
        (CH.number, b"NaN"),
        (CH.one, b"2"),
        (CH.nothing, b"false"),
    ],
)
def test_json_that_does_not_fit_is_refused(ref: TopicRef[..., str, Any], raw: bytes):
    with pytest.raises(InvalidPayload):
        load(ref, raw)


def test_the_refusal_says_where_and_no_value():
    with pytest.raises(InvalidPayload) as caught:
        load(CH.by_name, b'{"secret":{"at":"hidden"}}')
    assert str(caught.value) == (
        'Schema validation failed for topic "by-name" on channel "sample:u1:3"\n'
        "  /*/at: must be a date-time with an offset, such as 2026-01-31T12:00:00Z (no leap seconds)"
    )


def test_extras_that_are_named_like_a_field_stay_extras():
    loaded = load(CH.open_thing, b'{"gift_for":3,"class_":"x"}')
    assert (loaded.gift_for, loaded.class_) == (None, None)
    assert loaded.model_extra == {"gift_for": 3, "class_": "x"}
    assert encode(CH.open_thing, loaded) == b'{"gift_for":3,"class_":"x"}'
    with pytest.raises(InvalidPayload):
        load(CH.state, b'{"kind":"paid","cents_":1}')


def test_literals_are_compared_by_type_and_value():
    assert [type(load(CH.one, raw)) for raw in (b"true", b"1", b"1.0", b"false")] == [bool, int, int, bool]


def test_a_huge_integral_float_is_an_integer():
    assert load(CH.number, b"1e300") == int(1e300)
    assert load(CH.counters, b'{"a":-1e20}') == {"a": -(10**20)}


def test_absent_is_not_null():
    status = Status(message="x")
    assert status.level is None
    assert status.note is MISSING
    assert Status(message="x", level=None) == status
    assert Status(message="x", note=None) != status


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"message": 1},
        {"message": "x", "percent": "5"},
        {"message": "x", "percent": 101},
        {"message": "x", "more": 1},
        {"message": "x", "level": "loud"},
        {"message": None},
    ],
)
def test_a_models_constructor_refuses_and_shows_no_input(wrong: dict[str, Any]):
    with pytest.raises(pydantic.ValidationError) as caught:
        Status(**wrong)
    assert "input_value" not in str(caught.value)


def test_models_are_frozen():
    with pytest.raises(pydantic.ValidationError):
        Status(message="x").message = "y"  # type: ignore[misc]  # frozen


def test_what_a_frozen_model_refuses_is_not_shown():
    payload: Any = Status(message="x")
    for name in ("message", "nothing"):
        with pytest.raises(pydantic.ValidationError, match="Instance is frozen") as caught:
            setattr(payload, name, "secret-value")
        assert "secret-value" not in str(caught.value)


def test_a_model_takes_python_and_wire_names():
    assert (
        Open(gift_for="a") == Open.model_validate({"giftFor": "a"}) == Open.model_validate({"gift_for": "a"})
    )


def test_null_is_refused_behind_constraints_and_in_nested_types():
    class Inner(v1.Payload):
        a: Annotated[int | float | None, pydantic.Field(ge=0, multiple_of=0.5), v1.optional] = None
        b: Annotated[str | int | None, pydantic.Field(max_length=3), v1.optional] = None

    class Outer(v1.Payload):
        inner: Annotated[list[Inner] | dict[str, Inner] | None, v1.optional] = None
        default: Annotated[int | None, v1.optional] = None
        fields: Annotated[int | None, v1.optional] = None
        type: Annotated[Literal["str"] | None, v1.optional] = None

    for text in (
        '{"inner":null}',
        '{"inner":[{"a":null}]}',
        '{"inner":{"k":{"b":null}}}',
        '{"default":null}',
        '{"fields":null}',
        '{"type":null}',
    ):
        with pytest.raises(pydantic.ValidationError):
            Outer.model_validate_json(text)
    assert Outer.model_validate_json('{"inner":[{"a":0.5,"b":"x"}],"type":"str"}') == Outer(
        inner=[Inner(a=0.5, b="x")], type="str"
    )
    assert Outer(inner=None, default=None).model_dump() == {}
