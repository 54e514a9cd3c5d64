"""The index that the search reads, in scripts of a bounded size: all that has a name in the site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from tightbeam_codegen.catalogue.html import shown
from tightbeam_codegen.catalogue.rows import Row
from tightbeam_codegen.catalogue.views import Section, Views

__all__ = ["index_files"]

_LARGEST = 160_000
"""Characters of one script: a browser reads it in a few milliseconds."""
_LONGEST = 240
"""Of a description."""

_CHANNEL, _TOPIC, _PROPERTY, _TYPE, _PARAMETER, _EVENT = range(6)

Entry: TypeAlias = tuple[int, str, str, str, int, str]
"""Kind, title, page, anchor, the entry that it is in (-1 for none), and its words."""


def index_files(views: Views, header: str) -> Iterator[tuple[str, str]]:
    """Yield the scripts, each with its path. They hold arrays of strings and numbers, and call one function.

    Args:
        views: what the site shows.
        header: how scripts begin.
    """
    chunks: list[list[str]] = [[]]
    size = 0
    for entry in _entries(views):
        text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        if size + len(text) > _LARGEST and chunks[-1]:
            chunks.append([])
            size = 0
        chunks[-1].append(text)
        size += len(text)
    for number, chunk in enumerate(chunks):
        body = ",\n".join(chunk)
        yield f"search/{number}.js", f"{header}\ntightbeamFound({number}, {len(chunks)}, [\n{body}\n]);\n"


def _entries(views: Views) -> list[Entry]:
    entries: list[Entry] = []
    for channel in views.channels:
        own = len(entries)
        entries.append(_entry(_CHANNEL, channel.name, channel.page, "", -1, channel.description))
        entries += [
            _entry(_PARAMETER, row.name, channel.page, row.anchor, own, row.doc) for row in channel.parameters
        ]
        for topic in channel.topics:
            entries += _section(_TOPIC, topic.section, own, len(entries))
        for each in channel.types:
            entries += _section(_TYPE, each.section, own, len(entries))
    for event in views.events:
        own = len(entries)
        entries.append(_entry(_EVENT, event.name, event.page, "", -1, event.description))
        if event.data is not None:
            entries += _properties(event.data.section, own)
        for each in event.types:
            entries += _section(_TYPE, each.section, own, len(entries))
    for _, types in views.types.values():
        for each in types:
            entries += _section(_TYPE, each.section, -1, len(entries))
    return entries


def _section(kind: int, section: Section, parent: int, number: int) -> Iterator[Entry]:
    """Yield a topic or a type, whose own number is given, and its properties."""
    yield _entry(kind, section.title, section.spot.page, section.spot.anchor, parent, section.doc)
    yield from _properties(section, number)


def _properties(section: Section, number: int) -> Iterator[Entry]:
    """Yield the properties of a payload, which are in the entry of a number."""
    for row in section.rows:
        if row.anchor and not row.is_branch:
            yield _entry(_PROPERTY, row.way, section.spot.page, row.anchor, number, _words(row))


def _words(row: Row) -> str:
    return " ".join(filter(None, [row.doc, row.py_name, row.class_name]))


def _entry(kind: int, title: str, page: str, anchor: str, parent: int, words: str) -> Entry:
    return (
        kind,
        shown(title),
        page,
        anchor,
        parent,
        shown(" ".join(words.replace("`", "").split()))[:_LONGEST],
    )
