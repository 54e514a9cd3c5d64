"""`tightbeam move`: a journal's file is copied into a Postgres database."""

from __future__ import annotations

import sys

from tightbeam_cli.refusals import refused_whole_file
from tightbeam_codegen.problems import visible

__all__ = ["run_move"]


def run_move(file: str, address: str, postgres_schema: str) -> int:
    """Copy a file's contents, say what they are, and return the exit code."""
    from tightbeam import TightbeamError
    from tightbeam._engine.backends import journal_file_at, journal_on_server

    try:
        journal = journal_on_server(address, postgres_schema)
        with journal_file_at(file).contents() as contents:
            moved = journal.fill(contents)
    except TightbeamError as error:
        return refused_whole_file(error, file)
    unfinished = f" ({moved.unfinished:,} unfinished)" if moved.unfinished else ""
    counts = f"{moved.runs:,} runs{unfinished}, {moved.messages:,} messages"
    sys.stdout.write(f"{visible(journal.name)}: {counts}\n")
    sys.stdout.write(
        f"{visible(file)} is as it was: enter no client with it any more, or its runs are executed twice.\n"
        "Readers that resume by a position begin anew; those that resume by a time (since=) go on.\n"
    )
    return 0
