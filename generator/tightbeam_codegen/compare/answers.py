"""The two answers about one topic; equal changes are decided once, in however many files they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tightbeam_codegen.compare.containment import (
    Answer,
    Contained,
    Refused,
    SchemaPlace,
    Side,
    contains,
    takes_all,
)
from tightbeam_codegen.compare.findings import NEW_READERS, OLD_READERS, Question
from tightbeam_codegen.compare.reached import exact_text, reached_text
from tightbeam_codegen.model import ChannelModel, EventModel

__all__ = ["Answers", "Comparer", "TopicSchemas"]

_NO_DATA = Side.of_schema({"const": {}})
"""Senders of an event without data."""


class TopicSchemas:
    """The schemas of a channel's topics, or of an event, as texts that are equal for equal schemas.

    Values can't be compared themselves: true and 1 are equal in Python.

    Args:
        defined: the channel or the event.
    """

    def __init__(self, defined: ChannelModel | EventModel) -> None:
        self.uri = defined.definition.document.uri
        """Of the definition, in the bundle."""
        self._bundle: dict[str, Any] = {**defined.bundle.value}
        self._resources: Mapping[str, Any] = self._bundle["resources"]

    def side(self, topic: str) -> Side:
        """Return a topic for a comparison."""
        return Side(self._bundle, topic)

    def text(self, topic: str) -> str:
        """Return everything that a topic's payloads depend on."""
        entry = self._bundle["topics"][topic]
        reached = reached_text({"$ref": entry["ref"]}, self.uri, self._resources)
        return (
            f"{exact_text([entry, self._bundle['assertFormats']])}\n{reached or exact_text(self._resources)}"
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """What was decided about a topic."""

    by_question: Mapping[Question, Answer]
    is_same: bool
    """Whether both schemas allow exactly the same payloads."""

    def at(self, uris: Mapping[str, str]) -> Answers:
        """Return the answers about equal schemas in other documents.

        Args:
            uris: the URIs there, by those here.
        """
        moved: dict[Question, Answer] = {}
        for question, answer in self.by_question.items():
            moved[question] = _at(answer, uris)
        return Answers(moved, self.is_same)


class Comparer:
    """Decides about topics, and remembers it.

    Args:
        as_written: whether readers and publishers are any, and not those of the bindings.
    """

    def __init__(self, *, as_written: bool) -> None:
        self._as_written = as_written
        self._known: dict[tuple[str, str, str], tuple[str, str, Answers]] = {}

    def answers(self, old: TopicSchemas, new: TopicSchemas, topic: str) -> Answers | None:
        """Decide about a topic; None if its schema hasn't changed.

        Args:
            old: the schemas as they were.
            new: the schemas of today.
            topic: its name.
        """
        before, after = old.text(topic), new.text(topic)
        if before == after:
            return None
        key = (topic, before.replace(old.uri, "."), after.replace(new.uri, "."))
        if (known := self._known.get(key)) is None:
            known = self._known[key] = (old.uri, new.uri, self._decided(old.side(topic), new.side(topic)))
        return known[2].at({known[0]: old.uri, known[1]: new.uri})

    def data_answers(self, schemas: TopicSchemas, event: str, *, is_new: bool) -> Answers:
        """Decide about an event that has data in one revision, and none in the other one.

        An empty object is stored for an event without data, and its functions read nothing.

        Args:
            schemas: of the revision that has data.
            event: its name.
            is_new: whether that is today's.
        """
        taken = contains(schemas.side(event), _NO_DATA, as_written=self._as_written)
        old, new = (Contained(), taken) if is_new else (taken, Contained())
        return Answers({OLD_READERS: old, NEW_READERS: new}, is_same=False)

    def _decided(self, old: Side, new: Side) -> Answers:
        answers: dict[Question, Answer] = {
            OLD_READERS: contains(old, new, as_written=self._as_written),
            NEW_READERS: contains(new, old, as_written=self._as_written),
        }
        is_same = all(isinstance(each, Contained) for each in answers.values())
        if is_same and not self._as_written:
            is_same = takes_all(old, new) and takes_all(new, old)
        return Answers(answers, is_same)


def _at(answer: Answer, uris: Mapping[str, str]) -> Answer:
    if not isinstance(answer, Refused):
        return answer
    return replace(answer, reader_at=_moved(answer.reader_at, uris), writer_at=_moved(answer.writer_at, uris))


def _moved(place: SchemaPlace | None, uris: Mapping[str, str]) -> SchemaPlace | None:
    return None if place is None else SchemaPlace(uris.get(place.uri, place.uri), place.pointer)
