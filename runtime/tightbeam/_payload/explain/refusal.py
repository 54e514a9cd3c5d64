"""Say why a payload was refused: `InvalidPayload` with a pointer and a reason for each issue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tightbeam._payload.dump import leaves_unset_out
from tightbeam._payload.encoders import BAD_DATA, OPTIONS, dumps, find_null
from tightbeam._payload.explain.reasons import UNDECLARED
from tightbeam._payload.explain.walk import MAX_COUNTED, Walk
from tightbeam._payload.plain import class_name, not_json, with_digits
from tightbeam._payload.subject import refusal
from tightbeam.errors import InvalidPayload, Issue, OutdatedBindings

if TYPE_CHECKING:
    from tightbeam._payload.compiled import CompiledTopic
    from tightbeam._payload.subject import Subject

__all__ = ["explain_message", "explain_payload"]

_MAX_ISSUES = 10
"""How many issues a text has; the rest is counted, as far as the walk goes."""
_FAILED = (*BAD_DATA, TimeoutError, OutdatedBindings)


def explain_payload(
    ref: Subject, topic: CompiledTopic, data: object, plain: object, problem: Exception | None
) -> InvalidPayload:
    """Return the error for data that can't be published.

    Args:
        ref: where it was to go.
        topic: the same, compiled.
        data: what was given.
        plain: its dump, or ``data`` itself when it wasn't dumped.
        problem: what dumping or checking it raised.
    """
    return _refusal(ref, _issues(topic, data, plain, problem))


def explain_message(ref: Subject, topic: CompiledTopic, text: bytes | str) -> InvalidPayload | None:
    """Return the error for a received message, or a stored event, that breaks its schema.

    The names of undeclared properties stay out: unlike a publisher's own, they come from elsewhere.

    Args:
        ref: where it came from.
        topic: the same, compiled.
        text: its JSON.

    Returns:
        The error, or None if the message doesn't break the schema, or isn't JSON.
    """
    try:
        value: object = json.loads(text)
        if topic.is_valid(value):
            return None
    except _FAILED:
        return None
    issues = _issues(topic, value, value, None)
    if list(issues) == [_no_reason(topic)]:
        return None
    masked = [
        Issue(each.pointer, UNDECLARED) if each.reason.startswith(UNDECLARED) else each for each in issues
    ]
    return _refusal(ref, list(dict.fromkeys(masked)))


def _refusal(ref: Subject, issues: Sequence[Issue]) -> InvalidPayload:
    shown, more = issues[:_MAX_ISSUES], max(0, len(issues) - _MAX_ISSUES)
    return refusal(ref, shown, more)


def _issues(topic: CompiledTopic, data: object, plain: object, problem: Exception | None) -> Sequence[Issue]:
    if isinstance(data, BaseModel) and plain is data:
        if not isinstance(data, topic.classes):
            return [Issue("", _wrong_class(topic, data))]
        try:
            core: Any = type(data).__pydantic_core_schema__
            plain = type(data).__pydantic_serializer__.to_python(
                data, mode="json", by_alias=True, exclude_unset=leaves_unset_out(core), warnings=False
            )
        except _FAILED:
            return [
                Issue("", "must be JSON data: the model contains itself, is too deep or holds other things")
            ]
    if _may_not_be_json(topic, plain) and (
        issues := not_json(plain, lambda: topic.bundle.index.declared_names, MAX_COUNTED)
    ):
        return issues
    walk = Walk(topic.bundle, topic.schema.dialect)
    try:
        location = walk.tester.index.find(topic.schema.ref)
        if location is not None and not walk.tester.fits(location, plain):
            walk.visit(location, plain, "", 0)
    except _FAILED:
        pass  # the issues up to here are said
    if walk.issues:
        return walk.issues
    if walk.deepest:
        return [Issue(walk.deepest, "doesn't fit its schema")]
    if problem is not None and isinstance(data, BaseModel):
        return [Issue("", f"must hold what {type(data).__name__} declares: a field has another type")]
    return [_no_reason(topic)]


def _no_reason(topic: CompiledTopic) -> Issue:
    return Issue("", f"doesn't fit the {topic.kind}'s schema")


def _may_not_be_json(topic: CompiledTopic, data: object) -> bool:
    """Return whether data may have been refused because it isn't JSON, rather than by its schema."""
    try:
        raw = dumps(with_digits(data), None, OPTIONS)
        topic.is_valid(data)
    except BAD_DATA:
        return True
    return find_null(raw) is not None


def _wrong_class(topic: CompiledTopic, data: BaseModel) -> str:
    given = class_name(type(data))
    wanted = [class_name(kind) for kind in topic.classes]
    if not wanted:
        return f"must be plain data, not a model ({given})"
    return f"must be {' or '.join(wanted)} or plain data, not a {given}"
