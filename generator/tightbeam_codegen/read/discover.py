"""Finds the definitions of channels and events below a root, and the Python modules that they become."""

from __future__ import annotations

import keyword
import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import snake
from tightbeam_codegen.problems import Place, Problems, quoted

__all__ = [
    "CHANNEL_SUFFIXES",
    "EVENT_SUFFIXES",
    "MAX_FILES",
    "SUFFIXES",
    "DefinitionFile",
    "check_modules",
    "discover",
    "entries_below",
    "is_definition_uri",
    "module_path",
    "read_inside",
    "real_path",
    "without_suffix",
]

CHANNEL_SUFFIXES = (".channel.json", ".channel.yaml", ".channel.yml")
EVENT_SUFFIXES = (".event.json", ".event.yaml", ".event.yml")
SUFFIXES = (*CHANNEL_SUFFIXES, *EVENT_SUFFIXES)
"""The endings of definition files."""

MAX_FILES = 100_000
"""Entries below a root. A root with more of them, such as a home folder, was named by mistake."""


@dataclass(frozen=True, slots=True, order=True)
class DefinitionFile:
    """A definition file."""

    path: str
    """Posix path relative to the root."""
    shown: str
    """The path as messages show it."""
    file: Path


def discover(root: Path, shown_root: str, problems: Problems) -> list[DefinitionFile]:
    """Find the definitions of channels and events below a root, sorted by path.

    Hidden files and folders are skipped. Symbolic links that lead out of the root are errors, and so are
    names that aren't text, can't be a module's, or come to one module.

    Args:
        root: the schema root.
        shown_root: how messages name it.
        problems: takes what is wrong with files and their names.
    """
    if not root.is_dir():
        message = f"the schema root {quoted(shown_root)} isn't a folder"
        problems.error(None, message, "Name the folder of definitions, or begin with `tightbeam init`.")
        return []
    files: list[DefinitionFile] = []
    real_root = root.resolve()
    for count, (path, entry) in enumerate(entries_below(root)):
        if count >= MAX_FILES:
            remedy = "Name a folder that holds definitions only."
            problems.error(None, f"more than {MAX_FILES} files in {quoted(shown_root)}", remedy)
            return []
        file = DefinitionFile(path, str(PurePosixPath(shown_root) / path), Path(entry.path))
        if _is_definition(file, entry, real_root, problems):
            files.append(file)
    _check_names(files, problems)
    return sorted(files)


def is_definition_uri(uri: str) -> bool:
    """Return whether a URI is that of a definition file; a file of a mapped folder is none."""
    return uri.startswith(ROOT_URI) and uri.endswith(SUFFIXES)


def entries_below(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield everything below a root that isn't hidden, with its path; folders behind links aren't entered."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                yield path, entry


def _is_definition(
    file: DefinitionFile, entry: os.DirEntry[str], real_root: Path, problems: Problems
) -> bool:
    leads_out = entry.is_symlink() and not real_path(file.file).is_relative_to(real_root)
    if file.file.is_dir():
        if leads_out:
            problems.warning(Place(file.shown, 1, 1), "a linked folder outside the root is skipped", _COPY)
        return False
    if not entry.name.endswith(SUFFIXES):
        return False
    if leads_out:
        problems.error(Place(file.shown, 1, 1), "a symbolic link out of the schema root", _COPY)
    elif not file.path.isprintable():
        message = "a file name with control characters"
        problems.error(Place(file.shown, 1, 1), message, "Rename the file.")
    else:
        return True
    return False


_COPY = "Copy it into the root, or map it in [tool.tightbeam.refs]."


def real_path(path: Path) -> Path:
    """Resolve the symbolic links of a path; links in a circle lead nowhere, and stay as they are."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def read_inside(root: Path, path: str) -> bytes:
    """Read the file at a path below a root.

    Args:
        root: a folder.
        path: relative to it.

    Raises:
        FileNotFoundError: there is no such file.
        PermissionError: the file is outside the root, directly or by a symbolic link, or isn't a regular one.
    """
    file = real_path(root / path)
    if not file.is_relative_to(root.resolve()):
        raise PermissionError(f"{path} is outside the root")
    if file.exists() and not file.is_file():
        raise PermissionError(f"{path} isn't a regular file")
    return file.read_bytes()


def _check_names(files: Iterable[DefinitionFile], problems: Problems) -> None:
    modules: list[tuple[str, tuple[str, ...]]] = []
    for file in files:
        module = module_path(file.path, file.shown, problems)
        if module is not None:
            modules.append((file.shown, module))
    check_modules(modules, problems)


def without_suffix(path: str) -> str:
    """Return the path of a definition without its suffix: `shop/orders` for `shop/orders.channel.json`."""
    return path.removesuffix(next((suffix for suffix in SUFFIXES if path.endswith(suffix)), ""))


def module_path(path: str, shown: str, problems: Problems) -> tuple[str, ...] | None:
    """Return the module of a definition: `("orders", "line_item")` for `orders/line-item.channel.yaml`.

    Args:
        path: of the file below its root.
        shown: the path as messages show it.
        problems: takes a part of the path that can't be the name of a module.

    Returns:
        The module; None if there was such a part.
    """
    parts = without_suffix(path).split("/")
    for part in parts:
        if not part:
            problems.error(Place(shown, 1, 1), "the file has no name before its suffix", "Give it one.")
            return None
        if keyword.iskeyword(part) or part.startswith("__"):
            message = f"{quoted(part)} can't be the name of a module"
            problems.error(Place(shown, 1, 1), message, "Rename the file or folder.")
            return None
    return tuple(snake(part) for part in parts)


def check_modules(modules: Iterable[tuple[str, tuple[str, ...]]], problems: Problems) -> None:
    """Report files that can't have the modules that they become.

    Two definitions can't be one module. Two modules can't be one file on a disk that ignores case,
    and a module and a package can't have one name. A definition and schema documents may be one
    module, which then has the classes of all of them.

    Args:
        modules: the files, as messages show them, each with its module.
        problems: takes the errors.
    """
    taken: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {}
    packages: dict[tuple[str, ...], str] = {}
    # Of several files that are one module, the definition comes first, and the others are compared with it.
    ordered = sorted(modules, key=lambda item: (not item[0].endswith(SUFFIXES), item))
    for shown, module in ordered:
        for depth in range(1, len(module)):
            packages.setdefault(_folded(module[:depth]), shown)
    for shown, module in ordered:
        key = _folded(module)
        other, others_module = taken.setdefault(key, (shown, module))
        both = shown.endswith(SUFFIXES) and other.endswith(SUFFIXES)
        if other != shown and (both or module != others_module):
            message = f"this file and {other} both become the module {'.'.join(module)}"
            problems.error(Place(shown, 1, 1), message, "Rename one of them.")
        elif key in packages:
            message = f"the module {'.'.join(module)} would hide the package of {packages[key]}"
            problems.error(Place(shown, 1, 1), message, "Rename the file or the folder.")


def _folded(module: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFKC", part).casefold() for part in module)
