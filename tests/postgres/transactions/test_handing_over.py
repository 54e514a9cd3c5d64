"""Events of users' transactions are handed over by one request at a time, and none is overlooked."""

from __future__ import annotations

from typing import Any

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.sent import HandingOver, HandOverSent


def end(pending: Pending[Any], *, more: bool, failed: bool = False) -> None:
    """Answer a request."""
    pending.result = more
    pending.error = RuntimeError() if failed else None
    pending.settle()


def test_what_comes_while_a_request_is_under_way_is_looked_for_once_more() -> None:
    queued: list[Pending[Any]] = []
    handing = HandingOver(queued.append)
    handing.look()
    handing.look()  # its row may have been committed after the request had looked
    handing.look()
    assert len(queued) == 1
    end(queued[0], more=False)
    assert len(queued) == 2
    end(queued[1], more=False)
    assert len(queued) == 2
    handing.look()
    assert [type(pending.request) for pending in queued] == [HandOverSent] * 3


def test_more_than_one_request_takes() -> None:
    queued: list[Pending[Any]] = []
    HandingOver(queued.append).look()
    end(queued[0], more=True)
    end(queued[1], more=False)
    assert len(queued) == 2


def test_a_failure_isnt_repeated_at_once() -> None:
    queued: list[Pending[Any]] = []
    handing = HandingOver(queued.append)
    handing.look()
    end(queued[0], more=False, failed=True)
    assert len(queued) == 1
    handing.look()
    assert len(queued) == 2
