"""A comparison for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tightbeam_codegen.compare.findings import QUESTIONS, CodeChange, Comparison, TopicChange
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
from tightbeam_codegen.phrases import counted
from tightbeam_codegen.problems import visible

__all__ = ["as_text"]

_MOST_SAFE = 20
"""Topics that need no care, and still have a line each."""


def as_text(comparison: Comparison, against: str) -> str:
    """Return a comparison as text, without a newline at the end.

    Args:
        comparison: the comparison.
        against: the ref or folder.
    """
    safe = [each for each in comparison.topics if each.order == "any"]
    others = [each for each in comparison.topics if each.order != "any"]
    paragraphs = [*map(_topic, others), *map(_code, comparison.code), "\n".join(_safe(safe))]
    new = "\n".join(f"{each.place}: {new_sentence(each)}" for each in comparison.added)
    unused = "\n".join(
        f"{each.place}: note: {unused_sentence(each)}" for each in comparison.allowances if not each.allows
    )
    return "\n\n".join(filter(None, [*paragraphs, new, unused, summary(comparison, against)]))


def _safe(changes: Sequence[TopicChange]) -> Iterator[str]:
    """Yield a line for each of the first topics that can be deployed in any order, and one for the rest."""
    for change in changes[:_MOST_SAFE]:
        same = ", and exactly the same payloads as before" if change.is_same else ""
        yield f"{subject_of(change)}: any order{same}"
    if more := len(changes[_MOST_SAFE:]):
        noun = "change" if any(each.definition == "event" for each in changes) else "topic"
        yield f"… and {counted(more, f'more {noun}')}: any order"


def _topic(change: TopicChange) -> str:
    lines = [f"{subject_of(change)}: {order_of(change)}", *_reason(change)]
    for question in QUESTIONS:
        lines.append(f"  {answer_sentence(change, question)}")
        if (refusal := change.refusals.get(question)) is not None:
            lines += [
                f"      {payload_text(refusal)}",
                f"    {reason_text(refusal)}",
                f"    refused by {refusal.reader}",
                f"    allowed by {refusal.writer}",
            ]
    return "\n".join([*lines, f"  {remedy_of(change)}"])


def _code(change: CodeChange) -> str:
    lines = [f"{subject_of(change)}: callers must change", *_reason(change), f"  {change.sentence}"]
    if change.old_place is not None:
        lines.append(f"    before {change.old_place}")
    if change.place is not None:
        lines.append(f"    now {change.place}")
    return "\n".join([*lines, f"  {change.remedy}"])


def _reason(change: TopicChange | CodeChange) -> Iterator[str]:
    if change.allowed is not None:
        yield f"  Allowed: {visible(change.allowed)}"
