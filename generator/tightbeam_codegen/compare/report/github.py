"""A comparison as annotations of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam_codegen.annotations import as_annotations, log_text
from tightbeam_codegen.compare.findings import (
    NEW_READERS,
    OLD_READERS,
    QUESTIONS,
    CodeChange,
    Comparison,
    TopicChange,
)
from tightbeam_codegen.compare.words import (
    answer_sentence,
    order_of,
    payload_text,
    reason_text,
    remedy_of,
    subject_of,
    summary,
    unused_sentence,
)
from tightbeam_codegen.problems import Place, Problem, Severity

__all__ = ["TITLE", "as_github"]

TITLE = "tightbeam breaking"


def as_github(comparison: Comparison, against: str, *, strict: bool) -> str:
    """Return workflow commands, and a summary for the log, without a newline at the end.

    Args:
        comparison: the comparison.
        against: the ref or folder.
        strict: whether what isn't decided is an error.
    """
    problems = [*_problems(comparison, strict=strict)]
    return "\n".join(filter(None, [as_annotations(problems, TITLE), log_text(summary(comparison, against))]))


def _problems(comparison: Comparison, *, strict: bool) -> Iterator[Problem]:
    for topic in comparison.topics:
        if topic.is_breaking:
            yield Problem(_changed(topic), "error", _of_topic(topic), remedy_of(topic))
        elif topic.is_undecided:
            severity: Severity = "error" if strict else "warning"
            yield Problem(topic.place, severity, _of_topic(topic), remedy_of(topic))
    for change in comparison.code:
        if change.is_breaking:
            yield Problem(change.place, "error", _of_code(change), change.remedy)
    for allowance in comparison.allowances:
        if not allowance.allows:
            yield Problem(allowance.place, "warning", unused_sentence(allowance), "")


def _changed(change: TopicChange) -> Place:
    """Return the rule that today's side has, which is a line of the pull request; else the topic."""
    if (refusal := change.refusals.get(OLD_READERS)) is not None:
        return refusal.writer
    return change.refusals[NEW_READERS].reader if NEW_READERS in change.refusals else change.place


def _of_topic(change: TopicChange) -> str:
    parts = [f"{subject_of(change)}: {order_of(change)}."]
    for question in QUESTIONS:
        sentence = answer_sentence(change, question)
        if (refusal := change.refusals.get(question)) is not None:
            place = f"{refusal.reader}"
            sentence += f" {payload_text(refusal)} ({reason_text(refusal)}; refused by {place})."
        parts.append(sentence)
    return " ".join(parts)


def _of_code(change: CodeChange) -> str:
    return f"{subject_of(change)}: callers must change: {change.sentence}."
