"""An optional property whose default is null: None on the model, and what is sent is what was said."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

MAYBE: dict[str, Any] = {"type": ["string", "null"], "default": None}
TIP: dict[str, Any] = {
    "type": "object",
    "properties": {"note": MAYBE, "at": {"type": "string", "format": "date-time"}},
    "additionalProperties": False,
}
OPEN: dict[str, Any] = {"type": "object", "properties": {"photoUrl": MAYBE, "count": {"type": "integer"}}}


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    topics = channel(tip=TIP, open=OPEN, tips={"type": "array", "items": TIP}, either={"anyOf": [TIP, OPEN]})
    return compile_files(tmp_path, {"x.channel.json": topics}).module("x")


def test_what_the_constructor_was_told_is_sent(module: ModuleType) -> None:
    ref = module.x_channel.open
    assert (module.Open().photo_url, module.Open(photo_url=None).photo_url) == (None, None)
    assert encode(ref, module.Open()) == b"{}"
    assert encode(ref, module.Open(photo_url=None)) == b'{"photoUrl":null}'
    assert encode(ref, module.Open(photo_url="x", count=2)) == b'{"photoUrl":"x","count":2}'
    assert encode(ref, module.Open(count=None)) == b"{}"


CHANGES: list[Callable[[Any], Any]] = [
    lambda model: model.model_copy(),
    lambda model: model.model_copy(deep=True),
    lambda model: pickle.loads(pickle.dumps(model)),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("sent", [b"{}", b'{"photoUrl":null}', b'{"photoUrl":"x"}'])
def test_a_copy_says_the_same(change: Callable[[Any], Any], sent: bytes, module: ModuleType) -> None:
    ref = module.x_channel.open
    assert encode(ref, change(load(ref, sent))) == sent


def test_a_change_of_a_copy_is_sent(module: ModuleType) -> None:
    ref = module.x_channel.open
    assert encode(ref, module.Open().model_copy(update={"photo_url": None})) == b'{"photoUrl":null}'


@pytest.mark.parametrize("sent", [b"[{}]", b'[{"note":null},{"note":"x"},{}]'])
def test_within_a_list(sent: bytes, module: ModuleType) -> None:
    ref = module.x_channel.tips
    assert encode(ref, load(ref, sent)) == sent


def test_with_a_typed_format_beside_it(module: ModuleType) -> None:
    ref = module.x_channel.tip
    sent = b'{"at":"2026-01-02T03:04:05Z"}'
    assert encode(ref, load(ref, sent)) == sent
    assert encode(ref, load(ref, b'{"note":null,"at":"2026-01-02T03:04:05Z"}')).startswith(b'{"note":null,')


@pytest.mark.parametrize("sent", [b'{"gift":null}', b'{"photo_url":1}', b'{"photoUrl":"x","photo_url":null}'])
def test_an_extra_called_like_the_field_is_an_extra(sent: bytes, module: ModuleType) -> None:
    ref = module.x_channel.open
    assert encode(ref, load(ref, sent)) == sent


def test_a_refused_model_is_judged_by_what_would_be_sent(module: ModuleType) -> None:
    bad = module.Open.model_construct(photo_url=5)
    with pytest.raises(InvalidPayload, match="/photoUrl: must be a string or null"):
        encode(module.x_channel.open, bad)


def test_a_users_own_default_is_sent(module: ModuleType) -> None:
    class Versioned(module.Open):  # type: ignore[name-defined, misc]  # made at run time
        version: int = 2

    assert encode(module.x_channel.open, Versioned(count=1)) == b'{"photoUrl":null,"count":1,"version":2}'
