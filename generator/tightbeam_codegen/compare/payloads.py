"""The payloads of the topics that a channel has in both revisions, and of an event that both have."""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam_codegen.compare.answers import Answers, Comparer, TopicSchemas
from tightbeam_codegen.compare.containment import Contained, Refused, Undecided
from tightbeam_codegen.compare.findings import (
    NEW_READERS,
    OLD_READERS,
    Answer,
    Question,
    Refusal,
    TopicChange,
)
from tightbeam_codegen.compare.pairs import stem_of
from tightbeam_codegen.compare.places import Places
from tightbeam_codegen.model import ChannelModel, EventModel, Model

__all__ = ["compare_topics"]


def compare_topics(
    old: ChannelModel | EventModel,
    new: ChannelModel | EventModel,
    old_model: Model,
    new_model: Model,
    comparer: Comparer,
) -> Iterator[TopicChange]:
    """Yield the topics of a channel whose schema has changed; an event counts as one topic.

    Args:
        old: the channel or the event as it was.
        new: the same as it is.
        old_model: has the documents of the old one.
        new_model: has those of the new one.
        comparer: decides about payloads.
    """
    before, after = TopicSchemas(old), TopicSchemas(new)
    places = (Places(old_model, old), Places(new_model, new))
    known = {topic.name for topic in old.topics}
    name = new.definition.name
    if isinstance(new, EventModel) and name == old.definition.name and bool(old.topics) != bool(new.topics):
        schemas = after if new.topics else before
        answers = comparer.data_answers(schemas, name, is_new=bool(new.topics))
        yield _change(new, name, answers, *places)
    for topic in new.topics:
        if topic.name in known and (found := comparer.answers(before, after, topic.name)) is not None:
            yield _change(new, topic.name, found, *places)


def _change(
    defined: ChannelModel | EventModel, topic: str, answers: Answers, old: Places, new: Places
) -> TopicChange:
    by_question = answers.by_question
    refusals: dict[Question, Refusal] = {}
    undecided: dict[Question, str] = {}
    sides: list[tuple[Question, Places, Places]] = [(OLD_READERS, old, new), (NEW_READERS, new, old)]
    for question, reader, writer in sides:
        match by_question[question]:
            case Refused() as refused:
                refusals[question] = Refusal(
                    refused.payload,
                    refused.pointer,
                    refused.reason,
                    reader.schema(refused.reader_at, topic, refused.keyword),
                    writer.schema(refused.writer_at, topic, refused.keyword),
                )
            case Undecided(reason):
                undecided[question] = reason
            case Contained():
                pass
    return TopicChange(
        stem_of(defined.definition),
        topic,
        new.topic(topic),
        old.topic(topic),
        _word(by_question[OLD_READERS]),
        _word(by_question[NEW_READERS]),
        refusals,
        undecided,
        new.uri,
        answers.is_same,
        "event" if isinstance(defined, EventModel) else "channel",
    )


def _word(answer: Contained | Refused | Undecided) -> Answer:
    match answer:
        case Contained():
            return "yes"
        case Refused():
            return "no"
        case Undecided():
            return "unknown"
