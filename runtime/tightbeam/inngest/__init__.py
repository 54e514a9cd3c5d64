"""Typed channels on Inngest: the official SDK's functions and client, with the three publish methods.

Needs ``pip install 'tightbeam[inngest]'``.
"""

from __future__ import annotations

from tightbeam.inngest._client import AsyncFunction, Client, Create, Register, SyncFunction, create_function
from tightbeam.inngest._context import Context, ContextSync
from tightbeam.inngest._handler import on_failure
from tightbeam.inngest._keys import hash_signing_key
from tightbeam.inngest._realtime import Realtime, realtime

__all__ = [
    "AsyncFunction",
    "Client",
    "Context",
    "ContextSync",
    "Create",
    "Realtime",
    "Register",
    "SyncFunction",
    "create_function",
    "hash_signing_key",
    "on_failure",
    "realtime",
]
