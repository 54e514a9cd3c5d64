"""Imports JSON Schema documents: a topic for the document itself, and one for each schema that it shares."""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam._payload.subschemas import SCHEMA_MAPS
from tightbeam_codegen.imports.imported import Imported, Source, Wanted, refusal
from tightbeam_codegen.imports.selection import Candidate, channel_of
from tightbeam_codegen.json_schema.keywords import ASSERTING, KEYWORDS, Form, is_group
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.check.forms import form_faults
from tightbeam_codegen.read.discover import SUFFIXES
from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = ["import_json_schema", "stem_of"]

_CONTAINERS = ("$defs", "definitions")
_MOST_LEVELS = 4
"""How deep groups of shared schemas are entered."""


def import_json_schema(source: Source, wanted: Wanted) -> Imported:
    """Import a JSON Schema document: a topic for the document itself, and for each schema that it shares.

    Shared schemas may stand in groups (`definitions/v1/Pod`); a group's name is part of the topic's.

    Args:
        source: the document.
        wanted: what the command line asks for.

    Raises:
        DefinitionErrors: the document is a definition already, or has no schema in it.
    """
    document = source.document
    if document.path.endswith(SUFFIXES):
        raise refusal(document, (), "this is a definition already", "Run `tightbeam generate`.")
    if not isinstance(document.value, dict | bool):
        message = f"{source.file} isn't a schema document"
        raise refusal(document, (), message, "It has to be an object.")
    candidates: list[Candidate] = []
    if _is_schema(document.value):
        candidates.append(Candidate(stem_of(source), (), is_root=True))
    left_out: list[str] = []
    for container in _CONTAINERS:
        shared = document.value.get(container) if isinstance(document.value, dict) else None
        if isinstance(shared, dict):
            candidates += _shared(shared, (container,), "", left_out)
    if not candidates:
        message = f"no schema in {source.file}"
        raise refusal(document, (), message, "Its schemas have to stand in $defs, or definitions.")
    notes = (f"Left out, being no schemas: {', '.join(map(quoted, left_out))}.",) if left_out else ()
    return channel_of(source, wanted, candidates, notes=notes)


def stem_of(source: Source) -> str:
    """Return what a document is called, without its endings."""
    return source.file.partition(".")[0]


def _shared(
    shared: dict[str, JsonValue], pointer: Pointer, prefix: str, left_out: list[str]
) -> Iterator[Candidate]:
    for name, value in shared.items():
        way, full = (*pointer, name), f"{prefix}{name}"
        if isinstance(value, dict) and is_group(value) and len(way) <= _MOST_LEVELS:
            yield from _shared(value, way, f"{full}-", left_out)
        elif isinstance(value, dict | bool):
            yield Candidate(full, way)
        else:
            left_out.append(full)


def _is_schema(value: JsonValue) -> bool:
    """Return whether a document is a schema, and more than a reference to one of its shared schemas."""
    if not isinstance(value, dict):
        return isinstance(value, bool)
    stated = {keyword for keyword in ASSERTING.intersection(value) if _can_be(keyword, value[keyword])}
    reference = value.get("$ref")
    is_alias = stated == {"$ref"} and isinstance(reference, str) and reference.startswith("#")
    return bool(stated) and not is_alias


def _can_be(keyword: str, value: JsonValue) -> bool:
    """Return whether a keyword of some draft can have a value; `dependencies` of a package.json can't be."""
    if isinstance(value, dict) and any(isinstance(inner, str) for inner in value.values()):
        return keyword not in SCHEMA_MAPS
    forms: list[Form] = [keywords[keyword] for keywords in KEYWORDS.values() if keyword in keywords]
    return any(not any(form_faults(keyword, value, form)) for form in forms)
