"""What waits for the log at the gate of live messages, and how long; also where a call there fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import pytest

from tightbeam._engine.postgres import live
from tightbeam._engine.postgres.live import LiveGate
from tightbeam._engine.postgres.notifications import LiveBatch
from tightbeam._engine.postgres.places import place_at
from tightbeam._engine.store import Outlet
from tightbeam._message import Envelope


class Texts:
    """What an `Outlet` is handed, as texts."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        assert not own
        self.got += [envelope.data.decode() for envelope in committed]

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> None:
        assert not relayed
        self.got += [envelope.data.decode() for envelope in envelopes]


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def gate(texts: Texts) -> LiveGate:
    return LiveGate(cast(Outlet, texts))


def message(text: str, xid: int | None = None) -> Envelope:
    return Envelope("ch", "topic", text.encode(), None, None, 1, None if xid is None else place_at(xid, 1))


def receive(gate: LiveGate, text: str, after: int) -> None:
    batch = LiveBatch(1, after, [message(text)])
    gate.receive(batch, batch.messages)


def fail() -> None:
    raise ConnectionAbortedError


def test_what_fails_while_it_is_called_is_no_longer_waited_for(gate: LiveGate, texts: Texts) -> None:
    gate.call_behind(fail)
    with pytest.raises(ConnectionAbortedError):
        gate.release(5, time.monotonic())
    assert gate.waits_for == 0
    assert gate.seconds_left() is None
    gate.publish(message("live"), relayed=False)
    gate.fan_out([message("stored", 7)])
    gate.release(8, time.monotonic())
    assert texts.got == ["live", "stored"]


def test_what_fails_takes_nothing_with_it_that_waits_behind_it(gate: LiveGate, texts: Texts) -> None:
    gate.call_behind(fail, 1, after=5)
    receive(gate, "behind", 6)
    with pytest.raises(ConnectionAbortedError):
        gate.release(9, time.monotonic())
    gate.release(9, time.monotonic())
    assert texts.got == ["behind"]


def test_a_page_of_the_log_that_comes_late_takes_what_has_waited_between_its_messages(
    gate: LiveGate, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_PATIENCE", 0.0)
    receive(gate, "behind 5", 5)
    receive(gate, "behind 6", 6)
    gate.fan_out([message("5", 5), message("6", 6)])
    gate.release(7, time.monotonic())
    assert texts.got == ["5", "behind 5", "6", "behind 6"]


def test_what_has_waited_for_long_enough_comes_out_by_a_look_at_the_log_that_began_then(
    gate: LiveGate, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_PATIENCE", 0.0)
    receive(gate, "behind 5", 5)
    gate.release(4, time.monotonic() - 60)
    assert texts.got == []
    gate.release(4, time.monotonic())
    assert texts.got == ["behind 5"]
