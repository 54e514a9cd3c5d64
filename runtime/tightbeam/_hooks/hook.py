"""The protocol of hooks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TypeAlias

from tightbeam._hooks.info import (
    ClientInfo,
    CommitInfo,
    ConnectionInfo,
    MessageInfo,
    PublishInfo,
    RunInfo,
    SendInfo,
    StepInfo,
)

__all__ = ["Hook", "InjectedFault", "Manager"]

Manager: TypeAlias = AbstractContextManager[object]
"""A context manager: entered before what it surrounds, left after it."""


class InjectedFault(Exception):
    """A failure that a test makes happen between two steps: the handler meets it as an error of its own code.

    The ``faults`` fixture raises it. The run is retried as after any error, but without a delay.
    """


class Hook:
    """Watches or surrounds what a client does. Subclass it and override the methods that you need.

    Five methods surround something: they return a context manager (``@contextlib.contextmanager``), or None.
    It is entered before and left after, in the task or thread of the caller, so that a context variable that
    it sets is seen by what it surrounds; it is left with the exception, if there is one. Six are called at a
    moment. Nothing is awaited, so that one class serves coroutines and threads; be quick.

    Exceptions of a hook are logged, once for each kind, and change nothing. A method that isn't overridden
    costs nothing.
    """

    def publish(self, publish: PublishInfo, /) -> Manager | None:  # noqa: ARG002 - as all below: for those who override it
        """Surround a publish: the check of the payload, its encoding, its way to the hub, disk or server.

        Put into ``publish.metadata`` what is to travel with the message. ``publish.message`` is there once
        the payload has been checked.
        """
        return None

    def send(self, send: SendInfo, /) -> Manager | None:  # noqa: ARG002
        """Surround ``client.send``, or what ``client.run`` stores. ``send.ids`` is there once it is stored.

        Put into ``send.metadata`` what is to be found in `RunInfo.metadata`, in each execution of the runs.
        """
        return None

    def run(self, run: RunInfo, /) -> Manager | None:  # noqa: ARG002
        """Surround one execution of a handler, until its end is stored.

        It is left with the error that the execution failed with; ``run.outcome`` says what becomes of the
        run.
        """
        return None

    def step(self, step: StepInfo, /) -> Manager | None:  # noqa: ARG002
        """Surround the execution of a step, until its result is stored; not one that is remembered.

        It is left with the error that the step failed with. On Inngest it surrounds the step's function, or
        the sending of a message; sleeps are the server's.
        """
        return None

    def connection(self, connection: ConnectionInfo, /) -> Manager | None:  # noqa: ARG002
        """Surround a connection: a reader's at a gateway, or that of a subscription to a server."""
        return None

    def before_step(self, step: StepInfo, /) -> None:
        """Note that the handler is about to use a step, whether or not it is remembered."""

    def after_step(self, step: StepInfo, /) -> None:
        """Note that the handler has a step's result, whether it is fresh or remembered."""

    def sent(self, message: MessageInfo, /) -> None:
        """Note that a message goes out. On whatever thread.

        On the embedded engine it has been accepted, if it is durable stored, and no subscriber has it yet; of
        a journal on a server one may, and messages of other processes aren't told. On Inngest the server has
        taken it. A client made by `tightbeam.connect` leaves that to the gateway's.
        """

    def received(self, message: MessageInfo, /) -> None:
        """Note that a subscription of this client hands a message to its reader."""

    def committed(self, commit: CommitInfo, /) -> None:
        """Note that the journal has committed (embedded engine, in a file). On the journal's thread."""

    def attached(self, client: ClientInfo, /) -> None:
        """Note that this hook belongs to a client from now on, whose numbers may be asked for later."""
