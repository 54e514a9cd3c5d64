"""Hooks: watch or surround what a client does. ``Client(hooks=[…])`` takes instances of `Hook` subclasses."""

from __future__ import annotations

from tightbeam._hooks.hook import Hook, Manager
from tightbeam._hooks.hook_list import install, uninstall
from tightbeam._hooks.info import (
    ClientInfo,
    CommitInfo,
    ConnectionInfo,
    MessageInfo,
    PublishInfo,
    RunCount,
    RunInfo,
    RunOutcome,
    SendInfo,
    StepInfo,
    StepKind,
    StepOutcome,
)

__all__ = [
    "ClientInfo",
    "CommitInfo",
    "ConnectionInfo",
    "Hook",
    "Manager",
    "MessageInfo",
    "PublishInfo",
    "RunCount",
    "RunInfo",
    "RunOutcome",
    "SendInfo",
    "StepInfo",
    "StepKind",
    "StepOutcome",
    "install",
    "uninstall",
]
