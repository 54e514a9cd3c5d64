"""What waits for the log at the gate of live messages: also where something that is called there fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

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


def fail() -> None:
    raise ConnectionAbortedError


def test_what_fails_while_it_is_called_is_no_longer_waited_for(gate: LiveGate, texts: Texts) -> None:
    gate.call_behind(fail)
    with pytest.raises(ConnectionAbortedError):
        gate.release(5)
    assert gate.waits_for == 0
    assert gate.seconds_left() is None
    gate.publish(message("live"), relayed=False)
    gate.fan_out([message("stored", 7)])
    gate.release(8)
    assert texts.got == ["live", "stored"]


def test_what_fails_takes_nothing_with_it_that_waits_behind_it(gate: LiveGate, texts: Texts) -> None:
    gate.call_behind(fail, 1, after=5)
    batch = LiveBatch(1, 6, [message("behind")])
    gate.receive(batch, batch.messages)
    with pytest.raises(ConnectionAbortedError):
        gate.release(9)
    gate.release(9)
    assert texts.got == ["behind"]
