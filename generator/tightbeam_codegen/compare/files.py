"""The files that definitions are read from, each with the id that git gives its contents.

Two revisions of a file are the same if their ids are: to see that nothing has changed, no file of a commit
has to be read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tightbeam_codegen.read.discover import MAX_FILES
from tightbeam_codegen.settings import Settings

__all__ = ["ROOT", "File", "FileKey", "Files", "files_of", "folders_of"]

ROOT = ""
"""The schema root, beside the URIs of mapped folders."""

FileKey: TypeAlias = tuple[str, str]
"""`ROOT` or the URI of a mapped folder, and the posix path of a file in it."""


@dataclass(frozen=True, slots=True)
class File:
    """A file, or a symbolic link with the path that it leads to for contents."""

    source: Path | bytes
    """Where it is on the disk, or what is in it."""
    is_link: bool = False

    @property
    def data(self) -> bytes:
        """What is in it; nothing if it can't be read."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return os.fsencode(self.source.readlink()) if self.is_link else self.source.read_bytes()
        except OSError:
            return b""

    def object_id(self, algorithm: str) -> str:
        """Return the id of the contents, as git has it.

        Args:
            algorithm: of the repository: sha1 or sha256.
        """
        data = self.data
        digest = hashlib.new(algorithm, b"blob %d\0" % len(data), usedforsecurity=False)
        digest.update(data)
        return digest.hexdigest()


Files: TypeAlias = Mapping[FileKey, File]


def folders_of(settings: Settings) -> dict[str, Path]:
    """Return the schema root and the mapped folders."""
    return {ROOT: settings.schemas, **settings.refs}


def files_of(folders: Mapping[str, Path]) -> dict[FileKey, File]:
    """Return all files below some folders; a folder that doesn't exist has none.

    Args:
        folders: by `ROOT` or URI.
    """
    return {(name, path): file for name, folder in folders.items() for path, file in _below(folder)}


def _below(root: Path) -> Iterator[tuple[str, File]]:
    waiting, count = [""], 0
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            count += 1
            if count > MAX_FILES:
                return
            try:
                if entry.is_symlink():
                    yield path, File(Path(entry.path), is_link=True)
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git":
                        waiting.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path, File(Path(entry.path))
            except OSError:
                continue
