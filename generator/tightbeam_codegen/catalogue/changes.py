"""What has changed since a git ref or a folder, and who is affected: in the words of `tightbeam breaking`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tightbeam_codegen.catalogue.html import Child, Markup, coded, h
from tightbeam_codegen.catalogue.places import CHANGES, href
from tightbeam_codegen.catalogue.views import ChannelView, EventView, Views
from tightbeam_codegen.compare.findings import (
    OLD_READERS,
    QUESTIONS,
    CodeChange,
    Comparison,
    NewAddress,
    Question,
    Refusal,
    TopicChange,
)
from tightbeam_codegen.compare.words import (
    ORDERS,
    answer_sentence,
    new_sentence,
    order_of,
    payload_text,
    readers_of,
    reason_text,
    remedy_of,
    subject_of,
    summary,
    unused_sentence,
)
from tightbeam_codegen.problems import Place

__all__ = ["Changes", "badges", "changes_page", "verdicts"]

_BADGES: Mapping[str, tuple[str, str]] = {
    "none": (ORDERS["none"], "none"),
    "code": ("callers must change", "none"),
    "unknown": (ORDERS["unknown"], "unknown"),
    "readers-first": (ORDERS["readers-first"], "readers-first"),
    "publishers-first": (ORDERS["publishers-first"], "publishers-first"),
    "any": ("changed", "any"),
    "new": ("new", "new"),
}
"""What the overview says about a channel, the worst first: the words, and the order that gives the colour."""

_OF_EVENTS: Mapping[str, str] = {"readers-first": "functions first", "publishers-first": "senders first"}
"""Words of the overview that are others for events, by order."""

_Described: TypeAlias = ChannelView | EventView


@dataclass(frozen=True, slots=True)
class Changes:
    """What the definitions of the site are compared with, and what came of it."""

    against: str
    """The ref or folder."""
    comparison: Comparison
    named: Callable[[str], str] = str
    """Gives the names of files in pages."""


def changes_page(changes: Changes, views: Views) -> Markup:
    """Return the page of all changes."""
    comparison = changes.comparison
    described: dict[str, _Described] = {each.stem: each for each in views.described}
    unused = [each for each in comparison.allowances if not each.allows]
    return h(
        "div.page",
        h("header.top", h("h1", "Changes"), h("p.counts", coded(summary(comparison, changes.against)))),
        _part("Payloads", (_topic(each, changes, _link(each, described)) for each in comparison.topics)),
        _part(
            "Callers must change", (_code(each, changes, _link(each, described)) for each in comparison.code)
        ),
        _part("New", (_new(each, described) for each in comparison.added)),
        _part(
            "Exceptions",
            (_plain(f"{_shown(each.place, changes)}: {unused_sentence(each)}") for each in unused),
        ),
    )


def verdicts(changes: Changes | None, described: _Described) -> Mapping[str, Child]:
    """Return what has changed about a channel or an event.

    That is by the title of a section, and under an empty name what is about the whole page.
    """
    found: dict[str, list[Child]] = {}
    titles = _titles(described)
    for topic in changes.comparison.topics if changes else ():
        if changes is not None and topic.channel == described.stem:
            found.setdefault(titles.get(topic.topic, ""), []).append(_topic(topic, changes, None))
    for code in changes.comparison.code if changes else ():
        if changes is not None and code.channel == described.stem:
            about = titles.get(code.topic or "", "") if isinstance(described, ChannelView) else ""
            found.setdefault(about, []).append(_code(code, changes, None))
    return found


def _titles(described: _Described) -> dict[str, str]:
    """Return the titles of sections, by the names of topics or of the event."""
    if isinstance(described, ChannelView):
        return {topic.section.title: topic.section.title for topic in described.topics}
    return {described.name: described.data.section.title} if described.data is not None else {}


def badges(changes: Changes | None, described: Sequence[_Described]) -> Mapping[str, Markup]:
    """Return a mark for each channel and event that has changed, by its page."""
    orders: dict[str, set[str]] = {}
    for topic in changes.comparison.topics if changes else ():
        orders.setdefault(topic.channel, set()).add("any" if topic.allowed else topic.order)
    for code in changes.comparison.code if changes else ():
        orders.setdefault(code.channel, set()).add("any" if code.allowed else "code")
    for address in changes.comparison.added if changes else ():
        is_whole = address.topic is None or address.definition == "event"
        orders.setdefault(address.channel, set()).add("new" if is_whole else "any")
    marks: dict[str, Markup] = {}
    for each in described:
        found = orders.get(each.stem, set())
        worst = next((badge for order, badge in _BADGES.items() if order in found), None)
        if worst is not None:
            words = _OF_EVENTS.get(worst[1], worst[0]) if isinstance(each, EventView) else worst[0]
            marks[each.page] = h("span.badge", words, data_order=worst[1])
    return marks


def _part(title: str, cards: Iterator[Markup]) -> Markup | None:
    listed = list(cards)
    return h("section.group", h("h2.divider", title), listed) if listed else None


def _link(change: TopicChange | CodeChange, described: Mapping[str, _Described]) -> Markup:
    """Return what a change is about, as a link where the site describes it."""
    subject = coded(subject_of(change))
    found = described.get(change.channel)
    if found is None:
        return subject
    topics = found.topics if isinstance(found, ChannelView) else ()
    anchors = {topic.section.title: topic.section.spot.anchor for topic in topics}
    return h("a", subject, href=href(CHANGES, found.page, anchors.get(change.topic or "", "")))


def _topic(change: TopicChange, changes: Changes, subject: Child) -> Markup:
    body: list[Child] = [_allowed(change.allowed)]
    if change.order != "any":
        for question in QUESTIONS:
            body.append(h("p", coded(answer_sentence(change, question))))
            refusal = change.refusals.get(question)
            body.append(_refusal(refusal, changes, change, question) if refusal is not None else None)
        body.append(h("p", remedy_of(change)))
    elif change.is_same:
        body.append(h("p", "Both schemas allow exactly the same payloads."))
    return _card(subject, changes, order_of(change), change.order, body)


def _refusal(refusal: Refusal, changes: Changes, change: TopicChange, question: Question) -> Markup:
    text = payload_text(refusal)
    readers = "old" if question == OLD_READERS else "new"
    subject = subject_of(change).replace("`", "")
    label = f"What {readers} {readers_of(change.definition)} of {subject}, refuse"
    return h(
        "div.refusal",
        h("pre.json", h("code", text), tabindex="0", role="region", aria_label=label),
        h("p", h("code", reason_text(refusal))),
        h(
            "p",
            "Refused by ",
            h("code", _shown(refusal.reader, changes)),
            ", allowed by ",
            h("code", _shown(refusal.writer, changes)),
        ),
    )


def _code(change: CodeChange, changes: Changes, subject: Child) -> Markup:
    body = [
        _allowed(change.allowed),
        h("p", coded(f"{change.sentence[:1].upper()}{change.sentence[1:]}.")),
        h("p", coded(change.remedy)),
    ]
    order = "none" if change.allowed is None else "any"
    return _card(subject, changes, "callers must change", order, body)


def _new(address: NewAddress, described: Mapping[str, _Described]) -> Markup:
    found = described.get(address.channel)
    sentence = coded(new_sentence(address))
    link = h("a", "Read about it", href=href(CHANGES, found.page)) if found is not None else None
    return h("div.verdict", h("p", sentence), link, data_order="any")


def _plain(sentence: str) -> Markup:
    return h("div.verdict", h("p", coded(sentence)), data_order="any")


def _allowed(reason: str | None) -> Markup | None:
    return h("p", "Allowed: ", reason) if reason is not None else None


def _card(subject: Child, changes: Changes, verdict: str, order: str, body: Sequence[Child]) -> Markup:
    """Return a change: open where all of them are listed, else closed, with since when as its subject.

    Args:
        subject: what it is about; None where that is plain.
        changes: all of them.
        verdict: in a few words.
        order: of deployment, which gives the colour.
        body: the details.
    """
    badge = h("span.badge", verdict, data_order=order)
    if subject is not None:
        return h("div.verdict", h("p.title", subject, " ", badge), body, data_order=order)
    title = h("summary.title", "Since ", h("code", changes.against), " ", badge)
    if all(child is None for child in body):
        return h(
            "div.verdict", h("p.title", "Since ", h("code", changes.against), " ", badge), data_order=order
        )
    return h("details.verdict", title, h("div.body", body), data_order=order)


def _shown(place: Place, changes: Changes) -> str:
    return str(replace(place, path=changes.named(place.path)))
