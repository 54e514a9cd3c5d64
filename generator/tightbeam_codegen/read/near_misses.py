"""Files that look like channel definitions and aren't called so."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path, PurePosixPath

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem
from tightbeam_codegen.read.discover import SUFFIXES, entries_below
from tightbeam_codegen.read.load import JsonValue, parse

__all__ = ["near_misses"]

_PLAIN = (".json", ".yaml", ".yml")
_MAX_BYTES = 256 * 1024
"""A larger file was hardly written by hand."""


def near_misses(root: Path, shown_root: str, read: Set[str]) -> Iterator[Problem]:
    """Yield a warning for each file below the root that was most likely meant as a definition.

    Args:
        root: the schema root.
        shown_root: how messages name it.
        read: the paths of definitions, and of files that they refer to: these are what they are meant to be.
    """
    for path, entry in entries_below(root):
        if path in read or path.endswith(SUFFIXES) or not entry.is_file(follow_symlinks=False):
            continue
        name = PurePosixPath(path).name
        if ".channel." in name.lower() or _looks_like_one(Path(entry.path), path):
            shown = str(PurePosixPath(shown_root) / path)
            yield Problem(
                Place(shown, 1, 1),
                "warning",
                "this looks like a channel definition, and isn't read as one",
                f"Call it {PurePosixPath(shown).with_name(_called(name))}.",
            )


def _called(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    for ending in (".channels", ".channel", ".schema"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
    suffix = suffix.lower() if f".{suffix.lower()}" in _PLAIN else "json"
    return f"{stem}.channel.{suffix}"


def _looks_like_one(file: Path, path: str) -> bool:
    if not path.lower().endswith(_PLAIN):
        return False
    try:
        if file.stat().st_size > _MAX_BYTES or b"topics" not in (data := file.read_bytes()):
            return False
        value = parse(data, path.lower(), path, "").value
    except (OSError, DefinitionErrors):
        return False
    return isinstance(value, dict) and isinstance(value.get("name"), str) and _are_topics(value.get("topics"))


def _are_topics(value: JsonValue) -> bool:
    topics = list(value.values()) if isinstance(value, dict) else []
    return bool(topics) and all(isinstance(topic, dict) and "schema" in topic for topic in topics)
