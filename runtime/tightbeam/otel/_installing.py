"""Instrument all clients of a process."""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import TracerProvider

from tightbeam._hooks.hook_list import install, uninstall
from tightbeam.otel._hook import OpenTelemetryHook

__all__ = ["instrument", "uninstrument"]

_installed: list[OpenTelemetryHook] = []


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    propagator: TextMapPropagator | None = None,
) -> None:
    """Trace and measure every client of this process, also those that were made before.

    For programs that set up their telemetry in one place. A client that has an `OpenTelemetryHook` of its own
    would be traced twice. Called again, it takes the place of the call before.

    Args:
        tracer_provider: as for `OpenTelemetryHook`, and so the others.
        meter_provider: likewise.
        propagator: likewise.
    """
    hook = OpenTelemetryHook(
        tracer_provider=tracer_provider, meter_provider=meter_provider, propagator=propagator
    )
    uninstrument()
    _installed.append(hook)
    install(hook)


def uninstrument() -> None:
    """Undo `instrument`."""
    while _installed:
        uninstall(_installed.pop())
