"""Everything Tightbeam raises, in one tree.

    TightbeamError
    ├── InvalidPayload         the data breaks the topic's or event's schema, or isn't JSON at all
    ├── PayloadTooLarge        the encoded payload is over the limit
    ├── InvalidParam           a value that can't be part of a channel name, or a name that fits no channel
    ├── OutdatedBindings       the generated package is incomplete or of another version: generate again
    ├── PublishFailed          the server didn't take the message (status; retryable or not)
    ├── SubscribeFailed        the server gave no token or no subscription (status; retryable or not)
    ├── SendFailed             a gateway didn't take an event, or didn't answer (status; retryable or not)
    ├── RequestFailed          a gateway didn't answer a request about runs (status; retryable or not)
    ├── NonRetriableError      raised by a handler: fail the run at once
    │   ├── StepError          a step used up its attempts
    │   │   └── StepTimeout    …the last of which took longer than its timeout
    │   ├── StepMisuse         a step that is nested or comes too late, or has a bad id or function
    │   ├── NotJson            an event's data, a step's or a function's result that can't be JSON
    │   └── NotStorable        one of these that is larger than the journal can hold
    ├── RetryAfterError        raised by a handler: try the run again at that time (retryable)
    ├── StepMismatch           a step id was used for something else before
    ├── PositionLost           the position to resume from is no longer retained
    ├── SubscriberTooSlow      the reader fell behind and was closed (retryable; position: where to resume)
    └── EngineError            the engine can't do this
        ├── NotEntered         the client isn't entered (here): `async with client`
        ├── NoGateway          a token was asked for, and no gateway serves this client
        ├── GatewayRefused     a gateway didn't let this client in: token, key, origin or topic (status, code)
        ├── NotRegistered      no function has that id, or none listens to that event
        ├── JournalRefused     the file is locked (retryable), corrupt, too new or not ours; a server is away
        ├── JournalFailed      the disk is full or failed: nothing was memoized, nothing sent (retryable)
        ├── SigningKeyError    the key for the server is missing or isn't one (it is never shown)
        ├── NoSuchRun          there is no run with that id, or no longer
        ├── RunStateError      a run that can't be cancelled, retried or resumed in its state (state)
        ├── RunParked          today's code doesn't fit what the run remembers: it waits for code that does
        ├── RunCancelled       a run that is waited for was cancelled
        └── RunFailed          a run that is waited for has failed
            └── RunTimeout     …since it took longer than its function's timeout

``error.retryable`` is true where the same call may succeed when it is made again later, and false everywhere
else. Engines go by it: a handler that ends in an error that isn't retryable fails its run at once. No text
here holds payload values, tokens or keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tightbeam._clock import LONGEST
from tightbeam._message import now_us, time_of

__all__ = [
    "EngineError",
    "GatewayRefused",
    "InvalidParam",
    "InvalidPayload",
    "Issue",
    "JournalFailed",
    "JournalRefused",
    "NoGateway",
    "NoSuchRun",
    "NonRetriableError",
    "NotEntered",
    "NotJson",
    "NotRegistered",
    "NotStorable",
    "OutdatedBindings",
    "PayloadTooLarge",
    "PositionLost",
    "PublishFailed",
    "RequestFailed",
    "RetryAfterError",
    "RunCancelled",
    "RunFailed",
    "RunParked",
    "RunStateError",
    "RunTimeout",
    "SendFailed",
    "SigningKeyError",
    "StepError",
    "StepMismatch",
    "StepMisuse",
    "StepTimeout",
    "SubscribeFailed",
    "SubscriberTooSlow",
    "TightbeamError",
]

_E = TypeVar("_E", bound="TightbeamError")


def _restore(cls: type[_E], args: tuple[object, ...], state: dict[str, object]) -> _E:
    """Rebuild a pickled error without calling ``__init__``, whose arguments differ from class to class."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class TightbeamError(Exception):
    """Base of every error of this library.

    Constructors call ``super().__init__(message)`` with one string, so that a subclass can derive from
    another exception class as well.
    """

    retryable: bool = False
    """Whether the same call may succeed when it is made again later."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a payload."""

    pointer: str
    """JSON pointer; ``""`` is the payload itself, ``*`` stands for a key that the schema doesn't declare."""

    reason: str
    """The rule that was broken, in words; never the value."""

    def __str__(self) -> str:
        return f"{self.pointer or '(payload)'}: {self.reason}"


def _place(topic: str, channel: str, event: str) -> str:
    if event:
        return f'event "{event}"'
    return f'topic "{topic}" on channel "{channel}"' if channel else f'topic "{topic}"'


