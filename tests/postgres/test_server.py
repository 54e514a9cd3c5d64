"""The server of the tests does what tests ask of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres.server import Server, require_programs

pytestmark = pytest.mark.slow
_KILLED = """
import os
from tests.postgres.server import Server
made = Server()
made.start()
print(made.folder, made.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("end", ["fast", "immediate", "kill"])
def test_what_was_committed_is_there_after_any_end(own_server: Server, end: str) -> None:
    address = own_server.new()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    open_one = psycopg.connect(address)
    open_one.execute("CREATE TABLE lost ()")

    own_server.kill() if end == "kill" else own_server.stop(end)
    own_server.start()

    with pytest.raises(psycopg.OperationalError):
        open_one.commit()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT number, to_regclass('lost') FROM kept").fetchall() == [(7, None)]
    open_one.close()


def test_databases_are_apart_and_are_reached_by_tcp_too(own_server: Server) -> None:
    first, second = own_server.database(), own_server.database()
    own_server.execute("CREATE TABLE here ()", first)
    assert own_server.execute("SELECT to_regclass('here')", second) == [(None,)]
    with psycopg.connect(own_server.address(first, host="127.0.0.1")) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == ("here",)


def test_nothing_is_left_where_the_tests_are_killed() -> None:
    require_programs()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    folder, pid = killed.stdout.split()
    deadline = time.monotonic() + 30
    while Path(folder).exists() or Path("/proc", pid).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_missing_server_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.postgres.server.find_programs", lambda: None)
    monkeypatch.setenv("TIGHTBEAM_REQUIRE_POSTGRES", "0")
    with pytest.raises(pytest.skip.Exception):
        require_programs()
    monkeypatch.setenv("TIGHTBEAM_REQUIRE_POSTGRES", "1")
    with pytest.raises(pytest.fail.Exception, match="postgresql"):
        require_programs()
