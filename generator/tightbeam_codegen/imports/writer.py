"""Writes what was imported: all files or none, and never over one that is there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tightbeam_codegen.problems import DefinitionErrors, Problem, quoted
from tightbeam_codegen.read.discover import real_path

__all__ = ["write_new"]


def write_new(root: Path, files: Mapping[str, bytes], *, remedy: str = "") -> list[Path]:
    """Write new files below a root. A file that is there with the same bytes counts as written.

    Args:
        root: the schema root, which is made if it isn't there.
        files: the bytes by posix path below the root.
        remedy: what to do about files that are in the way.

    Returns:
        The files that were written.

    Raises:
        DefinitionErrors: other files are in the way, or a folder leads out of the root. Nothing is written.
        OSError: something can't be written. Nothing is left of what was.
    """
    targets = {root / path: data for path, data in files.items()}
    wrong = [problem for file in targets if (problem := _refused(root, file, targets[file], remedy))]
    if wrong:
        raise DefinitionErrors(wrong)
    new = {file: data for file, data in targets.items() if not file.exists()}
    written: list[Path] = []
    folders: list[Path] = []
    try:
        ready = [(_temporary(file, data, folders, written), file) for file, data in new.items()]
        for temporary, file in ready:
            # Unlike a rename, a link never replaces a file that has come in between.
            _link(temporary, file)
            written.append(file)
            temporary.unlink()
            written.remove(temporary)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        for folder in reversed(folders):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    return written


def _refused(root: Path, file: Path, data: bytes, remedy: str) -> Problem | None:
    if not real_path(file.parent).is_relative_to(real_path(root)):
        text = f"{quoted(file.parent.as_posix())} leads out of the schema root"
        return Problem(None, "error", text, "Replace the link by a folder.")
    if not os.path.lexists(file) or (not file.is_symlink() and file.is_file() and file.read_bytes() == data):
        return None
    text = f"{file.as_posix()} exists; nothing was changed"
    return Problem(None, "error", text, remedy or "Move it away, or remove it, to import again.")


def _temporary(file: Path, data: bytes, folders: list[Path], written: list[Path]) -> Path:
    """Write a file beside its place, and note it and the folders that this takes."""
    for folder in reversed([parent for parent in file.parents if not parent.exists()]):
        folder.mkdir()
        folders.append(folder)
    temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
    written.append(temporary)
    with temporary.open("xb") as stream:
        stream.write(data)
    return temporary


def _link(temporary: Path, file: Path) -> None:
    try:
        os.link(temporary, file, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with file.open("xb") as stream:
            stream.write(temporary.read_bytes())
