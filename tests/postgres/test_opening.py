"""What a journal can't be kept on is refused by name, with the way out, and left as it was."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.postgres.opened import open_store
from tests.postgres.pooler import pooled
from tests.postgres.server import Server
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client
from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres import migrations, refusals
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.schema import FORMAT
from tightbeam._engine.records import NewRun
from tightbeam._engine.requests import AddRuns, CountRuns
from tightbeam.errors import JournalRefused, NotEntered
from tightbeam_cli import main

pytestmark = pytest.mark.slow


def add(number: int) -> AddRuns:
    """Return a request that stores something."""
    return AddRuns((NewRun(f"added{number}", "f"),), "e", b"{}")


def works(address: str) -> None:
    """Open, store, read and close."""
    store = open_store(address)
    store.call(add(store.member.number))
    assert store.call(CountRuns())
    asyncio.run(store.close(30))


def refusal_of(address: str) -> JournalRefused:
    """Return why a journal can't be opened."""
    with pytest.raises(JournalRefused) as refused:
        open_store(address)
    return refused.value


def has_schema(address: str) -> bool:
    with psycopg.connect(address) as connection:
        return connection.execute("SELECT to_regnamespace('tightbeam')").fetchone() != (None,)


def become_standby(server: Server) -> None:
    """Restart a server as one that only replays what a primary sends."""
    server.stop("fast")
    (server.data / "standby.signal").touch(mode=0o644)
    server.start()


# -- addresses and programs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["postgresql://u:secret%zz@h/d", "postgresql://u:secret@h/d?nothing=1"])
def test_an_address_that_libpq_cannot_read_is_refused_without_its_password(address: str) -> None:
    error = refusal_of(address)
    assert "secret" not in str(error)
    assert "sslmode=require (not ssl=)" in str(error)
    assert not error.retryable


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "tightbeam[postgres]" in str(refusal_of(address))


# -- servers ------------------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_refused_as_something_that_may_pass(own_server: Server) -> None:
    address = own_server.new()
    own_server.stop()
    error = refusal_of(address)
    assert error.retryable
    assert "can't be reached" in str(error)


async def test_entering_waits_for_a_server_as_long_as_it_was_told_to(
    own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    address = own_server.new()
    own_server.stop()
    with pytest.raises(JournalRefused, match=r"waited 0\.2 s"):
        async with Client(address, wait_for_file=timedelta(seconds=0.2)):
            pass
    entering = asyncio.ensure_future(Client(address, wait_for_file=timedelta(seconds=60)).__aenter__())
    async with asyncio.timeout(60):
        while "waiting for it, 60 s" not in caplog.text:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_server.start)
        client = await entering
    await client.__aexit__(None, None, None)


