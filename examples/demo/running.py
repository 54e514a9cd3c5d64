"""Part three of the demo: the guide's two functions on a file, each publish followed by a failure once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

import tightbeam
from examples import pipeline, upload
from examples.demo import show
from examples.demo.injection import FailingContext, Injection
from generated.pipeline import pipeline_channel
from generated.upload import upload_event
from generated.uploads import uploads_channel

Handler = Callable[[tightbeam.Context[Any]], Awaitable[object]]
Received = tightbeam.Message[str, Any]


@dataclass(slots=True)
class Trial:
    """One function under failures, and what came of it."""

    name: str
    handler: Handler
    data: dict[str, Any]
    channel: tightbeam.Channel[Any]
    event: tightbeam.EventRef[..., str, Any] | None = None
    """What the function expects, where that has a definition."""
    injection: Injection = field(default_factory=Injection)
    run_id: str = ""
    received: list[Received] = field(default_factory=list[Received])


async def run(client: tightbeam.Client) -> list[Trial]:
    """Run both functions on a client."""
    trials = [
        Trial(
            "process-upload",
            upload.process_upload,
            {"uploadId": "u1", "filename": "cat.png"},
            uploads_channel(upload_id="u1"),
            upload_event,
        ),
        Trial(
            "answer",
            pipeline.answer,
            {"runId": "r1", "question": "What are channels good for?"},
            pipeline_channel(run_id="r1"),
        ),
    ]
    functions: list[tightbeam.Function[Any, ...]] = [
        client.function(trial.name, on=trial.event, retries=3)(failing(trial))
        if trial.event
        else client.function(trial.name, retries=3)(failing(trial))
        for trial in trials
    ]
    async with client:
        for trial, function in zip(trials, functions, strict=True):
            async with client.realtime.subscribe(trial.channel) as subscription:
                await client.run(function, trial.data)
                trial.received = [await anext(subscription) for _ in range(trial.injection.sent)]
    return trials


def failing(trial: Trial) -> Handler:
    """The function as it is, given a context that fails once after each publish."""

    async def handler(ctx: tightbeam.Context[Any]) -> None:
        trial.run_id = ctx.run_id
        once_failing: Any = FailingContext(ctx, trial.injection)  # it has what the functions of the demo use
        await trial.handler(once_failing)

    return handler


def report(trial: Trial) -> None:
    """What the subscriber received, with the failures between."""
    failures = trial.injection.failures
    name = show.paint(trial.name, "bold")
    print(f"{name} failed {len(failures)} times; a subscriber of {trial.channel.name} received")
    seen: set[str] = set()
    row: list[Received] = []  # tokens in a row share a line
    for number, message in enumerate(trial.received, 1):
        if message.topic != "tokens" or (row and row[-1].topic != "tokens"):
            flush(row, seen)
        row.append(message)
        if number in failures:
            flush(row, seen)
            print(
                show.paint(f"{'':25}✗ fails right after {failures[number]}; tried again from the top", "red")
            )
    flush(row, seen)


def flush(row: list[Received], seen: set[str]) -> None:
    """Print the messages of a row, and empty it."""
    if row:
        print(line(row, seen))
        row.clear()


def line(messages: list[Received], seen: set[str]) -> str:
    """One line for a message, or for several tokens in a row."""
    first = messages[0]
    durable = first.position is not None
    shown = " ".join(compact(message.data) for message in messages)
    how, style = (
        ("durable, once", "green")
        if durable
        else ("live, again", "yellow")
        if shown in seen
        else ("live", "")
    )
    seen.add(shown)
    return f"  {first.topic:<8}{show.paint(f'{how:<15}', style)}{shown}"


def compact(data: object) -> str:
    """Return a payload as JSON, without the attempt, which differs when a token is sent again."""
    if isinstance(data, BaseModel):
        return data.model_dump_json(by_alias=True, exclude={"attempt"})
    return repr(data)
