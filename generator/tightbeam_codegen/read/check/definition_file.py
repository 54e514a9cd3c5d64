"""What definition files of channels and of events have in common, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from tightbeam_codegen.json_schema.dialects import DRAFTS, find_draft, spellings
from tightbeam_codegen.json_schema.own_keywords import ALLOW_BREAKING
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check.metaschema import faults_by
from tightbeam_codegen.read.check.metaschemas import Kind, is_by_metaschema, metaschema_of
from tightbeam_codegen.read.check.schema import MAX_PROBLEMS, SAY_WHY, check_schema
from tightbeam_codegen.read.load.values import value_at
from tightbeam_codegen.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from tightbeam_codegen.read.check.warnings import Warnings
    from tightbeam_codegen.read.load import Document, JsonValue, Pointer
    from tightbeam_codegen.settings import Settings

__all__ = ["asserts_formats", "check_form", "check_schemas", "dialect_of", "text_of"]

_TOO_MANY = f"more than {MAX_PROBLEMS} errors in one file"


def check_form(document: Document, kind: Kind, problems: Problems, belongs: Mapping[str, str]) -> None:
    """Check a definition file by its metaschema.

    Args:
        document: the file.
        kind: what it defines.
        problems: takes what is wrong.
        belongs: what to do about keys that belong elsewhere, by key.
    """
    root = document.value
    if is_by_metaschema(root, kind):
        return
    faults = faults_by(metaschema_of(kind), root, {})
    for fault in islice(faults, MAX_PROBLEMS):
        if fault.where[-1:] == ("x-tightbeam-name",) and fault.rule == "pattern":
            # Reported in plainer words where overrides are checked.
            continue
        if fault.where[-1:] == (ALLOW_BREAKING,):
            fault = fault._replace(message=f"{ALLOW_BREAKING} must say why, in words", remedy=SAY_WHY)
        place = document.place(fault.where, key=fault.at_key)
        remedy = fault.remedy
        if fault.at_key and len(fault.where) == 1:
            remedy = belongs.get(str(fault.where[0]), remedy)
        if fault.where == ("assert_formats",) and document.path.endswith((".yaml", ".yml")):
            remedy = "Write true or false: in YAML 1.2 all other words, such as yes and on, are text."
        problems.error(place, fault.message, remedy)
    if next(faults, None) is not None:
        problems.error(document.place(()), _TOO_MANY, "Correct these first.")


def text_of(value: JsonValue, default: str) -> str:
    """Return a text, or the default in place of anything else, which the metaschema reports."""
    return value if isinstance(value, str) else default


def asserts_formats(root: Mapping[str, JsonValue], settings: Settings) -> bool:
    """Return whether `format` is law in a definition file.

    Args:
        root: the file's value.
        settings: say so where the file doesn't.
    """
    stated = root.get("assert_formats")
    return stated if isinstance(stated, bool) else settings.assert_formats


def dialect_of(
    document: Document,
    root: dict[str, JsonValue],
    settings: Settings,
    metaschemas: Mapping[str, JsonValue],
    problems: Problems,
) -> tuple[str | None, str]:
    """Read the dialect of a definition file.

    Args:
        document: the file.
        root: its value.
        settings: name the dialect of files that state none.
        metaschemas: the project's own, by URI.
        problems: takes an unknown dialect.

    Returns:
        The URI, None if it is unknown, and the URI that was most likely meant.
    """
    stated = root.get("dialect")
    if not isinstance(stated, str):
        return settings.dialect, settings.dialect
    draft = find_draft(stated)
    uri = draft.uri if draft else stated if stated in metaschemas else None
    if uri is None:
        short = [draft.short for draft in DRAFTS.values()]
        remedy = did_you_mean(stated, [*spellings(), *metaschemas]) or f"Use one of {', '.join(short)}."
        problems.error(document.place(("dialect",)), f"unknown dialect {quoted(stated)}", remedy)
        meant = nearest(stated, spellings())
        draft = find_draft(meant) if meant else None
        return None, draft.uri if draft else settings.dialect
    return uri, uri


def check_schemas(
    document: Document,
    payloads: Iterable[Pointer],
    dialect: str,
    metaschemas: Mapping[str, JsonValue],
    problems: Problems,
    warnings: Warnings,
) -> None:
    """Check the schemas of a definition file: of its payloads, and the shared ones.

    Args:
        document: the file.
        payloads: the ways to payload schemas, of which some may not exist.
        dialect: of schemas that name none.
        metaschemas: the project's own, by URI.
        problems: takes errors.
        warnings: takes warnings.
    """
    if len(problems) > MAX_PROBLEMS:
        return  # which was said of the form
    root = document.value
    shared = root.get("$defs") if isinstance(root, dict) else None
    pointers = [*payloads, *(("$defs", name) for name in (shared if isinstance(shared, dict) else ()))]
    for pointer in pointers:
        try:
            schema = value_at(root, pointer)
        except LookupError:
            continue
        if isinstance(schema, (dict, bool)):
            check_schema(document, pointer, dialect, problems, metaschemas=metaschemas, warnings=warnings)
        if len(problems) > MAX_PROBLEMS:
            problems.error(document.place(pointer), _TOO_MANY, "Correct these first.")
            return
