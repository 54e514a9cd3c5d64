"""A subscriber in another process:  python -m tests.tightbeam.otel.subscriber URL"""

from __future__ import annotations

import asyncio
import sys

from opentelemetry import trace

import tightbeam
import tightbeam.otel
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.gateway.serving import KEY
from tests.tightbeam.otel.exporting import exporting


async def main() -> None:
    tracer = trace.get_tracer("subscriber")
    ch = job_channel(job_id="j1")
    remote = tightbeam.connect(sys.argv[1], key=KEY, hooks=[tightbeam.otel.OpenTelemetryHook()])
    async with remote, remote.realtime.subscribe(ch.tick, ch.token) as messages:
        print("subscribed", flush=True)
        async for message in messages:
            if message.topic == "tick":
                context = tightbeam.otel.context_of(message)
                with tracer.start_as_current_span("show result", context=context):
                    break


providers = exporting("subscriber")
asyncio.run(main())
providers.shutdown()
