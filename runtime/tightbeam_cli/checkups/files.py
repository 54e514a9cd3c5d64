"""The journal in a file, as `tightbeam doctor` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from tightbeam_cli.checkups.findings import Finding
from tightbeam_cli.checkups.runs import overdue, run_findings, unfinished

if TYPE_CHECKING:
    from tightbeam._engine.file_journal import FileCheckup

__all__ = ["file_findings"]

_LEAST_FREE = 256 * 1024 * 1024


def file_findings(file: Path) -> Iterator[Finding]:
    """Yield what is found in a journal's file."""
    from tightbeam import JournalRefused
    from tightbeam._engine.backends import journal_file_at

    try:
        found = journal_file_at(file).check_up()
    except JournalRefused as error:
        yield Finding("journal", "problem", str(file), str(error))
        return
    yield from _file(str(file), found)
    yield from run_findings(quote(str(file)), found.runs, list(_pending(quote(str(file)), found)))


def _file(name: str, found: FileCheckup) -> Iterator[Finding]:
    sizes = f"{found.size:,} bytes, {found.log_size:,} of them in the log; {found.free:,} bytes free"
    if found.damage:
        text = f"damaged: {found.damage[0]}" + (
            f", and {len(found.damage) - 1} more" if found.damage[1:] else ""
        )
        yield Finding("journal", "problem", name, text, "Restore it from a backup, or move it away.")
    else:
        yield Finding("journal", "ok", name, f"sound, format {found.format}, {sizes}")
    if found.log_is_stuck:
        text = f"{found.log_size:,} bytes: it can't be moved into the file"
        remedy = "Another program reads the file in a transaction that it doesn't end: end it."
        yield Finding("journal", "problem", "log", text, remedy)
    if found.free < _LEAST_FREE:
        text = f"{found.free:,} bytes are free: durable publishes fail when there are none"
        yield Finding("journal", "problem", "disk", text, "Make room, or keep less (retain_messages=).")
    if found.mode & 0o077:
        text = f"mode {found.mode:04o}: other users can read payloads"
        yield Finding("journal", "problem", "permissions", text, f"Run: chmod 600 {quote(name)}")
    if found.holder is None:
        yield Finding("journal", "ok", "client", "nobody has it open")
    else:
        who = f"process {found.holder}" if found.holder else "a process"
        yield Finding("journal", "ok", "client", f"{who} has it open")


def _pending(name: str, found: FileCheckup) -> Iterator[Finding]:
    waiting = unfinished(found.runs)
    if waiting and found.holder is None:
        text = f"{waiting:,} unfinished, and no client is running: they go on when one is entered"
        yield Finding("journal", "note", "pending", text)
    elif found.holder is not None:
        yield from overdue(name, found.runs)
