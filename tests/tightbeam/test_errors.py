"""The error tree: texts, retryable or not, pickling, and deriving from it together with a foreign class."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
        errors.NoSuchRun("r"),
        errors.RunStateError("r", "done", "it has ended"),
        errors.RunCancelled("r", "work"),
        errors.RunFailed("no", run_id="r", error_type="KeyError", error_text="x"),
    ],
)
def test_pickling_keeps_text_and_fields(error: TightbeamError):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert copy.retryable is error.retryable


RETRYABLE: dict[str, bool | None] = {
    "EngineError": False,  # a duplicate id, retries=-1, entering twice, `run` on Inngest
    "GatewayRefused": False,  # with the same token or key
    "InvalidParam": False,
    "InvalidPayload": False,
    "JournalFailed": True,  # the disk may have room again
    "JournalRefused": None,  # see below
    "NoGateway": False,
    "NoSuchRun": False,
    "NonRetriableError": False,
    "NotEntered": False,
    "NotJson": False,
    "NotRegistered": False,
    "NotStorable": False,
    "OutdatedBindings": False,
    "PayloadTooLarge": False,
    "PositionLost": False,
    "PublishFailed": None,
    "RetryAfterError": True,  # at the time that it says
    "RunCancelled": False,
    "RunFailed": False,
    "RunParked": False,
    "RequestFailed": None,
    "RunStateError": False,
    "RunTimeout": False,
    "SendFailed": None,
    "SigningKeyError": False,
    "StepError": False,
    "StepMismatch": False,
    "StepMisuse": False,
    "StepTimeout": False,
    "SubscribeFailed": None,
    "SubscriberTooSlow": True,  # from where it was closed
    "TightbeamError": False,
}
"""Whether the same call may succeed later; None where it depends on what happened."""


def test_whether_trying_again_can_help_is_said_by_each_class():
    classes = {name: getattr(errors, name) for name in errors.__all__ if name != "Issue"}
    assert classes.keys() == RETRYABLE.keys()
    for name, cls in classes.items():
        if RETRYABLE[name] is not None:
            assert cls.retryable is RETRYABLE[name], name


@pytest.mark.parametrize(
    "cls", [errors.PublishFailed, errors.SubscribeFailed, errors.SendFailed, errors.RequestFailed]
)
def test_what_a_server_says_decides_for_requests(cls: type[errors.PublishFailed]):
    assert cls("no").retryable is False
    outage = cls("no", status=503, retryable=True)
    assert (outage.retryable, outage.status) == (True, 503)


def test_a_file_that_is_in_use_may_be_free_later():
    assert errors.JournalRefused("it is corrupt").retryable is False
    assert errors.JournalRefused("it is in use", holder=4711).retryable is True
    assert errors.JournalRefused("it is in use", holder=0).retryable is True


async def test_errors_of_the_embedded_engine_mean_what_they_say(tmp_path: Path):
    """Each call that can't succeed later says so; the one that can says that."""

    async def handler(ctx: tightbeam.Context) -> None: ...

    client = tightbeam.Client(tmp_path / "j.db")
    function = client.function("f", on="app/f")(handler)
    elsewhere = tightbeam.Client(tmp_path / "j.db")
    met: list[TightbeamError] = []

    async def meet(call: Callable[[], Any]) -> None:
        try:
            returned = call()
            if inspect.isawaitable(returned):
                await returned
        except TightbeamError as error:
            met.append(error)

    await meet(lambda: client.send("app/f"))
    await meet(lambda: client.function("g", retries=-1)(handler))
    await meet(lambda: client.realtime.token_sync("job:j1", ["status"]))
    async with client:
        await meet(lambda: client.function("f")(lambda ctx: None))
        await meet(lambda: client.send("app/other"))
        await meet(lambda: client.run(handler))  # type: ignore[arg-type]  # what is tested
        await meet(lambda: client.run(function, {"a": {1}}))
        await meet(client.__aenter__)
        await meet(elsewhere.__aenter__)
    assert [(type(error).__name__, error.retryable) for error in met] == [
        ("NotEntered", False),
        ("EngineError", False),
        ("NoGateway", False),
        ("EngineError", False),
        ("NotRegistered", False),
        ("NotRegistered", False),
        ("NotJson", False),
        ("EngineError", False),
        ("JournalRefused", True),
    ]


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
    classes = [each for each in vars(errors).values() if inspect.isclass(each)]
    found = {each.__name__ for each in classes if issubclass(each, TightbeamError)}
    assert {name for name in found if not name.startswith("_")} == set(errors.__all__) - {"Issue"}


@pytest.mark.parametrize(
    ("run_id", "shown"),
    [
        ("01M8KX4PJ9AKCSWZ3HHK9GBK4Y", "01M8KX4PJ9AKCSWZ3HHK9GBK4Y"),
        ("", "''"),
        ("a\nERROR forged", r"'a\nERROR forged'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 100_000, f"'{'x' * 64}'"),
    ],
)
def test_what_is_no_id_of_a_run_is_shown_in_bounds(run_id: str, shown: str) -> None:
    error = errors.NoSuchRun(run_id)
    assert str(error) == f"there is no run {shown}: it was never started, or is no longer retained"
    assert error.run_id == run_id
