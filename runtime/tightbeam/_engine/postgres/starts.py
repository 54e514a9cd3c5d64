"""The requests about events that are sent: the runs that they start, and the steps that take them."""

from __future__ import annotations

import json

from tightbeam._engine.postgres.adding import add_run
from tightbeam._engine.postgres.steps import NewStep, add_step, refuse_if_over
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.postgres.waits import hand_over
from tightbeam._engine.records import Memo, Sent
from tightbeam._engine.requests import MemoizeSend, SendEvent
from tightbeam._message import now_us
from tightbeam.errors import NotRegistered

__all__ = ["memoize_send", "send_event"]


def send_event(tx: Transaction, request: SendEvent) -> Sent:
    """Answer `SendEvent`."""
    ids = tuple(add_run(tx, run, request.event, request.data) for run in request.runs)
    taken = hand_over(tx, request)
    if request.refusal is not None and not ids and not taken:
        raise NotRegistered(request.refusal)
    return Sent(ids, taken)


def memoize_send(tx: Transaction, request: MemoizeSend) -> Sent:
    """Answer `MemoizeSend`."""
    refuse_if_over(tx, request.run_id)
    sent = send_event(tx, request.send)
    ids = json.dumps(sent.ids).encode()
    memo = Memo("step.send_event", None, request.send.event, "done", None, ids, None, None)
    step = (request.run_id, request.step_id, memo, request.started_at, request.replaced)
    add_step(tx, NewStep(*step, ended_at=now_us()))
    return sent
