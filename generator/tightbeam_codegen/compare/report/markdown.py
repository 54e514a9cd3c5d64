"""A comparison as Markdown, for the comment of a pull request.

Text of definitions stands in code spans alone, or escaped in HTML that Markdown isn't read in: nothing of it
becomes markup, a link or a mention.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tightbeam_codegen.annotations import from_repository
from tightbeam_codegen.compare.findings import (
    QUESTIONS,
    CodeChange,
    Comparison,
    DefinitionKind,
    TopicChange,
)
from tightbeam_codegen.compare.words import (
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
from tightbeam_codegen.problems import Place, Problem, in_order, render, visible

__all__ = ["as_markdown", "failure_as_markdown"]

_LONGEST_SECTION = 10_000
"""Characters. There are six sections, and a comment has 65,536 characters at most."""
_HEADS: Mapping[DefinitionKind, str] = {
    "channel": "| Payloads of | Deploy | Old readers take new messages | New readers take old messages |",
    "event": "| Payloads of | Deploy | Old functions take new events | New functions take old events |",
}
_BELOW = "|---|---|---|---|"


def as_markdown(comparison: Comparison, against: str) -> str:
    """Return a comparison as Markdown, without a newline at the end.

    Args:
        comparison: the comparison.
        against: the ref or folder.
    """
    told = [each for each in comparison.topics if each.order != "any"]
    listed = [*told, *(each for each in comparison.topics if each.order == "any")]
    unused = [each for each in comparison.allowances if not each.allows]
    sections = [
        *(
            (f"{head}\n{_BELOW}", "\n", [_row(each) for each in listed if each.definition == kind])
            for kind, head in _HEADS.items()
        ),
        ("", "\n\n", map(_details, told)),
        ("**Callers must change**\n", "\n", map(_code, comparison.code)),
        ("**New**\n", "\n", (f"- {new_sentence(each)}" for each in comparison.added)),
        ("**Exceptions**\n", "\n", (f"- {_place(each.place)}: {unused_sentence(each)}" for each in unused)),
    ]
    parts = [f"### Definitions\n\n{summary(comparison, against)}"]
    is_complete = True
    for head, separator, entries in sections:
        shown, is_whole = _fitting(list(entries))
        is_complete = is_complete and is_whole
        if shown:
            parts.append(separator.join([head, *shown] if head else shown))
    if not is_complete:
        parts.append("… and more: `tightbeam breaking` lists all of it.")
    return "\n\n".join(parts)


def failure_as_markdown(problems: Iterable[Problem]) -> str:
    """Return the errors for which nothing was compared, without a newline at the end."""
    lines = [f"- {_span(render([problem]).partition(chr(10))[0])}" for problem in in_order(problems)]
    shown, is_whole = _fitting(lines)
    parts = ["### Definitions\n\nNothing was compared:\n", *shown, *([] if is_whole else ["- …"])]
    return "\n".join(parts)


def _fitting(entries: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Return the first entries of a section, as many as a comment has room for, and whether these are all."""
    length = 0
    for index, entry in enumerate(entries):
        length += len(entry)
        if length > _LONGEST_SECTION:
            return entries[:index], False
    return entries, True


def _row(change: TopicChange) -> str:
    order = order_of(change)
    shown = order if change.order == "any" else f"**{order}**"
    if change.allowed is not None:
        shown += " (allowed)"
    # In a table a bar ends a cell, in code too, unless there is a backslash before it.
    subject = subject_of(change).replace("|", "\\|")
    return f"| {subject} | {shown} | {change.old_readers} | {change.new_readers} |"


def _details(change: TopicChange) -> str:
    subject = _in_html(subject_of(change))
    lines = [
        f"<details><summary>{subject}: {order_of(change)}</summary>",
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
    yield remedy_of(change)


def _code(change: CodeChange) -> str:
    where = change.place or change.old_place
    line = f"- {subject_of(change)}: {change.sentence}."
    if where is not None:
        line += f" {_place(where)}"
    return line if change.allowed is None else f"{line} Allowed: {_span(change.allowed)}"


def _place(place: Place) -> str:
    # A file at a ref, as in `main:schemas/x.channel.json`, is named from the top of the repository already.
    is_at_ref = ":" in place.path and not Path(place.path).exists()
    path = place.path if is_at_ref else from_repository(place.path)
    return _span(f"{path}:{place.line}:{place.column}")


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
