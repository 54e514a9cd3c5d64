"""The SDK's ``ctx.group`` and ``step.ai``, copied with the bookkeeping of the call that they belong to."""

from __future__ import annotations

from typing import Any

from tightbeam.inngest._call import Call

__all__ = ["ai_in_turn", "ai_noted", "group_in_turn", "group_noted"]


def _copy_with(original: Any, **methods: object) -> Any:
    """Copy an object of the SDK, with these methods instead of its own."""
    kind: Any = type(original)
    made: Any = object.__new__(type(kind.__name__, (kind,), methods))
    made.__dict__.update(original.__dict__)
    return made


def group_in_turn(group: Any, call: Call) -> Any:
    """Copy the ``group`` of a context; its members may begin after one another has ended the call."""
    kind: Any = type(group)

    async def parallel(self: object, *args: object, **kwargs: object) -> object:
        with call.parallel():
            return await kind.parallel(self, *args, **kwargs)

    return _copy_with(group, parallel=parallel)


def group_noted(group: Any, call: Call) -> Any:
    """As `group_in_turn`, for a sync handler."""
    kind: Any = type(group)

    def parallel(self: object, *args: object, **kwargs: object) -> object:
        with call.parallel():
            return kind.parallel(self, *args, **kwargs)

    return _copy_with(group, parallel=parallel)


def ai_noted(ai: Any, call: Call) -> Any:
    """As `ai_in_turn`, for a sync handler."""
    kind: Any = type(ai)

    def infer(self: object, *args: object, **kwargs: object) -> object:
        with call.noting():
            return kind.infer(self, *args, **kwargs)

    return _copy_with(ai, infer=infer)


def ai_in_turn(ai: Any, call: Call) -> Any:
    """Copy the ``ai`` of a step; its requests are steps as well and take turns with the others."""
    kind: Any = type(ai)

    async def infer(self: object, *args: object, **kwargs: object) -> object:
        async with call.turn():
            return await kind.infer(self, *args, **kwargs)

    return _copy_with(ai, infer=infer)
