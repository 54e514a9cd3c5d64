"""Hooks: watch or surround what a client does. ``Client(hooks=[…])`` takes instances of `Hook` subclasses."""

from __future__ import annotations

from tightbeam._hooks.hook import Hook, Manager
from tightbeam._hooks.hook_list import install, uninstall
from tightbeam._hooks.info import (
    ConnectionInfo,
    MessageInfo,
    PublishInfo,
    RunInfo,
    RunOutcome,
    SendInfo,
    StepInfo,
    StepKind,
    StepOutcome,
)

__all__ = [
    "ConnectionInfo",
    "Hook",
    "Manager",
    "MessageInfo",
    "PublishInfo",
    "RunInfo",
    "RunOutcome",
    "SendInfo",
    "StepInfo",
    "StepKind",
    "StepOutcome",
    "install",
    "uninstall",
]
