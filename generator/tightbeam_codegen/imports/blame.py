"""Finds the topics that an error concerns: those whose schemas reach the part of a document that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tightbeam_codegen.model import Model
from tightbeam_codegen.problems import Place, Problem, Problems
from tightbeam_codegen.read.api_documents import CONTAINERS
from tightbeam_codegen.read.discover import SUFFIXES, module_path
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.payload_pointers import EVENT_PAYLOAD, is_event, payloads_of
from tightbeam_codegen.read.reach import Reach, entries_of, unit_of

__all__ = ["blame", "payloads_in", "reach_of", "topics_of"]

_PAYLOAD = "~payload"
"""Begins the unit of a topic or an event in a definition, which is followed by its name."""


def reach_of(document: Document, topics: Iterable[str], model: Model) -> Reach | None:
    """Return what some topics of a definition reach; None if the definition couldn't be read to its end.

    Args:
        document: the definition file.
        topics: names of topics in it.
        model: of a run that read it.
    """
    dialect = model.resolved.dialects.get(module_path(document.path, document.shown, Problems()) or ())
    if dialect is None:
        return None
    reach = Reach(model.resolved.store, document, dialect, Problems())
    for topic in topics:
        if (pointer := _pointer(document, topic)) is not None:
            reach.add_payload(pointer)
    reach.complete()
    return reach


def topics_of(document: Document) -> list[str]:
    """Return the names of the topics in a definition file; that of the event in one of an event."""
    return list(payloads_in(document.value)) if isinstance(document.value, dict) else []


def payloads_in(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a definition may have payloads for: topics by name, or the one event by its name."""
    topics = definition.get("topics")
    if isinstance(topics, dict):
        return {**topics}
    name = definition.get("name")
    return {name: definition} if isinstance(name, str) and topics is None else {}


def _pointer(document: Document, topic: str) -> Pointer | None:
    """Return the way to the payload schema of a topic or an event; None for an event without data."""
    pointer = EVENT_PAYLOAD if is_event(document) else ("topics", topic, "schema")
    return pointer if pointer in payloads_of(document) else None


def blame(
    errors: Iterable[Problem], documents: Sequence[Document], model: Model
) -> Iterator[tuple[Problem, list[tuple[str, str]]]]:
    """Yield the errors that concern the schemas of topics, each with these topics.

    Args:
        errors: of a run.
        documents: the definition files whose topics count.
        model: of the same run.

    Yields:
        An error, and the topics that it concerns: the path of the file, and the topic's name.
    """
    every = [(document.path, topic, document) for document in documents for topic in topics_of(document)]
    reaches = [(path, topic, reach_of(document, [topic], model)) for path, topic, document in every]
    others = model.resolved.store.documents.all()
    by_shown = {document.shown: document for document in (*others, *documents)}
    starts: dict[str, list[tuple[Place, tuple[str, ...]]]] = {}
    for error in errors:
        document = by_shown.get(error.place.path) if error.place is not None else None
        if document is None or error.place is None:
            continue
        if document.shown not in starts:
            single = [each for _, _, reach in reaches if reach for each in reach.single_schemas(document)]
            starts[document.shown] = _starts(document, single)
        is_of_api = model.resolved.store.documents.api(document) is not None
        unit = _unit_at(error.place, starts[document.shown])
        if unit[:1] == (_PAYLOAD,):
            yield error, [(document.path, unit[1])]
            continue
        concerned = [
            (path, topic)
            for path, topic, reach in reaches
            if reach is not None and _has(reach, document, unit, is_of_api=is_of_api)
        ]
        if concerned:
            yield error, concerned


def _has(reach: Reach, document: Document, unit: tuple[str, ...], *, is_of_api: bool) -> bool:
    # All of a schema document is checked as soon as something in it is referred to.
    is_checked = document.uri in reach.documents and not is_of_api
    return reach.has(document, unit) or (not unit and is_checked)


def _starts(document: Document, single: Iterable[Pointer]) -> list[tuple[Place, tuple[str, ...]]]:
    """Return where the parts of a document begin, in their order.

    Args:
        document: the document.
        single: schemas in it that count as parts besides.
    """
    value: Any = document.value
    pointers: list[Pointer] = [()]
    for key, inner in value.items() if isinstance(value, dict) else ():
        pointers.append((key,))
        if key == "components" and isinstance(inner, dict):
            pointers += [(key, name) for name in inner]
    pointers += [(*way, name) for way in CONTAINERS for name in entries_of(document, way)]
    starts = {document.place(pointer, key=True): (*map(str, unit_of(pointer)),) for pointer in pointers}
    if document.path.endswith(SUFFIXES):
        starts |= {document.place(way, key=True): (_PAYLOAD, name) for way, name in _own_payloads(document)}
    starts |= {document.place(pointer): tuple(map(str, pointer)) for pointer in single}
    return sorted(starts.items())


def _own_payloads(document: Document) -> Iterator[tuple[Pointer, str]]:
    """Yield the topics in a definition file, or the data of its event, each with its name."""
    for name in topics_of(document):
        if is_event(document):
            yield EVENT_PAYLOAD, name
        else:
            yield ("topics", name), name


def _unit_at(place: Place, starts: Sequence[tuple[Place, tuple[str, ...]]]) -> tuple[str, ...]:
    """Return the unit that a place is in; a topic of a definition counts as one."""
    return next((unit for start, unit in reversed(starts) if start <= place), ())
