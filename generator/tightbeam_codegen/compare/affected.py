"""Find the definitions that a change of files can affect, without parsing any of them.

A file can only depend on another one whose name it has in its text: by `$ref`, `$schema` or `dialect`. So a
definition is affected if it has changed, or if its text has the name of a file that is affected. That finds
too many at times, never too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from tightbeam_codegen.compare.files import ROOT, File, FileKey
from tightbeam_codegen.compare.revision import Revision
from tightbeam_codegen.json_schema.own_keywords import ALLOW_BREAKING
from tightbeam_codegen.read.discover import SUFFIXES

__all__ = ["Affected", "affected_by", "definitions_among"]

_MARKS = re.compile(r"[\"'/#?:,{}\[\]\r\n]")
"""Characters around the last part of a reference, in JSON and in YAML."""
_SPACE = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+')
"""A string, which stays, or white space between values."""
_SPACES = b" \t\r\n"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(/))")


@dataclass(frozen=True, slots=True)
class Affected:
    """The definitions to read, by their paths below the schema root."""

    old: frozenset[str]
    new: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.old or self.new)


def affected_by(revision: Revision, files: Mapping[FileKey, File]) -> Affected:
    """Return the definitions of a revision, and of today, that are to be compared.

    Args:
        revision: the old definitions.
        files: of today.
    """
    then, now = definitions_among(revision.object_ids), definitions_among(files)
    before = revision.object_ids
    both = files.keys() & before.keys()
    differing = {key for key in both if files[key].object_id(revision.algorithm) != before[key]}
    differing -= set(_laid_out_anew(differing, files, revision))
    changed = differing | (files.keys() ^ before.keys())
    affected = {path for name, path in changed if name == ROOT and path.endswith(SUFFIXES)}
    # A definition with an exception is always read, to see whether it still allows something.
    affected |= {path for path in now if ALLOW_BREAKING.encode() in files[ROOT, path].data}
    if changed:
        affected |= _referring(changed, {key: file for key, file in files.items() if key not in changed})
    return Affected(then & affected, now & affected)


def definitions_among(keys: Iterable[FileKey]) -> frozenset[str]:
    """Return the definitions among some files, by their paths below the schema root."""
    return frozenset(
        path
        for name, path in keys
        if name == ROOT
        and path.endswith(SUFFIXES)
        and not any(part.startswith(".") for part in path.split("/"))
    )


def _laid_out_anew(
    changed: Iterable[FileKey], files: Mapping[FileKey, File], revision: Revision
) -> Iterator[FileKey]:
    """Yield the JSON files that differ from those of the revision in white space between values alone."""
    candidates = [key for key in changed if key[1].endswith(".json") and not files[key].is_link]
    for key, old in revision.contents(candidates):
        new = files[key].data
        # Most files differ without any white space, which is found out at once.
        if old.is_link or old.data.translate(None, _SPACES) != new.translate(None, _SPACES):
            continue
        if _SPACE.sub(rb"\1", old.data) == _SPACE.sub(rb"\1", new):
            yield key


def _referring(changed: Iterable[FileKey], files: Mapping[FileKey, File]) -> set[str]:
    """Return the definitions among some files that refer to a changed file, over others too."""
    # Imported here, so that a run that finds nothing changed is spared it.
    from tightbeam_codegen.read.load.limits import MAX_BYTES

    texts = {key: _plain(data) for key, file in files.items() if len(data := file.data) <= MAX_BYTES}
    parts = {key: {part.strip() for part in _MARKS.split(text)} for key, text in texts.items()}
    names = {_name(path) for _, path in changed}
    found: set[str] = set()
    while names:
        odd = [name for name in names if _MARKS.search(name)]
        mentioning = [
            key
            for key, parts_of_text in parts.items()
            if not names.isdisjoint(parts_of_text) or any(name in texts[key] for name in odd)
        ]
        names = {_name(path) for _, path in mentioning}
        for key in mentioning:
            del parts[key]
            if key[0] == ROOT and key[1].endswith(SUFFIXES):
                found.add(key[1])
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _plain(data: bytes) -> str:
    """Return a text in which each character of a file's name stands for itself."""
    text = data.decode("utf-8", "replace")
    if "\\" in text:
        text = _ESCAPE.sub(lambda match: match[3] or chr(int(match[1] or match[2], 16)), text)
    return unquote(text) if "%" in text else text
