"""Comparisons in words: the same sentences in every format.

What comes from definitions stands between backticks, so that each format can show it as its own kind of code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tightbeam_codegen.compare.findings import (
    NEW_READERS,
    OLD_READERS,
    Allowance,
    Answer,
    CodeChange,
    Comparison,
    NewAddress,
    Order,
    Question,
    Refusal,
    TopicChange,
)
from tightbeam_codegen.phrases import counted
from tightbeam_codegen.problems import visible

__all__ = [
    "ORDERS",
    "REMEDIES",
    "answer_sentence",
    "code_of",
    "new_sentence",
    "payload_text",
    "reason_text",
    "subject_of",
    "summary",
    "unused_sentence",
]

_LONGEST_NAME = 120
_LONGEST = 600

ORDERS: dict[Order, str] = {
    "any": "any order",
    "readers-first": "readers first",
    "publishers-first": "publishers first",
    "none": "no safe order",
    "unknown": "not decided",
}

REMEDIES: dict[Order, str] = {
    "any": "Deploy readers and publishers in any order.",
    "readers-first": "Deploy all readers first, then the publishers.",
    "publishers-first": (
        "Deploy all publishers first, then the readers, which can't load older messages that are stored."
    ),
    "none": (
        "Don't change it in place: add what is new beside what is old, publish both, and remove the old one"
        " when its stored messages are gone."
    ),
    "unknown": "Look at the change yourself, or make it simpler.",
}

_ONE_BY_ONE = (
    "Some topics ask for readers first, others for publishers first: release them one after the other."
)
_READERS_LAST = "Deploy gateways and publishers before its readers."

_ASKED: dict[tuple[Question, Answer], str] = {
    (OLD_READERS, "yes"): "Old readers can take every new message.",
    (NEW_READERS, "yes"): "New readers can take every old message.",
    (OLD_READERS, "no"): "Old readers can't take every new message. The smallest one found that they refuse:",
    (NEW_READERS, "no"): "New readers can't take every old message. The smallest one found that they refuse:",
    (OLD_READERS, "unknown"): "It isn't known whether old readers can take every new message",
    (NEW_READERS, "unknown"): "It isn't known whether new readers can take every old message",
}


def code_of(text: str) -> str:
    """Return text of a definition between backticks: on one line, without backticks, not too long."""
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    return "`" + visible(text).replace("`", "'") + "`"


def subject_of(change: TopicChange | CodeChange) -> str:
    """Return what a change is about: a topic, or a whole channel."""
    channel = code_of(change.channel)
    return channel if change.topic is None else f"{channel}, topic {code_of(change.topic)}"


def answer_sentence(change: TopicChange, question: Question) -> str:
    """Return the answer to one of the two questions.

    Args:
        change: of a topic.
        question: the question.
    """
    answer = change.old_readers if question == OLD_READERS else change.new_readers
    sentence = _ASKED[question, answer]
    reason = change.undecided.get(question)
    return sentence if reason is None else f"{sentence}: {code_of(reason)}."


def payload_text(refusal: Refusal) -> str:
    """Return the payload of a refusal as JSON on one line, cut if it is long; programs get all of it."""
    return _cut(visible(json.dumps(refusal.payload, ensure_ascii=False)))


def reason_text(refusal: Refusal) -> str:
    """Return why the reader refuses it, behind the place in the payload where that isn't the whole of it."""
    return _cut(visible(f"{refusal.pointer}: {refusal.reason}" if refusal.pointer else refusal.reason))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def new_sentence(address: NewAddress) -> str:
    """Return that a channel or topic is new."""
    if address.topic is None:
        return f"{code_of(address.channel)} is a new channel. {_READERS_LAST}"
    return f"{code_of(address.channel)} has the new topic {code_of(address.topic)}. {_READERS_LAST}"


def unused_sentence(allowance: Allowance) -> str:
    """Return that an exception allows nothing, and what to do about it."""
    sentence = "this exception allows nothing that has changed"
    if allowance.is_inside or allowance.topic is None:
        return f"{sentence}: for payloads put it beside the topic's `schema`, else remove it"
    return f"{sentence}: remove it, unless the change is still to come"


def summary(comparison: Comparison, against: str) -> str:
    """Return what becomes of all of it, in a sentence or two.

    Args:
        comparison: the comparison.
        against: the ref or folder.
    """
    start = f"Compared with {code_of(against)}:"
    if comparison.is_empty:
        return f"{start} nothing has changed."
    sentence = f"{start} {'; '.join(_counted(comparison)) or 'nothing breaks'}."
    if {"readers-first", "publishers-first"} <= {
        each.order for each in comparison.topics if each.is_breaking
    }:
        sentence += " " + _ONE_BY_ONE
    if allowed := sum(each.allowed is not None for each in comparison.changes):
        sentence += f" {counted(allowed, 'change is', 'changes are')} allowed by an exception."
    return sentence


def _counted(comparison: Comparison) -> Iterator[str]:
    if breaking := sum(each.is_breaking for each in comparison.topics):
        yield counted(breaking, "topic breaks", "topics break")
    if undecided := sum(each.is_undecided for each in comparison.topics):
        yield counted(undecided, "topic isn't decided", "topics aren't decided")
    if code := sum(each.is_breaking for each in comparison.code):
        yield f"callers must change for {counted(code, 'reason')}"
