"""Exceptions that definitions state: `"x-tightbeam-allow-breaking": "the reason"`.

Beside a topic's schema, or at the top of that schema, one allows what changes in the topic's payloads. On a
channel, or at a schema, one allows what callers must change because of it. At the top of an event's
definition one allows both. What is gone can't state anything: it is allowed by what stated it before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.compare.findings import Allowance, CodeChange, DefinitionKind, TopicChange
from tightbeam_codegen.json_schema.own_keywords import ALLOW_BREAKING
from tightbeam_codegen.model import ChannelModel, EventModel, Model
from tightbeam_codegen.read.discover import without_suffix
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.payload_pointers import is_event
from tightbeam_codegen.read.resolve import Unresolved

__all__ = ["Allowances"]

_Key: TypeAlias = tuple[str, Pointer]
"""The URI of a document, and the place of the object that states an exception."""

_HOPS = 20
"""References from a topic's schema to the schema that it is."""


@dataclass(frozen=True, slots=True)
class _Stated:
    document: Document
    pointer: Pointer
    reason: str


class Allowances:
    """The exceptions of two revisions.

    Args:
        old: the earlier model; of its exceptions those count that are about what is gone.
        new: today's model.
    """

    def __init__(self, old: Model | None, new: Model | None) -> None:
        self._new = new
        self._stated = dict(_stated_in(new)) if new is not None else {}
        self._before = dict(_stated_in(old)) if old is not None else {}
        self._counts = dict.fromkeys(self._stated, 0)

    def topics(self, changes: Iterable[TopicChange]) -> Iterator[TopicChange]:
        """Yield changes of payloads, each with the reason that allows it."""
        schemas = self._schemas_of_topics() if self._stated else {}
        for each in changes:
            keys = schemas.get((each.uri, each.topic), ())
            needs_one = each.is_breaking or each.is_undecided
            yield dataclasses.replace(each, allowed=self._reason(keys)) if needs_one else each

    def code(self, changes: Iterable[CodeChange]) -> Iterator[CodeChange]:
        """Yield what callers must change, each with the reason that allows it."""
        for each in changes:
            uri, pointer = each.anchor
            around = [(uri, pointer[:length]) for length in range(len(pointer), -1, -1)]
            reason = self._reason(around)
            if reason is None and each.kind in ("channel-removed", "event-removed", "topic-removed"):
                stated = self._before.get((uri, pointer))
                reason = stated.reason if stated is not None else None
            yield dataclasses.replace(each, allowed=reason) if reason is not None else each

    def all(self) -> tuple[Allowance, ...]:
        """Return all exceptions of today, each with the number of findings that it allows."""
        return tuple(
            _allowance(each, self._counts[key])
            for key, each in sorted(
                self._stated.items(), key=lambda item: (item[1].document.path, str(item[0]))
            )
        )

    def _reason(self, keys: Iterable[_Key]) -> str | None:
        for key in keys:
            if (stated := self._stated.get(key)) is not None:
                self._counts[key] += 1
                return stated.reason
        return None

    def _schemas_of_topics(self) -> Mapping[tuple[str, str], list[_Key]]:
        """Return for each topic and event what can allow a change of its payloads.

        That is the topic, its schema, and where this is a mere reference the schemas that it leads to.
        """
        found: dict[tuple[str, str], list[_Key]] = {}
        for defined in self._new.described if self._new is not None else ():
            uri = defined.definition.document.uri
            if isinstance(defined, EventModel):
                # An event whose data is gone has no schema, and can still state a reason.
                found[uri, defined.definition.name] = [(uri, ())]
            for payload in defined.definition.payloads:
                found[uri, payload.name] = [
                    (uri, payload.pointer[:-1]),
                    (uri, payload.pointer),
                    *self._led_to(defined, payload.pointer),
                ]
        return found

    def _led_to(self, defined: ChannelModel | EventModel, pointer: Pointer) -> Iterator[_Key]:
        assert self._new is not None  # noqa: S101  # there is a definition
        resolved = self._new.resolved
        dialect = resolved.dialects[defined.module]
        node = resolved.store.payload(defined.definition.document, pointer, dialect)
        for _ in range(_HOPS):
            reference = node.keywords.get("$ref")
            if not isinstance(reference, str):
                return
            try:
                node = resolved.store.follow(node, reference)
            except Unresolved:
                return
            document = resolved.store.document(node.schema)
            if document is not None:
                yield document.uri, resolved.store.pointer(node.schema)


def _allowance(stated: _Stated, allows: int) -> Allowance:
    document, pointer = stated.document, stated.pointer
    value: Any = document.value
    kind: DefinitionKind = "event" if is_event(document) else "channel"
    topic = str(value["name"]) if kind == "event" else None
    if pointer[:1] == ("topics",) and len(pointer) > 1:
        topic = str(pointer[1])
    return Allowance(
        without_suffix(document.path),
        topic,
        stated.reason,
        document.place((*pointer, ALLOW_BREAKING), key=True),
        allows,
        is_inside=len(pointer) > (1 if kind == "event" else 3),
        definition=kind,
    )


def _stated_in(model: Model) -> Iterator[tuple[_Key, _Stated]]:
    for document in model.resolved.store.documents.all():
        stack: list[tuple[object, Pointer]] = [(document.value, ())]
        while stack:
            value, pointer = stack.pop()
            reason = value.get(ALLOW_BREAKING) if isinstance(value, dict) else None
            if isinstance(reason, str):
                yield (document.uri, pointer), _Stated(document, pointer, reason)
            stack.extend((inner, (*pointer, *way)) for way, inner, _ in inside(value))
