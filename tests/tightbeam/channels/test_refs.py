"""Channels, references and messages as objects."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

import tightbeam
from generated.orders import orders_channel
from tests.tightbeam.channels.channels_sample import (
    AlertsChannel,
    SampleChannel,
    Status,
    alerts_channel,
    sample_channel,
)
from tightbeam._channels.refs import Message, TopicRef, TopicSpec, topics
from tightbeam._codegen import v1
from tightbeam.errors import InvalidParam

CH = sample_channel(sample_id="u1", n=3)


def test_a_reference_says_where_and_what():
    assert (CH.name, CH.status.channel, CH.status.topic) == ("sample:u1:3", "sample:u1:3", "status")
    assert CH.status.payload_type is Status
    assert CH.open_thing.topic == "open-thing"
    assert repr(CH) == "<SampleChannel 'sample:u1:3'>"
    assert repr(CH.status) == "<TopicRef 'status' of SampleChannel 'sample:u1:3'>"


def test_references_are_made_once_for_a_channel():
    assert CH.status is CH.status
    assert CH.status is topics(CH)["status"]


def test_all_topics_by_wire_name_in_the_order_of_the_definition():
    found = topics(sample_channel(sample_id="x", n=1))
    assert list(found)[:3] == ["status", "open-thing", "times"]
    assert all(isinstance(ref, TopicRef) and ref.topic == name for name, ref in found.items())


def test_on_the_class_a_topic_is_its_declaration():
    declared = cast("object", SampleChannel.status)
    assert isinstance(declared, TopicSpec)
    assert repr(declared) == "<topic 'status' of SampleChannel>"


def test_channels_are_equal_by_class_and_name():
    again = sample_channel(sample_id="u1", n=3)
    assert again == CH
    assert hash(again) == hash(CH)
    assert again.status == CH.status
    assert hash(again.status) == hash(CH.status)
    assert again is not CH


@pytest.mark.parametrize("other", [sample_channel(sample_id="u2", n=3), alerts_channel, "sample:u1:3", None])
def test_channels_differ_by_name_and_class(other: object):
    assert other != CH


@pytest.mark.parametrize("other", [CH.open_thing, sample_channel(sample_id="u2", n=3).status, "status", None])
def test_references_differ_by_channel_and_topic(other: object):
    assert other != CH.status


@pytest.mark.parametrize("thing", [CH, CH.status])
def test_channels_and_references_are_immutable(thing: Any):
    for name in ("name", "topic", "status", "new"):
        with pytest.raises(AttributeError, match="is immutable"):
            setattr(thing, name, 1)
        with pytest.raises(AttributeError, match="is immutable"):
            delattr(thing, name)


def test_an_unknown_topic_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nowhere"):
        cast("Any", CH).nowhere  # noqa: B018  # the look-up is what fails


@pytest.mark.parametrize("thing", [CH, CH.status, alerts_channel])
def test_copies_and_pickles_are_equal(thing: object):
    for other in (pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)):
        assert other == thing
        assert type(other) is type(thing)


def test_threads_get_one_reference():
    fresh = sample_channel(sample_id="threads", n=1)
    found: list[object] = []
    gate = threading.Barrier(8)

    def look() -> None:
        gate.wait()
        found.append(fresh.status)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_parameters_of_a_channel():
    assert tightbeam.channel_params(CH) == {"sampleId": "u1", "n": 3}
    assert tightbeam.channel_params(alerts_channel) == {}


def test_a_channel_from_its_name():
    assert tightbeam.channel_from_name(SampleChannel, "sample:u1:3") == CH
    assert tightbeam.channel_from_name(AlertsChannel, "alerts") == alerts_channel


@pytest.mark.parametrize(
    "name", ["sample:u1", "sample:u1:x", "alerts", "sample::3", f"sample:{'x' * 21}:3", "sample:u1:-1"]
)
def test_a_name_that_does_not_fit_is_refused(name: str):
    with pytest.raises(InvalidParam):
        tightbeam.channel_from_name(SampleChannel, name)


@pytest.mark.parametrize(
    ("sample_id", "n", "words"),
    [
        ("a:b", 1, "'sampleId' of channel 'sample:{sampleId}:{n}' must not contain the separator ':'"),
        ("", 1, "'sampleId' of channel 'sample:{sampleId}:{n}' must not be empty"),
        ("x" * 21, 1, "'sampleId' of channel 'sample:{sampleId}:{n}' must have at most 20 characters"),
        ("x", -1, "'n' of channel 'sample:{sampleId}:{n}' must be at least 0"),
        ("x", True, "'n' of channel 'sample:{sampleId}:{n}' must be an integer, not bool"),
    ],
)
def test_a_parameter_is_checked_against_its_schema(sample_id: str, n: int, words: str):
    with pytest.raises(InvalidParam) as caught:
        sample_channel(sample_id=sample_id, n=n)
    assert str(caught.value) == f"parameter {words}"


def test_the_value_of_a_parameter_is_not_in_the_error():
    with pytest.raises(InvalidParam) as caught:
        sample_channel(sample_id="secret" * 5, n=1)
    assert "secret" not in str(caught.value)


def test_a_message_is_frozen_and_comparable():
    def message() -> Message[str, int]:
        return Message("c", "t", 1, None, None, datetime(2026, 1, 31, tzinfo=UTC), None)

    assert message() == message()
    assert pickle.loads(pickle.dumps(message())) == message()
    with pytest.raises(AttributeError):
        message().data = 2  # type: ignore[misc]  # frozen


def test_a_wrong_template_is_refused_when_the_class_is_made():
    with pytest.raises(ValueError, match="placeholder 'x' has no parameter"):

        class Wrong(v1.Channel[Any], template="a:{x}", params={}, schemas="nowhere"):
            pass


def test_importing_and_opening_builds_no_validator():
    code = """
import sys
from tests.tightbeam.channels.channels_sample import SampleChannel, Status, alerts_channel
alerts_channel.alert
assert "tests.tightbeam.channels._schemas.alerts" not in sys.modules
assert SampleChannel.status.compiled is None
assert not Status.__pydantic_complete__
foreign = {"tightbeam_codegen", "typer", "rich", "jinja2", "jsonschema", "datamodel_code_generator", "yaml"}
assert not foreign & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_who_looks_a_topic_up_at_the_same_time_gets_the_same_reference():
    """As two threads do that both find none kept yet."""
    channel = sample_channel(sample_id="u2", n=1)
    status = type(channel).__tightbeam__.topics["status"]
    assert status.ref(channel) is status.ref(channel) is channel.status


def test_a_parameter_may_be_of_a_kind_of_str():
    class Region(str):
        __slots__ = ()

    assert orders_channel(region=Region("eu"), order_id=1).name == "orders:eu:1"  # type: ignore[arg-type]  # any str
    with pytest.raises(InvalidParam, match="must be one of: eu, us"):
        orders_channel(region=Region("mars"), order_id=1)  # type: ignore[arg-type]  # as above
