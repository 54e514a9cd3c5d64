"""Load messages as their topic's Python type."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import ValidationError

from tightbeam.errors import InvalidPayload, Issue

if TYPE_CHECKING:
    from tightbeam._channels.refs import TopicRef
    from tightbeam._events.refs import EventRef
    from tightbeam._payload.compiled import CompiledTopic
    from tightbeam._payload.subject import Subject

__all__ = ["load"]

Data = TypeVar("Data")

_MAX_ISSUES = 10


def load(ref: TopicRef[..., str, Data] | EventRef[..., str, Data], raw: bytes | str) -> Data:
    """Load JSON text as the Python type of a topic or an event: strictly, by wire names only.

    What doesn't fit is loaded once more with ``1.0`` for the integer that it is in JSON Schema, and then with
    undeclared properties passed over, which a publisher of another version may have added.

    Args:
        ref: the topic, or the event.
        raw: a message's data, the memo of a publish, or an event's data.

    Returns:
        The payload, as that Python type.

    Raises:
        InvalidPayload: it isn't JSON, or doesn't fit the type.
        OutdatedBindings: the generated package is incomplete.
    """
    topic = ref.__topic__.compiled or ref.__topic__.compile()
    try:
        validator = topic.branch_validator or topic.validator
        return cast("Data", validator.validate_json(raw, strict=True, by_alias=True, by_name=False))
    except ValidationError as error:
        return cast("Data", _load_tolerantly(ref, topic, raw, error))


def _load_tolerantly(ref: Subject, topic: CompiledTopic, raw: bytes | str, error: ValidationError) -> object:
    """Load what isn't exactly of the topic's type: from a publisher of another version, or from elsewhere."""
    from tightbeam._payload.tolerant import readings  # few messages need it

    texts: list[bytes | str] = [raw, *readings(topic.shape, raw)]
    # What fits the schema of no branch, which only data from elsewhere can, is the model that fits best.
    validators = [each for each in (topic.branch_validator, topic.validator) if each is not None]
    for validator in validators:
        for text in texts:
            try:
                return validator.validate_json(text, strict=True, by_alias=True, by_name=False)
            except ValidationError as failed:
                error = failed  # in the end the last reading's, with the fewest issues
    raise _not_loadable(ref, topic, texts[-1], error) from None


def _not_loadable(
    ref: Subject, topic: CompiledTopic, text: bytes | str, error: ValidationError
) -> InvalidPayload:
    """Explain in a publisher's words, and in Pydantic's codes only where the schema has no objection."""
    from tightbeam._payload.explain.refusal import explain_message  # only on failure
    from tightbeam._payload.plain import pointer_token
    from tightbeam._payload.subject import refusal

    if (explained := explain_message(ref, topic, text)) is not None:
        return explained
    declared = topic.bundle.index.declared_names
    details = error.errors(include_url=False, include_context=False, include_input=False)
    issues = [
        Issue(
            "".join(
                f"/{part if isinstance(part, int) else pointer_token(part) if part in declared else '*'}"
                for part in detail["loc"]
            ),
            f"can't be loaded as the {topic.kind}'s type ({detail['type']})",
        )
        for detail in details[:_MAX_ISSUES]
    ]
    return refusal(ref, issues, max(0, len(details) - _MAX_ISSUES))
