"""What the threads of one open store share: where they connect, who they are, what they have claimed."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.outage import Outage
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Outlet

__all__ = ["Member"]


@dataclass(slots=True, eq=False)
class Member:
    """One store's part in a journal that other processes have open, too."""

    connector: Connector
    """Opens connections."""
    outage: Outage
    """Whether the server is away."""
    outlet: Outlet
    retention: Retention
    lease: float
    """Seconds without a heartbeat after which others take this process for dead."""
    log: Log
    """The messages, as far as this process has followed them."""
    number: int
    """Of this process: its row in the table, and what fences it. Changes if it was declared dead."""
    claims: dict[str, Held] = field(default_factory=dict)
    """The runs that this process executes, by id; written by the writer's thread only."""
    beaten_at: float = field(default_factory=time.monotonic)
    """When the last heartbeat that was noted began, by the monotonic clock."""
    functions: Collection[str] = ()
    """Those that this process executes runs of."""

    @property
    def is_overdue(self) -> bool:
        """Whether others may have taken this process for dead by now."""
        return time.monotonic() - self.beaten_at >= self.lease
