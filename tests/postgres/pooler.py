"""PgBouncer in front of the server of the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from tests.postgres.server import Server, free_port

__all__ = ["pooled"]

_CONFIGURATION = """\
[databases]
* = host={folder} port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 20
max_client_conn = 200
"""


@contextlib.contextmanager
def pooled(server: Server, folder: Path, mode: str) -> Generator[int, None, None]:
    """Run PgBouncer in a mode (``session`` or ``transaction``); yield the port of loopback it listens on."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        if os.environ.get("TIGHTBEAM_REQUIRE_POSTGRES") == "1":
            pytest.fail("no pgbouncer here: install Debian's")
        pytest.skip("no pgbouncer here")
    port = free_port()
    file = server.folder / f"pgbouncer-{port}.ini"  # where the plain user can read
    file.write_text(_CONFIGURATION.format(folder=server.folder, server=server.port, port=port, mode=mode))
    command = [program, str(file)]
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "pgbouncer.log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return
