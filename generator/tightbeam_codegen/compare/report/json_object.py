"""A comparison as one JSON object, for programs."""

from __future__ import annotations

import json
from typing import Any

from tightbeam_codegen.compare.against import Compared
from tightbeam_codegen.compare.findings import (
    Allowance,
    CodeChange,
    Comparison,
    NewAddress,
    Refusal,
    TopicChange,
)
from tightbeam_codegen.problems import Place, problems_as_json, visible

__all__ = ["as_json"]


def as_json(compared: Compared, *, ok: bool) -> str:
    """Return a comparison as JSON text.

    Args:
        compared: the comparison, or the errors for which there is none.
        ok: whether the command succeeds.
    """
    comparison = compared.comparison or Comparison()
    value = {
        "ok": ok,
        "against": visible(compared.against),
        "problems": problems_as_json([*compared.problems, *compared.problems_there]),
        "topics": [_topic(each) for each in comparison.topics],
        "code": [_code(each) for each in comparison.code],
        "new": [_new(each) for each in comparison.added],
        "exceptions": [_allowance(each) for each in comparison.allowances],
    }
    return json.dumps(value, indent=2)


def _topic(change: TopicChange) -> dict[str, Any]:
    return {
        "channel": change.channel,
        "topic": change.topic,
        "definition": change.definition,
        "old_readers": change.old_readers,
        "new_readers": change.new_readers,
        "order": change.order,
        "breaking": change.is_breaking,
        "same_payloads": change.is_same,
        "payloads": {question: refusal.payload for question, refusal in change.refusals.items()},
        "places": {question: _refusal(refusal) for question, refusal in change.refusals.items()},
        "undecided": dict(change.undecided),
        "allowed": change.allowed,
        "old": _place(change.old_place),
        "new": _place(change.place),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "pointer": refusal.pointer,
        "reason": refusal.reason,
        "reader": _place(refusal.reader),
        "writer": _place(refusal.writer),
    }


def _code(change: CodeChange) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "channel": change.channel,
        "topic": change.topic,
        "definition": change.definition,
        "message": change.sentence,
        "remedy": change.remedy,
        "was": list(change.was),
        "now": list(change.now),
        "order": change.order,
        "breaking": change.is_breaking,
        "allowed": change.allowed,
        "old": _place(change.old_place),
        "new": _place(change.place),
    }


def _new(address: NewAddress) -> dict[str, Any]:
    return {
        "channel": address.channel,
        "topic": address.topic,
        "definition": address.definition,
        "place": _place(address.place),
    }


def _allowance(allowance: Allowance) -> dict[str, Any]:
    return {
        "channel": allowance.channel,
        "topic": allowance.topic,
        "definition": allowance.definition,
        "reason": allowance.reason,
        "allows": allowance.allows,
        "place": _place(allowance.place),
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": visible(place.path), "line": place.line, "column": place.column}
