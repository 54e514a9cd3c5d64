"""`tightbeam serve`: arguments and printing; the work is the runtime's."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tightbeam_cli.refusals import refused

if TYPE_CHECKING:
    from tightbeam.gateway import Gateway

__all__ = ["Target", "run_serve"]

_THREAD_SECONDS = 0.2
"""For threads that have nothing more to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is served."""

    name: str
    """``module:name`` of a client or a gateway, or a Postgres address."""
    channels: str
    """The generated package, unless it is a gateway."""
    dev: bool | None
    public_url: str | None
    postgres_schema: str = "tightbeam"
    """Of an address: the schema of its tables."""

    def load(self) -> Gateway:
        """Return the gateway.

        Raises:
            BadTarget: there is none, or its settings are incomplete.
            JournalRefused: the address can't be one.
        """
        from tightbeam._engine.addresses import is_address
        from tightbeam.gateway._commands import load_gateway, serve_client

        if not is_address(self.name):
            return load_gateway(self.name, self.channels, self.dev, self.public_url)
        from tightbeam import Client

        client = Client(self.name, postgres_schema=self.postgres_schema, run_functions=False)
        return serve_client(client, self.channels, self.dev, self.public_url)


def run_serve(target: Target, host: str, port: int, trusted_proxies: str | None, access_log: bool) -> int:
    """Serve until a signal stops it, and return the exit code."""
    try:
        from tightbeam import JournalRefused
        from tightbeam.gateway import serve
        from tightbeam.gateway._commands import BadTarget
    except ImportError as error:
        return refused(str(error))
    try:
        gateway = target.load()
        serve(
            gateway,
            host=host,
            port=port,
            trusted_proxies=trusted_proxies,
            access_log=access_log,
            ready=lambda url: _say_ready(url, gateway.dev, gateway.inspector),
        )
    except (BadTarget, JournalRefused, ValueError) as error:
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
