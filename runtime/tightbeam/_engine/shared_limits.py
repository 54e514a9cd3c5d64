"""Limits over all processes: a run that slept executes again when a slot is free, in whichever process.

A slot of such a limit is the state `running` of a run's row. A run that sleeps gives its slot up as that is
stored. When it wakes another run may have the slot; then it leaves memory, and is claimed in its turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from tightbeam._engine.requests import Awaken
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam.errors import JournalFailed

if TYPE_CHECKING:
    from tightbeam._engine.steps import StepIo

__all__ = ["SharedLimit", "awaken"]

_WHILE_CLAIMED = 0.01
"""Seconds to wait while another process is claiming runs of the function."""
_WHILE_FULL = 0.1
"""Seconds to wait for a slot, if the run can't leave memory meanwhile."""


class SharedLimit(NamedTuple):
    """The limits of a function that hold over all processes."""

    limit: int | None
    """How many of its runs execute at a time."""
    key_limit: int | None
    """How many of one key."""


async def awaken(
    io: StepIo, log: StepLog, call: StepCall, shared: SharedLimit, may_leave: Callable[[], Awaitable[bool]]
) -> None:
    """Take a slot in the limits over all processes for a run that slept.

    Args:
        io: what the run's steps wait for.
        log: of the execution.
        call: of the step that is over.
        shared: the limits.
        may_leave: returns whether the run does nothing else, so that it can leave memory.

    Raises:
        Interrupt: no slot is free: the run is claimed when one is.
    """
    while log.asleep and not log.over.is_set():
        try:
            is_awake = await io.submit(Awaken(log.run_id, *shared))
        except JournalFailed:
            await io.pause(_WHILE_FULL)
            continue
        if is_awake:
            log.asleep = False
        elif is_awake is None:
            await io.pause(_WHILE_CLAIMED)
        elif await may_leave():
            raise log.leave_memory(call)
        else:
            await io.pause(_WHILE_FULL)
