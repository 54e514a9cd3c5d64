"""Lines with hooks that every checker must refuse."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from typing_extensions import override

import tightbeam
from tightbeam.hooks import MessageInfo, PublishInfo, RunInfo, StepInfo, install


class Wrong(tightbeam.Hook):
    @override
    def sent(self, message: PublishInfo, /) -> None: ...  # bad, types only

    @override
    def received(self, message: MessageInfo, more: int, /) -> None: ...  # bad, types only

    @override
    def publish(self, publish: PublishInfo, /) -> Iterator[None]:  # bad, types only
        yield

    @override
    async def after_step(self, step: StepInfo, /) -> None: ...  # bad, types only


class Reads(tightbeam.Hook):
    @override
    @contextmanager
    def publish(self, publish: PublishInfo, /) -> Generator[None]:
        publish.payload  # bad, types only
        publish.message.size  # bad, types only
        publish.metadata = "x"  # bad, types only
        yield

    @override
    @contextmanager
    def run(self, run: RunInfo, /) -> Generator[None]:
        number: int = run.run_id  # bad, types only
        yield

    @override
    def sent(self, message: MessageInfo, /) -> None:
        message.topic = "other"  # bad, types only
        text: str = message.payload  # bad, types only


def clients() -> None:
    tightbeam.Client(hooks=Reads())  # bad, types only
    tightbeam.Client(hooks=[Reads])  # bad, types only
    tightbeam.Client(hooks=[object()])  # bad, types only
    tightbeam.Client(hooks=["metrics"])  # bad, types only
    tightbeam.connect("http://127.0.0.1:8288", key="k", hooks=Reads())  # bad, types only
    install([Reads()])  # bad, types only
