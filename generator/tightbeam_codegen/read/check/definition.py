"""Check one channel definition file: its form, its names, its parameters, its schemas."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.check.definition_file import (
    asserts_formats,
    check_form,
    check_schemas,
    dialect_of,
    text_of,
)
from tightbeam_codegen.read.check.model import Definition, Topic
from tightbeam_codegen.read.check.names import check_clashes, check_override, check_topic_name
from tightbeam_codegen.read.check.params import read_parameter
from tightbeam_codegen.read.check.schema import check_schema
from tightbeam_codegen.read.check.templates import check_separator, check_template, placeholders
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.discover import module_path

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue
    from tightbeam_codegen.settings import Settings

__all__ = ["check_definition"]

# The same limits as in the metaschema, which reports what is beyond them.
_MAX_NAME = 1_000
_MAX_PARAMS = 50
_MAX_TOPICS = 10_000

_ELSEWHERE = {
    "definitions": "It is `$defs` here.",
    "schema": "A topic has it. For an event, end the file's name in `.event.json`.",
}
"""What to do about keys that belong elsewhere."""


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
    check_form(document, "channel", own, _ELSEWHERE)
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
    separator = text_of(root.get("separator"), ":")
    check_separator(document, separator, problems)
    name = text_of(root.get("name"), "")
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
    dialect, probably = dialect_of(document, root, settings, metaschemas, problems)
    warnings = Warnings()
    payloads = (topic.pointer for topic in topics)
    check_schemas(document, payloads, probably, metaschemas, problems, warnings)
    for param, usable in params.items():
        if usable is not None:
            # Parameters have one dialect everywhere: that by which the runtime checks them.
            check_schema(document, ("params", param), LATEST.uri, problems, warnings=warnings)
    warnings.report(problems)
    if module is None or dialect is None:
        return None
    return Definition(
        document=document,
        module=module,
        name=name,
        separator=separator,
        description=text_of(root.get("description"), ""),
        params=tuple(usable for each in placeholders(name) if (usable := params.get(each)) is not None),
        topics=topics,
        dialect=dialect,
        assert_formats=asserts_formats(root, settings),
        class_name=class_name if isinstance(class_name, str) else None,
    )


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
        description = text_of(parts.get("description"), "")
        topics.append(Topic(name, ("topics", name, "schema"), description, py_name, name))
    check_clashes(document, ("topics",), names, "topics", problems)
    return tuple(topics)
