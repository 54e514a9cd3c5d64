"""Finds the topics that an error concerns: those whose schemas reach the part of a document that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tightbeam_codegen.model import Model
from tightbeam_codegen.problems import Place, Problem, Problems
from tightbeam_codegen.read.api_documents import CONTAINERS
from tightbeam_codegen.read.discover import module_path
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.reach import Reach, entries_of, unit_of

__all__ = ["blame", "reach_of", "topics_of"]


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
        reach.add_topic(topic)
    reach.complete()
    return reach


def topics_of(document: Document) -> list[str]:
    """Return the names of the topics in a definition file."""
    topics = document.value.get("topics") if isinstance(document.value, dict) else None
    return list(topics) if isinstance(topics, dict) else []


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
    starts: dict[str, list[tuple[Place, Pointer]]] = {}
    for error in errors:
        document = by_shown.get(error.place.path) if error.place is not None else None
        if document is None or error.place is None:
            continue
        if document.shown not in starts:
            starts[document.shown] = _starts(document)
        unit = _unit_at(error.place, starts[document.shown])
        if unit[:1] == ("topics",):
            yield error, [(document.path, unit[1])]
            continue
        concerned = [
            (path, topic)
            for path, topic, reach in reaches
            if reach is not None and _has(reach, document, unit)
        ]
        if concerned:
            yield error, concerned


def _has(reach: Reach, document: Document, unit: tuple[str, ...]) -> bool:
    return reach.has(document, unit) or (not unit and document.uri in reach.documents)


def _starts(document: Document) -> list[tuple[Place, Pointer]]:
    """Return where the parts of a document begin, in their order."""
    value: Any = document.value
    pointers: list[Pointer] = [()]
    for key, inner in value.items() if isinstance(value, dict) else ():
        pointers.append((key,))
        if key in ("components", "topics") and isinstance(inner, dict):
            pointers += [(key, name) for name in inner]
    pointers += [(*way, name) for way in CONTAINERS for name in entries_of(document, way)]
    return sorted((document.place(pointer, key=True), pointer) for pointer in dict.fromkeys(pointers))


def _unit_at(place: Place, starts: Sequence[tuple[Place, Pointer]]) -> tuple[str, ...]:
    """Return the unit that a place is in; a topic of a definition counts as one."""
    nearest: Pointer = next((pointer for start, pointer in reversed(starts) if start <= place), ())
    return (
        ("topics", str(nearest[1])) if nearest[:1] == ("topics",) and len(nearest) > 1 else unit_of(nearest)
    )
