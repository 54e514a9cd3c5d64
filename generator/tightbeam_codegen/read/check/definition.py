"""Check one channel definition file: its form, its names, its parameters, its schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.json_schema.dialects import DRAFTS, LATEST, find_draft, spellings
from tightbeam_codegen.json_schema.own_keywords import ALLOW_BREAKING
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check.metaschema import faults_by
from tightbeam_codegen.read.check.model import Definition, Topic
from tightbeam_codegen.read.check.names import check_clashes, check_override, check_topic_name
from tightbeam_codegen.read.check.params import read_parameter
from tightbeam_codegen.read.check.schema import MAX_PROBLEMS, SAY_WHY, check_schema, value_at
from tightbeam_codegen.read.check.templates import check_separator, check_template, placeholders
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.discover import module_path
from tightbeam_codegen.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue, Pointer
    from tightbeam_codegen.settings import Settings

__all__ = ["channel_metaschema", "check_definition", "metaschema_text"]


# The same limits as in the metaschema, which reports what is beyond them.
_MAX_NAME = 1_000
_MAX_PARAMS = 50
_MAX_TOPICS = 10_000


@lru_cache(maxsize=1)
def channel_metaschema() -> dict[str, Any]:
    """Return the metaschema by which channel definitions are checked.

    The file describes payload schemas too, for editors. Definitions are checked without that part: payload
    schemas are checked by their own dialect's metaschema.
    """
    metaschema: dict[str, Any] = json.loads(metaschema_text())
    described = metaschema["$defs"]["PayloadSchema"]
    for keyword in ("properties", "patternProperties", "additionalProperties"):
        del described[keyword]
    return metaschema


def metaschema_text() -> str:
    """Return the metaschema of a channel definition as the text of a file, for editors."""
    return resources.files("tightbeam_codegen").joinpath("data/channel.schema.json").read_text("utf-8")


@lru_cache(maxsize=1)
def _fast() -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(channel_metaschema(), offline=True)


def check_definition(
    document: Document,
    settings: Settings,
    problems: Problems,
    *,
    metaschemas: Mapping[str, JsonValue] | None = None,
) -> Definition | None:
    """Read and check a channel definition, with the payload schemas and `$defs` in the file itself.

    What only shows between files (overlapping templates, `$ref`) is checked elsewhere.

    Args:
        document: the file.
        settings: have the default dialect and whether formats are law.
        problems: takes what is wrong.
        metaschemas: the project's own metaschemas, by URI.

    Returns:
        The definition; None if anything in it is an error.
    """
    own = Problems()
    root = document.value
    if not _fast().is_valid(root):
        for fault in islice(faults_by(channel_metaschema(), root, {}), MAX_PROBLEMS):
            if fault.where[-1:] == ("x-tightbeam-name",) and fault.rule == "pattern":
                # Reported in plainer words where overrides are checked.
                continue
            if fault.where[-1:] == (ALLOW_BREAKING,):
                fault = fault._replace(message=f"{ALLOW_BREAKING} must say why, in words", remedy=SAY_WHY)
            place = document.place(fault.where, key=fault.at_key)
            remedy = "It is `$defs` here." if fault.where == ("definitions",) else fault.remedy
            if fault.where == ("assert_formats",) and document.path.endswith((".yaml", ".yml")):
                remedy = "Write true or false: in YAML 1.2 all other words, such as yes and on, are text."
            own.error(place, fault.message, remedy)
    definition = _read(document, root, settings, own, metaschemas or {}) if isinstance(root, dict) else None
    problems.extend(own)
    return None if own.has_errors else definition


def _read(
    document: Document,
    root: dict[str, JsonValue],
    settings: Settings,
    problems: Problems,
    metaschemas: Mapping[str, JsonValue],
) -> Definition | None:
    """Read as much as can be read; values of the wrong form are reported by the metaschema."""
    module = module_path(document.path, document.shown, problems)
    separator = _text(root.get("separator"), ":")
    check_separator(document, separator, problems)
    name = _text(root.get("name"), "")
    params_value = root.get("params")
    # Comparing names takes time in proportion to the product of their numbers.
    param_schemas = dict(islice(params_value.items(), _MAX_PARAMS)) if isinstance(params_value, dict) else {}
    if 0 < len(name) <= _MAX_NAME:
        check_template(document, name, separator, param_schemas, problems)
    check_clashes(document, ("params",), dict.fromkeys(param_schemas), "parameters", problems)
    params = {param: read_parameter(document, param, separator, problems) for param in param_schemas}
    class_name = root.get("x-tightbeam-name")
    if isinstance(class_name, str):
        check_override(document, ("x-tightbeam-name",), class_name, problems, topic=False)
    topics = _topics(document, root, problems)
    dialect, probably = _dialect(document, root, settings, metaschemas, problems)
    warnings = Warnings()
    _check_schemas(document, root, topics, probably, metaschemas, problems, warnings)
    for param, usable in params.items():
        if usable is not None:
            # Parameters have one dialect everywhere: that by which the runtime checks them.
            check_schema(document, ("params", param), LATEST.uri, problems, warnings=warnings)
    warnings.report(problems)
    if module is None or dialect is None:
        return None
    formats = root.get("assert_formats")
    return Definition(
        document=document,
        module=module,
        name=name,
        separator=separator,
        description=_text(root.get("description"), ""),
        params=tuple(usable for each in placeholders(name) if (usable := params.get(each)) is not None),
        topics=topics,
        dialect=dialect,
        assert_formats=formats if isinstance(formats, bool) else settings.assert_formats,
        class_name=class_name if isinstance(class_name, str) else None,
    )


def _text(value: JsonValue, default: str) -> str:
    return value if isinstance(value, str) else default


def _topics(document: Document, root: dict[str, JsonValue], problems: Problems) -> tuple[Topic, ...]:
    listed = root.get("topics")
    topics: list[Topic] = []
    names: dict[str, str | None] = {}
    for name, value in islice(listed.items(), _MAX_TOPICS) if isinstance(listed, dict) else ():
        parts = value if isinstance(value, dict) else {}
        override = parts.get("x-tightbeam-name")
        py_name = override if isinstance(override, str) else None
        if py_name is not None:
            check_override(document, ("topics", name, "x-tightbeam-name"), py_name, problems, topic=True)
        if check_topic_name(document, name, py_name, problems):
            names[name] = py_name
        description = _text(parts.get("description"), "")
        topics.append(Topic(name, ("topics", name, "schema"), description, py_name))
    check_clashes(document, ("topics",), names, "topics", problems)
    return tuple(topics)


def _dialect(
    document: Document,
    root: dict[str, JsonValue],
    settings: Settings,
    metaschemas: Mapping[str, JsonValue],
    problems: Problems,
) -> tuple[str | None, str]:
    """Return the URI of the file's dialect, None if it is unknown, and the URI that was most likely meant."""
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


def _check_schemas(
    document: Document,
    root: dict[str, JsonValue],
    topics: tuple[Topic, ...],
    dialect: str,
    metaschemas: Mapping[str, JsonValue],
    problems: Problems,
    warnings: Warnings,
) -> None:
    shared = root.get("$defs")
    pointers: list[Pointer] = [topic.pointer for topic in topics]
    pointers += [("$defs", name) for name in shared] if isinstance(shared, dict) else []
    for pointer in pointers:
        try:
            schema = value_at(root, pointer)
        except LookupError:
            continue
        if isinstance(schema, (dict, bool)):
            check_schema(document, pointer, dialect, problems, metaschemas=metaschemas, warnings=warnings)
        if len(problems) > MAX_PROBLEMS:
            message = f"more than {MAX_PROBLEMS} errors in one file"
            problems.error(document.place(pointer), message, "Correct these first.")
            return
