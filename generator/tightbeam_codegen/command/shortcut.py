"""Whether a run has anything to do: the same inputs as in an earlier one, and its outputs still in place."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.problems import Place, Problem
from tightbeam_codegen.read.discover import real_path
from tightbeam_codegen.write import PYTHON, TYPESCRIPT, Tree, ours

if TYPE_CHECKING:
    from tightbeam_codegen.incremental.cache import Cache
    from tightbeam_codegen.settings import Settings

__all__ = ["MAX_INPUTS", "Shortcut"]

MAX_INPUTS = 20_000
"""Files below the roots; with more, looking at all of them would be no shortcut."""


class Shortcut:
    """Remembers the last good run for one set of settings.

    Inputs are compared by content, never by time. Everything below the schema root and the mapped folders
    counts as input, whether or not the last run read it: a new file can be what a reference means now.
    """

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache
        self._inputs: str | None = None
        folders = (settings.schemas, settings.output, *([settings.typescript] if settings.typescript else []))
        self._key = "\0".join(["run", *(str(folder.absolute()) for folder in folders)])

    def unchanged_problems(self) -> tuple[Problem, ...] | None:
        """The warnings of the last run if this one would be the same and its files are in place."""
        self._inputs = self._digest_of_inputs()
        remembered = self._cache.get(self._key)
        if (
            self._inputs is None
            or not isinstance(remembered, dict)
            or remembered.get("inputs") != self._inputs
        ):
            return None
        outputs = remembered.get("outputs")
        if not isinstance(outputs, list) or outputs != self._outputs():
            return None
        try:
            return tuple(map(_to_problem, remembered["problems"]))  # type: ignore[arg-type]  # checked by use
        except (KeyError, TypeError, ValueError):
            return None

    def _outputs(self) -> list[dict[str, str]]:
        """The files of ours that are in place now, with their digests, language by language."""
        settings = self._settings
        found = [dict(ours(settings.output, PYTHON))]
        if settings.typescript is not None:
            found.append(dict(ours(settings.typescript, TYPESCRIPT)))
        return [{path: hashlib.sha256(data).hexdigest() for path, data in files.items()} for files in found]

    def remember(self, trees: Iterable[Tree], problems: Iterable[Problem]) -> None:
        """Note that these inputs gave these files, and that they are in place."""
        if self._inputs is None or self._inputs != self._digest_of_inputs():
            return
        outputs = [
            {path: hashlib.sha256(text.encode()).hexdigest() for path, text in tree.files.items()}
            for tree in trees
        ]
        found = [_from_problem(problem) for problem in problems]
        self._cache.put(self._key, {"inputs": self._inputs, "outputs": outputs, "problems": found})  # type: ignore[dict-item]  # invariance

    def _digest_of_inputs(self) -> str | None:
        settings = self._settings
        # Whether warnings are fatal is decided anew each time; where the settings stand makes no difference.
        stated = dataclasses.replace(settings, strict=False, source=None)
        found = hashlib.sha256(repr(stated).encode())
        count = 0
        outputs = {each.absolute() for each in (settings.output, settings.typescript) if each is not None}
        for root in (settings.schemas, *settings.refs.values()):
            for path, content in _files(root, outputs):
                count += 1
                if count > MAX_INPUTS:
                    return None
                found.update(f"{path}\0".encode(errors="surrogateescape"))
                found.update(hashlib.sha256(content).digest())
        return found.hexdigest()


def _files(root: Path, outputs: Set[Path]) -> Iterator[tuple[str, bytes]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        if (root / folder).absolute() in outputs:
            continue
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                # Where it leads is an input by itself. What lies there is one only inside the roots, where it
                # is found without the link; anywhere else it must not even be opened.
                yield path, b"link " + os.fsencode(real_path(Path(entry.path)))
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                try:
                    yield path, Path(entry.path).read_bytes()
                except OSError:
                    yield path, b"unreadable"


def _from_problem(problem: Problem) -> list[str | int | None]:
    place = problem.place
    where: list[str | int | None] = [place.path, place.line, place.column] if place else [None, 0, 0]
    return [*where, problem.severity, problem.message, problem.remedy]


def _to_problem(entry: Any) -> Problem:
    path, line, column, severity, message, remedy = entry
    return Problem(Place(path, line, column) if path is not None else None, severity, message, remedy)
