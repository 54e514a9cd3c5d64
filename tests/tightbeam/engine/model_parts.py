"""What the model of the engine is made of: runs that do what they are told, and subscriptions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.tightbeam.engine.samples import job_channel

__all__ = ["AGAIN", "BOUND", "CHANNELS", "HOURS", "RETRIES", "AsTold", "Command", "Driver", "Reader"]

RETRIES = 2
HOURS = 4
"""How long a run may take."""
CHANNELS = tuple(job_channel(job_id=f"j{n}") for n in range(2))
BOUND = 30.0
AGAIN = -1
"""What is passed when a command is done once more."""


class AsTold(Exception):
    """A failure that is part of the history."""


@dataclass(eq=False)
class Command:
    """One thing for a run to do, and what came of it."""

    kind: str
    id: str = ""
    n: int = 0
    channel: int = 0
    count: int = 1
    turns: int = 0
    stored_as: str = ""
    """The id of a step that has failed."""
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False)
class Driver:
    """One run, as it is meant to be."""

    key: int
    run_id: str = ""
    script: list[Command] = field(default_factory=list)
    state: str = "active"
    attempt: int = 0
    deaths: int = 0
    steps: dict[str, Any] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    """The steps that took too long, whatever was tried."""
    failing: set[str] = field(default_factory=set)
    """Those of them that are tried again, since the run is."""
    is_trying: bool = False
    """Whether it is in a step that will take too long; if it begins anew, that was an attempt."""
    begun: int = 0
    """How often it was executed since it was looked at."""
    again: list[int] = field(default_factory=list)
    """The channels of the live messages that it has published once more."""
    uses: dict[str, int] = field(default_factory=dict)
    commands: asyncio.Queue[Command] = field(default_factory=asyncio.Queue)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    fits: bool = True
    """Whether today's code does what the run remembers."""
    napping: str = ""
    """The step during which it isn't in memory."""
    nap_hour: int = 0
    """The hour in which that began."""
    start_hour: int = 0
    """The hour in which it started: its time limit counts from then."""
    waiting: Command | None = None
    """What it waits in for an event, a child or the next attempt; it may begin anew meanwhile."""

    def use(self, base: str) -> str:
        """The id under which the next use of a step is stored."""
        number = self.uses.get(base, 0)
        self.uses[base] = number + 1
        return f"{base}:{number}" if number else base

    def progressed(self, step_id: str, value: Any) -> None:
        self.steps[step_id] = value
        self.attempt = self.deaths = 0

    def retried(self, hour: int) -> None:
        """Begin its time and its attempts once more, and those of the steps that have failed."""
        self.attempt = self.deaths = 0
        self.start_hour = hour
        self.fits = True  # the code was mended
        self.failing = set(self.late)

    def awaits_hour(self, hour: int) -> bool:
        """Return whether it naps, and goes on napping at this hour."""
        return bool(self.napping) and self.napping not in self.steps and hour == self.nap_hour

    def is_over(self, hour: int) -> bool:
        """Return whether it takes longer than it may."""
        return hour - self.start_hour >= HOURS

    def stop(self) -> None:
        """Forget what it was told and hasn't done: it isn't in memory any more."""
        self.commands = asyncio.Queue()
        self.ready.clear()


@dataclass(eq=False)
class Reader:
    """A subscription, and what it must still get: in one order, or two where replay and live overlap."""

    subscription: Any
    channels: tuple[int, ...]
    exact: bool
    position: str | None
    expected: list[tuple[str, int]] = field(default_factory=list)
    """("live" or a message id, n) in order; where not exact, the order within each kind."""

    async def read(self) -> None:
        async with asyncio.timeout(BOUND):
            message = await anext(self.subscription)
        self.check(message)

    def check(self, message: Any) -> None:
        got = (message.id or "live", message.data.n)
        if self.exact:
            assert got == self.expected[0]
            del self.expected[0]
        else:
            live = message.id is None
            same = [one for one in self.expected if (one[0] == "live") == live]
            assert got == (same[0] if same else None)
            self.expected.remove(got)
        assert (message.position is None) == (message.id is None)
        self.position = message.position or self.position

    async def drain(self) -> None:
        while self.expected:
            await self.read()

    async def ends(self) -> None:
        """The client has been left: what is buffered comes, then nothing."""
        async with asyncio.timeout(BOUND):
            async for message in self.subscription:
                self.check(message)
