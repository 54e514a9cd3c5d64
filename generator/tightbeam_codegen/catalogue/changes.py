"""What has changed since a git ref or a folder, and who is affected: in the words of `tightbeam breaking`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tightbeam_codegen.catalogue.html import Child, Markup, coded, h
from tightbeam_codegen.catalogue.places import CHANGES, href
from tightbeam_codegen.catalogue.views import ChannelView, Views
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
    channels = {channel.stem: channel for channel in views.channels}
    unused = [each for each in comparison.allowances if not each.allows]
    return h(
        "div.page",
        h("header.top", h("h1", "Changes"), h("p.counts", coded(summary(comparison, changes.against)))),
        _part("Payloads", (_topic(each, changes, _link(each, channels)) for each in comparison.topics)),
        _part(
            "Callers must change", (_code(each, changes, _link(each, channels)) for each in comparison.code)
        ),
        _part("New", (_new(each, channels) for each in comparison.added)),
        _part(
            "Exceptions",
            (_plain(f"{_shown(each.place, changes)}: {unused_sentence(each)}") for each in unused),
        ),
    )


def verdicts(changes: Changes | None, channel: ChannelView) -> Mapping[str, Child]:
    """Return what has changed about a channel: by topic, and under an empty name about the whole of it."""
    found: dict[str, list[Child]] = {}
    for topic in changes.comparison.topics if changes else ():
        if changes is not None and topic.channel == channel.stem:
            found.setdefault(topic.topic, []).append(_topic(topic, changes, None))
    for code in changes.comparison.code if changes else ():
        if changes is not None and code.channel == channel.stem:
            topics = {each.section.title for each in channel.topics}
            about = code.topic if code.topic in topics else ""
            found.setdefault(about or "", []).append(_code(code, changes, None))
    return found


def badges(changes: Changes | None, channels: Sequence[ChannelView]) -> Mapping[str, Markup]:
    """Return a mark for each channel that has changed, by its page."""
    orders: dict[str, set[str]] = {}
    for topic in changes.comparison.topics if changes else ():
        orders.setdefault(topic.channel, set()).add("any" if topic.allowed else topic.order)
    for code in changes.comparison.code if changes else ():
        orders.setdefault(code.channel, set()).add("any" if code.allowed else "code")
    for address in changes.comparison.added if changes else ():
        orders.setdefault(address.channel, set()).add("new" if address.topic is None else "any")
    marks: dict[str, Markup] = {}
    for channel in channels:
        found = orders.get(channel.stem, set())
        worst = next((badge for order, badge in _BADGES.items() if order in found), None)
        if worst is not None:
            marks[channel.page] = h("span.badge", worst[0], data_order=worst[1])
    return marks


def _part(title: str, cards: Iterator[Markup]) -> Markup | None:
    listed = list(cards)
    return h("section.group", h("h2.divider", title), listed) if listed else None


def _link(change: TopicChange | CodeChange, channels: Mapping[str, ChannelView]) -> Markup:
    """Return what a change is about, as a link where the site describes it."""
    subject = coded(subject_of(change))
    channel = channels.get(change.channel)
    if channel is None:
        return subject
    spots = {topic.section.title: topic.section.spot for topic in channel.topics}
    spot = spots.get(change.topic or "")
    return h("a", subject, href=href(CHANGES, channel.page, spot.anchor if spot else ""))


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
    label = f"What {readers} readers of {change.channel}, topic {change.topic}, refuse"
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


def _new(address: NewAddress, channels: Mapping[str, ChannelView]) -> Markup:
    channel = channels.get(address.channel)
    sentence = coded(new_sentence(address))
    link = h("a", "Read about it", href=href(CHANGES, channel.page)) if channel is not None else None
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
