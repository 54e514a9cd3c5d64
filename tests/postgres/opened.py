"""Open stores of one database, as many as a test asks for: each is to the others another process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

from tightbeam._engine.backends import backend_for
from tightbeam._engine.observing import ReadEnds
from tightbeam._engine.postgres.store import PostgresStore
from tightbeam._engine.records import EndedRun, Publish, Replaced
from tightbeam._engine.requests import MemoizePublish
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._hooks.info import CommitInfo
from tightbeam._hub.hub import Loops
from tightbeam._message import Envelope

__all__ = ["KEEPS", "Heard", "open_store", "publish_of"]

KEEPS = Retention(messages=100_000, age_us=30 * 24 * 3_600_000_000, size=1 << 30)


class Heard:
    """An `Outlet` that notes what it gets."""

    measures = False
    is_read = True

    def __init__(self) -> None:
        self.messages: list[Envelope] = []
        self.woken: list[str] = []
        self.ends: list[str] = []
        self.cancellations: list[str] = []
        self.losses: list[str] = []
        self.relayed: list[str] = []
        self.settlements: list[EndedRun] = []
        self.dated_before = 0
        """Which time live messages are dated before."""
        self.skipped: list[int] = []
        """The places up to which messages were passed over."""
        self.gaps: list[int] = []
        """The places right after which messages were dropped."""
        self.times_cut_off = 0
        """How often it was told that any run may have ended."""
        self.something = threading.Condition()

    def committed(self, commit: CommitInfo, /) -> None: ...

    def reserve(self, channel: str, at_least: int, last: Callable[[], int], /) -> int:
        return max(at_least, last())

    def release(self) -> None: ...

    def fan_out(self, committed: Sequence[Envelope], /, **_: Any) -> None:
        with self.something:
            self.messages += committed
            self.something.notify_all()

    def sent(self, committed: Sequence[Envelope], /) -> None: ...

    def settled(self, runs: Collection[str] | None, read: ReadEnds, /) -> None:
        with self.something:
            self.settlements += [] if runs is None else read(runs)
            self.something.notify_all()

    def live(self, envelopes: Sequence[Envelope], /, *, relayed: bool = False) -> Loops | None:
        if relayed:
            self.relayed += [envelope.data.decode() for envelope in envelopes]
        self.fan_out(envelopes)
        return None

    def wake(self, runs: Collection[str], /) -> None:
        self._note(self.woken, runs)

    def ended(self, runs: Collection[str] | None, /) -> None:
        self.times_cut_off += runs is None
        self._note(self.ends, runs or ())

    def cancelled(self, runs: Collection[str], /) -> None:
        self._note(self.cancellations, runs)

    def date_live_before(self, time_us: int, /) -> None:
        self.dated_before = time_us

    def skip(self, place: int, /) -> bool:
        if not self.is_read:
            self.skipped.append(place)
        return not self.is_read

    def missed(self, place: int, /) -> None:
        self.gaps.append(place)

    def lost(self, runs: Collection[str], /) -> None:
        self._note(self.losses, runs)

    def _note(self, noted: list[str], runs: Collection[str]) -> None:
        with self.something:
            noted += runs
            self.something.notify_all()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until what was noted is as expected."""
        with self.something:
            assert self.something.wait_for(happened, 20)


def open_store(
    address: str, *, lease: float = 15.0, outlet: Heard | None = None, schema: str = "tightbeam"
) -> PostgresStore:
    """Open a journal that may be open elsewhere, too."""
    store = backend_for(address, KEEPS, OnServer(schema, lease)).open(outlet or Heard())
    assert isinstance(store, PostgresStore)
    store.begin()
    return store


def publish_of(number: int, *, run: int = 1, channel: str = "ch") -> MemoizePublish:
    """Return the publish of a run's step; its number names the step."""
    publish = Publish(run, f"run{run}", "s", number, channel, "topic", b"{}", 0)
    return MemoizePublish(publish, f"s:{number}" if number else "s", Replaced(failed=False, counted=False))
