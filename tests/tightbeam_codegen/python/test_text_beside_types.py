"""Text of the typed formats beside values of their types: sent as it was given, or refused at its place."""

from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode

ID: dict[str, Any] = {"type": "string", "format": "uuid"}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
ITEM: dict[str, Any] = {"type": "object", "properties": {"id": ID, "at": TIME}, "required": ["id"]}
ONE = UUID(int=1)
UPPER = "2EB8AA08-AA98-11EA-B4AA-73B441D16380"
BARE = "2eb8aa08aa9811eab4aa73b441d16380"
"""Which Pydantic takes for a UUID, and JSON Schema doesn't."""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    lists = {
        name: {"type": "array", "items": item}
        for name, item in (("ids", ID), ("times", TIME), ("items", ITEM))
    }
    topics = channel(id=ID, by_name={"type": "object", "additionalProperties": ID}, **lists)
    return compile_files(tmp_path_factory.mktemp("texts"), {"x.channel.json": topics}).module("x")


def test_text_is_sent_as_it_was_given(module: ModuleType) -> None:
    ch = module.x_channel
    assert encode(ch.ids, [ONE, UPPER]) == f'["{ONE}","{UPPER}"]'.encode()
    assert encode(ch.by_name, {"a": UPPER, "b": ONE}) == f'{{"a":"{UPPER}","b":"{ONE}"}}'.encode()
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    text = "2026-01-02T12:00:00.123456789+00:00"
    assert encode(ch.times, [noon, text]) == f'["2026-01-02T12:00:00Z","{text}"]'.encode()
    mixed = [module.ItemsItem(id=ONE), {"id": UPPER, "at": text}]
    assert encode(ch.items, mixed) == f'[{{"id":"{ONE}"}},{{"id":"{UPPER}","at":"{text}"}}]'.encode()


@pytest.mark.parametrize(
    ("topic", "value", "place"),
    [
        ("id", BARE, ""),
        ("ids", [BARE], "/0"),
        ("ids", [ONE, BARE], "/1"),
        ("by_name", {"a": BARE, "b": ONE}, "/*"),
        ("items", [{"id": ONE}, {"id": BARE}], "/1/id"),
        ("times", [datetime(2026, 1, 2, tzinfo=UTC), "1"], "/1"),
        ("times", ["2026-01-02 12:00:00Z"], "/0"),
    ],
)
def test_what_only_pydantic_takes_is_refused(
    topic: str, value: object, place: str, module: ModuleType
) -> None:
    with pytest.raises(InvalidPayload) as caught:
        encode(getattr(module.x_channel, topic), value)
    assert [issue.pointer for issue in caught.value.issues] == [place]
