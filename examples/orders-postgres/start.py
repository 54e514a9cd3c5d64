"""Start everything: PostgreSQL, four web workers, two function workers. `make orders` calls this.

With EXAMPLE_DATABASE=postgresql://… it uses that database instead of a server of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path

from sqlalchemy.exc import OperationalError

from embedded import NoServer, server

HERE = Path(__file__).parent
PORT = os.environ.get("EXAMPLE_PORT", "8000")
URL = f"http://127.0.0.1:{PORT}"
FOLDER = Path(os.environ.get("EXAMPLE_FOLDER", ".cache/orders"))
WEB_WORKERS, FUNCTION_WORKERS = 4, 2


@contextlib.contextmanager
def database() -> Generator[str, None, None]:
    """Yield the address that the environment names, else that of a server that runs meanwhile."""
    named = os.environ.get("EXAMPLE_DATABASE")
    if named:
        yield named
    else:
        with server(FOLDER) as address:
            yield address


def check_port() -> None:
    """End the program if something listens on the port already, such as workers of an earlier start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(PORT)))
        except OSError:
            sys.exit(f"start.py: port {PORT} is in use: name another one (EXAMPLE_PORT=8001)")


async def keep_running(name: str, *command: str, **environment: str) -> None:
    """Run a Python program, and another one whenever it ends, as a service manager does, until cancelled."""
    while True:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command),
            cwd=HERE,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for us, and we stop them
        )
        print(f"{name}: process {process.pid}", flush=True)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        print(f"{name}: process {process.pid} has ended ({code}), another one takes its place", flush=True)
        await asyncio.sleep(0.5)


async def main(address: str) -> None:
    """Open the shop, and keep its processes running until this one is asked to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    os.environ["EXAMPLE_DATABASE"] = address  # which the modules of the shop read
    from shop.database import open_shop

    await open_shop()
    web = (
        *("uvicorn", "shop.web:api", "--workers", str(WEB_WORKERS), "--port", PORT, "--log-level", "warning"),
        # Else it kills a worker that is silent for five seconds, as one that starts on a busy machine may be.
        *("--timeout-worker-healthcheck", "60"),
    )
    running = [asyncio.create_task(keep_running("web", *web, EXAMPLE_URL=URL))]
    running += [
        asyncio.create_task(keep_running("worker", "shop.worker", EXAMPLE_ROLE="worker"))
        for _ in range(FUNCTION_WORKERS)
    ]
    print(f"the orders are at {URL}", flush=True)
    await stopped.wait()
    for task in running:
        task.cancel()
    await asyncio.wait(running)


if __name__ == "__main__":
    check_port()
    try:
        with database() as where:
            asyncio.run(main(where))
    except NoServer as error:
        sys.exit(f"start.py: {error}")
    except OperationalError as error:  # of the address that the environment names
        sys.exit(f"start.py: {error.orig}")
