"""The one place that picks a store, for a client or for a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tightbeam._engine.addresses import Address, is_address, other_scheme
from tightbeam._engine.memory.backend import MemoryBackend
from tightbeam._engine.settings import OnServer, Retention
from tightbeam._engine.sqlite.backend import SqliteBackend
from tightbeam._engine.store import Backend
from tightbeam.errors import JournalRefused

if TYPE_CHECKING:
    from tightbeam._engine.file_journal import FileJournal
    from tightbeam._engine.journal import Journal
    from tightbeam._engine.server_journal import ServerJournal

__all__ = ["backend_for", "file_named", "journal_at", "journal_file_at", "journal_on_server"]


def backend_for(
    path: str | os.PathLike[str] | Backend | None, retention: Retention, on_server: OnServer | None = None
) -> Backend:
    """Return where a client keeps its journal; nothing is touched.

    Args:
        path: what the client was given; a backend is what `client_over` gives it.
        retention: how much is kept.
        on_server: how it is kept if the path is a database's address; None as a client does by itself.

    Raises:
        JournalRefused: the path is SQLite's name for memory, or can't name a file; or the address can't be
            read.
    """
    if path is None:
        return MemoryBackend(retention)
    if isinstance(path, str) and is_address(path):
        from tightbeam._engine.postgres.backend import (
            PostgresBackend,
        )  # not at import, as below

        return PostgresBackend(Address(path), retention, on_server or OnServer())
    return path if isinstance(path, Backend) else SqliteBackend(_file(path), retention)


def journal_file_at(path: str | os.PathLike[str]) -> FileJournal:
    """Return the journal in a file that a command names; nothing is touched.

    Raises:
        JournalRefused: it is the address of a database.
    """
    from tightbeam._engine.sqlite.journal_file import JournalFile  # not at import: clients go without

    return JournalFile(file_named(path))


def file_named(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that a command names.

    Raises:
        JournalRefused: it is the address of a database.
    """
    if is_address(path):
        raise JournalRefused(
            f"{Address(str(path))} is a database, not a file: it is backed up and restored by Postgres's own "
            "tools (pg_dump, pg_restore, pg_basebackup)"
        )
    _refuse_other_address(path)
    return Path(path)


def _refuse_other_address(path: str | os.PathLike[str]) -> None:
    if (scheme := other_scheme(path)) is not None:
        raise JournalRefused(
            f"{scheme}://… is no journal: name a file by its path, or a Postgres database by an address that "
            "begins with postgresql://"
        )


def journal_on_server(address: str, schema: str) -> ServerJournal:
    """Return the journal in a database that a command names; nothing is touched.

    Args:
        address: of the database.
        schema: in which its tables are.

    Raises:
        JournalRefused: it is no address, or psycopg isn't installed.
    """
    from tightbeam._engine.postgres.backend import require_psycopg

    found = Address(address)
    require_psycopg(found)
    from tightbeam._engine.postgres.journal import JournalOnServer  # not at import: clients go without

    return JournalOnServer(found, OnServer(schema))


def journal_at(place: str, schema: str) -> Journal:
    """Return the journal that a command names, by a file or an address; nothing is touched.

    Args:
        place: the file's path, or the database's address.
        schema: in which its tables are, if it is a database.

    Raises:
        JournalRefused: it is an address, and psycopg isn't installed.
    """
    return journal_on_server(place, schema) if is_address(place) else journal_file_at(place)


def _file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a journal's file.

    Raises:
        JournalRefused: it is SQLite's name for memory, an address of another kind, or can't name a file.
    """
    _refuse_other_address(path)
    text = os.fspath(path)
    if text == ":memory:":
        raise JournalRefused('":memory:" would be a file of that name: leave path out to keep all in memory')
    if not text or "\0" in text:
        raise JournalRefused("the journal's path is empty or holds a NUL: name a file, or leave path out")
    return Path(path)
