"""Which function carries out which request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tightbeam._engine import requests
from tightbeam._engine.postgres import publishing
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.store import Request

__all__ = ["ANSWERS", "TOGETHER"]


class _Answers(dict[type[Request[Any]], Callable[[Transaction, Any], Any]]):
    """The functions by the class of their requests."""

    def __missing__(self, kind: type[Request[Any]]) -> Callable[[Transaction, Any], Any]:
        raise TypeError(f"this store answers no {kind.__name__}")


ANSWERS = _Answers({})
"""The SQL of each request; a request is carried out inside the transaction of its batch."""

TOGETHER: dict[type[Request[Any]], Callable[[Transaction, Sequence[Any]], Sequence[BaseException | None]]] = {
    requests.MemoizePublish: publishing.memoize_publishes,
}
"""Requests of which many are one statement: an error for each that is refused, of which nothing is stored."""
