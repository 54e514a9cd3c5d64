"""A model with typed formats and open places: what is no JSON is refused there too, not made into some."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {"at": {"type": "string", "format": "date-time"}, "data": True},
    "required": ["at"],
}
DEFINITIONS = {"x.channel.json": channel(event=EVENT, events={"type": "array", "items": EVENT})}

BAD = [
    pytest.param(math.nan, "must be a finite number", id="NaN"),
    pytest.param([-math.inf], "must be a finite number", id="infinite"),
    pytest.param(b"x", "must be JSON data, not bytes", id="bytes"),
    pytest.param({"a": {1}}, "must be JSON data, not set", id="set"),
    pytest.param({1: 2}, "has a key that is not a plain str", id="key"),
    pytest.param(Decimal("1.5"), "must be JSON data, not Decimal", id="decimal"),
    pytest.param(timedelta(1), "must be JSON data, not timedelta", id="timedelta"),
]


@pytest.mark.parametrize(("value", "reason"), BAD)
@pytest.mark.parametrize("key", ["data", "undeclared"])
def test_what_is_no_json_is_refused(key: str, value: object, reason: str, tmp_path: Path) -> None:
    module = compile_files(tmp_path, DEFINITIONS).module("x")
    event = module.Event.model_validate({"at": WHEN, key: value})
    with pytest.raises(InvalidPayload, match=reason) as caught:
        encode(module.x_channel.event, event)
    assert caught.value.issues[0].pointer.startswith("/data" if key == "data" else "/*")
    item = module.EventsItem.model_validate({"at": WHEN, key: value})
    with pytest.raises(InvalidPayload, match=reason):
        encode(module.x_channel.events, [item])


@pytest.mark.parametrize("value", [None, 1.5, "x", [1, {"a": None}], {"a": [True]}, {}])
def test_json_is_sent_as_it_is(value: object, tmp_path: Path) -> None:
    module = compile_files(tmp_path, DEFINITIONS).module("x")
    event = module.Event.model_validate({"at": WHEN, "data": value, "other": value})
    sent = load(module.x_channel.event, encode(module.x_channel.event, event))
    assert sent == event
    assert sent.at == WHEN
