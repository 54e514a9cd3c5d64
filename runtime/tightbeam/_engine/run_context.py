"""The contexts that handlers are called with, and what the engine lends to executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from tightbeam._channels.refs import Data, PayloadArgs, TopicName, TopicRef
from tightbeam._engine.protocol import Carrier
from tightbeam._engine.run_delays import LONGEST_DOUBLED
from tightbeam._engine.step_log import StepLog
from tightbeam._engine.steps_async import AsyncStep
from tightbeam._engine.steps_sync import SyncStep
from tightbeam._engine.store import Store
from tightbeam._events.accepted import StartedEvent
from tightbeam._hooks.hook_list import HookList
from tightbeam._publishing import publish_live, publish_live_sync
from tightbeam._registry import Registry

__all__ = ["RunContext", "RunContextSync", "Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What executions need of the engine."""

    store: Store
    carrier: Carrier
    """Publishes live messages."""
    max_payload_bytes: int
    retry_delay: float
    """Seconds before the first retry, doubled with each."""
    hooks: HookList
    """What is told of runs, steps and publishes."""
    registry: Registry
    """The functions of the client."""

    @property
    def longest_delay(self) -> float:
        """Seconds that a retry waits at most, where neither its function nor its error asks for more."""
        return max(LONGEST_DOUBLED, self.retry_delay)


class _RunContext:
    """What both kinds of context have."""

    def __init__(self, event: StartedEvent, log: StepLog, services: Services) -> None:
        self.event = event
        self.run_id = log.run_id
        self._log = log
        self._services = services

    @property
    def attempt(self) -> int:
        """Failures since the last newly memoized step."""
        return self._log.attempt

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a run's context belongs to its process: pass on what another one needs, as arguments"
        )


class RunContext(_RunContext):
    """A `tightbeam.Context`."""

    def __init__(self, event: StartedEvent, log: StepLog, services: Services, step: AsyncStep) -> None:
        super().__init__(event, log, services)
        self.step = step

    async def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """See `tightbeam.Context`."""
        self._log.refuse_if_revoked()
        services = self._services
        await publish_live(
            services.hooks, services.carrier, topic, data, kwargs, self.run_id, services.max_payload_bytes
        )


class RunContextSync(_RunContext):
    """A `tightbeam.ContextSync`."""

    def __init__(self, event: StartedEvent, log: StepLog, services: Services, step: SyncStep) -> None:
        super().__init__(event, log, services)
        self.step = step

    def publish(
        self,
        topic: TopicRef[PayloadArgs, TopicName, Data],
        /,
        *data: PayloadArgs.args,
        **kwargs: PayloadArgs.kwargs,
    ) -> None:
        """See `tightbeam.ContextSync`."""
        self._log.refuse_if_revoked()
        services = self._services
        publish_live_sync(
            services.hooks, services.carrier, topic, data, kwargs, self.run_id, services.max_payload_bytes
        )
