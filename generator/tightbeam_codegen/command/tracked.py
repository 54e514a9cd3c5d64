"""The generated files that git doesn't track: a commit would leave them behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem
from tightbeam_codegen.write import Language, ours

__all__ = ["untracked"]


def untracked(folders: Iterable[tuple[Path, Language]]) -> list[Problem]:
    """Return an error for each generated file that git neither tracks nor ignores.

    Args:
        folders: the output folders, each with the language of its files.

    Raises:
        DefinitionErrors: there is no repository, or no git.
    """
    problems: list[Problem] = []
    for folder, language in folders:
        others = _others(folder)
        for path in sorted(path for path, _ in ours(folder, language) if path in others):
            place = Place((folder / path).as_posix(), 1, 1)
            problems.append(
                Problem(place, "error", "git doesn't track this file", f"Run: git add {folder.as_posix()}")
            )
    return problems


def _others(folder: Path) -> set[str]:
    """Return the files below a folder that git neither tracks nor ignores, by posix path inside it."""
    if not folder.is_dir():
        return set()
    command = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise _refused("there is no git") from None
    if done.returncode:
        raise _refused(os.fsdecode(done.stderr).strip().partition("\n")[0])
    return set(os.fsdecode(done.stdout).split("\0"))


def _refused(reason: str) -> DefinitionErrors:
    message = f"git can't tell which files it tracks: {reason}"
    remedy = "Leave out --tracked where there is no repository."
    return DefinitionErrors([Problem(None, "error", message, remedy)])
