"""`kind: "run"` frames: the status of a run, published on the channels it publishes to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager

import orjson

from tightbeam._engine.records import EndedRun, StoredOutcome
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.info import MessageInfo, RunInfo
from tightbeam._message import Envelope, now_us
from tightbeam.gateway._frames import RUN_TOPIC

__all__ = ["RunStatusPublisher"]

_MAX_RUNS = 10_000
_RUNNING = b'{"status":"running"}'
_MAX_RESULT_BYTES = 524_288
_MAX_OUTCOMES = 10_000
_MAX_OUTCOME_BYTES = 16 * 1024 * 1024


class RunStatusPublisher(Hook):
    """Publishes the status of runs to ``(channel, "$run")``, which only gateways subscribe to.

    It hears of runs as a hook; where other processes execute some, too, as a `RunObserver` of all of them.
    """

    topic = RUN_TOPIC

    def __init__(
        self,
        publish: Callable[[Envelope], object],
        has_status: Callable[[str], bool],
        results: bool,
        observes: Callable[[], bool] = lambda: False,
    ) -> None:
        """Publish nothing yet: that begins when it is attached to a client's hooks.

        Args:
            publish: hands a frame to the subscribers there are now.
            has_status: whether the status of runs is published on a channel of this name.
            results: whether the result of a completed run is part of its last frame.
            observes: whether it is told of the runs of all processes, so that it needs no hook.
        """
        self._observes = observes
        self._publish = publish
        self._has_status = has_status
        self._results = results
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, set[str]] = OrderedDict()
        self._ended: OrderedDict[str, int] = OrderedDict()
        """When runs have ended of which messages may come late."""
        self._last: OrderedDict[str, tuple[str, Envelope | None]] = OrderedDict()
        """The run that began last on each channel, and its last frame once it has ended."""
        self._last_bytes = 0

    def sent(self, message: MessageInfo, /) -> None:
        """Publish that a run is running, before its first message on a channel."""
        if not (message.relayed or self._observes()):
            self.published(message.__envelope__)

    def published(self, envelope: Envelope, /) -> None:
        """Publish that a run is running, before its first message on a channel."""
        run_id, channel = envelope.run_id, envelope.channel
        if run_id is None:
            return
        with self._lock:
            if envelope.created_us < self._ended.get(run_id, 0):
                return  # it comes late: the run has ended, and wasn't retried before it was published
            channels = self._runs.setdefault(run_id, set())
            if channel in channels:
                return
            channels.add(channel)
            while len(self._runs) > _MAX_RUNS:
                self._runs.popitem(last=False)
            self._remember(channel, run_id, None)
        if self._has_status(channel):
            self._publish(_frame(channel, run_id, _RUNNING))

    @contextmanager
    def run(self, run: RunInfo, /) -> Generator[None]:
        """Publish how a run has ended, if it has, on all channels that it published to."""
        try:
            yield
        finally:
            if run.outcome in ("completed", "failed", "cancelled") and not self._observes():
                state = "done" if run.outcome == "completed" else run.outcome
                self.ended(EndedRun(run.run_id, state, run.result, run.channels))

    def ended(self, end: EndedRun, /) -> None:
        """Publish how a run has ended."""
        with self._lock:
            channels = self._runs.pop(end.run_id, set()) | end.channels
            if end.ended_us:
                self._ended[end.run_id] = end.ended_us
                self._ended.move_to_end(end.run_id)
                while len(self._ended) > _MAX_RUNS:
                    self._ended.popitem(last=False)
        data = last_status(end.state, end.result if self._results else None)
        for channel in sorted(channels):
            if self._has_status(channel):
                frame = _frame(channel, end.run_id, data)
                self._publish(frame)
                with self._lock:
                    if self._last.get(channel, (end.run_id,))[0] == end.run_id:
                        self._remember(channel, end.run_id, frame)

    def unfinished(self) -> dict[str, frozenset[str]]:
        """See `RunObserver`."""
        with self._lock:
            return {run_id: frozenset(channels) for run_id, channels in self._runs.items()}

    def forget_ends(self) -> None:
        """See `RunObserver`: the journal tells readers that come later."""
        with self._lock:
            self._last.clear()
            self._last_bytes = 0

    def needs_journal(self, channel: str) -> bool:
        """Tell whether only the journal may know how the last run of a channel with run status ended."""
        if not self._has_status(channel):
            return False
        with self._lock:
            return channel not in self._last

    def outcome(self, channel: str, after_us: int, stored: StoredOutcome | None) -> Envelope | None:
        """Return the last frame of a channel's last run, for a reader that was away.

        Args:
            channel: the channel's name.
            after_us: since when the reader was away.
            stored: how the run ended by the journal: an earlier process may have executed it.

        Returns:
            None if it hasn't ended, had ended before, or has no status on this channel.
        """
        if not self._has_status(channel):
            return None
        with self._lock:
            known = self._last.get(channel)
        if known is None and stored is not None:
            data = last_status(stored.state, stored.result if self._results else None)
            known = stored.run_id, Envelope(channel, RUN_TOPIC, data, stored.run_id, None, stored.ended_us)
        frame = known[1] if known is not None else None
        return frame if frame is not None and frame.created_us > after_us else None

    def _remember(self, channel: str, run_id: str, frame: Envelope | None) -> None:
        _, before = self._last.pop(channel, ("", None))
        self._last[channel] = run_id, frame
        self._last_bytes += _size(frame) - _size(before)
        while len(self._last) > _MAX_OUTCOMES or self._last_bytes > _MAX_OUTCOME_BYTES:
            _, (_, forgotten) = self._last.popitem(last=False)
            self._last_bytes -= _size(forgotten)


def _frame(channel: str, run_id: str, data: bytes) -> Envelope:
    return Envelope(channel, RUN_TOPIC, data, run_id, None, now_us())


def _size(frame: Envelope | None) -> int:
    return len(frame.data) if frame is not None else 0


def last_status(state: str, result: bytes | None) -> bytes:
    """Return the data of the last frame of a run.

    A result that no frame can hold becomes null: the official hook keeps the result of the run before where a
    frame has none.

    Args:
        state: how the run has ended: ``"done"``, ``"failed"`` or ``"cancelled"``.
        result: its result as JSON; None if that isn't to be published.
    """
    if state != "done":
        return b'{"status":"%s"}' % state.encode()
    if result is None:
        return b'{"status":"completed"}'
    if len(result) > _MAX_RESULT_BYTES:
        result = b"null"
    # Encoded again: what is in the journal may have been written by any JSON encoder.
    return b'{"status":"completed","result":' + orjson.dumps(orjson.loads(result)) + b"}"
