"""The check that ends most runs: the same inputs as in the last good run, and its outputs still in place."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.problems import Problem, from_stored, to_stored
from tightbeam_codegen.read.discover import real_path
from tightbeam_codegen.write import Tree, ours

if TYPE_CHECKING:
    from tightbeam_codegen.settings import Settings
    from tightbeam_codegen.targets.protocol import Store, Target

__all__ = ["MAX_INPUTS", "UpToDateCheck"]

MAX_INPUTS = 20_000
"""Files below the roots; reading more of them would take longer than it saves."""


class UpToDateCheck:
    """Remembers the last good run for one set of settings.

    Inputs are compared by content, never by time. Everything below the schema root and the mapped folders
    counts as input, whether or not the last run read it: a new file can be what a reference means now.

    Args:
        settings: of the run.
        targets: what it prints, each with its folder.
        cache: remembers it.
    """

    def __init__(self, settings: Settings, targets: Iterable[tuple[Target, Path]], cache: Store) -> None:
        self._settings = settings
        self._targets = list(targets)
        self._cache = cache
        self._inputs: str | None = None
        folders = (settings.schemas, *(folder for _, folder in self._targets))
        self._key = "\0".join(["run", *(str(folder.absolute()) for folder in folders)])

    def warnings(self) -> tuple[Problem, ...] | None:
        """Return the warnings of the last run if this one would be the same; None if there is work to do."""
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
            return tuple(map(from_stored, remembered["problems"]))
        except (KeyError, TypeError, ValueError):
            return None

    def remember(self, trees: Iterable[Tree], problems: Iterable[Problem]) -> None:
        """Note that the inputs as they were give these files, and that the files are in place.

        Args:
            trees: the files.
            problems: the warnings of the run.
        """
        if self._inputs is None or self._inputs != self._digest_of_inputs():
            return
        outputs = [
            {path: hashlib.sha256(text.encode()).hexdigest() for path, text in tree.files.items()}
            for tree in trees
        ]
        noted: dict[str, Any] = {"inputs": self._inputs, "outputs": outputs}
        self._cache.put(self._key, noted | {"problems": [to_stored(problem) for problem in problems]})

    def _outputs(self) -> list[dict[str, str]]:
        """Return the files of ours that are in place now, with their digests, target by target."""
        return [
            {path: hashlib.sha256(data).hexdigest() for path, data in ours(folder, target.language)}
            for target, folder in self._targets
        ]

    def _digest_of_inputs(self) -> str | None:
        settings = self._settings
        # Whether warnings are fatal is decided anew each time; where the settings stand makes no difference.
        stated = dataclasses.replace(settings, strict=False, source=None)
        digest = hashlib.sha256(repr(stated).encode())
        count = 0
        outputs = {folder.absolute() for _, folder in self._targets}
        for root in (settings.schemas, *settings.refs.values()):
            for path, content in _files(root, outputs):
                count += 1
                if count > MAX_INPUTS:
                    return None
                digest.update(f"{path}\0".encode(errors="surrogateescape"))
                digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


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
                # The target's path is an input. The target itself is one only inside the roots, where it is
                # found without the link; files outside of them must not be opened.
                yield path, b"link " + os.fsencode(real_path(Path(entry.path)))
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                try:
                    yield path, Path(entry.path).read_bytes()
                except OSError:
                    yield path, b"unreadable"
