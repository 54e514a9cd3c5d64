"""A context that makes the handler fail once right after each publish, wherever that stands in the source."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar, TypeVarTuple

import tightbeam

Payload = ParamSpec("Payload")
TopicName = TypeVar("TopicName", bound=str)
Data = TypeVar("Data")
Arguments = TypeVarTuple("Arguments")
Output = TypeVar("Output")


class Injected(Exception):
    """The failure; an ordinary exception, so the engine tries again."""


class Injection:
    """Which publishes have failed already, and after how many messages each did; outlives the attempts."""

    def __init__(self) -> None:
        self.sent = 0
        self.failures: dict[int, str] = {}
        self._seen: set[str] = set()

    def after(self, site: str, *, durable: bool) -> None:
        """Count the message; fail if it is the first one from this place."""
        again = site in self._seen
        self._seen.add(site)
        if not (durable and again):  # a durable publish that is remembered sends nothing
            self.sent += 1
        if not again:
            self.failures[self.sent] = site
            raise Injected(f"injected after {site}")


class FailingContext:
    """Stands before the engine's context; satisfies `tightbeam.Context`, as any engine's does."""

    def __init__(self, ctx: tightbeam.Context, injection: Injection) -> None:
        self._ctx = ctx
        self._injection = injection

    @property
    def event(self) -> tightbeam.Event:
        """The engine's."""
        return self._ctx.event

    @property
    def run_id(self) -> str:
        """The engine's."""
        return self._ctx.run_id

    @property
    def attempt(self) -> int:
        """The engine's."""
        return self._ctx.attempt

    @property
    def step(self) -> FailingStep:
        """The engine's steps; publishing durably fails once too."""
        return FailingStep(self._ctx.step, self._injection)

    async def publish(
        self,
        topic: tightbeam.TopicRef[Payload, TopicName, Data],
        /,
        *data: Payload.args,
        **kwargs: Payload.kwargs,
    ) -> None:
        """Publish live, then fail."""
        await self._ctx.publish(topic, *data, **kwargs)
        self._injection.after(_caller(), durable=False)


class FailingStep:
    """As the engine's."""

    def __init__(self, step: tightbeam.Step, injection: Injection) -> None:
        self._step = step
        self._injection = injection

    @property
    def realtime(self) -> FailingRealtime:
        """Durable publishes, which fail once after they were stored."""
        return FailingRealtime(self._step, self._injection)

    async def run(
        self,
        id: str,
        fn: Callable[[*Arguments], Awaitable[Output]],
        /,
        *args: *Arguments,
        timeout: timedelta | None = None,
    ) -> Output:
        """The engine's."""
        return await self._step.run(id, fn, *args, timeout=timeout)

    async def sleep(self, id: str, duration: timedelta, /) -> None:
        """The engine's."""
        await self._step.sleep(id, duration)


class FailingRealtime:
    """As the engine's."""

    def __init__(self, step: tightbeam.Step, injection: Injection) -> None:
        self._step = step
        self._injection = injection

    async def publish(
        self,
        id: str,
        topic: tightbeam.TopicRef[Payload, TopicName, Data],
        /,
        *data: Payload.args,
        **kwargs: Payload.kwargs,
    ) -> Data:
        """Publish durably, then fail."""
        published = await self._step.realtime.publish(id, topic, *data, **kwargs)
        self._injection.after(_caller(), durable=True)
        return published


def _caller() -> str:
    """The line that awaits the publish, such as `upload.py:29`."""
    caller = inspect.stack(context=0)[2]
    return f"{Path(caller.filename).name}:{caller.lineno}"
