"""Writes generated text to disk: all of it or nothing, and never over a file that isn't ours."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tightbeam_codegen.problems import Problem, Problems, quoted

__all__ = ["Language", "Plan", "Tree", "compare", "diff", "ours", "write"]

_ENOUGH = 128
"""Bytes of a file in which its header is."""
_FOREIGN = frozenset(["__pycache__", "node_modules"])


@dataclass(frozen=True, slots=True)
class Language:
    """How files of ours are told from others."""

    header: str
    """How they begin. Without it a file is its editor's, and isn't written over."""
    suffix: str
    former: str | None = None
    """How those of earlier versions begin."""

    def is_ours(self, data: bytes) -> bool:
        """Return whether a file that begins with `data` is ours, with any line ends."""
        starts = (self.header, self.former or self.header)
        return data.replace(b"\r\n", b"\n").startswith(tuple(start.encode() for start in starts))


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder, and the files of one language that it should hold: text by posix path inside it."""

    folder: Path
    files: Mapping[str, str]
    language: Language


@dataclass(frozen=True, slots=True)
class Plan:
    """How a folder differs from its tree. Paths are posix and relative to it."""

    tree: Tree
    changed: Mapping[str, bytes | None]
    """The present bytes of each file that should have another text; None for a new file."""
    stale: Mapping[str, bytes]
    """Files of ours that aren't in the tree."""

    @property
    def is_empty(self) -> bool:
        """Whether the folder holds just what it should."""
        return not self.changed and not self.stale


def compare(trees: Iterable[Tree]) -> list[Plan]:
    """Find what would have to change for folders to hold their trees, and no other files of ours.

    Raises:
        DefinitionErrors: that would touch something that isn't ours: a file without our header in the way of
            one of a tree's, or a symbolic link. All trees are looked through first.
    """
    problems = Problems()
    plans = [_compare(tree, problems) for tree in trees]
    problems.raise_errors()
    return plans


def _compare(tree: Tree, problems: Problems) -> Plan:
    folder, files, language = tree.folder, tree.files, tree.language
    if not _check_folder(folder, files, problems):
        return Plan(tree, {}, {})
    changed: dict[str, bytes | None] = {}
    for path, text in sorted(files.items()):
        old = _read(folder, path, problems)
        if old == text.encode():
            continue
        if old is not None and not language.is_ours(old):
            header = " ".join(language.header.split("\n"))
            message = f"{quoted(_shown(folder, path))} is in the way: it doesn't begin with '{header}'"
            problems.error(None, message, "Move it away, or choose another output folder.")
        changed[path] = old
    return Plan(tree, changed, dict(ours(folder, language, besides=files)))


def write(plans: Iterable[Plan]) -> None:
    """Make folders hold their trees: all of it or nothing.

    Only what differs is touched. New text goes to temporary files beside the old ones first; they are moved
    into place once all are complete, so that a full disk changes nothing.

    Args:
        plans: of `compare`.

    Raises:
        OSError: something can't be written.
    """
    plans = list(plans)
    ready: list[tuple[Path, Path]] = []
    try:
        for plan in plans:
            for path in plan.changed:
                target = plan.tree.folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
                ready.append((temporary, target))
                _write_new(temporary, plan.tree.files[path].encode(), like=target)
        for temporary, target in ready:
            temporary.replace(target)
    except BaseException:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
        raise
    for plan in plans:
        for path in plan.stale:
            _remove(plan.tree.folder, path)


def diff(plan: Plan) -> str:
    """Return a unified diff from what a folder holds to its tree, empty if nothing differs."""
    from difflib import unified_diff

    files, olds = plan.tree.files, {**plan.changed, **plan.stale}
    parts: list[str] = []
    for path, old in sorted(olds.items()):
        before = old.decode(errors="replace").splitlines(keepends=True) if old is not None else []
        after = files[path].splitlines(keepends=True) if path in files else []
        name = _shown(plan.tree.folder, path)
        left = f"a/{name}" if old is not None else "/dev/null"
        right = f"b/{name}" if path in files else "/dev/null"
        parts.extend(map(_whole_line, unified_diff(before, after, left, right)))
    return "".join(parts)


def _whole_line(line: str) -> str:
    return line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _shown(output: Path, path: str) -> str:
    return (PurePosixPath(output.as_posix()) / path).as_posix()


def _check_folder(output: Path, files: Mapping[str, str], problems: Problems) -> bool:
    """Refuse paths that lead out of `output`, and links or files where a folder has to be."""
    folders = {"."}
    for path in files:
        parts = PurePosixPath(path).parts
        if not parts or path != "/".join(parts) or ".." in parts or parts[0] == "/":
            raise ValueError(f"not a path inside the output folder: {path!r}")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    modes = {folder: _mode(output / folder) for folder in sorted(folders)}
    others = {folder: mode for folder, mode in modes.items() if mode is not None and not stat.S_ISDIR(mode)}
    for folder, mode in others.items():
        what = "a symbolic link" if stat.S_ISLNK(mode) else "a file"
        remedy = "Name another output folder, or replace it by a folder."
        problems.error(None, f"{quoted(_shown(output, folder))} is {what}, not a folder", remedy)
    return not others


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def _read(output: Path, path: str, problems: Problems) -> bytes | None:
    file = output / path
    mode = _mode(file)
    if mode is None:
        return None
    if not stat.S_ISREG(mode):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        problem = Problem(None, "error", f"{quoted(_shown(output, path))} is {what}", "Move it away.")
        problems.add(problem)
        return None
    return file.read_bytes()


def ours(
    output: Path, language: Language, *, besides: Container[str] = frozenset()
) -> Iterator[tuple[str, bytes]]:
    """Yield the files below a folder that have our header, each with its bytes.

    Links, hidden folders and folders that other tools fill are left alone.

    Args:
        output: the folder.
        language: of the files.
        besides: paths that aren't read.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(output / folder), key=lambda entry: entry.name)
        except OSError:
            # If the output folder itself can't be read, writing to it reports that.
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in _FOREIGN:
                    waiting.append(path)
            elif (
                entry.name.endswith(language.suffix)
                and path not in besides
                and entry.is_file(follow_symlinks=False)
            ):
                with Path(entry.path).open("rb") as file:
                    start = file.read(_ENOUGH)
                    if language.is_ours(start):
                        yield path, start + file.read()


def _write_new(file: Path, data: bytes, *, like: Path) -> None:
    mode = _mode(like)
    # These flags neither follow a link nor reuse a file. The umask applies as for any new file.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    if mode is not None:
        file.chmod(stat.S_IMODE(mode))


def _remove(output: Path, path: str) -> None:
    file = output / path
    file.unlink(missing_ok=True)
    compiled = file.parent / "__pycache__"
    for leftover in compiled.glob(f"{file.stem}.*.pyc") if file.stem.isidentifier() else ():
        leftover.unlink(missing_ok=True)
    # Folders that hold other files stay.
    for folder in (compiled, *(output / parent for parent in PurePosixPath(path).parents)):
        with contextlib.suppress(OSError):
            if folder != output:
                folder.rmdir()
