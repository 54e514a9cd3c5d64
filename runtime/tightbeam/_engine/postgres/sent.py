"""Events that users' own transactions have sent: a process hands them to the steps that wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.postgres.waits import hand_over
from tightbeam._engine.requests import SendEvent
from tightbeam._engine.store import Request

__all__ = ["HandOverSent", "HandingOver", "hand_over_sent"]

_MOST = 100
"""Events that one transaction hands over."""
_TAKE = """
WITH taken AS (
  DELETE FROM sent
  WHERE number = ANY (ARRAY (SELECT number FROM sent ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED))
  RETURNING number, name, data, id
)
SELECT name, data, id FROM taken ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class HandOverSent(Request[bool]):
    """Hand events that users' transactions have sent to the steps that wait, each once, in their order.

    The answer is whether there may be more of them. One that nothing waits for is dropped, as by `SendEvent`.
    """


class HandingOver:
    """Has events handed over when there are any: one request at a time, however often that is said."""

    def __init__(self, put: Callable[[Pending[Any]], None]) -> None:
        """Begin with nothing to do.

        Args:
            put: queues a request of the store's own.
        """
        self._put = put
        self._lock = threading.Lock()
        self._is_under_way = False
        self._again = False
        """Whether it was said once more since the request was queued, which may have come too early."""

    def look(self) -> None:
        """Have events handed over, soon; called on any thread."""
        with self._lock:
            if self._is_under_way:
                self._again = True
                return
            self._is_under_way = True
        pending: Pending[bool] = Pending(
            HandOverSent(), None, lambda done: self._ended(done and pending.result)
        )
        self._put(pending)

    def _ended(self, more: bool) -> None:
        with self._lock:
            self._is_under_way = False
            again, self._again = self._again, False
        if more or again:
            self.look()


def hand_over_sent(tx: Transaction, request: HandOverSent) -> bool:  # noqa: ARG001 - it says nothing
    """Answer `HandOverSent`; events that another process hands over at this moment are left to it."""
    taken = tx.execute(_TAKE, (_MOST,)).fetchall()
    for name, data, event_id in taken:
        hand_over(tx, SendEvent((), name, bytes(data), event_id))
    return len(taken) == _MOST
