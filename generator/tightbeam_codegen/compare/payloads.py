"""Two questions for each topic: can old readers take new messages, can new readers take old messages?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tightbeam_codegen.compare.containment import Contained, Refused, Side, contains
from tightbeam_codegen.compare.findings import (
    NEW_READERS,
    OLD_READERS,
    Answer,
    Question,
    Refusal,
    TopicChange,
)
from tightbeam_codegen.compare.pairs import channel_name
from tightbeam_codegen.compare.places import Places
from tightbeam_codegen.model import ChannelModel, Model

__all__ = ["compare_topics"]


def compare_topics(
    old: ChannelModel, new: ChannelModel, old_model: Model, new_model: Model, *, as_written: bool
) -> Iterator[TopicChange]:
    """Compare the payloads of the topics that a channel has in both revisions; yield those that have changed.

    Args:
        old: the channel as it was.
        new: the channel as it is.
        old_model: has the documents of the old channel.
        new_model: has those of the new one.
        as_written: whether readers and publishers are any, and not those of the bindings.
    """
    before, after = old.bundle.value, new.bundle.value
    old_places, new_places = Places(old_model, old), Places(new_model, new)
    rest_is_equal = _without_topics(before, old) == _without_topics(after, new)
    known = {topic.name for topic in old.topics}
    for topic in new.topics:
        name = topic.name
        if name not in known or (rest_is_equal and _own(before, old, name) == _own(after, new, name)):
            continue
        pair = _Pair(Side(before, name), Side(after, name), old_places, new_places)
        yield pair.compared(channel_name(new.definition), as_written=as_written)


def _without_topics(bundle: Mapping[str, Any], channel: ChannelModel) -> str:
    """Return what all topics of a channel share: other documents, definitions, what `format` means."""
    uri = channel.definition.document.uri
    own = {key: value for key, value in bundle["resources"][uri].items() if key != "topics"}
    return _text([bundle["assertFormats"], {**bundle["resources"], uri: own}])


def _own(bundle: Mapping[str, Any], channel: ChannelModel, topic: str) -> str:
    """Return what a topic has for itself: its entry, and its schema if that stands in the definition."""
    uri = channel.definition.document.uri
    return _text([bundle["topics"][topic], bundle["resources"][uri]["topics"].get(topic)])


def _text(value: object) -> str:
    """Return JSON text, since values are compared by it: true and 1 are equal in Python."""
    return json.dumps(value, ensure_ascii=False)


class _Pair:
    """One topic in both revisions."""

    def __init__(self, old: Side, new: Side, old_places: Places, new_places: Places) -> None:
        self._old = old
        self._new = new
        self._old_places = old_places
        self._new_places = new_places
        self._refusals: dict[Question, Refusal] = {}
        self._undecided: dict[Question, str] = {}

    def compared(self, channel: str, *, as_written: bool) -> TopicChange:
        old_readers = self._answer(OLD_READERS, as_written=as_written)
        new_readers = self._answer(NEW_READERS, as_written=as_written)
        topic = self._new.topic
        return TopicChange(
            channel,
            topic,
            self._new_places.topic(topic),
            self._old_places.topic(topic),
            old_readers,
            new_readers,
            self._refusals,
            self._undecided,
            self._new_places.uri,
            is_same=old_readers == new_readers == "yes" and self._is_same(),
        )

    def _answer(self, question: Question, *, as_written: bool) -> Answer:
        reader, writer = (self._old, self._new) if question == OLD_READERS else (self._new, self._old)
        answer = contains(reader, writer, as_written=as_written)
        match answer:
            case Contained():
                return "yes"
            case Refused():
                self._refusals[question] = self._refusal(question, answer)
                return "no"
            case _:
                self._undecided[question] = answer.reason
                return "unknown"

    def _refusal(self, question: Question, refused: Refused) -> Refusal:
        reader, writer = (self._old_places, self._new_places)
        if question == NEW_READERS:
            reader, writer = writer, reader
        topic = self._new.topic
        return Refusal(
            refused.payload,
            refused.pointer,
            refused.reason,
            reader.schema(refused.reader_at, topic, refused.keyword),
            writer.schema(refused.writer_at, topic, refused.keyword),
        )

    def _is_same(self) -> bool:
        """Tell whether both schemas allow the same payloads to everybody."""
        pairs = ((self._old, self._new), (self._new, self._old))
        return all(isinstance(contains(one, other, as_written=True), Contained) for one, other in pairs)
