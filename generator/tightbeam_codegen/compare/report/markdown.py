"""A comparison as Markdown, for the comment of a pull request.

Text of definitions stands in code spans alone, or escaped in HTML that Markdown isn't read in: nothing of it
becomes markup, a link or a mention.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from tightbeam_codegen.annotations import from_repository
from tightbeam_codegen.compare.findings import QUESTIONS, CodeChange, Comparison, TopicChange
from tightbeam_codegen.compare.words import (
    ORDERS,
    REMEDIES,
    answer_sentence,
    new_sentence,
    payload_text,
    reason_text,
    subject_of,
    summary,
    unused_sentence,
)
from tightbeam_codegen.problems import Place, visible

__all__ = ["as_markdown"]

_MOST_DETAILS = 50
"""Topics and names with details: a comment has 65,536 characters at most."""


def as_markdown(comparison: Comparison, against: str) -> str:
    """Return a comparison as Markdown, without a newline at the end.

    Args:
        comparison: the comparison.
        against: the ref or folder.
    """
    parts = [f"### Channel definitions\n\n{summary(comparison, against)}"]
    if comparison.topics:
        rows = [_row(each) for each in comparison.topics]
        parts.append(
            "\n".join(["| Payloads of | Deploy | Old readers | New readers |", "|---|---|---|---|", *rows])
        )
    told = [each for each in comparison.topics if each.order != "any"]
    parts += map(_details, told[:_MOST_DETAILS])
    if comparison.code:
        parts.append("\n".join(["**Callers must change**", "", *map(_code, comparison.code[:_MOST_DETAILS])]))
    if more := max(0, len(told) - _MOST_DETAILS) + max(0, len(comparison.code) - _MOST_DETAILS):
        parts.append(f"… and {more} more: `tightbeam breaking` lists them.")
    if comparison.added:
        new = [f"- {new_sentence(each)}" for each in comparison.added[:_MOST_DETAILS]]
        parts.append("\n".join(["**New**", "", *new]))
    unused = [
        f"- {_place(each.place)}: {unused_sentence(each)}"
        for each in comparison.allowances
        if not each.allows
    ]
    if unused:
        parts.append("\n".join(["**Exceptions**", "", *unused]))
    return "\n\n".join(parts)


def _row(change: TopicChange) -> str:
    order = ORDERS[change.order]
    shown = order if change.order == "any" else f"**{order}**"
    if change.allowed is not None:
        shown += " (allowed)"
    # In a table a bar ends a cell, in code too, unless there is a backslash before it.
    subject = subject_of(change).replace("|", "\\|")
    return f"| {subject} | {shown} | {change.old_readers} | {change.new_readers} |"


def _details(change: TopicChange) -> str:
    subject = _in_html(subject_of(change))
    lines = [
        f"<details><summary>{subject}: {ORDERS[change.order]}</summary>",
        "",
        *_told(change),
        "",
        "</details>",
    ]
    return "\n".join(lines)


def _told(change: TopicChange) -> Iterator[str]:
    if change.allowed is not None:
        yield f"Allowed: {_span(change.allowed)}\n"
    for question in QUESTIONS:
        yield f"{answer_sentence(change, question)}\n"
        if (refusal := change.refusals.get(question)) is not None:
            yield f"- {_span(payload_text(refusal))}"
            yield f"- {_span(reason_text(refusal))}"
            yield f"- refused by {_place(refusal.reader)}, allowed by {_place(refusal.writer)}\n"
    yield REMEDIES[change.order]


def _code(change: CodeChange) -> str:
    where = change.place or change.old_place
    line = f"- {subject_of(change)}: {change.sentence}."
    if where is not None:
        line += f" {_place(where)}"
    return line if change.allowed is None else f"{line} Allowed: {_span(change.allowed)}"


def _place(place: Place) -> str:
    return _span(f"{from_repository(place.path)}:{place.line}:{place.column}")


def _span(text: str) -> str:
    """Return any text as a code span, which ends at as many backticks as it begins with."""
    text = visible(text) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _in_html(sentence: str) -> str:
    """Return a sentence as HTML, with what stands between backticks as code."""
    parts = map(html.escape, sentence.split("`"))
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
