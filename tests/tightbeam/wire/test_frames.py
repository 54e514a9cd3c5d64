"""What is read of a frame, whatever is in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from tightbeam._message import Envelope
from tightbeam._wire.frames import Unreadable, message_of, read_frame

WANTED = {("c", "t")}


def read(raw: bytes) -> Envelope | None:
    return message_of(read_frame(raw), WANTED)


def data_frame(**more: Any) -> bytes:
    return json.dumps({"kind": "data", "data": 1, "channel": "c", "topic": "t", **more}).encode()


def nested(depth: int) -> bytes:
    return b'{"kind":"data","channel":"c","topic":"t","data":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it isn't JSON"),
        (b"{", "it isn't JSON"),
        (b"[1]", "it isn't a JSON object"),
        (b"null", "it isn't a JSON object"),
        (b'{"kind":"\xff"}', "it isn't UTF-8"),
        (b'{"kind":"data","data":1e400}', "it holds a number that isn't finite"),
        (b'{"kind":"data","data":NaN}', "it holds a number that isn't finite"),
        (b'{"kind":"data","data":[-Infinity]}', "it holds a number that isn't finite"),
        (nested(200_000), "it is nested too deeply"),
    ],
)
def test_a_frame_that_can_not_be_read_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(raw)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "depth", [200, 253, 254, 255, 500, 900, 990, 1_000, 1_020, 1_023, 1_024, 1_100, 5_000]
)
def test_a_frame_is_read_or_not_however_deep_it_is(depth: int) -> None:
    """The decoders and the encoders have bounds of their own, between 254 levels and some thousands."""
    envelope: Envelope | None = None
    with contextlib.suppress(Unreadable):
        envelope = read(nested(depth))
    if depth <= 500 or envelope is not None:
        assert envelope is not None
        assert envelope.data == b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"kind":"data"}',
        data_frame(kind="ping"),
        data_frame(kind=["data"]),
        data_frame(channel="other"),
        data_frame(channel=["c"]),
        data_frame(channel=None),
        data_frame(topic="other"),
        data_frame(topic={}),
        b'{"kind":"data","channel":"c","topic":"t"}',
    ],
)
def test_a_frame_without_a_message_that_is_wanted(raw: bytes) -> None:
    assert read(raw) is None


@pytest.mark.parametrize(
    "created_at", ["yesterday", None, 5, "2026-11-22T05:40:30", "9999-12-31T23:59:59-12:00", {}]
)
def test_what_is_odd_beside_the_data_is_left_out(created_at: object) -> None:
    for metadata in ([1], {"id": 5}, {"id": ["x"]}, None, "x"):
        envelope = read(data_frame(run_id=5, created_at=created_at, metadata=metadata, new=1))
        assert envelope is not None
        assert (envelope.run_id, envelope.id, envelope.seq) == (None, None, None)
        assert envelope.created_at.year == 1970


def test_of_a_key_that_is_there_twice_the_last_value_counts() -> None:
    for number in ("1", "12345678901234567890123"):  # two decoders
        twice = f'"kind":"ping","kind":"data","data":{number},"data":2'
        raw = f'{{{twice},"channel":"c","topic":"t"}}'
        envelope = read(raw.encode())
        assert envelope is not None
        assert envelope.data == b"2"


@pytest.mark.parametrize("text", ["12345678901234567890123", "-9223372036854775809", "1.0", '"\\ud800"'])
def test_data_stays_what_it_was(text: str) -> None:
    envelope = read(f'{{"kind":"data","channel":"c","topic":"t","data":{text}}}'.encode())
    assert envelope is not None
    assert repr(json.loads(envelope.data)) == repr(json.loads(text))


def test_metadata_travels_beside_the_data() -> None:
    envelope = read(data_frame(metadata={"id": "r:p:0", "trace": "x"}, run_id="r"))
    assert envelope is not None
    assert (envelope.id, envelope.run_id, envelope.metadata) == ("r:p:0", "r", b'{"id":"r:p:0","trace":"x"}')
