"""The pages: the overview, one a channel, one an event, and those of shared types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from tightbeam_codegen.catalogue.html import Child, Markup, breakable, h, prose
from tightbeam_codegen.catalogue.places import EVENTS, OVERVIEW, TYPES, href
from tightbeam_codegen.catalogue.sections import code_section, property_list, topic_section, type_section
from tightbeam_codegen.catalogue.views import ChannelView, EventView, Section, TypeView, Views

__all__ = ["channel_page", "count", "event_page", "overview", "template", "types_overview", "types_page"]

_MOST_TOPICS = 8
"""Topics that the overview lists of a channel."""
_MOST_COLOURED = 60
"""Topics of a page whose code has colours: these are half of the elements."""


def count(number: int, noun: str) -> str:
    """Return so many of them."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def overview(views: Views, title: str, marks: Mapping[str, Child]) -> Markup:
    """Return the list of all channels and events.

    Args:
        views: have the channels and events.
        title: of the page.
        marks: stand beside the names of channels and events, by page.
    """
    topics = sum(len(channel.topics) for channel in views.channels)
    counts = [count(len(views.channels), "channel"), count(topics, "topic")] if views.channels else []
    if views.events:
        counts.append(count(len(views.events), "event"))
    groups = [
        (folder, list(channels))
        for folder, channels in groupby(views.channels, key=lambda each: "/".join(each.module[:-1]))
    ]
    return h(
        "div.page",
        h(
            "header.top",
            h("h1", title),
            h("p.counts", ", ".join(counts)),
        ),
        (_group(folder, channels, marks, has_head=len(groups) > 1) for folder, channels in groups),
        _events(views, marks) if views.events else None,
    )


def _events(views: Views, marks: Mapping[str, Child]) -> Markup:
    """Return the list of all events, in the order of their folders."""
    return h(
        "section.group",
        h("h2", "Events"),
        h("ul.list", (_listed_event(each, marks.get(each.page)) for each in views.events)),
        id=EVENTS,
    )


def _listed_event(event: EventView, mark: Child) -> Markup:
    first = event.description.strip().split("\n\n")[0]
    link = h("a.name", h("code.template", event.name), href=href(OVERVIEW, event.page))
    return h("li", h("p", link, " ", mark), h("div.about", prose(first)) if first else None)


def _group(
    folder: str, channels: Sequence[ChannelView], marks: Mapping[str, Child], *, has_head: bool
) -> Markup:
    head = h("h2", h("code", f"{folder}/") if folder else "At the top") if has_head else None
    return h("section.group", head, h("ul.list", (_listed(each, marks.get(each.page)) for each in channels)))


def _listed(channel: ChannelView, mark: Child) -> Markup:
    first = channel.description.strip().split("\n\n")[0]
    topics: list[Child] = [
        h("a.chip", topic.section.title, href=href(OVERVIEW, channel.page, topic.section.spot.anchor))
        for topic in channel.topics[:_MOST_TOPICS]
    ]
    if len(channel.topics) > _MOST_TOPICS:
        topics.append(h("span.more", f"and {len(channel.topics) - _MOST_TOPICS} more"))
    return h(
        "li",
        h("p", h("a.name", template(channel.name), href=href(OVERVIEW, channel.page)), " ", mark),
        h("div.about", prose(first)) if first else None,
        h("p.chips", topics),
    )


def template(name: str) -> Markup:
    """Return a name template, its parameters set off."""
    parts: list[Child] = []
    at = 0
    while (start := name.find("{", at)) >= 0 and (end := name.find("}", start)) >= 0:
        parts += [name[at:start], h("span.param", name[start : end + 1])]
        at = end + 1
    return h("code.template", parts, name[at:])


def channel_page(channel: ChannelView, views: Views, changes: Mapping[str, Child]) -> Markup:
    """Return the page of a channel.

    Args:
        channel: the channel.
        views: have what it links to.
        changes: what has changed, by topic; of the channel itself under an empty name.
    """
    page = channel.page
    is_short = len(channel.topics) <= _MOST_COLOURED
    facts = [
        ("Defined in", h("code", channel.file)),
        ("For example", h("code", channel.example) if channel.example else None),
        ("In Python", h("code", channel.python)),
        ("In TypeScript", h("code", channel.typescript)),
    ]
    params: Child = None
    if channel.parameters:
        params = h(
            "section.params",
            h("h2", "Parameters"),
            property_list(channel.parameters, page, views),
        )
    content = h(
        "div.content",
        h("p.crumbs", h("a", "Channels", href=href(page, OVERVIEW)), f" / {'/'.join(channel.module)}"),
        _top(template(channel.name), channel.description, changes.get(""), facts),
        params,
        (
            topic_section(topic, views, changes.get(topic.section.title), coloured=is_short)
            for topic in channel.topics
        ),
        _own_types(channel.types, views),
    )
    return h(
        "div.page.with-side", _side("Topics", [each.section for each in channel.topics], channel), content
    )


