"""Copies of the SDK's objects as our classes: contexts, steps, ``ctx.group`` and ``step.ai``."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from tightbeam.inngest._call import Call

__all__ = ["ai_in_turn", "ai_noted", "copied", "group_in_turn", "group_noted"]

Kind = TypeVar("Kind")


def copied(kind: type[Kind], original: object, sdk_class: type) -> Kind:
    """Copy an object of the SDK as an object of a subclass of ours.

    The state is copied whole, since a release of the SDK may add fields. Where a middleware has put a class
    of its own in place of the SDK's, what that overrides and ours doesn't goes on being overridden.

    Args:
        kind: our class.
        original: what to copy.
        sdk_class: the SDK's class, of which ours is a subclass.
    """
    theirs = type(original)
    if theirs is not sdk_class:
        kind = cast("type[Kind]", type(kind.__name__, (kind, theirs), {}))
    copy = object.__new__(kind)
    copy.__dict__.update(original.__dict__)
    return copy


def _copy_with(original: Any, **methods: object) -> Any:
    """Copy an object of the SDK, with these methods instead of its own."""
    kind: Any = type(original)
    copy: Any = object.__new__(type(kind.__name__, (kind,), methods))
    copy.__dict__.update(original.__dict__)
    return copy


def group_in_turn(group: Any, call: Call) -> Any:
    """Copy the ``group`` of a context; its members may begin after one another has ended the call."""
    kind: Any = type(group)

    async def parallel(self: object, *args: object, **kwargs: object) -> object:
        with call.parallel():
            return await kind.parallel(self, *args, **kwargs)

    return _copy_with(group, parallel=parallel)


def group_noted(group: Any, call: Call) -> Any:
    """Copy the ``group`` of a sync handler's context. See `group_in_turn`."""
    kind: Any = type(group)

    def parallel(self: object, *args: object, **kwargs: object) -> object:
        with call.parallel():
            return kind.parallel(self, *args, **kwargs)

    return _copy_with(group, parallel=parallel)


def ai_in_turn(ai: Any, call: Call) -> Any:
    """Copy the ``ai`` of a step; its requests are steps as well and take turns with the others."""
    kind: Any = type(ai)

    async def infer(self: object, *args: object, **kwargs: object) -> object:
        async with call.turn():
            return await kind.infer(self, *args, **kwargs)

    return _copy_with(ai, infer=infer)


def ai_noted(ai: Any, call: Call) -> Any:
    """Copy the ``ai`` of a sync handler's step. See `ai_in_turn`."""
    kind: Any = type(ai)

    def infer(self: object, *args: object, **kwargs: object) -> object:
        with call.noting():
            return kind.infer(self, *args, **kwargs)

    return _copy_with(ai, infer=infer)
