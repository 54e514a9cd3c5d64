"""Events that users' own transactions have sent: a process hands them to the steps that wait for them."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.postgres.waits import hand_over
from tightbeam._engine.requests import SendEvent
from tightbeam._engine.store import Request

__all__ = ["HandOverSent", "hand_over_sent"]

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


def hand_over_sent(tx: Transaction, request: HandOverSent) -> bool:  # noqa: ARG001 - it says nothing
    """Answer `HandOverSent`; events that another process hands over at this moment are left to it."""
    taken = tx.execute(_TAKE, (_MOST,)).fetchall()
    for name, data, event_id in taken:
        hand_over(tx, SendEvent((), name, bytes(data), event_id))
    return len(taken) == _MOST
