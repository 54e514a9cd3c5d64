"""`tightbeam backup` and `tightbeam restore`: copies of a database file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tightbeam_cli.refusals import refused, refused_whole_file
from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam._engine.file_journal import Copied

__all__ = ["run_backup", "run_restore"]


def run_backup(file: str, target: str, overwrite: bool) -> int:
    """Copy a file, say what the copy holds, and return the exit code."""
    from tightbeam import TightbeamError
    from tightbeam._engine.backends import file_named, journal_file_at

    try:
        copied = journal_file_at(file).back_up(file_named(target), overwrite=overwrite)
    except TightbeamError as error:
        return refused(error)
    sys.stdout.write(_words(target, copied))
    return 0


def run_restore(backup: str, file: str, replace: bool) -> int:
    """Put a copy in its place, say what is there now, and return the exit code."""
    from tightbeam import TightbeamError
    from tightbeam._engine.backends import file_named, journal_file_at

    try:
        copied = journal_file_at(file).restore(file_named(backup), replace=replace)
    except TightbeamError as error:
        return refused_whole_file(error, file)
    sys.stdout.write(_words(file, copied))
    if copied.aside is not None:
        sys.stdout.write(f"What was there is now {visible(str(Path(file).with_name(copied.aside)))}.\n")
    sys.stdout.write("Readers that saw what came after the backup are told so when they resume.\n")
    return 0


def _words(file: str, copied: Copied) -> str:
    counts = f"{copied.size:,} bytes, {copied.runs:,} runs, {copied.messages:,} messages"
    return f"{visible(file)}: {counts}, sound\n"