class InvalidPayload(TightbeamError):
    """The data can't be published on this topic, or sent as this event, and nothing was sent or stored.

    Or a received message can't be loaded. Never retried: the same data would fail again. Neither text nor
    attributes hold a value of the payload.
    """

    position: str | None = None
    """Where to resume behind a message that was received (``after=``); None where nothing can be resumed."""

    def __init__(
        self, topic: str, issues: Iterable[Issue], *, channel: str = "", more: int = 0, event: str = ""
    ) -> None:
        self.topic = topic
        """The topic's name as on the wire; empty if it is the data of an event."""
        self.channel = channel
        """The channel's name."""
        self.issues: tuple[Issue, ...] = tuple(issues)
        """What is wrong, in the order of the payload; at most about ten."""
        self.more = more
        """How many further issues were found and left out; there may be more of them."""
        self.event = event
        """The event's name; empty if it is the payload of a topic."""
        lines = [
            f"Schema validation failed for {_place(topic, channel, event)}",
            *(f"  {issue}" for issue in self.issues),
        ]
        if more:
            lines.append(f"  … and {more} more")
        super().__init__("\n".join(lines))


class PayloadTooLarge(TightbeamError):
    """The encoded payload is over the limit; nothing was sent."""

    def __init__(self, topic: str, size: int, limit: int, *, channel: str = "", event: str = "") -> None:
        self.topic = topic
        """The topic's name as on the wire; empty if it is the data of an event."""
        self.channel = channel
        """The channel's name."""
        self.size = size
        """The bytes of the encoded payload."""
        self.limit = limit
        """The bytes that are allowed."""
        self.event = event
        """The event's name; empty if it is the payload of a topic."""
        place = _place(topic, channel, event)
        super().__init__(f"Payload for {place} is {size:,} bytes; the limit is {limit:,}")


class InvalidParam(TightbeamError):
    """A value can't be part of a channel's name, a name fits no channel, or there is no such topic."""


class OutdatedBindings(TightbeamError):
    """The generated package is incomplete, or was made by a version this runtime doesn't understand."""


class _ServerError(TightbeamError):
    """A server didn't do what it was asked for."""

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = False) -> None:
        self.status = status
        """The HTTP status, or None when there was no answer."""
        self.retryable = retryable
        """Whether the same call may succeed later: an outage, not a refusal."""
        super().__init__(message)


class PublishFailed(_ServerError):
    """The server didn't take the message, or didn't answer."""


class SubscribeFailed(_ServerError):
    """The server gave no token, refused the connection of a subscription, or didn't answer."""


class SendFailed(_ServerError):
    """A gateway didn't take an event, or didn't answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        may_have_started: bool = False,
    ) -> None:
        self.may_have_started = may_have_started
        """Whether the event may have arrived: sending it again may start its runs twice."""
        super().__init__(message, status=status, retryable=retryable)


class RequestFailed(_ServerError):
    """A gateway didn't answer a request about runs, or not as a gateway does."""

    __retry_after__: float | None = None
    """Seconds that it asked to be left alone for."""


class NonRetriableError(TightbeamError):
    """Raise it in a handler or a step to fail the run at once, whatever attempts are left."""


class RetryAfterError(TightbeamError):
    """Raise it in a handler or a step to have the run tried again at a time, if an attempt is left.

    On Inngest one that a step raises reaches the handler as it is, also at the last attempt.
    """

    retryable = True

    def __init__(self, message: str, retry_after: timedelta | datetime) -> None:
        """Say when.

        Args:
            message: why it failed now.
            retry_after: how long to wait, or an aware datetime.

        Raises:
            TypeError: it is neither.
            ValueError: the datetime has no time zone, or it is longer than ten years.
        """
        self.retry_after: datetime = _retry_time(retry_after)
        """When the run is tried again (aware, UTC)."""
        super().__init__(message)


def _retry_time(retry_after: object) -> datetime:
    now = time_of(now_us())
    if isinstance(retry_after, datetime):
        if retry_after.tzinfo is None:
            raise ValueError("retry_after has no time zone: datetime(…, tzinfo=UTC)")
        moment = retry_after.astimezone(UTC)
    elif isinstance(retry_after, timedelta):
        moment = now + min(retry_after, LONGEST * 2)
    else:
        raise TypeError(f"retry_after is a timedelta or a datetime, not {type(retry_after).__name__}")
    if moment > now + LONGEST:
        raise ValueError(f"retry_after is {LONGEST.days} days at most")
    return moment


class StepError(NonRetriableError):
    """A step used up its attempts. The handler may catch it and go on; unhandled, the run fails at once.

    The same after a replay, when the exception the step raised is long gone: what is left of it is its type
    and text.
    """

    def __init__(self, step_id: str, error_type: str, error_text: str) -> None:
        self.step_id = step_id
        """The step's id."""
        self.error_type = error_type
        """Name of the exception's class."""
        self.error_text = error_text
        """The exception's text."""
        super().__init__(
            f'Step "{step_id}" failed: {error_type}: {error_text}'
            if error_text
            else f'Step "{step_id}" failed: {error_type}'
        )


class StepTimeout(StepError):
    """A step used up its attempts, and the last one took longer than the step's ``timeout``.

    The handler may catch it, as any `StepError`; after a replay, too.
    """


class StepMisuse(NonRetriableError):
    """A step is used where it can't be, or in a way that can't be repeated.

    Inside another step, with an id that isn't allowed, with a coroutine or another kind of function than the
    handler is, twice at a time under one id, or after its run has ended.
    """

    run_id: str | None = None
    """The run that has ended; None for another misuse."""


