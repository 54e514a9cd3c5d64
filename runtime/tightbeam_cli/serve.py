"""`tightbeam serve` and `tightbeam tail`: arguments and printing; the work is the runtime's."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tightbeam_cli.refusals import refused
from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam._message import Envelope

__all__ = ["run_serve", "run_tail"]

_THREAD_SECONDS = 0.2
"""For threads that have nothing more to do."""
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


def run_serve(
    target: str,
    host: str,
    port: int,
    channels: str,
    dev: bool | None,
    public_url: str | None,
    trusted_proxies: str | None,
    access_log: bool,
) -> int:
    """Serve until a signal stops it, and return the exit code."""
    try:
        from tightbeam.gateway import serve
        from tightbeam.gateway._commands import BadTarget, load_gateway
    except ImportError as error:
        return refused(str(error))
    try:
        gateway = load_gateway(target, channels, dev, public_url)
        serve(
            gateway,
            host=host,
            port=port,
            trusted_proxies=trusted_proxies,
            access_log=access_log,
            ready=lambda url: _say_ready(url, gateway.dev, gateway.inspector),
        )
    except (BadTarget, ValueError) as error:
        return refused(str(error))
    except OSError as error:
        return refused(f"can't listen on {host}:{port}: {error.strerror or error}")
    _leave_threads()
    return 0


def _leave_threads() -> None:
    """End, also if functions have threads at work: the interpreter would wait for them, however long."""
    deadline = time.monotonic() + _THREAD_SECONDS
    others = [
        one for one in threading.enumerate() if one is not threading.current_thread() and not one.daemon
    ]
    for one in others:
        one.join(max(deadline - time.monotonic(), 0.0))
    working = sum(one.is_alive() for one in others)
    if working:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.write(f"tightbeam: left {working} thread(s) of functions at work; their runs resume\n")
        sys.stderr.flush()
        os._exit(0)


def _say_ready(url: str, dev: bool, inspector: str | None) -> None:
    sys.stdout.write(f"Serving at {url}{' (dev mode: any key, this machine only)' if dev else ''}\n")
    if inspector is not None:
        sys.stdout.write(f"Inspector at {url}{inspector}\n")
    sys.stdout.flush()


def run_tail(
    channel: str, topics: list[str], url: str, token: str | None, after: str | None, as_json: bool, limit: int
) -> int:
    """Print messages until interrupted; the exit code."""
    try:
        from tightbeam import TightbeamError
    except ImportError as error:
        return refused(str(error))
    try:
        asyncio.run(_tail(channel, topics, url, token, after, as_json, limit))
    except KeyboardInterrupt:
        return 0
    except (TightbeamError, ImportError, ValueError) as error:
        return refused(str(error))
    return 0


async def _tail(
    channel: str, topics: list[str], url: str, token: str | None, after: str | None, as_json: bool, limit: int
) -> None:
    from tightbeam.gateway._commands import messages

    key = os.environ.get("TIGHTBEAM_SERVER_KEY")
    console = Console(highlight=False, soft_wrap=True)
    seen = 0
    async for envelope in messages(url, key, token, channel, topics, after):
        if as_json:
            sys.stdout.write(_line(envelope) + "\n")
            sys.stdout.flush()
        else:
            console.print(_coloured(envelope))
        seen += 1
        if seen == limit:
            break


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
