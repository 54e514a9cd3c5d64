"""A comparison for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

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
from tightbeam_codegen.problems import visible

__all__ = ["as_text"]


def as_text(comparison: Comparison, against: str) -> str:
    """Return a comparison as text, without a newline at the end.

    Args:
        comparison: the comparison.
        against: the ref or folder.
    """
    paragraphs = [*map(_topic, comparison.topics), *map(_code, comparison.code)]
    new = "\n".join(f"{each.place}: {new_sentence(each)}" for each in comparison.added)
    unused = "\n".join(
        f"{each.place}: note: {unused_sentence(each)}" for each in comparison.allowances if not each.allows
    )
    return "\n\n".join(filter(None, [*paragraphs, new, unused, summary(comparison, against)]))


def _topic(change: TopicChange) -> str:
    if change.order == "any":
        same = ", and exactly the same payloads as before" if change.is_same else ""
        return f"{subject_of(change)}: any order{same}"
    lines = [f"{subject_of(change)}: {ORDERS[change.order]}", *_reason(change)]
    for question in QUESTIONS:
        lines.append(f"  {answer_sentence(change, question)}")
        if (refusal := change.refusals.get(question)) is not None:
            lines += [
                f"      {payload_text(refusal)}",
                f"    {reason_text(refusal)}",
                f"    refused by {refusal.reader}",
                f"    allowed by {refusal.writer}",
            ]
    return "\n".join([*lines, f"  {REMEDIES[change.order]}"])


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
