"""The payloads of the topics that a channel has in both revisions."""

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
from tightbeam_codegen.compare.pairs import channel_name
from tightbeam_codegen.compare.places import Places
from tightbeam_codegen.model import ChannelModel, Model

__all__ = ["compare_topics"]


def compare_topics(
    old: ChannelModel, new: ChannelModel, old_model: Model, new_model: Model, comparer: Comparer
) -> Iterator[TopicChange]:
    """Yield the topics of a channel whose schema has changed.

    Args:
        old: the channel as it was.
        new: the channel as it is.
        old_model: has the documents of the old channel.
        new_model: has those of the new one.
        comparer: decides about payloads.
    """
    before, after = TopicSchemas(old), TopicSchemas(new)
    places = (Places(old_model, old), Places(new_model, new))
    known = {topic.name for topic in old.topics}
    for topic in new.topics:
        if topic.name in known and (answers := comparer.answers(before, after, topic.name)) is not None:
            yield _change(channel_name(new.definition), topic.name, answers, *places)


def _change(channel: str, topic: str, answers: Answers, old: Places, new: Places) -> TopicChange:
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
        channel,
        topic,
        new.topic(topic),
        old.topic(topic),
        _word(by_question[OLD_READERS]),
        _word(by_question[NEW_READERS]),
        refusals,
        undecided,
        new.uri,
        answers.is_same,
    )


def _word(answer: Contained | Refused | Undecided) -> Answer:
    match answer:
        case Contained():
            return "yes"
        case Refused():
            return "no"
        case Undecided():
            return "unknown"
