"""What a command's arguments name: a file or a gateway, and runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tightbeam_cli.runs.output import RunsFailed
from tightbeam_cli.runs.source import RunSource

__all__ = ["Place", "place_of", "source_for"]


@dataclass(frozen=True, slots=True)
class Place:
    """What a command's arguments name."""

    source: RunSource
    runs: tuple[str, ...]
    """Ids of runs, or how they begin."""
    is_file: bool
    """Whether no client has it open."""


def place_of(arguments: list[str], url: str | None) -> Place:
    """Return what a command's arguments name: a file and runs, or, with a URL, runs.

    Raises:
        RunsFailed: as `source_for`.
    """
    if url is not None:
        named = Path(arguments[0]) if arguments and Path(arguments[0]).is_file() else None
        return Place(source_for(named, url), tuple(arguments), is_file=False)
    file = Path(arguments[0]) if arguments else None
    return Place(source_for(file, None), tuple(arguments[1:]), is_file=True)


def source_for(file: Path | None, url: str | None) -> RunSource:
    """Return the runs of a file, or those behind a gateway.

    Raises:
        RunsFailed: both are named, or neither; or the gateway's extra isn't installed.
    """
    if url is None:
        if file is None:
            raise RunsFailed("no runs are named", "Name a database file, or a gateway with --url.")
        from tightbeam._engine.backends import journal_file_at
        from tightbeam_cli.runs.journal_source import JournalSource

        return JournalSource(journal_file_at(file))
    if file is not None:
        raise RunsFailed(f"both {file} and a gateway are named", "Name a file, or --url, not both.")
    from tightbeam_cli.runs.gateway_source import GatewaySource

    return GatewaySource(url, os.environ.get("TIGHTBEAM_SERVER_KEY"))
