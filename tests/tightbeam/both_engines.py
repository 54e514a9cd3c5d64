"""One program on both engines: make its client with hooks, run a handler to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

import tightbeam
import tightbeam.inngest
from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.standin import StandIn

__all__ = ["Embedded", "EngineUnderTest", "OnInngest"]

AnyClient = tightbeam.Client | tightbeam.inngest.Client


class EngineUnderTest(Protocol):
    """An engine, and how a test runs a function on it."""

    name: str

    def client(self, hooks: Sequence[tightbeam.Hook] = ()) -> Any:
        """Make a client."""
        ...

    async def run(self, client: Any, handler: Callable[[Any], Any], *, retries: int = 3) -> None:
        """Register a handler as "work" and run it, through all retries; fails if the run fails."""
        ...


class Embedded:
    """The embedded engine, in memory."""

    name = "embedded"

    def client(self, hooks: Sequence[tightbeam.Hook] = ()) -> tightbeam.Client:
        return tightbeam.Client(retry_delay=timedelta(0), hooks=hooks)

    async def run(self, client: tightbeam.Client, handler: Callable[[Any], Any], *, retries: int = 3) -> None:
        function = client.function("work", on="app/upload", retries=retries)(handler)
        async with client:
            await client.run(function, {"n": 1})


class OnInngest:
    """Inngest: the SDK's adapter, call requests as the server makes them, and a stand-in for the server."""

    name = "inngest"

    def __init__(self, server: StandIn) -> None:
        self._server = server

    def client(self, hooks: Sequence[tightbeam.Hook] = ()) -> tightbeam.inngest.Client:
        origin = self._server.origin
        return tightbeam.inngest.Client(
            app_id="app",
            is_production=False,
            api_base_url=origin,
            event_api_base_url=origin,
            hooks=hooks,
        )

    async def run(
        self, client: tightbeam.inngest.Client, handler: Callable[[Any], Any], *, retries: int = 3
    ) -> None:
        client.function("work", on="app/upload", retries=retries)(handler)
        run = Run(app_of(client, client.functions), "app-work", {"n": 1}, max_attempts=retries + 1)
        last = await run.finish()
        assert last.status == 200, last.body