def test_a_standby_is_refused_until_it_is_promoted(
    own_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    address = own_server.new()
    works(address)
    become_standby(own_server)
    assert main(["runs", address]) == 0  # to look, it is enough
    assert main(["doctor", address]) == 0
    assert "standby: this server takes no writes" in capsys.readouterr().out
    error = refusal_of(address)
    assert "standby" in str(error)
    assert "target_session_attrs" in str(error)
    assert not error.retryable
    own_server.execute("SELECT pg_promote()")
    works(address)


@pytest.mark.parametrize("known_by", ["address", "query", "hostaddr", "PGHOST", "PGSERVICE", "service"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1,127.0.0.1"])
def test_of_several_hosts_the_one_that_takes_writes_is_asked_for(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known_by: str, host: str
) -> None:
    """However they are known; whoever only looks at the journal takes any."""
    port, begin = postgres_server.port, "postgresql://postgres@"
    (tmp_path / "services").write_text(f"[several]\nhost={host}\nport={port}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    if known_by.isupper():
        monkeypatch.setenv("PGPORT", str(port))
        monkeypatch.setenv(known_by, "several" if known_by == "PGSERVICE" else host)
    addresses = {
        "address": begin + ",".join(f"{one}:{port}" for one in host.split(",")) + "/postgres",
        "query": f"{begin}/postgres?host={host}&port={port}",
        "hostaddr": f"{begin}/postgres?hostaddr={host}&port={port}",
        "service": f"{begin}/postgres?service=several",
    }
    address = Address(addresses.get(known_by, f"{begin}/postgres"))
    connector = Connector(address, "tightbeam", 15)
    several = {"target_session_attrs": "read-write"} if "," in host else {}
    for writes, asked in ((True, several), (True, several), (False, {})):
        with connector.connect("test", writes=writes) as connection:
            assert connection.info.get_parameters().items() >= asked.items()
            assert ("target_session_attrs" in connection.info.get_parameters()) == bool(asked)


async def test_a_store_that_is_open_waits_until_a_standby_has_taken_over(own_server: Server) -> None:
    address = own_server.new()
    store = open_store(address)
    await store.submit(add(1))
    await asyncio.to_thread(become_standby, own_server)
    async with asyncio.timeout(60):
        waiting = store.submit(add(2))
        while not store.is_lost:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_server.execute, "SELECT pg_promote()")
        await waiting
    await store.close(30)


def test_an_old_server_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(refusals, "_OLDEST", 10_000_000)
    assert "upgrade the server" in str(refusal_of(address))
    assert not has_schema(address)


def test_a_database_with_another_encoding_is_refused(postgres_server: Server) -> None:
    address = postgres_server.address(postgres_server.database(encoding="LATIN1"))
    error = refusal_of(address)
    assert "LATIN1" in str(error)
    assert "ENCODING 'UTF8'" in str(error)
    assert not has_schema(address)


# -- poolers ------------------------------------------------------------------------------------------------


def test_a_pooler_in_transaction_mode_is_refused_and_gets_no_settings_of_ours(
    postgres_server: Server, tmp_path: Path
) -> None:
    database = postgres_server.database()
    with pooled(postgres_server, tmp_path, "transaction") as port:
        address = f"postgresql://postgres@127.0.0.1:{port}/{database}"
        error = refusal_of(address)
        assert "pooler in transaction mode" in str(error)
        assert "pool_mode = session" in str(error)
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT current_setting('enable_seqscan')").fetchone() == ("on",)
    assert not has_schema(postgres_server.address(database))


def test_a_pooler_in_session_mode_is_as_good_as_the_server(postgres_server: Server, tmp_path: Path) -> None:
    database = postgres_server.database()
    with pooled(postgres_server, tmp_path, "session") as port:
        works(f"postgresql://postgres@127.0.0.1:{port}/{database}")


# -- rights -------------------------------------------------------------------------------------------------


def test_a_role_that_may_not_make_the_schema_is_told_what_to_have_run(postgres_server: Server) -> None:
    database = postgres_server.database()
    role = f"plain_{database}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN")
    address = postgres_server.address(database, user=role)
    error = str(refusal_of(address))
    assert not has_schema(address)
    postgres_server.execute(error[error.index("CREATE SCHEMA") :], database)
    works(address)


def test_a_role_without_rights_on_the_tables_is_told_what_to_have_run(postgres_server: Server) -> None:
    database = postgres_server.database()
    role = f"plain_{database}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN")
    works(postgres_server.address(database))
    address = postgres_server.address(database, user=role)
    error = str(refusal_of(address))
    postgres_server.execute(error[error.index("GRANT USAGE") :], database)
    works(address)


def test_a_role_without_a_right_on_the_view_is_told_what_to_have_run(
    postgres_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    database = postgres_server.database()
    role = f"plain_{database}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN")
    works(postgres_server.address(database))
    give = f"GRANT ALL ON ALL TABLES IN SCHEMA tightbeam TO {role}"
    postgres_server.execute(f"GRANT USAGE ON SCHEMA tightbeam TO {role}; {give}", database)
    postgres_server.execute(f"REVOKE ALL ON tightbeam.memo FROM {role}", database)
    address = postgres_server.address(database, user=role)
    assert main(["doctor", address]) == 1
    assert f"role {role} lacks SELECT ON memo" in capsys.readouterr().out
    error = str(refusal_of(address))
    postgres_server.execute(error[error.index("GRANT USAGE") :], database)
    works(address)
    postgres_server.execute(f"REVOKE INSERT, UPDATE, DELETE ON tightbeam.memo FROM {role}", database)
    works(address)
    assert main(["doctor", address]) == 0


# -- schemas ------------------------------------------------------------------------------------------------


def test_a_schema_with_tables_of_something_else_is_refused(address: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute("CREATE SCHEMA tightbeam CREATE TABLE theirs ()")
    assert "something else" in str(refusal_of(address))


def test_a_newer_format_is_refused_unless_it_can_be_shared(address: str) -> None:
    works(address)
    newer = FORMAT + 1
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE tightbeam.meta SET value = %s WHERE name = 'format'", (str(newer),))
        works(address)
        connection.execute("UPDATE tightbeam.meta SET value = %s WHERE name = 'readable_from'", (str(newer),))
    error = refusal_of(address)
    assert f"format {newer}" in str(error)
    assert "upgrade" in str(error)


def test_an_older_format_is_brought_up_to_date_while_its_processes_go_on(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    older = open_store(address)
    older.call(add(1))
    following = FORMAT + 1
    monkeypatch.setattr(migrations, "FORMAT", following)
    script = "ALTER TABLE run ADD COLUMN colour text; CREATE TABLE shade (name text)"
    monkeypatch.setitem(migrations.MIGRATIONS, following - 1, script)

    works(address)
    older.call(add(2))
    assert older.call(CountRuns())
    works(address)
    with psycopg.connect(address) as connection:
        formats = connection.execute("SELECT value FROM tightbeam.meta WHERE name = 'format'").fetchone()
        assert formats == (str(following),)
        assert connection.execute("SELECT count(colour) FROM tightbeam.run").fetchone() == (0,)
    asyncio.run(older.close(30))


def test_a_migration_that_fails_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    works(address)
    following = FORMAT + 1
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "FORMAT", following)
        script = "CREATE TABLE shade (name text); SELECT 1 / 0"
        patch.setitem(migrations.MIGRATIONS, following - 1, script)
        assert "division by zero" in str(refusal_of(address))
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT to_regclass('tightbeam.shade')").fetchone() == (None,)
    works(address)


def test_a_format_that_nothing_leads_from_is_refused(address: str) -> None:
    works(address)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE tightbeam.meta SET value = '0' WHERE name = 'format'")
    assert "too old" in str(refusal_of(address))


async def test_many_that_open_an_empty_database_at_once_make_one_schema(address: str) -> None:
    stores = await asyncio.gather(*(asyncio.to_thread(open_store, address) for _ in range(6)))
    assert len({store.member.number for store in stores}) == 6
    await asyncio.gather(*(store.close(30) for store in stores))


async def test_a_client_that_is_not_entered_says_that_nobody_hears_its_live_messages(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(address)
    ch = job_channel(job_id="j1")
    for _ in range(3):
        await client.realtime.publish(ch.tick, {"n": 1})
    assert caplog.text.count("has to be entered here") == 1
    assert not has_schema(address)
    with pytest.raises(NotEntered, match="is where they meet"):
        await client.runs.list()
