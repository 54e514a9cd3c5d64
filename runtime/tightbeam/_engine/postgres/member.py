"""What the threads of one open store share: where they connect, who they are, what they have claimed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.settings import Retention
from tightbeam._engine.store import Outlet

__all__ = ["Member"]


@dataclass(slots=True, eq=False)
class Member:
    """One store's part in a journal that other processes have open, too."""

    connector: Connector
    """Opens connections."""
    outlet: Outlet
    retention: Retention
    lease: float
    """Seconds without a heartbeat after which others take this process for dead."""
    journal: str
    """Names the journal in positions; another one after it was restored into another cluster."""
    number: int
    """Of this process: its row in the table, and what fences it. Changes if it was declared dead."""
    followed: int
    """The place up to which messages were fanned out here; written by the listener's thread only."""
    trimmed_us: int = 0
    """The time of the latest message that was trimmed."""
    claims: dict[str, Held] = field(default_factory=dict)
    """The runs that this process executes, by id; written by the writer's thread only."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def position_of(self, place: int) -> str:
        """Return the position of the message at a place, which is its transaction and its number in one."""
        return f"{self.journal}.{place >> 64}.{place & 0xFFFF_FFFF_FFFF_FFFF}"
