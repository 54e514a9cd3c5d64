"""`kind: "run"` frames: what becomes of a run, told on the channels it published to."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import orjson

from tightbeam._engine.records import RunEnd, RunOutcome
from tightbeam._hub.hub import Hub
from tightbeam._message import Envelope
from tightbeam.gateway._frames import RUN_TOPIC

__all__ = ["RunTeller"]

_MAX_RUNS = 10_000
_RUNNING = b'{"status":"running"}'
_MAX_RESULT_BYTES = 524_288
_MAX_OUTCOMES = 10_000
_MAX_OUTCOME_BYTES = 16 * 1024 * 1024


class RunTeller:
    """Watches a hub; emits to ``(channel, "$run")``, which only gateways listen to."""

    def __init__(self, hub: Hub, tells: Callable[[str], bool], results: bool) -> None:
        """Begin to watch.

        Args:
            hub: whose messages.
            tells: whether runs are told on a channel of this name.
            results: whether the result of a completed run is told.
        """
        self._hub = hub
        self._tells = tells
        self._results = results
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, set[str]] = OrderedDict()
        self._last: OrderedDict[str, tuple[str, Envelope | None]] = OrderedDict()
        """The run that began last on each channel, and how it ended."""
        self._last_bytes = 0
        hub.witness = self.saw

    def saw(self, envelope: Envelope) -> None:
        """A run publishes: if it is its first message on that channel, it is running."""
        run_id = envelope.run_id
        if run_id is None or envelope.topic == RUN_TOPIC:
            return
        with self._lock:
            channels = self._runs.setdefault(run_id, set())
            if envelope.channel in channels:
                return
            channels.add(envelope.channel)
            while len(self._runs) > _MAX_RUNS:
                self._runs.popitem(last=False)
            self._remember(envelope.channel, run_id, None)
        if self._tells(envelope.channel):
            self._emit(envelope.channel, run_id, _RUNNING)

    def ended(self, end: RunEnd) -> None:
        """A run is over."""
        with self._lock:
            channels = self._runs.pop(end.run_id, set()) | end.channels
        data = outcome(end.completed, end.result if self._results else None)
        for channel in sorted(channels):
            if self._tells(channel):
                told = self._emit(channel, end.run_id, data)
                with self._lock:
                    if self._last.get(channel, (end.run_id,))[0] == end.run_id:
                        self._remember(channel, end.run_id, told)

    def needs_journal(self, channel: str) -> bool:
        """Whether a run is told on this channel whose end only the journal may know."""
        if not self._tells(channel):
            return False
        with self._lock:
            return channel not in self._last

    def outcome(self, channel: str, after_us: int, stored: RunOutcome | None) -> Envelope | None:
        """How the last run of a channel ended, for a reader that was away since that time.

        None if it hasn't ended, had before, or isn't to be told. ``stored`` is what the journal says, for a
        run that isn't known here: an earlier process may have executed it.
        """
        if not self._tells(channel):
            return None
        with self._lock:
            known = self._last.get(channel)
        if known is None and stored is not None:
            data = outcome(stored.completed, stored.result if self._results else None)
            known = stored.run_id, Envelope(channel, RUN_TOPIC, data, stored.run_id, None, stored.ended_us)
        told = known[1] if known is not None else None
        return told if told is not None and told.created_us > after_us else None

    def _remember(self, channel: str, run_id: str, told: Envelope | None) -> None:
        _, before = self._last.pop(channel, ("", None))
        self._last[channel] = run_id, told
        self._last_bytes += _size(told) - _size(before)
        while len(self._last) > _MAX_OUTCOMES or self._last_bytes > _MAX_OUTCOME_BYTES:
            _, (_, forgotten) = self._last.popitem(last=False)
            self._last_bytes -= _size(forgotten)

    def _emit(self, channel: str, run_id: str, data: bytes) -> Envelope:
        told = Envelope(channel, RUN_TOPIC, data, run_id, None, time.time_ns() // 1000)
        self._hub.emit(told)
        return told


def _size(told: Envelope | None) -> int:
    return len(told.data) if told is not None else 0


def outcome(completed: bool, result: bytes | None) -> bytes:
    """Return the data of the last frame of a run.

    A result that no frame can hold is told as null: the official hook keeps the result of the run before
    where a frame has none.

    Args:
        completed: whether the run did, or has failed.
        result: what it returned, as JSON; None if that isn't to be told.
    """
    if not completed:
        return b'{"status":"failed"}'
    if result is None:
        return b'{"status":"completed"}'
    if len(result) > _MAX_RESULT_BYTES:
        result = b"null"
    # Encoded again: what is in the journal may have been written by any JSON encoder.
    return b'{"status":"completed","result":' + orjson.dumps(orjson.loads(result)) + b"}"
