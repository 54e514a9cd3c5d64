"""Integers over 64 bits: sent with every digit where a float holds them, refused otherwise."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.tightbeam_codegen.compiling import channel, errors
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, closed
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.encoders import decoded, encoded_again
from tightbeam._payload.load import load

BIG = 2**70
PLACES: dict[str, Any] = {
    "untyped": True,
    "integer": INTEGER,
    "number": {"type": "number"},
    "const": {"const": BIG},
    "enum": {"enum": [BIG, "a"]},
    "bounded": {"type": "integer", "maximum": BIG},
    "union": {"anyOf": [{"type": "string"}, {"type": "object"}, INTEGER]},
}


def test_a_large_integer_arrives_as_the_integer_that_it_is(compile_here: Compile) -> None:
    made = compile_here(
        {"x.channel.json": channel(**{name: closed(v=schema) for name, schema in PLACES.items()})}
    )
    assert errors(made) == []
    module = made.module("x")
    for name in PLACES:
        topic = getattr(module.x_channel, name)
        for payload in ({"v": BIG}, getattr(module, name.capitalize())(v=BIG)):
            raw = encode(topic, payload)
            assert raw == b'{"v":1180591620717411303424}'
            loaded = load(topic, raw)
            assert (loaded.v, type(loaded.v)) == (BIG, int)
            assert encode(topic, loaded) == raw


def test_so_it_does_inside_open_maps_and_lists(compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t={"type": "object"}, l={"type": "array"}, any=True)})
    ch = made.module("x").x_channel
    for topic, payload in ((ch.t, {"a": [BIG, -BIG]}), (ch.l, [{"a": BIG}]), (ch.any, BIG), (ch.any, [BIG])):
        assert repr(load(topic, encode(topic, payload))) == repr(payload)


@pytest.mark.parametrize("value", [BIG + 1, -BIG - 1, 10**30, 2**1024])
@pytest.mark.parametrize("name", ["untyped", "integer", "number"])
def test_one_that_readers_would_round_is_refused(name: str, value: int, compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t=closed(v=PLACES[name]))})
    topic, model = made.module("x").x_channel.t, made.module("x").T
    for payload in ({"v": value}, model(v=value)):
        with pytest.raises(InvalidPayload, match="/v: must be an integer of at most 64 bits"):
            encode(topic, payload)


def test_what_was_loaded_from_a_float_at_its_bound_is_sent_again(compile_here: Compile) -> None:
    """The validator is exact: the integer that Python makes of `1e300` is greater than 10^300."""
    made = compile_here({"x.channel.json": channel(t=closed(v={"type": "integer", "maximum": 1e300}))})
    topic = made.module("x").x_channel.t
    raw = encode(topic, {"v": 1e300})
    loaded = load(topic, raw)
    assert type(loaded.v) is int
    assert encode(topic, loaded) == encode(topic, {"v": loaded.v}) == raw


def test_beside_a_large_integer_what_is_wrong_is_named(compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t=closed(v=True, n=INTEGER))})
    with pytest.raises(InvalidPayload, match="/n: must be an integer, not a string") as refused:
        encode(made.module("x").x_channel.t, {"v": BIG, "n": "x"})
    assert "/v" not in str(refused.value)


@pytest.mark.parametrize("value", [BIG, BIG + 1, [{"a": -BIG}], {"a": 1.5, "b": 10**40, "c": "é"}, 2**64 - 1])
def test_what_is_relayed_keeps_its_digits(value: Any) -> None:
    text = encoded_again(value)
    assert repr(decoded(text)) == repr(decoded(text.decode())) == repr(value)


def test_more_digits_than_python_reads_are_a_float() -> None:
    assert decoded(b"1" * 300 + b"0" * 5) == pytest.approx(float("1" * 300 + "0" * 5))
    with pytest.raises(orjson.JSONDecodeError):
        decoded(b"NaN")
