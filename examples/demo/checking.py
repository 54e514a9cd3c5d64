"""Part two of the demo: the same mistakes, as mypy sees them and as the runtime does."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import tightbeam
from examples.demo import right, show
from generated.alerts import alerts_channel
from generated.orders import orders_channel
from generated.uploads import uploads_channel

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Not an import statement: this file is checked with the rest of the project, and wrong.py must not be.
wrong = importlib.import_module("examples.demo.wrong")

Mistake = Callable[[tightbeam.Context], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Complaint:
    """What mypy says of one line."""

    file: str
    line: int
    message: str


def mypy(*files: Path) -> list[Complaint]:
    """Run `mypy --strict`; what it complains of."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--output", "json", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"mypy broke down:\n{done.stdout}{done.stderr}")
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        Complaint(Path(one["file"]).name, one["line"], one["message"])
        for one in found
        if one["severity"] == "error"
    ]


def mistakes() -> list[Mistake]:
    """The functions of wrong.py, in their order."""
    return [
        value
        for value in vars(wrong).values()
        if inspect.iscoroutinefunction(value) and value.__module__ == wrong.__name__
    ]


async def error_of(mistake: Mistake) -> Exception:
    """Run a wrong publish anyway, as a function of the engine; how it ended."""
    client = tightbeam.Client()
    function = client.function("mistake", retries=0)(mistake)
    async with client:
        try:
            await client.run(function, {})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
            return error
    raise AssertionError("a mistake was published")


async def run_right() -> int:
    """Run right.py; how many messages a subscriber got."""
    client = tightbeam.Client()

    @client.function("right")
    async def function(ctx: tightbeam.Context) -> None:
        await right.publish(ctx, client)

    upload = uploads_channel(upload_id="u1")
    order = orders_channel(region="eu", order_id=7)
    refs = (upload.status, upload.result, alerts_channel.alert, order.state)
    received = 0
    async with client:
        subscription = client.realtime.subscribe(*refs)
        await client.run(function, {})
        async for message in subscription:
            received += 1
            if message.topic == "state":
                break
    return received


async def check() -> None:
    """Show that right publishes pass, and what happens to each wrong one."""
    show.command("mypy --strict examples/demo/right.py examples/demo/wrong.py")
    complaints = mypy(HERE / "right.py", HERE / "wrong.py")
    if any(one.file == "right.py" for one in complaints):
        raise AssertionError("mypy refuses right.py")
    received = await run_right()
    print(f"{place('right.py')} mypy has nothing to say, and {received} publishes arrive.\n")
    for mistake in mistakes():
        source, first = inspect.getsourcelines(mistake)
        last = first + len(source) - 1
        heard = [one.message for one in complaints if one.file == "wrong.py" and first <= one.line <= last]
        print(place(f"wrong.py:{last}"), source[-1].strip())
        show.said(
            "mypy", heard[0] if heard else "nothing: the value comes from outside, its type is Any", "yellow"
        )
        error = await error_of(mistake)
        show.said("run time", f"{type(error).__name__}: {tidy(error)}", "red")


def place(name: str) -> str:
    """A place in a source file."""
    return show.paint(f"{name:<12}", "bold")


def tidy(error: Exception) -> str:
    """The error's words, without Pydantic's advertisement."""
    return "\n".join(line for line in str(error).splitlines() if "For further information" not in line)
