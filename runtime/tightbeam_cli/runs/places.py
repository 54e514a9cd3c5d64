"""What a command's arguments name: a journal or a gateway, and runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tightbeam import JournalRefused
from tightbeam._engine.addresses import hide_passwords, is_address
from tightbeam_cli.runs.asked import Where
from tightbeam_cli.runs.output import RunsFailed
from tightbeam_cli.runs.source import RunSource

__all__ = ["Place", "place_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """What a command's arguments name."""

    source: RunSource
    runs: tuple[str, ...]
    """Ids of runs, or how they begin."""
    kind: Literal["file", "database", "gateway"]
    """In a file runs go on when a client is entered; elsewhere others have them go on at once."""


def place_of(arguments: list[str], where: Where) -> Place:
    """Return what a command's arguments name: a journal and runs, or, with a URL, runs.

    Raises:
        RunsFailed: both a journal and a URL are named, or neither; or one of them can't be used.
    """
    if where.url is None or is_address(where.url):
        given = arguments if where.url is None else [where.url, *arguments]
        if not given:
            raise RunsFailed(
                "no runs are named",
                "Name a database file, a Postgres address (postgresql://…), or a gateway with --url.",
            )
        kind: Literal["file", "database"] = "database" if is_address(given[0]) else "file"
        return Place(_source_in(given[0], where.postgres_schema), tuple(given[1:]), kind)
    if arguments and (is_address(arguments[0]) or Path(arguments[0]).is_file()):
        named = hide_passwords(arguments[0], arguments)
        raise RunsFailed(f"both {named} and a gateway are named", "Name a journal, or --url, not both.")
    from tightbeam_cli.runs.gateway_source import GatewaySource

    source = GatewaySource(where.url, os.environ.get("TIGHTBEAM_SERVER_KEY"))
    return Place(source, tuple(arguments), "gateway")


def _source_in(journal: str, postgres_schema: str) -> RunSource:
    from tightbeam._engine.backends import journal_at
    from tightbeam_cli.runs.journal_source import JournalSource

    try:
        return JournalSource(journal_at(journal, postgres_schema))
    except JournalRefused as error:
        raise RunsFailed(str(error), kind="JournalRefused") from error
