"""Messages that today's bindings can't load, on whatever carries them: what each engine's tests share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tightbeam import InvalidPayload

__all__ = ["check_choices", "check_refused_choices"]

Subscribe = Callable[..., Any]
Emit = Callable[[bytes], Awaitable[None]]


async def check_choices(
    subscribe: Subscribe, emit: Emit, read: Callable[[Any], object], caplog: pytest.LogCaptureFixture
) -> None:
    """Check every choice of ``on_invalid_message``.

    Args:
        subscribe: subscribes to one topic that holds ``{"n": int}``.
        emit: puts JSON on that topic that no one checks.
        read: gives what to compare of a message, its ``n``.
        caplog: pytest's own.
    """
    seen: list[InvalidPayload] = []

    async def note_later(error: InvalidPayload) -> None:
        await asyncio.sleep(0)
        seen.append(error)

    async def send_all() -> None:
        for raw in (b'{"n":1,"new":0}', b'{"n":"secret"}', b'{"m":1}', b'{"n":2}'):
            await emit(raw)

    async with subscribe() as raising:  # the default
        await send_all()
        assert read(await anext(raising)) == 1
        for _ in range(2):
            with pytest.raises(InvalidPayload) as caught:
                await anext(raising)
            assert caught.value.topic
            assert caught.value.channel
            assert "secret" not in str(caught.value)
        assert read(await anext(raising)) == 2

    caplog.clear()
    async with subscribe(on_invalid_message="skip") as skipping:
        await send_all()
        assert [read(await anext(skipping)) for _ in range(2)] == [1, 2]
    lines = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [line for line in lines if "was skipped" in line] == lines
    assert len(lines) == 2
    assert not any("secret" in line or "\n" in line for line in lines)

    for note in (seen.append, note_later):
        seen.clear()
        async with subscribe(on_invalid_message=note) as noting:
            await send_all()
            assert [read(await anext(noting)) for _ in range(2)] == [1, 2]
        assert [str(issue).partition(":")[0] for error in seen for issue in error.issues][:1] == ["/n"]
        assert len(seen) == 2

    def refuse(error: InvalidPayload) -> None:
        raise LookupError(error.topic)

    async with subscribe(on_invalid_message=refuse) as refusing:
        await send_all()
        assert read(await anext(refusing)) == 1
        with pytest.raises(LookupError):
            await anext(refusing)
        with pytest.raises(LookupError):
            await anext(refusing)
        assert read(await anext(refusing)) == 2


def check_refused_choices(use: Callable[..., object]) -> None:
    """Check that what is no choice is refused at the call."""
    for wrong in ("ignore", "", "Raise"):
        with pytest.raises(ValueError, match="on_invalid_message="):
            use(on_invalid_message=wrong)
    for other in (5, True, ["skip"], b"skip"):
        with pytest.raises(TypeError, match="on_invalid_message="):
            use(on_invalid_message=other)
