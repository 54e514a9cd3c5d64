"""Comparisons in words: the same sentences in every format.

What comes from definitions stands between backticks, so that each format can show it as its own kind of code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tightbeam_codegen.compare.findings import (
    OLD_READERS,
    Allowance,
    CodeChange,
    Comparison,
    DefinitionKind,
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
    "answer_sentence",
    "code_of",
    "new_sentence",
    "order_of",
    "payload_text",
    "readers_of",
    "reason_text",
    "remedy_of",
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
"""The orders of deployment for topics; `order_of` has those of events too."""


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What a kind of payload calls those who deal with it."""

    payload: str
    readers: str
    orders: Mapping[Order, str]
    remedies: Mapping[Order, str]


_NOT_DECIDED = "Look at the change yourself, or make it simpler."
_TOPICS = _Vocabulary(
    "message",
    "readers",
    ORDERS,
    {
        "any": "Deploy readers and publishers in any order.",
        "readers-first": "Deploy all readers first, then the publishers.",
        "publishers-first": (
            "Deploy all publishers first, then the readers, which can't load older messages that are stored."
        ),
        "none": (
            "Don't change it in place: add what is new beside what is old, publish both, and remove the old"
            " one when its stored messages are gone."
        ),
        "unknown": _NOT_DECIDED,
    },
)
_EVENT_ORDERS: dict[Order, str] = {
    **ORDERS,
    "readers-first": "functions first",
    "publishers-first": "senders first",
}
_EVENTS = _Vocabulary(
    "event",
    "functions",
    _EVENT_ORDERS,
    {
        "any": "Deploy functions and senders in any order.",
        "readers-first": "Deploy all processes that run its functions first, then those that send it.",
        "publishers-first": (
            "Deploy all senders first, and the functions when no run is left that an older event has started:"
            " such a run is parked where its event doesn't fit."
        ),
        "none": (
            "Don't change it in place: add an event with another name, let the functions listen to both, send"
            " the new one, and remove the old one when its runs have ended."
        ),
        "unknown": _NOT_DECIDED,
    },
)
_VOCABULARIES: Mapping[DefinitionKind, _Vocabulary] = {"channel": _TOPICS, "event": _EVENTS}

_ONE_BY_ONE = (
    "Some of these ask for their readers first, others for their publishers first: release them one after"
    " the other."
)
_READERS_LAST = "Deploy gateways and publishers before its readers."
_SENDERS_LAST = "Deploy the functions that it starts before its senders."


def code_of(text: str) -> str:
    """Return text of a definition between backticks: on one line, without backticks, not too long."""
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    return "`" + visible(text).replace("`", "'") + "`"


def subject_of(change: TopicChange | CodeChange) -> str:
    """Return what a change is about: a topic, a whole channel, or an event."""
    if change.definition == "event" and change.topic is not None:
        return f"event {code_of(change.topic)}"
    channel = code_of(change.channel)
    return channel if change.topic is None else f"{channel}, topic {code_of(change.topic)}"


def order_of(change: TopicChange) -> str:
    """Return the safe order of deployment, in the words of those who use a topic or an event."""
    return _VOCABULARIES[change.definition].orders[change.order]


def remedy_of(change: TopicChange) -> str:
    """Return how to deploy a change."""
    return _VOCABULARIES[change.definition].remedies[change.order]


def readers_of(kind: DefinitionKind) -> str:
    """Return who reads the payloads of a definition: `readers` of topics, `functions` for events."""
    return _VOCABULARIES[kind].readers


def answer_sentence(change: TopicChange, question: Question) -> str:
    """Return the answer to one of the two questions.

    Args:
        change: of a topic or an event.
        question: the question.
    """
    words = _VOCABULARIES[change.definition]
    reading, written, answer = ("old", "new", change.old_readers)
    if question != OLD_READERS:
        reading, written, answer = ("new", "old", change.new_readers)
    readers, payload = f"{reading} {words.readers}", f"{written} {words.payload}"
    if answer == "yes":
        return f"{readers.capitalize()} can take every {payload}."
    if answer == "no":
        return f"{readers.capitalize()} can't take every {payload}. The smallest one found that they refuse:"
    sentence = f"It isn't known whether {readers} can take every {payload}"
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
    """Return that a channel, a topic or an event is new."""
    if address.definition == "event":
        return f"{code_of(address.topic or address.channel)} is a new event. {_SENDERS_LAST}"
    if address.topic is None:
        return f"{code_of(address.channel)} is a new channel. {_READERS_LAST}"
    return f"{code_of(address.channel)} has the new topic {code_of(address.topic)}. {_READERS_LAST}"


def unused_sentence(allowance: Allowance) -> str:
    """Return that an exception allows nothing, and what to do about it."""
    sentence = "this exception allows nothing that has changed"
    if allowance.definition == "channel" and (allowance.is_inside or allowance.topic is None):
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
    kinds: tuple[tuple[DefinitionKind, str], ...] = (("channel", "topic"), ("event", "event"))
    for kind, noun in kinds:
        if breaking := sum(each.is_breaking for each in comparison.topics if each.definition == kind):
            yield counted(breaking, f"{noun} breaks", f"{noun}s break")
        if undecided := sum(each.is_undecided for each in comparison.topics if each.definition == kind):
            yield counted(undecided, f"{noun} isn't decided", f"{noun}s aren't decided")
    if code := sum(each.is_breaking for each in comparison.code):
        yield f"callers must change for {counted(code, 'reason')}"
