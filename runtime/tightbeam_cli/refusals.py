"""What people read when a command can't do what it was asked for."""

from __future__ import annotations

import sys

from tightbeam._engine.addresses import hide_passwords
from tightbeam_codegen.problems import visible

__all__ = ["refused"]


def refused(error: Exception | str) -> int:
    """Print why, without the passwords of addresses, and return the exit code."""
    sys.stderr.write(f"tightbeam: {visible(hide_passwords(str(error)))}\n")
    return 2
