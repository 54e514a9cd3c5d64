"""The definition files inside of a document that was exported, as they are written.

The bindings of a channel state the digest of its file, and a file has more in it than AsyncAPI has words for:
comments, the order of keys, the division into files. So an exported document carries the files themselves.
A digest says whether the rest of the document is still what was exported with them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tightbeam_codegen.imports.file_names import DEVICE_NAMES
from tightbeam_codegen.read.discover import SUFFIXES
from tightbeam_codegen.read.load.values import with_whole_numbers

__all__ = ["EXTENSION", "Carried", "carried_in", "with_files"]

EXTENSION = "x-tightbeam"
"""The key of everything in a document that is ours, wherever AsyncAPI has no word for it."""

_PLAIN = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a document carries."""

    files: Mapping[str, str]
    """Text by posix path, relative to a schema root."""
    settings: Mapping[str, Any]
    """The settings that the definitions were read by, where they aren't the default ones."""
    is_current: bool
    """Whether the document hasn't been changed since."""


def with_files(
    document: Mapping[str, Any], files: Mapping[str, str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a document that carries definition files.

    Args:
        document: without them.
        files: text by posix path.
        settings: those that aren't the default ones.
    """
    carried: dict[str, Any] = {"files": dict(files)}
    if settings:
        carried["settings"] = dict(settings)
    whole = {**document, EXTENSION: carried}
    return {**document, EXTENSION: {"digest": _digest(whole), **carried}}


def carried_in(document: Mapping[str, Any]) -> Carried | None:
    """Return the definition files that a document carries; None where there are none, or not in our form."""
    ours = document.get(EXTENSION)
    files = ours.get("files") if isinstance(ours, dict) else None
    if not isinstance(ours, dict) or not isinstance(files, dict) or not files:
        return None
    texts = {path: text for path, text in files.items() if isinstance(text, str) and _is_inside(path)}
    if len(texts) < len(files) or len({path.casefold() for path in texts}) < len(files):
        return None
    if not any(path.endswith(SUFFIXES) for path in texts):
        return None
    settings = ours.get("settings")
    rest = {key: value for key, value in ours.items() if key != "digest"}
    is_current = ours.get("digest") == _digest({**document, EXTENSION: rest})
    return Carried(texts, settings if isinstance(settings, dict) else {}, is_current)


def _is_inside(path: str) -> bool:
    """Return whether a path that somebody else may have written names a plain file of definitions."""
    parts = PurePosixPath(path).parts
    return (
        path == "/".join(parts)
        and path.isprintable()
        and len(path) <= 400
        and not any(char in path for char in '\\:*?"<>|')
        and all(not part.startswith(".") and part.rstrip(" .") == part for part in parts)
        and all(part.partition(".")[0].lower() not in DEVICE_NAMES for part in parts)
        and path.endswith(_PLAIN)
        and not path.startswith("/")
    )


def _digest(document: Mapping[str, Any]) -> str:
    """Return a digest of a document that is the same in JSON and in YAML, however it is laid out."""
    text = json.dumps(with_whole_numbers(document), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
