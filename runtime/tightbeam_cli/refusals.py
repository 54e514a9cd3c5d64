"""What people read when a command can't do what it was asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tightbeam._engine.addresses import hide_passwords
from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam import TightbeamError

__all__ = ["refused", "refused_whole_file"]


def refused(error: Exception | str) -> int:
    """Print why, without the passwords of addresses, and return the exit code."""
    sys.stderr.write(f"tightbeam: {visible(hide_passwords(str(error)))}\n")
    return 2


def refused_whole_file(error: TightbeamError, file: str) -> int:
    """Print why a command can't have a journal's file for itself, and return the exit code.

    Args:
        error: by which it was refused.
        file: as the caller has named it.
    """
    from tightbeam._engine.waiting import process_name
    from tightbeam.errors import JournalRefused

    if isinstance(error, JournalRefused) and error.holder is not None:
        return refused(f"{file} is in use by {process_name(error.holder)}: stop that first")
    return refused(error)
