"""What topics and types look like on a page: their properties, rules, schema and code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tightbeam_codegen.catalogue.code import code_block
from tightbeam_codegen.catalogue.html import Child, Markup, coded, h, prose, raw
from tightbeam_codegen.catalogue.places import href
from tightbeam_codegen.catalogue.rows import Row
from tightbeam_codegen.catalogue.views import Section, Snippet, TopicView, TypeView, Use, Views
from tightbeam_codegen.catalogue.wording import MATCHES, Link, Words
from tightbeam_codegen.read.normalise.shapes import Name

__all__ = ["code_section", "property_list", "topic_section", "type_section"]

_DEEPEST = 6
"""Rows that are deeper are as far to the right as these."""
_MOST_USES = 50
_DEPRECATED = h("span.badge", "deprecated", data_state="deprecated")


def topic_section(topic: TopicView, views: Views, changes: Child = None, *, coloured: bool = True) -> Markup:
    """Return the section of a topic.

    Args:
        topic: the topic.
        views: have the types that it links to.
        changes: what has changed about it.
        coloured: whether code has colours.
    """
    section = topic.section
    payload: Child = None
    if topic.payload is not None:
        link = _type_link(topic.payload, section.spot.page, views)
        payload = h("p.shared", "The payload is the shared type ", link, ".")
    details = h("div.details", payload, _properties(section, views), _schema(section))
    return h(
        "section.topic",
        _head(section),
        changes,
        h("div.pair", details, _uses(topic, coloured=coloured)),
        id=section.spot.anchor,
    )


def type_section(view: TypeView, views: Views) -> Markup:
    """Return the section of a shared type.

    Args:
        view: the type.
        views: have what it links to, and what uses it.
    """
    section = view.section
    page = section.spot.page
    uses = views.uses.get(view.name, ())
    listed: Child = None
    if uses:
        items: list[Child] = [h("li", _use_link(use, page)) for use in uses[:_MOST_USES]]
        if len(uses) > _MOST_USES:
            items.append(h("li", f"and {len(uses) - _MOST_USES} more"))
        listed = h("div.used", h("h3", "Used by"), h("ul", items))
    return h(
        "section.topic",
        _head(section),
        h("div.pair", h("div.details", _properties(section, views), _schema(section)), listed),
        id=section.spot.anchor,
    )


def _head(section: Section) -> Markup:
    link = h("a.permalink", "#", href=f"#{section.spot.anchor}", aria_label=f"Link to {section.title}")
    badge = _DEPRECATED if section.is_deprecated else None
    doc = h("div.lead", prose(section.doc)) if section.doc else None
    return h(
        "header",
        h("h2", _joined((h("span", section.title), badge, link), " ")),
        doc,
        h("p.source", "Defined in ", h("code", section.place)),
    )


# -- properties ----------------------------------------------------------------------------------------------


def _properties(section: Section, views: Views) -> Markup:
    notes: list[Child] = []
    if section.closed is not None and section.rows:
        notes.append("Other properties are refused." if section.closed else "Other properties are allowed.")
    if not section.is_whole:
        notes.append(f"Only the first {len(section.rows):,} rows are shown; the definition has more.")
    if section.beside:
        names = [h("code", keyword) for keyword in section.beside]
        notes.append(["The schema says more: ", _joined(names, ", "), "."])
    body: Child = property_list(section.rows, section.spot.page, views)
    if not section.rows:
        body = h("p.none", "An object without declared properties.")
    heading = "Properties" if not section.rows or section.rows[0].name else "Type"
    name = h("span.names", "class ", h("code", section.class_name)) if section.class_name else None
    return h(
        "div",
        h("div.head", h("h3", heading), name),
        body,
        h("p.note", _joined(notes, " ")) if notes else None,
    )


def property_list(rows: Sequence[Row], page: str, views: Views) -> Markup | None:
    """Return properties as a list of descriptions; None where there are none.

    Args:
        rows: the properties.
        page: the path of the page.
        views: have the types that they link to.
    """
    if not rows:
        return None
    return h("dl.rows", (_row(row, page, views) for row in rows))


def _row(row: Row, page: str, views: Views) -> Markup:
    name: Child = None
    if row.name:
        name = h("a.name", h("code", row.name), href=f"#{row.anchor}", title=_title(row))
    classes = f"div.row.depth-{min(row.depth, _DEEPEST)}" + (".branch" if row.is_branch else "")
    return h(
        classes,
        h(
            "dt",
            # With spaces between, for those who copy the text or hear it.
            _joined(
                (
                    h("span.if", "if") if row.is_branch else None,
                    name,
                    h("span.type", _words(row.type, page, views)) if row.type else None,
                    h("span.rules", _joined(map(_rule, row.rules), ", ")) if row.rules else None,
                    None if row.is_required or row.is_branch else h("span.optional", "optional"),
                    _DEPRECATED if row.is_deprecated else None,
                    _names(row),
                ),
                " ",
            ),
        ),
        h("dd", prose(row.doc)) if row.doc else None,
        id=row.anchor or None,
    )


def _rule(words: str) -> Child:
    """Return a rule, a regular expression in it as code."""
    pattern = words.removeprefix(MATCHES)
    return words if pattern == words else raw([MATCHES, h("code", pattern)])


def _title(row: Row) -> str | None:
    """Return the whole way to a property inside of others."""
    return None if row.is_branch or row.way in ("", row.name) else row.way


def _names(row: Row) -> Markup | None:
    """Return what generated code calls a property, where that is another name, and its class."""
    names: list[Child] = []
    if row.py_name:
        names.append([h("span.sr", "in Python "), h("code", row.py_name)])
    if row.class_name:
        names.append(["class ", h("code", row.class_name)])
    return h("span.names", _joined(names, ", "), title="In Python") if names else None


def _words(words: Words, page: str, views: Views) -> Iterator[Child]:
    for word in words:
        yield _type_link(word.name, page, views) if isinstance(word, Link) else word


def _type_link(name: Name, page: str, views: Views) -> Markup:
    spot = views.spots.of_type(name)
    if spot is None:
        return h("code", name.name)
    return h("a", name.name, href=href(page, spot.page, spot.anchor))


def _use_link(use: Use, page: str) -> Markup:
    return h("a", h("code", use.label), href=href(page, use.spot.page, use.spot.anchor))


def _joined(children: Iterable[Child], between: str) -> Markup:
    parts: list[Child] = []
    for child in children:
        if child is not None:
            parts += [between, child] if parts else [child]
    return raw(parts)


# -- schema and code -----------------------------------------------------------------------------------------


def _schema(section: Section) -> Markup:
    block = code_block(section.schema, f"JSON Schema of {section.title}", coloured=False)
    return h("details.raw", h("summary", "As JSON Schema"), h("div.code", block))


def _uses(topic: TopicView, *, coloured: bool) -> Markup:
    """Return the example and the snippets of a payload."""
    title, anchor = topic.section.title, topic.section.spot.anchor
    example: Child = h("p.none", "No example was found for this schema.")
    if topic.example is not None:
        example = h("div.code", code_block(topic.example, f"Example of {title}", coloured=coloured))
    return _panels(title, anchor, {"Example": example}, topic.snippets, coloured=coloured)


def code_section(title: str, snippets: Sequence[Snippet]) -> Markup:
    """Return the snippets of what has no payload.

    Args:
        title: what they are about.
        snippets: the code.
    """
    return _panels(title, "", {}, snippets, coloured=True)


def _panels(
    title: str, anchor: str, panels: dict[str, Child], snippets: Sequence[Snippet], *, coloured: bool
) -> Markup:
    """Return a panel for each language, below tabs that only a script shows.

    Args:
        title: what the code is about.
        anchor: of the section that the panels stand in.
        panels: those that come first, by the words on their tabs.
        snippets: the code.
        coloured: whether it has colours.
    """
    for language in dict.fromkeys(snippet.language for snippet in snippets):
        panels[language] = [
            [
                h("h4", each.title),
                h(
                    "div.code",
                    code_block(each.text, f"{each.title} {title} in {language}", coloured=coloured),
                ),
                h("p.note", coded(each.note)) if each.note else None,
            ]
            for each in snippets
            if each.language == language
        ]
    tabs: list[Child] = []
    sections: list[Child] = []
    for number, (label, content) in enumerate(panels.items()):
        tab, panel = f"~tab.{number}.{anchor}", f"~panel.{number}.{anchor}"
        tabs.append(
            h(
                "button",
                label,
                type="button",
                role="tab",
                id=tab,
                aria_controls=panel,
                aria_selected="true" if number == 0 else "false",
                tabindex="0" if number == 0 else "-1",
            )
        )
        sections.append(h("section", h("h3", label), content, id=panel, role="tabpanel", aria_labelledby=tab))
    return h("div.uses", h("div.tabs", tabs, role="tablist", aria_label=f"Code for {title}"), sections)
