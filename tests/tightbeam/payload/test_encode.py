"""The publish hot path: what is encoded, and what is refused with which words."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import threading
from collections import Counter, OrderedDict, namedtuple
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

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
from tightbeam._payload.encode import encode
from tightbeam._payload.encoders import dumping_encoder
from tightbeam._payload.load import load
from tightbeam.errors import InvalidPayload

CH = sample_channel(sample_id="u1", n=3)
SAMPLE = Status.__module__
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ID = UUID("2eb8aa08-aa98-11ea-b4aa-73b441d16380")


class Level(enum.StrEnum):
    INFO = "info"


class Count(enum.IntEnum):
    TWO = 2


class Plain(enum.Enum):
    INFO = "info"
    NAN = math.nan


class Text(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")


@dataclasses.dataclass
class Point:
    message: str = "x"


def refusal(ref: TopicRef[..., Any, Any], data: object) -> list[str]:
    with pytest.raises(InvalidPayload) as caught:
        encode(ref, data)
    assert caught.value.topic == ref.topic
    assert caught.value.channel == ref.channel
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return [str(issue) for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("ref", "data", "raw"),
    [
        (CH.status, {"message": "x"}, b'{"message":"x"}'),
        (CH.status, {"message": "na\u00efve \U0001f44d"}, '{"message":"naïve 👍"}'.encode()),
        (
            CH.status,
            {"message": "x", "level": "warn", "percent": 100},
            b'{"message":"x","level":"warn","percent":100}',
        ),
        (CH.status, {"message": "x", "percent": 5.0}, b'{"message":"x","percent":5.0}'),
        (CH.status, {"message": "x", "note": None}, b'{"message":"x","note":null}'),
        (CH.status, {"message": "x", "level": Level.INFO}, b'{"message":"x","level":"info"}'),
        (CH.status, {"message": "x", "level": Plain.INFO}, b'{"message":"x","level":"info"}'),
        (CH.plain, Level.INFO, b'"info"'),
        (CH.plain, Plain.INFO, b'"info"'),
        (CH.number, Count.TWO, b"2"),
        (CH.anything, Level.INFO, b'"info"'),
        (CH.anything, [Level.INFO, Count.TWO], b'["info",2]'),
        (CH.status, Status(message="x"), b'{"message":"x"}'),
        (CH.status, Status(message="x", level=None, note=None), b'{"message":"x","note":null}'),
        (CH.open_thing, {"giftFor": "a", "gift_for": "b"}, b'{"giftFor":"a","gift_for":"b"}'),
        (CH.open_thing, Open(gift_for="a", class_=1), b'{"giftFor":"a","class":1}'),
        (CH.open_thing, {"list": (1, 2)}, b'{"list":[1,2]}'),
        (
            CH.open_thing,
            {"x": [None, 2**64 - 1, -(2**63)]},
            b'{"x":[null,18446744073709551615,-9223372036854775808]}',
        ),
        (
            CH.times,
            {"at": "2026-01-31t12:00:00.123456789+01:00"},
            b'{"at":"2026-01-31t12:00:00.123456789+01:00"}',
        ),
        (CH.times, Times(at=NOON, day=date(1, 1, 1)), b'{"at":"2026-01-31T12:00:00Z","day":"0001-01-01"}'),
        (
            CH.times,
            Times(at=NOON, id=ID, host=IPv4Address("127.0.0.1")),
            b'{"at":"2026-01-31T12:00:00Z","id":"2eb8aa08-aa98-11ea-b4aa-73b441d16380","host":"127.0.0.1"}',
        ),
        (CH.state, StatePaid(kind="paid", cents=3), b'{"kind":"paid","cents":3}'),
        (CH.state, StateShipped(kind="shipped", carrier="c"), b'{"kind":"shipped","carrier":"c"}'),
        (CH.node, Node(label="x", children=[Node(label="y")]), b'{"label":"x","children":[{"label":"y"}]}'),
        (CH.mixed, None, b"null"),
        (CH.mixed, "s", b'"s"'),
        (CH.mixed, StatePaid(kind="paid", cents=3), b'{"kind":"paid","cents":3}'),
        (CH.items, [], b"[]"),
        (CH.items, [{"message": "x"}], b'[{"message":"x"}]'),
        (CH.items, [Status(message="x")], b'[{"message":"x"}]'),
        (CH.items, (Status(message="x"), {"message": "y"}), b'[{"message":"x"},{"message":"y"}]'),
        (CH.by_name, {"k": Times(at=NOON)}, b'{"k":{"at":"2026-01-31T12:00:00Z"}}'),
        (CH.tree, [1, [Status(message="x"), 2]], b'[1,[{"message":"x"},2]]'),
        (CH.counters, {"a": 1}, b'{"a":1}'),
        (CH.plain, "x", b'"x"'),
        (CH.number, 7, b"7"),
        (CH.when, NOON, b'"2026-01-31T12:00:00Z"'),
        (CH.one, True, b"true"),
        (CH.one, 1, b"1"),
        (CH.nothing, None, b"null"),
        (CH.anything, {"a": [None, 1.5, "null"]}, b'{"a":[null,1.5,"null"]}'),
        (CH.anything, Status(message="x"), b'{"message":"x"}'),
        (CH.anything, Times(at=NOON), b'{"at":"2026-01-31T12:00:00Z"}'),
        (CH.anything, {"a": ID}, b'{"a":"2eb8aa08-aa98-11ea-b4aa-73b441d16380"}'),
    ],
)
def test_what_fits_is_encoded(ref: TopicRef[..., str, Any], data: object, raw: bytes):
    for _ in range(2):  # the first time compiles
        assert encode(ref, data) == raw


@pytest.mark.parametrize(
    ("data", "issue"),
    [
        ({}, "/message: is required"),
        ({"message": "x", "percent": 101}, "/percent: must be at most 100"),
        ({"message": "x", "percent": -1}, "/percent: must be at least 0"),
        ({"message": "x", "percent": "5"}, "/percent: must be an integer, not a string"),
        ({"message": "x", "percent": True}, "/percent: must be an integer, not a boolean"),
        ({"message": "x", "percent": 5.5}, "/percent: must be an integer, not a number"),
        ({"message": "x", "level": "loud"}, "/level: must be one of: info, warn"),
        ({"message": "x", "level": None}, "/level: must be one of: info, warn"),
        ({"message": None}, "/message: must be a string, not null"),
        ({"message": ""}, "/message: must have at least 1 character"),
        ({"message": "x", "percent": math.nan}, "/percent: must be a finite number, not NaN or infinite"),
        ({"message": "x", "note": math.inf}, "/note: must be a finite number, not NaN or infinite"),
        ({"message": "x", "note": Plain.NAN}, "/note: must be a finite number, not NaN or infinite"),
        ({"message": b"x"}, "/message: must be JSON data, not bytes"),
        ({"message": bytearray(b"x")}, "/message: must be JSON data, not bytearray"),
        ({"message": {"x"}}, "/message: must be JSON data, not set"),
        ({"message": ID}, "/message: must be JSON data, not UUID: give its text (str(value)), or the model"),
        ({"message": Decimal(1)}, "/message: must be JSON data, not Decimal"),
        (
            {"message": NOON},
            "/message: must be JSON data, not datetime: give its text (value.isoformat()), or the model",
        ),
        ({"message": "x", "percent": Decimal(1)}, "/percent: must be JSON data, not Decimal"),
        ({"message": Text("x")}, "/message: must be a plain str, not a subclass (Text)"),
        ({"message": "\ud800"}, "/message: must not contain lone surrogates"),
        ({"message": Point()}, "/message: must be JSON data, not Point"),
        ({"message": Pair(1, 2)}, "/message: must be a plain tuple, not a subclass (Pair)"),
        ({"message": object()}, "/message: must be JSON data, not object"),
        ({"message": 1j}, "/message: must be JSON data, not complex"),
        ({"message": (x for x in "x")}, "/message: must be JSON data, not generator"),
        (
            {"message": Status(message="secret")},
            f"/message: must be plain data, not a model ({SAMPLE}.Status); a model is published as a whole",
        ),
        ({"message": "x", "percent": 2**64 + 1}, "/percent: must be an integer of at most 64 bits"),
        ({"message": "x", "percent": -(2**63) - 1}, "/percent: must be an integer of at most 64 bits"),
        ({"message": "x", "percent": 10**5000}, "/percent: must be an integer of at most 64 bits"),
        ({1: "x"}, "(payload): has a key that is not a plain str (int)"),
        ({None: "x"}, "(payload): has a key that is not a plain str (NoneType)"),
        ({Text("message"): "x"}, "(payload): has a key that is not a plain str (Text)"),
        ({Level.INFO: "x"}, "(payload): has a key that is not a plain str (Level)"),
        ({"\ud800": "x"}, "(payload): has a key with lone surrogates"),
        (OrderedDict(message="x"), "(payload): must be a plain dict, not a subclass (OrderedDict)"),
        ({"message": Counter("x")}, "/message: must be a plain dict, not a subclass (Counter)"),
        (None, "(payload): must be an object, not null"),
        ("x", "(payload): must be an object, not a string"),
        ([], "(payload): must be an object, not an array"),
        (5, "(payload): must be an object, not an integer"),
        ({"x"}, "(payload): must be JSON data, not set"),
        (Point(), "(payload): must be JSON data, not Point"),
        (NOON, "(payload): must be JSON data, not datetime: give its text (value.isoformat()), or the model"),
        (Status, "(payload): must be JSON data, not ModelMetaclass"),
        (
            StatePaid(kind="paid", cents=1),
            f"(payload): must be {SAMPLE}.Status or plain data, not a {SAMPLE}.StatePaid",
        ),
        (Status.model_construct(), "/message: is required"),
        (Status.model_construct(message=5), "/message: must be a string, not an integer"),
        (Status.model_construct(message=b"x"), "/message: must be JSON data, not bytes"),
        (
            Status.model_construct(message="x", percent=math.nan),
            "/percent: must be a finite number, not NaN or infinite",
        ),
        (Status.model_construct(message="x", percent=400), "/percent: must be at most 100"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(data: object, issue: str):
    assert refusal(CH.status, data) == [issue]


@pytest.mark.parametrize(
    ("ref", "data", "issue"),
    [
        (CH.open_thing, {"x": math.nan}, "/*: must be a finite number, not NaN or infinite"),
        (CH.open_thing, {"x": {"y": [-math.inf]}}, "/*/*/0: must be a finite number, not NaN or infinite"),
        (CH.open_thing, {"x": {1: 2}}, "/*: has a key that is not a plain str (int)"),
        (CH.open_thing, {"x": {1}}, "/*: must be JSON data, not set"),
        (CH.open_thing, {"class": True}, "/class: must be one of: 1, 2"),
        (CH.open_thing, Open(number=math.nan), "/number: must be a finite number, not NaN or infinite"),
        (
            CH.open_thing,
            Open.model_validate({"x": math.inf}),
            "/*: must be a finite number, not NaN or infinite",
        ),
        (CH.open_thing, Open.model_validate({"x": {1}}), "/*: must be JSON data, not set"),
        (
            CH.times,
            {"at": NOON},
            "/at: must be JSON data, not datetime: give its text (value.isoformat()), or the model",
        ),
        (CH.times, Times.model_construct(at="now"), None),
        (
            CH.times,
            Times.model_construct(at=NOON, text=b"x"),
            "(payload): must hold what Times declares: a field has another type",
        ),
        (CH.times, Times.model_construct(at=NOON.replace(tzinfo=None)), None),
        (
            CH.state,
            Status(message="x"),
            (
                f"(payload): must be {SAMPLE}.StatePaid or {SAMPLE}.StateShipped or plain data,"
                f" not a {SAMPLE}.Status"
            ),
        ),
        (CH.mixed, 5, "(payload): must be an object, a string or null, not an integer"),
        (CH.number, Level.INFO, "(payload): must be an integer, not a string"),
        (CH.plain, Count.TWO, "(payload): must be a string, not an integer"),
        (CH.anything, Plain.NAN, "(payload): must be a finite number, not NaN or infinite"),
        (
            CH.mixed,
            Status(message="x"),
            f"(payload): must be {SAMPLE}.StatePaid or plain data, not a {SAMPLE}.Status",
        ),
        (CH.items, Status(message="x"), f"(payload): must be plain data, not a model ({SAMPLE}.Status)"),
        (
            CH.items,
            [{"message": Status(message="x")}],
            f"/0/message: must be plain data, not a model ({SAMPLE}.Status); a model is published as a whole",
        ),
        (
            CH.items,
            [StatePaid(kind="paid", cents=1)],
            f"/0: must be plain data, not a model ({SAMPLE}.StatePaid); a model is published as a whole",
        ),
        (CH.items, [Status.model_construct(message=5)], None),
        (CH.by_name, {1: Times(at=NOON)}, "(payload): has a key that is not a plain str (int)"),
        (CH.by_name, {"k": Times.model_construct(at=NOON, text=b"x")}, None),
        (CH.counters, {"secret": "x"}, "/*: must be an integer, not a string"),
        (
            CH.counters,
            {"secret": Status(message="x")},
            f"/*: must be plain data, not a model ({SAMPLE}.Status); a model is published as a whole",
        ),
        (CH.number, 2**64 + 1, "(payload): must be an integer of at most 64 bits"),
        (CH.number, True, "(payload): must be an integer, not a boolean"),
        (CH.when, NOON.replace(tzinfo=None), None),
        (CH.when, date(2026, 1, 31), None),
        (CH.one, 2, "(payload): must be one of: 1, true, false"),
        (CH.nothing, 0, "(payload): must be null, not an integer"),
        (CH.anything, math.inf, "(payload): must be a finite number, not NaN or infinite"),
        (CH.anything, {"x"}, "(payload): must be JSON data, not set"),
        (
            CH.anything,
            {"a": Status(message="x")},
            f"/*: must be plain data, not a model ({SAMPLE}.Status); a model is published as a whole",
        ),
    ],
)
def test_topics_of_other_types_refuse_too(ref: TopicRef[..., str, Any], data: object, issue: str | None):
    found = refusal(ref, data)
    assert found
    assert issue is None or found == [issue]


def circular() -> dict[str, Any]:
    data: dict[str, Any] = {"message": "x"}
    data["note"] = [data]
    return data


def deep(levels: int) -> Any:
    data: Any = 1
    for _ in range(levels):
        data = [data]
    return data


@pytest.mark.parametrize("ref", [CH.status, CH.anything, CH.tree, CH.open_thing])
def test_circular_data_is_refused(ref: TopicRef[..., str, Any]):
    assert refusal(ref, circular()) == ["/note/0: contains itself"]


@pytest.mark.parametrize("levels", [300, 5_000, 200_000])
@pytest.mark.parametrize("ref", [CH.anything, CH.tree, CH.counters])
def test_too_deep_data_is_refused(ref: TopicRef[..., str, Any], levels: int):
    found = refusal(ref, deep(levels))
    assert [text.rpartition(": ")[2] for text in found] == ["is nested more than 254 deep"]


def test_deep_data_within_the_limit_is_encoded():
    assert load(CH.anything, encode(CH.anything, deep(200))) == deep(200)


def test_a_circular_or_very_deep_model_is_refused():
    node = Node.model_construct(label="x", children=[])
    cast("list[Node]", node.children).append(node)
    (issue,) = refusal(CH.node, node)
    assert issue.startswith("(payload): must be JSON data: the model contains itself")
    for _ in range(1000):
        node = Node.model_construct(label="x", children=[node])
    assert refusal(CH.node, node)


def test_a_mutated_model_is_caught_without_a_warning_that_shows_its_value():
    status = Status(message="x")
    status.__dict__["percent"] = "secret"
    assert refusal(CH.status, status) == ["/percent: must be an integer, not a string"]
    times = Times(at=NOON)
    times.__dict__["text"] = ["secret"]
    assert refusal(CH.times, times) == ["/text: must be a string, not an array"]


def test_a_model_without_its_inner_state_is_refused():
    assert refusal(CH.status, object.__new__(Status))


def test_a_subclass_of_the_topics_model_is_taken_where_the_schema_admits_what_it_adds():
    class More(Open):
        extra: int = 1

    class TooMuch(Status):
        extra: int = 1

    assert encode(CH.open_thing, More(gift_for="a")) == b'{"giftFor":"a","extra":1}'
    assert refusal(CH.status, TooMuch(message="x")) == ["/*: is not declared: 'extra'"]


def test_another_model_of_the_same_shape_is_refused():
    class Twin(BaseModel):
        message: str

    assert refusal(CH.status, Twin(message="x")) == [
        f"(payload): must be {SAMPLE}.Status or plain data, not a {__name__}.Twin"
    ]
    assert refusal(CH.items, [Twin(message="x")]) == [
        f"/0: must be plain data, not a model ({__name__}.Twin); a model is published as a whole"
    ]


def test_integers_that_a_model_loaded_from_a_float_are_sent_back_as_the_same_numbers():
    raw = b'{"list":[1e+20],"number":1e+300}'
    sent = encode(CH.open_thing, load(CH.open_thing, raw))
    assert sent.startswith(b'{"list":[100000000000000000000],"number":1000000000000000052504760')
    assert json.loads(sent) == json.loads(raw)
    assert refusal(CH.open_thing, Open(number=10**30)) == ["/number: must be an integer of at most 64 bits"]


def test_threads_that_publish_first_together_all_succeed():
    from tests.tightbeam.channels.channels_sample import AlertsChannel, alerts_channel

    declared = cast("Any", AlertsChannel.alert)
    declared.compiled = None
    found: list[bytes] = []
    gate = threading.Barrier(8)

    def publish() -> None:
        gate.wait()
        found.append(encode(alerts_channel.alert, Status(message="x")))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b'{"message":"x"}'] * 8


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ODD = st.sampled_from(
    [math.nan, math.inf, -math.inf, b"x", {1}, 2**64 + 1, "\ud800", Decimal(1), NOON, 1j, Text("x"), Point()]
)


@pytest.mark.slow
@given(JSON)
def test_any_json_comes_back_as_it_was(data: object):
    assert load(CH.anything, encode(CH.anything, data)) == data


@pytest.mark.slow
@given(
    st.recursive(
        ODD,
        lambda inner: st.lists(st.none() | inner, min_size=1) | st.dictionaries(st.text(), inner, min_size=1),
    )
)
def test_anything_with_something_odd_in_it_is_invalid_and_nothing_else(data: object):
    def odd(value: object) -> bool:
        if type(value) is list:
            return any(map(odd, value))
        if type(value) is dict:
            return any(map(odd, value.values()))
        return value is not None

    for ref in (CH.anything, CH.open_thing, CH.status, CH.counters):
        if odd(data):
            assert refusal(ref, data)
            assert refusal(ref, {"message": "x", "note": data})


def test_what_is_converted_for_json_is_looked_through_for_nonfinite_numbers():
    """The encoder would make null of them, where a schema allows everything."""
    made = dumping_encoder(lambda data: data, lambda _: True, may_hold_nonfinite=True)
    assert made({"a": None, "b": [1.5]}) == b'{"a":null,"b":[1.5]}'
    assert made({"a": [math.nan]}) is None
