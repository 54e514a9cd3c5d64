"""Files that look like definitions of channels or events and aren't called so."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path, PurePosixPath

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem
from tightbeam_codegen.read.check.metaschemas import Kind, metaschema_of
from tightbeam_codegen.read.discover import SUFFIXES, entries_below
from tightbeam_codegen.read.load import JsonValue, parse

__all__ = ["near_misses"]

_PLAIN = (".json", ".yaml", ".yml")
_WITH_ARTICLE = {"channel": "a channel", "event": "an event"}
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
        kind = _kind_by_name(name) or _kind_by_content(Path(entry.path), path)
        if kind is not None:
            shown = str(PurePosixPath(shown_root) / path)
            yield Problem(
                Place(shown, 1, 1),
                "warning",
                f"this looks like {_WITH_ARTICLE[kind]} definition, and isn't read as one",
                f"Call it {PurePosixPath(shown).with_name(_called(name, kind))}.",
            )


def _kind_by_name(name: str) -> Kind | None:
    parts = name.lower().split(".")[1:-1]
    # Schemas of other tools are called `x.event.schema.json`.
    return "channel" if "channel" in parts else "event" if parts[-1:] == ["event"] else None


def _called(name: str, kind: Kind) -> str:
    stem, _, suffix = name.rpartition(".")
    for ending in (f".{kind}s", f".{kind}", ".schema"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
    suffix = suffix.lower() if f".{suffix.lower()}" in _PLAIN else "json"
    return f"{stem}.{kind}.{suffix}"


def _kind_by_content(file: Path, path: str) -> Kind | None:
    if not path.lower().endswith(_PLAIN):
        return None
    try:
        if file.stat().st_size > _MAX_BYTES:
            return None
        data = file.read_bytes()
        if b"name" not in data or not (b"topics" in data or b"schema" in data):
            return None
        value = parse(data, path.lower(), path, "").value
    except (OSError, DefinitionErrors):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    if _are_topics(value.get("topics")):
        return "channel"
    is_event = (
        isinstance(value.get("schema"), dict | bool)
        and value.keys() <= metaschema_of("event")["properties"].keys()
    )
    return "event" if is_event else None


def _are_topics(value: JsonValue) -> bool:
    topics = list(value.values()) if isinstance(value, dict) else []
    return bool(topics) and all(isinstance(topic, dict) and "schema" in topic for topic in topics)
