"""The seam between a gateway and a page that it serves beside its routes, such as the inspector.

It isn't public: the inspector's version is always the gateway's. A gateway knows a page as a `Panel` and
loads it by the name of its package; a page finds here all that it may use of the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from starlette.routing import BaseRoute

from tightbeam._engine.protocol import Engine
from tightbeam.gateway._access import Authorizer, Scope, query_of
from tightbeam.gateway._catalog import Catalog
from tightbeam.gateway._frames import RUN_TOPIC, encode
from tightbeam.gateway._reasons import no_journal
from tightbeam.gateway._refusal_log import EVERY_SECONDS, RefusalLog
from tightbeam.gateway._refusals import Refused, shown
from tightbeam.gateway._settings import Limits
from tightbeam.gateway._streams import Stream, Streams
from tightbeam.gateway._websocket import Receive, Send

__all__ = [
    "EVERY_SECONDS",
    "RUN_TOPIC",
    "Authorizer",
    "Catalog",
    "Engine",
    "Limits",
    "Panel",
    "PanelContext",
    "Receive",
    "RefusalLog",
    "Refused",
    "Scope",
    "Send",
    "Stream",
    "Streams",
    "encode",
    "load_panel",
    "no_journal",
    "query_of",
    "shown",
]


@dataclass(frozen=True, slots=True)
class PanelContext:
    """What a gateway lends to a page."""

    authorizer: Authorizer
    """Checks host, origin and server key of a request."""
    engine: Engine
    """Reads runs and messages."""
    catalog: Catalog
    """The gateway's channels."""
    limits: Limits
    streams: Streams
    """The open streams."""
    refusals: RefusalLog
    """The requests that were refused."""
    run_actions: bool
    """Whether runs may be cancelled, retried and resumed."""


class Panel(Protocol):
    """A page that a gateway serves."""

    @property
    def path(self) -> str:
        """Return the path of the page, without a slash at its end; all its routes are at or below it."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes that the gateway serves for it."""
        ...

    def open(self) -> None:
        """Take viewers, again."""
        ...

    def close(self) -> None:
        """End what viewers watch: the gateway shuts down."""
        ...


def load_panel(package: str, context: PanelContext) -> Panel:
    """Return the page of a package, which has a function `panel` that takes a `PanelContext`.

    The package is imported here, and by its name: a gateway stands below its pages and knows none of them.
    """
    panel: Panel = import_module(package).panel(context)
    return panel
