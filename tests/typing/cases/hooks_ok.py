"""Hooks as people write them: every checker must take them, and they run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from typing_extensions import override

import tightbeam
from generated.uploads import uploads_channel
from tightbeam.hooks import (
    ConnectionInfo,
    Hook,
    MessageInfo,
    PublishInfo,
    RunInfo,
    RunOutcome,
    SendInfo,
    StepInfo,
    install,
    uninstall,
)


class Everything(tightbeam.Hook):
    """Overrides all methods, in each way a context manager is written."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.outcomes: list[RunOutcome | None] = []

    @override
    @contextmanager
    def publish(self, publish: PublishInfo, /) -> Generator[None]:
        publish.metadata["key"] = "value"
        yield
        self.seen.append(f"{publish.template} {publish.durable}")

    @override
    @contextmanager
    def step(self, step: StepInfo, /) -> Generator[None]:
        self.seen.append(f"{step.kind} {step.step_id}")
        yield

    @override
    @contextmanager
    def run(self, run: RunInfo, /) -> Generator[str]:
        try:
            yield run.function
        finally:
            self.outcomes.append(run.outcome)

    @override
    def send(self, send: SendInfo, /) -> AbstractContextManager[None]:
        self.seen += send.names
        return nullcontext()

    @override
    def connection(self, connection: ConnectionInfo, /) -> None:
        self.seen.append(connection.transport)

    @override
    def before_step(self, given: StepInfo, /) -> None:
        self.seen.append(f"before {given.step_id}")

    @override
    def after_step(self, step: StepInfo, /) -> None:
        self.seen.append(f"after {step.step_id}")

    @override
    def sent(self, message: MessageInfo, /) -> None:
        self.seen.append(f"{message.topic} {message.size} {message.payload!r}")

    @override
    def received(self, message: MessageInfo, /) -> None:
        self.seen.append(str(message.metadata.get("key")))


everything = Everything()
client = tightbeam.Client(hooks=[everything, Hook()])


def publish() -> list[str]:
    install(everything)
    uninstall(everything)
    tightbeam.connect("http://127.0.0.1:8288", key="k", hooks=(everything,))
    client.realtime.publish_sync(uploads_channel(upload_id="u1").status, {"message": "x"})
    return everything.seen
