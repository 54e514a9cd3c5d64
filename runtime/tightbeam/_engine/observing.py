"""What shows runs to people in this process, though other processes may execute them: a gateway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from tightbeam._engine.records import EndedRun
from tightbeam._message import Address, Envelope

__all__ = ["Observers", "ReadEnds", "RunObserver"]

ReadEnds = Callable[[Collection[str]], Sequence[EndedRun]]
"""Reads from the store how runs have ended; runs that haven't are left out."""


class RunObserver(Protocol):
    """Is told of the runs of all processes that share a journal; on the store's thread, and quick."""

    @property
    def topic(self) -> str:
        """The topic under which it shows runs on their channels."""
        ...

    def published(self, envelope: Envelope, /) -> None:
        """Note a message that names a run, just before it is handed on."""
        ...

    def ended(self, end: EndedRun, /) -> None:
        """Note that a run has ended; its messages have been handed on."""
        ...

    def unfinished(self) -> Mapping[str, Collection[str]]:
        """Return the runs that aren't known to have ended, with the channels that they published on."""
        ...

    def forget_ends(self) -> None:
        """Forget how runs ended: one has that isn't told of, since there is no reader."""
        ...


class Observers:
    """All observers of one engine."""

    def __init__(self, has_readers: Callable[[str], bool], has_reader: Callable[[Address], bool]) -> None:
        """Begin with none.

        Args:
            has_readers: whether anyone reads a topic, on whatever channel.
            has_reader: whether anyone reads a topic of a channel.
        """
        self._has_readers = has_readers
        self._has_reader = has_reader
        self._observers: tuple[RunObserver, ...] = ()

    def add(self, observer: RunObserver) -> None:
        """Tell an observer from now on."""
        self._observers = (*self._observers, observer)

    @property
    def are_there(self) -> bool:
        """Whether there is any."""
        return bool(self._observers)

    def published(self, envelopes: Sequence[Envelope]) -> None:
        """Tell of messages that are handed on next."""
        for observer in self._observers:
            for envelope in envelopes:
                if envelope.run_id is not None:
                    observer.published(envelope)

    def settled(self, runs: Collection[str] | None, read: ReadEnds) -> None:
        """Tell of runs that have ended, or are parked.

        Args:
            runs: their ids; None for those that are known to be unfinished and have readers: some may have
                ended.
            read: reads how they ended.
        """
        for observer in self._observers:
            ids = self._unfinished(observer) if runs is None else runs
            if not ids:
                continue
            if runs is not None and not self._has_readers(observer.topic):
                observer.forget_ends()
                continue
            for end in read(ids):
                observer.ended(end)

    def _unfinished(self, observer: RunObserver) -> list[str]:
        return [
            run_id
            for run_id, channels in observer.unfinished().items()
            if any(self._has_reader((channel, observer.topic)) for channel in channels)
        ]
