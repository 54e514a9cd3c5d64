"""JSON values that runs keep for later ones, in the user's cache folder.

The folder is never in the project: files that a project brings along could otherwise decide what is
generated. An entry that can't be read counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tightbeam_codegen.targets import TARGETS

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import JsonValue

__all__ = ["MAX_ENTRY", "MAX_TOTAL", "Cache", "cache_folder", "open_cache", "tool_digest"]

MAX_ENTRY = 64 * 1024 * 1024
"""Bytes of an entry; a larger one isn't kept."""

MAX_TOTAL = 512 * 1024 * 1024
"""Bytes of all entries; when there are more, the oldest half is removed."""

_LIBRARIES = ("jsonschema_rs", "jsonschema_specifications", "referencing")
"""The packages that definitions are read with."""


class Cache:
    """Keeps JSON values by key; any of them may be gone at any time.

    Args:
        folder: of the entries; None for a cache that keeps nothing.
        salt: part of each key. With another one, as of another version of the tool, no entry is found.
    """

    def __init__(self, folder: Path | None, salt: str = "") -> None:
        self._folder = folder
        self._salt = salt
        self._checked = False

    def get(self, key: str) -> JsonValue:
        """Return the value of a key, or None."""
        file = self._file(key)
        if file is None:
            return None
        try:
            if file.stat().st_size > MAX_ENTRY:
                return None
            entry = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        # The entry has its key inside, so that a file that was moved isn't taken for another one.
        if not isinstance(entry, dict) or entry.get("key") != self._salt + key:
            return None
        value: JsonValue = entry.get("value")
        return value

    def put(self, key: str, value: JsonValue) -> None:
        """Keep a value if possible: an entry that is too large or a full disk is no error.

        Args:
            key: of the value.
            value: any JSON value.
        """
        file = self._file(key)
        if file is None:
            return
        data = json.dumps({"key": self._salt + key, "value": value}, separators=(",", ":")).encode()
        if len(data) > MAX_ENTRY:
            return
        temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            self._prepare()
            file.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _file(self, key: str) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256((self._salt + key).encode(errors="surrogatepass")).hexdigest()
        return self._folder / name[:2] / name[2:]

    def _prepare(self) -> None:
        """Make the folder, and remove the oldest entries if there are too many; done once a process."""
        if self._checked or self._folder is None:
            return
        self._checked = True
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entries: list[tuple[float, int, str]] = []
        for shelf in os.scandir(self._folder):
            if shelf.is_dir(follow_symlinks=False):
                for entry in os.scandir(shelf.path):
                    about = entry.stat(follow_symlinks=False)
                    entries.append((about.st_mtime, about.st_size, entry.path))
        total = sum(size for _, size, _ in entries)
        if total <= MAX_TOTAL:
            return
        for _, size, path in sorted(entries):
            Path(path).unlink(missing_ok=True)
            total -= size
            if total <= MAX_TOTAL // 2:
                break


def cache_folder() -> Path | None:
    """Return the cache folder of the user: `TIGHTBEAM_CACHE_DIR`, or the platform's; None for no cache.

    An empty `TIGHTBEAM_CACHE_DIR` switches the cache off.
    """
    stated = os.environ.get("TIGHTBEAM_CACHE_DIR")
    if stated is not None:
        return Path(stated) if stated else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = str(Path("~/Library/Caches").expanduser())
    else:
        base = os.environ.get("XDG_CACHE_HOME", "") or str(Path("~/.cache").expanduser())
    if not base or not Path(base).is_absolute():
        return None
    return Path(base) / "tightbeam"


def open_cache() -> Cache:
    """Open the cache for this version of the tool; it keeps nothing if others can write to its folder."""
    folder = cache_folder()
    if folder is not None and not _is_own(folder):
        folder = None
    return Cache(folder, tool_digest() if folder is not None else "")


def _is_own(folder: Path) -> bool:
    try:
        about = folder.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    # Elsewhere than on POSIX the user's own profile folder is private.
    return not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & 0o022)


@lru_cache(maxsize=1)
def tool_digest() -> str:
    """Return a digest of what generated text depends on besides definitions: our code, Python, libraries."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for name in _installed():
        digest.update(f"{name}\n".encode())
    package = Path(__file__).parents[1]
    for folder in (package, *_runtime()):
        for file in sorted(folder.rglob("*")):
            if file.suffix != ".pyc" and file.is_file():
                digest.update(f"{folder.name}/{file.relative_to(folder).as_posix()}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _runtime() -> list[Path]:
    """Return the folders of the runtime's code that says what bindings mean, and checks them."""
    runtime = find_spec("tightbeam")  # which imports nothing
    folders = runtime.submodule_search_locations if runtime is not None else None
    return [Path(folder, room) for folder in folders or () for room in ("_channels", "_payload")]


def _installed() -> list[str]:
    """Return the libraries that matter with their versions, as their folders in the import path are called.

    `importlib.metadata` gives the same and takes 50 ms to import: a third of a run with nothing to do.
    """
    matter = {*_LIBRARIES, *(library for target in TARGETS for library in target.libraries)}
    installed: list[str] = []
    for folder in sys.path:
        # The import path may have archives, and folders that are gone.
        with contextlib.suppress(OSError):
            names = [entry.name for entry in Path(folder).iterdir() if entry.suffix == ".dist-info"]
            installed.extend(name for name in names if name.partition("-")[0].lower() in matter)
    return sorted(installed)
