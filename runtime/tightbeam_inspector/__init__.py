"""The inspector: a page on which a person sees a gateway's channels, messages, runs and connections.

A gateway loads it by name (`tightbeam.gateway.panel`) and serves it in development, or to those who have the
server key.
"""

from __future__ import annotations

from tightbeam.gateway.panel import Panel, PanelContext
from tightbeam_inspector._routes import Inspector

__all__ = ["panel"]


def panel(context: PanelContext) -> Panel:
    """Return the inspector of a gateway."""
    return Inspector(context)
