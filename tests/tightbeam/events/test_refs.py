"""References to events, schedules, and what joins them."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tightbeam.events.samples import (
    Upload,
    deleted_event,
    ping_event,
    restored_event,
    upload_event,
)
from tightbeam._events.cron import cron
from tightbeam._events.refs import EventRef, Trigger, sources_of
from tightbeam._events.sending import SendOptions
from tightbeam._function_options import FunctionOptions
from tightbeam._message import time_of
from tightbeam.errors import EngineError, OutdatedBindings

DAILY = cron("0 9 * * *", tz="Europe/Berlin")


def test_a_reference_says_what_may_be_sent() -> None:
    assert (upload_event.name, upload_event.payload_type) == ("app/upload", Upload)
    assert (ping_event.name, ping_event.payload_type) == ("app/ping", None)
    assert upload_event.__topic__.compile() is upload_event.__topic__.compile()
    assert repr(upload_event) == "<EventRef 'app/upload'>"


@pytest.mark.parametrize("trigger", [upload_event, ping_event, DAILY, upload_event | DAILY], ids=repr)
def test_triggers_are_values(trigger: Trigger[..., Any, Any]) -> None:
    """They can be copied and pickled, and nothing changes them."""
    for again in (copy.copy(trigger), copy.deepcopy(trigger), pickle.loads(pickle.dumps(trigger))):
        assert sources_of(again) == sources_of(trigger)
    with pytest.raises(AttributeError, match="is immutable"):
        trigger.name = "x"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="is immutable"):
        del trigger.name  # type: ignore[attr-defined]


def test_equal_references() -> None:
    assert upload_event != restored_event
    assert upload_event != "app/upload"
    assert cron("0 9 * * *", tz="Europe/Berlin") == DAILY
    assert len({DAILY, cron("0 9 * * *"), upload_event, copy.copy(upload_event)}) == 3


def test_joining_keeps_the_order_and_drops_repeats() -> None:
    either = upload_event | deleted_event | DAILY | (deleted_event | upload_event)
    assert sources_of(either) == (upload_event, deleted_event, DAILY)
    assert repr(either) == (
        "<EventRef 'app/upload'> | <EventRef 'app/deleted'> | cron('0 9 * * *', tz='Europe/Berlin')"
    )
    assert sources_of(upload_event) == (upload_event,)


@pytest.mark.parametrize("other", ["app/upload", None, 5, Upload])
def test_only_triggers_are_joined(other: Any) -> None:
    with pytest.raises(TypeError):
        upload_event | other  # pyright: ignore[reportUnusedExpression]  # it raises


@pytest.mark.parametrize("arguments", [(5, "UTC"), ("0 9 * * *", None)])
def test_a_schedule_is_text(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="is text, not"):
        cron(arguments[0], tz=arguments[1])


def test_an_event_that_its_schemas_dont_have() -> None:
    ref: EventRef[..., str, Any] = EventRef(type(upload_event.__topic__)("app/x", Upload, __name__))
    with pytest.raises(OutdatedBindings, match="it holds no schemas"):
        ref.__topic__.compile()
    schemas = upload_event.__topic__.schemas
    ref = EventRef(type(upload_event.__topic__)("app/x", Upload, schemas))
    with pytest.raises(OutdatedBindings, match="it has no schema for event 'app/x'"):
        ref.__topic__.compile()


def test_send_options() -> None:
    assert SendOptions.of({}) == SendOptions.of({"id": None, "delay": None, "at": None}) == SendOptions()
    assert SendOptions.of({"id": "a", "at": time_of(5)}) == SendOptions("a", 5, dated=True)
    assert not SendOptions.of({"delay": timedelta(days=1)}).dated


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"id": 5}, TypeError),
        ({"delay": 5}, TypeError),
        ({"at": "now"}, TypeError),
        ({"delay": timedelta(1), "at": datetime.now(UTC)}, TypeError),
        ({"id": ""}, ValueError),
        ({"delay": timedelta(-1)}, ValueError),
        ({"at": datetime(2030, 1, 1)}, ValueError),  # noqa: DTZ001 - what is refused
    ],
)
def test_wrong_send_options(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        SendOptions.of(given)


def test_an_unknown_send_option() -> None:
    with pytest.raises(TypeError, match="send has no option 'ids'; there are: id, delay, at"):
        SendOptions.of({"ids": "a"})


@pytest.mark.parametrize("options", [{"retries": -1}, {"retries": "3"}, {"concurrency": 0}])
def test_wrong_function_options(options: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match='function "f": '):
        FunctionOptions(**options).check("f")
