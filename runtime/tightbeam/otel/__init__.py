"""OpenTelemetry: spans, trace context between processes, and metrics, by the messaging conventions.

Needs the extra: ``pip install 'tightbeam[otel]'``. It brings the API of OpenTelemetry; the SDK and an
exporter are the program's choice, and without them nothing is recorded.
"""

from __future__ import annotations

try:
    from tightbeam.otel._hook import OpenTelemetryHook
    from tightbeam.otel._installing import instrument, uninstrument
    from tightbeam.otel._propagation import context_of
except ModuleNotFoundError as _error:
    if (_error.name or "").startswith("tightbeam"):
        raise
    raise ImportError(
        f"tightbeam.otel needs the package {_error.name}: pip install 'tightbeam[otel]'"
    ) from _error

__all__ = ["OpenTelemetryHook", "context_of", "instrument", "uninstrument"]
