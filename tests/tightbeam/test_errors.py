"""The error tree: texts, retryable or not, pickling, and deriving from it together with a foreign class."""

from __future__ import annotations

import pickle

import pytest

import tightbeam
from tightbeam import errors
from tightbeam.errors import (
    InvalidPayload,
    Issue,
    PayloadTooLarge,
    PublishFailed,
    SubscriberTooSlow,
    TightbeamError,
)

INVALID = InvalidPayload(
    "status", [Issue("/message", "is required"), Issue("", "is odd")], channel="uploads:u1", more=3
)


def test_the_text_says_topic_channel_and_each_issue():
    assert str(INVALID) == (
        'Schema validation failed for topic "status" on channel "uploads:u1"\n'
        "  /message: is required\n"
        "  (payload): is odd\n"
        "  … and 3 more"
    )
    assert INVALID.topic == "status"
    assert INVALID.channel == "uploads:u1"
    assert INVALID.issues[0] == Issue("/message", "is required")


def test_too_large_says_by_how_much():
    error = PayloadTooLarge("status", 600_000, 524_288, channel="c")
    assert str(error) == 'Payload for topic "status" on channel "c" is 600,000 bytes; the limit is 524,288'


@pytest.mark.parametrize(
    "error",
    [
        INVALID,
        PayloadTooLarge("status", 2, 1),
        PublishFailed("no", status=503, retryable=True),
        SubscriberTooSlow("e:4"),
        errors.NonRetriableError("stop"),
        errors.OutdatedBindings("again"),
    ],
)
def test_pickling_keeps_text_and_fields(error: TightbeamError):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert copy.retryable is error.retryable


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (INVALID, False),
        (PayloadTooLarge("t", 2, 1), False),
        (errors.InvalidParam("x"), False),
        (errors.StepMismatch("x"), False),
        (errors.PositionLost("x"), False),
        (errors.NonRetriableError("x"), False),
        (PublishFailed("x", status=503, retryable=True), True),
        (PublishFailed("x", status=400), False),
        (SubscriberTooSlow(None), True),
        (errors.EngineError("x"), True),
    ],
)
def test_whether_trying_again_can_help_is_said_by_the_error(error: TightbeamError, retryable: bool):
    assert error.retryable is retryable


class Foreign(Exception):
    """As the Inngest SDK's error: a message, and a cooperative constructor."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause


class Both(InvalidPayload, Foreign):
    pass


def test_a_subclass_may_derive_from_a_foreign_error_too():
    error = Both("status", [Issue("/a", "is required")], channel="c")
    assert isinstance(error, Foreign)
    assert (
        str(error)
        == error.message
        == 'Schema validation failed for topic "status" on channel "c"\n  /a: is required'
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.issues) == (error.message, error.issues)


def test_one_base_catches_everything():
    classes = [getattr(errors, name) for name in errors.__all__ if name != "Issue"]
    assert classes
    assert all(issubclass(each, TightbeamError) for each in classes)
    assert all(each.__name__ in (errors.__doc__ or "") for each in classes)


def test_every_error_is_public():
    assert set(errors.__all__) <= set(dir(tightbeam))
