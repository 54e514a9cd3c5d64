"""The server of the tests does what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.postgres.server import Server, require_programs

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test may stop."""
    made = Server()
    made.start()
    yield made
    made.remove()


@pytest.mark.parametrize("end", ["fast", "immediate", "kill"])
def test_what_was_committed_is_there_after_any_end(server: Server, end: str) -> None:
    address = server.new()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    open_one = psycopg.connect(address)
    open_one.execute("CREATE TABLE lost ()")

    server.kill() if end == "kill" else server.stop(end)
    server.start()

    with pytest.raises(psycopg.OperationalError):
        open_one.commit()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT number, to_regclass('lost') FROM kept").fetchall() == [(7, None)]
    open_one.close()


def test_databases_are_apart_and_are_reached_by_tcp_too(server: Server) -> None:
    first, second = server.database(), server.database()
    server.execute("CREATE TABLE here ()", first)
    assert server.execute("SELECT to_regclass('here')", second) == [(None,)]
    with psycopg.connect(server.address(first, host="127.0.0.1")) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == ("here",)


def test_a_missing_server_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.postgres.server.find_programs", lambda: None)
    monkeypatch.setenv("TIGHTBEAM_REQUIRE_POSTGRES", "0")
    with pytest.raises(pytest.skip.Exception):
        require_programs()
    monkeypatch.setenv("TIGHTBEAM_REQUIRE_POSTGRES", "1")
    with pytest.raises(pytest.fail.Exception, match="postgresql"):
        require_programs()