def event_page(event: EventView, views: Views, changes: Mapping[str, Child]) -> Markup:
    """Return the page of an event.

    Args:
        event: the event.
        views: have what it links to.
        changes: what has changed: of the data under the name of its section, else under an empty name.
    """
    page = event.page
    facts = [
        ("Defined in", h("code", event.file)),
        ("In Python", h("code", event.python)),
        ("In TypeScript", h("code", event.typescript)),
    ]
    data = h("section.topic", h("p.none", "The event has no data."), code_section(event.name, event.snippets))
    if event.data is not None:
        data = topic_section(event.data, views, changes.get(event.data.section.title))
    content = h(
        "div.content",
        h("p.crumbs", h("a", "Events", href=href(page, OVERVIEW, EVENTS)), f" / {'/'.join(event.module)}"),
        _top(h("code.template", event.name), event.description, changes.get(""), facts),
        data,
        _own_types(event.types, views),
    )
    sections = [event.data.section] if event.data is not None else []
    return h("div.page.with-side", _side("Event", sections, event), content)


def _top(title: Markup, description: str, changes: Child, facts: Sequence[tuple[str, Child]]) -> Markup:
    """Return the head of a page: what it describes, with what is to be known of it at once."""
    return h(
        "header.top",
        h("h1", title),
        h("div.lead", prose(description)) if description.strip() else None,
        changes,
        h("dl.facts", (h("div", h("dt", name), h("dd", value)) for name, value in facts if value)),
    )


def _own_types(types: Sequence[TypeView], views: Views) -> Markup | None:
    """Return the shared types that stand in a definition's own file."""
    if not types:
        return None
    heading = h("h2.divider", "Shared types of this file")
    return h("div.types", heading, (type_section(each, views) for each in types))


def _side(title: str, sections: Sequence[Section], defined: ChannelView | EventView) -> Markup:
    """Return the list of what is on a page.

    Args:
        title: of the sections.
        sections: of payloads.
        defined: has the shared types.
    """
    groups = [(title, sections), ("Types", [each.section for each in defined.types])]
    return h(
        "nav.side",
        (
            [
                h("h2", title),
                h(
                    "ul",
                    (
                        h("li", h("a", breakable(each.title), href=f"#{each.spot.anchor}"))
                        for each in sections
                    ),
                ),
            ]
            for title, sections in groups
            if sections
        ),
        aria_label="On this page",
    )


def types_overview(views: Views) -> Markup:
    """Return the list of all shared types."""
    owners: list[tuple[str, str, tuple[TypeView, ...]]] = [
        (shown, page, types) for page, (shown, types) in views.types.items()
    ]
    owners += [(each.file, each.page, each.types) for each in views.described if each.types]
    total = sum(len(types) for _, _, types in owners)
    by_document: dict[str, list[TypeView]] = {}
    for shown, _, types in owners:
        by_document.setdefault(shown, []).extend(types)
    return h(
        "div.page",
        h(
            "header.top",
            h("h1", "Shared types"),
            h("p.counts", f"{count(total, 'type')} in {count(len(by_document), 'file')}"),
        ),
        (
            h("section.group", h("h2", h("code", shown)), h("ul.list", map(_listed_type, types)))
            for shown, types in sorted(by_document.items())
        ),
    )


def _listed_type(view: TypeView) -> Markup:
    section = view.section
    first = section.doc.split("\n\n")[0]
    return h(
        "li",
        h(
            "p",
            h("a.name", h("code", section.title), href=href(TYPES, section.spot.page, section.spot.anchor)),
        ),
        h("div.about", prose(first)) if first else None,
    )


def types_page(page: str, shown: str, types: Sequence[TypeView], views: Views) -> Markup:
    """Return the page of a shared document.

    Args:
        page: its path.
        shown: the document.
        types: those of its types that are on the page.
        views: have what these link to.
    """
    return h(
        "div.page",
        h("p.crumbs", h("a", "Types", href=href(page, TYPES)), f" / {shown}"),
        h("header.top", h("h1", h("code", shown))),
        (type_section(each, views) for each in types),
    )
