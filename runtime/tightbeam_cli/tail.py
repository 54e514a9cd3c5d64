"""`tightbeam tail`: messages of a channel, as they come from a gateway or a database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tightbeam_cli.refusals import refused
from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam._message import Envelope

__all__ = ["Followed", "run_tail"]

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


@dataclass(frozen=True, slots=True)
class Followed:
    """What is read, and from where."""

    channel: str
    topics: list[str]
    """Only these; all if there is none."""
    after: str | None
    """A position, or where else to begin."""
    url: str
    """The gateway's origin, or a Postgres address."""
    token: str | None
    """For the gateway, in place of its server key."""
    postgres_schema: str = "tightbeam"

    def messages(self) -> AsyncIterator[Envelope]:
        """Return the messages as they come."""
        from tightbeam._engine.addresses import is_address

        if is_address(self.url):
            from tightbeam_cli.tailing import messages_on_server

            return messages_on_server(self.url, self.postgres_schema, self.channel, self.topics, self.after)
        from tightbeam.gateway._commands import messages

        key = os.environ.get("TIGHTBEAM_SERVER_KEY")
        return messages(self.url, key, self.token, self.channel, self.topics, self.after)


def run_tail(followed: Followed, as_json: bool, limit: int) -> int:
    """Print messages until interrupted or terminated; the exit code."""
    from tightbeam import TightbeamError

    try:
        asyncio.run(_tail(followed, as_json, limit))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except (TightbeamError, ImportError, ValueError) as error:
        return refused(error)
    return 0


async def _tail(followed: Followed, as_json: bool, limit: int) -> None:
    _end_at_sigterm()
    console = Console(highlight=False, soft_wrap=True)
    seen = 0
    async for envelope in followed.messages():
        if as_json:
            sys.stdout.write(_line(envelope) + "\n")
            sys.stdout.flush()
        else:
            console.print(_coloured(envelope))
        seen += 1
        if seen == limit:
            break


def _end_at_sigterm() -> None:
    """Leave the journal at SIGTERM as at Ctrl-C: a process that doesn't is taken for dead, with a warning."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is called in one; for the checker
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; another thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _line(envelope: Envelope) -> str:
    """One JSON object on one line."""
    shown = {
        "channel": envelope.channel,
        "topic": envelope.topic,
        "data": json.loads(envelope.data),
        "created_at": envelope.created_at.isoformat(),
        "run_id": envelope.run_id,
        "id": envelope.id,
    }
    return json.dumps({name: value for name, value in shown.items() if value is not None or name == "data"})


def _coloured(envelope: Envelope) -> Text:
    """One line; nothing of a payload moves the cursor."""
    colour = _COLOURS[sum(envelope.topic.encode()) % len(_COLOURS)]
    return Text.assemble(
        (envelope.created_at.astimezone().timetz().isoformat("milliseconds"), "dim"),
        " ",
        (visible(envelope.topic), f"bold {colour}"),
        ("* " if envelope.seq is not None else "  ", "bold"),
        visible(json.dumps(json.loads(envelope.data), ensure_ascii=False)),
        (f"  {visible(envelope.run_id)}" if envelope.run_id else "", "dim"),
    )
