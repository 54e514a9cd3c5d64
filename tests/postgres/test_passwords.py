"""The password of an address is in nothing that a person or a log gets to see."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.postgres.server import Server
from tightbeam import Client, TightbeamError
from tightbeam_cli import main

pytestmark = pytest.mark.slow
SECRET = "S3cr/et wörd@§"


@pytest.fixture(scope="module")
def server(postgres_server: Server) -> Iterator[Server]:
    """The server, which asks one role for a password where it is reached over loopback."""
    postgres_server.execute(f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{SECRET}'")
    rules = postgres_server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all keeper 127.0.0.1/32 scram-sha-256\n{before}")
    postgres_server.execute("SELECT pg_reload_conf()")
    yield postgres_server
    rules.write_text(before)
    postgres_server.execute("SELECT pg_reload_conf()")


@pytest.fixture
def address(server: Server) -> str:
    """With the password, as the address has it."""
    database = server.database()
    return f"postgresql://keeper:{quote(SECRET, safe='')}@127.0.0.1:{server.port}/{database}"


def refuse_traces(text: str, *more: str) -> None:
    """Fail if a text has a password, whole or in part, in one of its spellings."""
    for secret in (SECRET, quote(SECRET, safe=""), quote(SECRET), "S3cr", "wörd", *more):
        assert secret not in text, f"{secret} is in {text}"


def wrongs(address: str) -> dict[str, str]:
    """Addresses that are refused, each for another reason."""
    right = quote(SECRET, safe="")
    return {
        "another password": address.replace(right, f"{right}x"),
        "not escaped": address.replace(right, SECRET),
        "escaped wrongly": address.replace(right, "S3cr%zzwörd"),
        "no database": f"{address}-nowhere",
        "no port": address.replace("127.0.0.1:", "127.0.0.1:9"),
        "in an option": address.replace(f":{right}@", "@") + f"?password={right}x",
        "an option that isn't there": f"{address}?S3cr=wörd",
        "a driver": address.replace("postgresql:", "postgresql+asyncpg:"),
    }


REASONS = tuple(wrongs("postgresql://keeper:@127.0.0.1:1/x"))


def commands(address: str, folder: Path) -> Iterator[list[str]]:
    """Command lines with an address, rightly used and not."""
    file = str(folder / "app.db")
    yield from (
        ["doctor", address],
        ["doctor", address, "--json"],
        ["move", file, address],
        ["move", address, file],
    )
    yield from (
        ["runs", verb, address, *(() if verb == "list" else ("01X",))] for verb in ("list", "show", "cancel")
    )
    yield from (["runs", "list", address, "--json"], ["runs", address, "--url", "http://127.0.0.1:1"])
    yield from (["backup", address, file], ["backup", file, address], ["restore", file, address])
    yield from (["tail", "c", "--url", address, "--limit", "1", "--after", "nowhere"], ["serve", address])
    yield from (["doctor", address, address], ["runs", "list", file, address], ["doctor", f"--{address}"])
    yield from (["tail", "c", f"--url={address}", "--limit", "x"], ["runs", "list", f"--ur={address}"])
    yield from (["tail", "c", "--limit", address], [address], ["generate", "--schemas", address])


@pytest.mark.parametrize("reason", ["right", *REASONS])
def test_commands(address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], reason: str) -> None:
    asyncio.run(filled(tmp_path / "app.db"))
    given = address if reason == "right" else wrongs(address)[reason]
    many = [*commands(given, tmp_path)]
    for arguments in many if reason in ("right", "not escaped") else many[:8]:
        if arguments[0] == "serve" and reason == "right":
            continue  # it would serve
        main(arguments)
        captured = capfd.readouterr()
        refuse_traces(captured.out + captured.err)
    assert not list(tmp_path.glob("postgres*"))


async def filled(path: Path) -> None:
    async with Client(path):
        pass


@pytest.mark.parametrize("reason", REASONS)
async def test_clients(address: str, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    try:
        client = Client(wrongs(address)[reason], wait_for_file=timedelta(milliseconds=300))
        shown.append(repr(client) + repr(vars(client)))
        async with client:
            pass
    except (TightbeamError, ValueError, TypeError) as error:
        shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
        while error.__cause__ is not None or error.__context__ is not None:
            error = error.__cause__ or error.__context__  # type: ignore[assignment]  # any exception
            shown += [str(error), repr(error)]
    else:
        assert reason == "no port", "it should have been refused"
    assert shown
    refuse_traces("\n".join(shown) + caplog.text)


async def test_what_the_server_knows(address: str, server: Server) -> None:
    """Names of connections, rows of processes, and their command lines."""
    async with Client(address):
        with psycopg.connect(address) as connection:
            query = (
                "SELECT application_name || query FROM pg_stat_activity WHERE datname = current_database()"
            )
            names = repr(connection.execute(query).fetchall())
            rows = connection.execute("SELECT process::text FROM tightbeam.process").fetchall()
            rows += connection.execute("SELECT meta::text FROM tightbeam.meta").fetchall()
        assert "tightbeam" in names
        refuse_traces(names + repr(rows))


def test_the_environment_has_it_instead(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where it is in no command line that `ps` shows."""
    without = address.replace(f":{quote(SECRET, safe='')}@", "@")
    asyncio.run(filled(tmp_path / "app.db"))
    for password in (SECRET, f"{SECRET}x"):
        monkeypatch.setenv("PGPASSWORD", password)
        for arguments in (
            ["move", str(tmp_path / "app.db"), without],
            ["doctor", without],
            ["runs", without],
        ):
            code = main(arguments)
            said = "".join(capfd.readouterr())
            refuse_traces(said)
            assert (code == 0) == (password == SECRET)
            assert ("password authentication failed" in said) == (password != SECRET)