class NotJson(NonRetriableError):
    """An event's data, or a step's or function's result, isn't JSON or doesn't fit its annotated type."""


class NotStorable(NonRetriableError):
    """A value is larger than the journal can hold: it would not fit the next time either."""


class StepMismatch(TightbeamError):
    """A step id was used for another kind of step, another channel or another topic before.

    On the embedded engine the handler doesn't meet it: its run is parked. See `RunParked`.
    """


class PositionLost(TightbeamError):
    """The position given as ``after=`` is no longer retained: messages in between can't be delivered."""


class SubscriberTooSlow(TightbeamError):
    """The subscription was closed because its reader fell behind; others didn't notice."""

    retryable = True

    def __init__(self, position: str | None = None, message: str = "") -> None:
        self.position = position
        """Where to resume (``after=``); None when no durable message was delivered yet."""
        super().__init__(
            message or "The subscription was closed: its reader was too slow and its buffer is full"
        )


class EngineError(TightbeamError):
    """The engine can't do this: nothing was memoized, nothing sent."""


class NotEntered(EngineError):
    """The client was not entered, has been left, or was entered by the process this one was forked from."""


class NoGateway(EngineError):
    """A token was asked for, and no gateway serves this client's channels."""


class GatewayRefused(EngineError):
    """A gateway didn't let this client in: the token or key isn't valid there, or not for these topics."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        self.status = status
        """The HTTP status."""
        self.code = code
        """Why, in the gateway's own word, such as ``"expired"``, ``"topic"`` or ``"host"``."""
        super().__init__(message)


class NotRegistered(EngineError):
    """No function of this client has that id, or none listens to that event."""


class JournalRefused(EngineError):
    """The client's file can't be opened: locked, corrupt, of a newer version or not ours. It is untouched.

    Or its database can't be. Retryable where another client has a file open, which will let it go, and where
    a server can't be reached.
    """

    def __init__(self, message: str, *, holder: int | None = None, retryable: bool | None = None) -> None:
        self.holder = holder
        """The process that has the file open, 0 where it isn't known; None if that isn't the reason."""
        self.retryable: bool = holder is not None if retryable is None else retryable
        super().__init__(message)


class JournalFailed(EngineError):
    """The journal couldn't be written or read: disk full, I/O error. Nothing was memoized, nothing sent."""

    retryable = True


class SigningKeyError(EngineError):
    """The key that requests to the server are authorized with is missing, or isn't one; nothing was sent."""


class NoSuchRun(EngineError):
    """There is no run with that id: it was never started, or is no longer retained."""

    def __init__(self, run_id: str, message: str = "") -> None:
        self.run_id = run_id
        """The id."""
        # What isn't an id may come from a request: it must not fill a log, nor begin a line of it.
        shown = run_id if run_id.isprintable() and 0 < len(run_id) <= 64 else ascii(run_id[:64])
        super().__init__(
            message or f"there is no run {shown}: it was never started, or is no longer retained"
        )


class RunStateError(EngineError):
    """A run isn't in a state in which it can be cancelled, retried or resumed; nothing has changed."""

    def __init__(self, run_id: str, state: str, allowed: str) -> None:
        self.run_id = run_id
        """The id of the run."""
        self.state = state
        """The run's state, such as ``"done"``."""
        super().__init__(f"run {run_id} is {state}: {allowed}")


class RunCancelled(EngineError):
    """A run was cancelled. Raised to those who wait for its end."""

    def __init__(self, run_id: str, function_id: str) -> None:
        self.run_id = run_id
        """The id of the run."""
        super().__init__(f'run {run_id} of "{function_id}" was cancelled')


class RunFailed(EngineError):
    """A run has failed.

    `Client.run` raises it where there is no exception of its handler's that could be raised in its place,
    ``client.runs.wait`` always: its ``__cause__`` is the handler's exception, where that came in this process
    while the caller waited.
    """

    def __init__(
        self, message: str, *, run_id: str | None = None, error_type: str = "", error_text: str = ""
    ) -> None:
        self.run_id = run_id
        """The id of the run."""
        self.error_type = error_type
        """The name of the exception's class."""
        self.error_text = error_text
        """The exception's text."""
        super().__init__(message)


class RunTimeout(RunFailed):
    """A run took longer than its function's ``timeout``, counted from its first start: it has failed.

    The handler doesn't meet it: what it awaits is cancelled.
    """


class RunParked(EngineError):
    """A run is parked: what it remembers doesn't fit today's code. It hasn't failed.

    It goes on at the next start of a client whose code fits. Raised where `Client.run` waits for such a run.
    """

    def __init__(self, run_id: str, function_id: str, reason: str) -> None:
        self.run_id = run_id
        """The id of the parked run."""
        self.reason = reason
        """What doesn't fit, by step and topic; never a value."""
        super().__init__(
            f'run {run_id} of "{function_id}" is parked: {reason}. It goes on when a client is entered whose '
            "code fits; `tightbeam runs` shows parked runs"
        )
