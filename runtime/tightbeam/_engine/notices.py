"""From the store to the scheduler: what has become of runs that is done by others than their executions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

__all__ = ["Notices", "Receiver"]


class Receiver(Protocol):
    """What is told of runs: a scheduler. Each method is called on any thread, and is quick."""

    def wake(self, runs: Collection[str], /) -> None:
        """Have runs go on for which steps wait that have ended; also look for runs that are due."""
        ...

    def ended(self, runs: Collection[str] | None, /) -> None:
        """Tell those who wait for runs that these have ended or are parked; None: any of them may have."""
        ...

    def cancelled(self, runs: Collection[str], /) -> None:
        """End the executions of runs that another process has cancelled, which is stored."""
        ...

    def lost(self, runs: Collection[str], /) -> None:
        """End the executions of runs that go on in another process, and store nothing of them."""
        ...


class Notices:
    """Hands on what a store says of runs to whichever scheduler there is."""

    def __init__(self) -> None:
        self._receiver: Receiver | None = None

    def connect(self, receiver: Receiver | None, /) -> None:
        """Have a scheduler told from now on, on the store's thread; None for none."""
        self._receiver = receiver

    def wake(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""
        if (receiver := self._receiver) is not None:
            receiver.wake(runs)

    def ended(self, runs: Collection[str] | None, /) -> None:
        """See `Outlet`."""
        if (receiver := self._receiver) is not None:
            receiver.ended(runs)

    def cancelled(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""
        if (receiver := self._receiver) is not None:
            receiver.cancelled(runs)

    def lost(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""
        if (receiver := self._receiver) is not None:
            receiver.lost(runs)
