"""Check one event definition file: its form, its name, the schema of its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check.definition_file import (
    asserts_formats,
    check_form,
    check_schemas,
    dialect_of,
    text_of,
)
from tightbeam_codegen.read.check.model import EventDefinition, Topic
from tightbeam_codegen.read.check.names import check_override, unprintable
from tightbeam_codegen.read.check.warnings import Warnings
from tightbeam_codegen.read.discover import module_path
from tightbeam_codegen.read.payload_pointers import EVENT_PAYLOAD

if TYPE_CHECKING:
    from tightbeam_codegen.read.load import Document, JsonValue
    from tightbeam_codegen.settings import Settings

__all__ = ["check_event", "check_event_names"]

_MAX_NAME = 256
"""Characters; the same limit as in the metaschema, which reports what is beyond it."""

_RESERVED = ("inngest/", "tightbeam/")
"""How the names of events begin that an engine sends itself."""

_IN_SCHEMA = "It belongs in `schema`, the schema of the event's data."
_ELSEWHERE = {
    "topics": "A channel has topics: end the file's name in `.channel.json`.",
    "params": "A channel has parameters; what an event carries is in `schema`.",
    "separator": "A channel has a separator; the name of an event is a text without parameters.",
    "definitions": "It is `$defs` here.",
    "deprecated": "Say so in `description`.",
    "data": "It is `schema` here: the schema of the event's data.",
    "payload": "It is `schema` here: the schema of the event's data.",
    **dict.fromkeys(("type", "properties", "required", "additionalProperties", "$ref", "title"), _IN_SCHEMA),
    **dict.fromkeys(("oneOf", "anyOf", "allOf", "$id"), _IN_SCHEMA),
}
"""What to do about keys that belong elsewhere."""


def check_event(
    document: Document,
    settings: Settings,
    problems: Problems,
    *,
    metaschemas: Mapping[str, JsonValue] | None = None,
) -> EventDefinition | None:
    """Read and check an event definition, with the schemas in the file itself.

    What only shows once references are followed (whether the data is an object) is checked elsewhere, and so
    is what shows between files.

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
    check_form(document, "event", own, _ELSEWHERE)
    definition = _read(document, root, settings, own, metaschemas or {}) if isinstance(root, dict) else None
    problems.extend(own)
    return None if own.has_errors else definition


def _read(
    document: Document,
    root: dict[str, JsonValue],
    settings: Settings,
    problems: Problems,
    metaschemas: Mapping[str, JsonValue],
) -> EventDefinition | None:
    """Read as much as can be read; values of the wrong form are reported by the metaschema."""
    module = module_path(document.path, document.shown, problems)
    name = text_of(root.get("name"), "")
    if 0 < len(name) <= _MAX_NAME:
        for message, remedy in _name_faults(name):
            problems.error(document.place(("name",)), message, remedy)
    class_name = root.get("x-tightbeam-name")
    if isinstance(class_name, str):
        check_override(document, ("x-tightbeam-name",), class_name, problems, topic=False)
    dialect, probably = dialect_of(document, root, settings, metaschemas, problems)
    warnings = Warnings()
    check_schemas(document, [EVENT_PAYLOAD], probably, metaschemas, problems, warnings)
    warnings.report(problems)
    if module is None or dialect is None:
        return None
    description = text_of(root.get("description"), "")
    payload = Topic(name, EVENT_PAYLOAD, description, f"{module[-1]}_event", module[-1])
    return EventDefinition(
        document=document,
        module=module,
        name=name,
        description=description,
        payload=payload if "schema" in root else None,
        dialect=dialect,
        assert_formats=asserts_formats(root, settings),
        class_name=class_name if isinstance(class_name, str) else None,
    )


def _name_faults(name: str) -> Iterator[tuple[str, str]]:
    if unprintable(name):
        yield f"the event's name {quoted(name)} has control characters", "Remove them."
    elif name != name.strip():
        yield f"the event's name {quoted(name)} has space around it", "Remove it."
    if "*" in name:
        yield f"the event's name {quoted(name)} has a `*`, which Inngest takes for any text", "Rename it."
    for beginning in _RESERVED:
        if name.lower().startswith(beginning):
            message = f"the event's name {quoted(name)} begins with {quoted(beginning)}, which is reserved"
            yield message, "Begin it with a word of your own, as in `app/upload`."


def check_event_names(events: Iterable[EventDefinition], problems: Problems) -> None:
    """Refuse two files that define one event.

    Args:
        events: all event definitions.
        problems: takes the errors.
    """
    taken: dict[str, EventDefinition] = {}
    for event in sorted(events, key=lambda each: each.document.path):
        other = taken.setdefault(event.name, event)
        if other is not event:
            problems.error(
                event.document.place(("name",)),
                f"the event {quoted(event.name)} is defined in {other.document.shown} too",
                "Rename one of them, or leave one out.",
            )
