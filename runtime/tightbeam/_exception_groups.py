"""What is in an exception group, however deep it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard, TypeVar

from tightbeam.errors import TightbeamError

__all__ = ["has", "is_retryable", "leaf_is_retryable", "leaves", "of_kind"]

Kind = TypeVar("Kind", bound=BaseException)


def of_kind(error: BaseException, kind: type[Kind]) -> TypeGuard[Kind]:
    """As `isinstance`, which asks the error itself as well: an odd one may raise at that."""
    return issubclass(type(error), kind)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group, or the one there is: a `TaskGroup` wraps whatever its tasks raise."""
    # Not by recursion, and each once: groups may be deep, and hold one group twice.
    waiting, seen = [error], {id(error)}
    while waiting:
        current = waiting.pop()
        if not of_kind(current, BaseExceptionGroup):
            yield current
            continue
        for inner in reversed(current.exceptions):
            if id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)


def has(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether the error is of this kind or a group that holds one."""
    return any(of_kind(leaf, kind) for leaf in leaves(error))


def is_retryable(error: BaseException) -> bool:
    """Whether trying again may help; in a group one that can't be retried decides."""
    return all(leaf_is_retryable(leaf) for leaf in leaves(error))


def leaf_is_retryable(error: BaseException) -> bool:
    """Whether trying again may help after an error that is no group."""
    try:
        return not of_kind(error, TightbeamError) or error.retryable
    except Exception:  # noqa: BLE001 - a subclass may have made a property of it, which raises
        return True
