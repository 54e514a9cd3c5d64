"""`tightbeam doctor` on a database: what is well, and every way in which something isn't."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import psycopg
import pytest

from tests.postgres.test_moving import Target
from tightbeam import Client, Context
from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres import checkup
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.opening import make_schema
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.settings import OnServer
from tightbeam._message import now_us
from tightbeam_cli import main

pytestmark = pytest.mark.slow
RUN = "INSERT INTO run (id, function, event, data, state, due_at, created_at{more}) VALUES ({values})"


class Doctor:
    """The command, and the journal that it looks at."""

    def __init__(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.target = Target(address)
        self._capsys = capsys
        with Connector(Address(address), *OnServer()).connect("test") as connection:
            make_schema(connection, "tightbeam")

    def __call__(self, *arguments: str, address: str | None = None) -> tuple[int, dict[str, Any]]:
        """Return the exit code, and the findings about the journal by subject."""
        code = main(["doctor", address or self.target.address, *arguments, "--json"])
        captured = self._capsys.readouterr()
        assert captured.err == ""
        told = json.loads(captured.out)
        assert told["ok"] == (code == 0)
        return code, {one["subject"]: one for one in told["findings"] if one["area"] == "journal"}

    def add_process(self, functions: str, *, silent: str = "0 s", host: str = "web-1") -> None:
        """Store the row of a process that has said for so long nothing."""
        self.target.do(
            "INSERT INTO process (host, pid, version, lease, functions, beat_at) VALUES "
            f"('{host}', 4711, '0.1', '15 s', '{{{functions}}}', clock_timestamp() - interval '{silent}')"
        )

    def add_run(
        self, state: str, *, function: str = "work", due_at: int = 1, more: str = "", values: str = ""
    ) -> str:
        """Store a run, and return its id."""
        run_id = f"R{self.target.query('SELECT count(*) FROM run')[0][0]}"
        stored = f"'{run_id}', '{function}', 'e', '{{}}', '{state}', {due_at}, 1{values}"
        self.target.do(RUN.format(more=more, values=stored))
        return run_id


@pytest.fixture
def doctor(address: str, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(address, capsys)


def test_all_is_well(doctor: Doctor) -> None:
    client = Client(doctor.target.address)

    @client.function("work", on="app/work")
    async def work(ctx: Context) -> None: ...

    async def look() -> tuple[int, dict[str, Any]]:
        async with client:
            return await asyncio.to_thread(doctor)

    code, found = asyncio.run(look())
    assert code == 0
    assert {one["status"] for one in found.values()} == {"ok"}
    assert found.keys() >= {doctor.target.address, "rights", "connections", "clock", "log", "runs"}
    (process,) = (one["text"] for subject, one in found.items() if subject.startswith("process"))
    assert process.endswith("executes work")
    assert found["connections"]["text"].partition(",")[0] >= "1"


def test_nobody_there(doctor: Doctor) -> None:
    doctor.add_run("ready")
    code, found = doctor()
    assert code == 0
    assert found["processes"]["text"] == "no client is entered"
    assert (
        found["pending"]["text"] == "1 unfinished, and no client is running: they go on when one is entered"
    )


def test_a_function_that_no_living_process_has(doctor: Doctor) -> None:
    doctor.add_process("mail")
    doctor.add_process("work", silent="16 s")
    doctor.add_run("ready")
    doctor.add_run("ready", function="mail")
    doctor.add_run("ready", function="later", due_at=4102444800000000)
    code, found = doctor()
    assert code == 1
    assert found["unserved"]["text"] == '1 runs of "work" are due, and no living process has this function'
    assert found["process 1"]["status"] == "ok"
    assert found["process 2"]["status"] == "note"
    said = re.search(r"has said nothing for (\d+) s", found["process 2"]["text"])
    assert said is not None
    assert int(said[1]) >= 16


def test_what_runs_are_up_to(doctor: Doctor) -> None:
    doctor.add_process("work")
    done = ", ended_at, error_type"
    for _ in range(2):
        doctor.add_run("failed", more=done, values=", 5, 'ValueError'")
    doctor.add_run("done", more=done, values=", 5, NULL")
    doctor.add_run("parked", more=", error_type", values=", 'StepMismatch'")
    dying = doctor.add_run("running", more=", deaths", values=f", {MAX_DEATHS // 2}")
    doctor.add_run("ready", due_at=4102444800000000)
    sleeper = doctor.add_run("ready", due_at=4102444800000000, more=", started_at", values=", 1")
    doctor.target.do(
        "INSERT INTO step (run_id, id, kind, state, attempts, started_at) "
        f"VALUES ('{sleeper}', 'nap', 'step.sleep', 'sleeping', 1, 1)"
    )
    doctor.target.do("INSERT INTO schedule VALUES ('nightly', '0 3 * * *', 'UTC', 5)")
    code, found = doctor()
    assert code == 1
    assert doctor.target.address in found["failed"]["remedy"]
    assert "1 of work (StepMismatch)" in found["parked"]["text"]
    assert found["delayed"]["text"].startswith("1 are to begin later")
    assert "nightly (0 3 * * * UTC)" in found["schedules"]["text"]
    assert (
        found["runs"]["text"] == f"the process keeps dying under {dying}; such a run is given up in the end"
    )


def test_a_transaction_that_holds_messages_back(doctor: Doctor) -> None:
    address = doctor.target.address
    with psycopg.connect(address, application_name="a batch job") as batch:
        batch.execute("CREATE TABLE other (n int)")  # it has written, and isn't committed
        doctor.target.do(
            "INSERT INTO message (channel, topic, run, run_id, step, number, started_at, ended_at, "
            "created_at, data) VALUES ('c', 't', 1, 'r', 's', 0, 1, 1, "
            "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 7000000, '1')"
        )
        code, found = doctor()
        assert (code, found["log"]["status"]) == (1, "problem")
        assert f"session {batch.info.backend_pid} " in found["log"]["text"]
        assert '("a batch job")' in found["log"]["text"]
    code, found = doctor()
    assert (code, found["log"]["text"]) == (0, "no message is held back")


def test_rights_that_are_missing(doctor: Doctor) -> None:
    doctor.target.do(
        "CREATE ROLE poor LOGIN; GRANT USAGE ON SCHEMA tightbeam TO poor; "
        "GRANT SELECT ON ALL TABLES IN SCHEMA tightbeam TO poor; GRANT INSERT ON run TO poor"
    )
    poor = doctor.target.address.replace("postgres@", "poor@")
    try:
        code, found = doctor(address=poor)
        assert (code, found["rights"]["status"]) == (1, "problem")
        assert "role poor lacks INSERT ON live" in found["rights"]["text"]
        assert "INSERT ON run" not in found["rights"]["text"]
        assert 'ON ALL TABLES IN SCHEMA "tightbeam" TO "poor"' in found["rights"]["remedy"]
        doctor.target.do("REVOKE SELECT ON ALL TABLES IN SCHEMA tightbeam FROM poor")
        code, found = doctor(address=poor)
        assert code == 1
        assert "permission denied" in found[poor]["text"]
    finally:
        doctor.target.do("DROP OWNED BY poor; DROP ROLE poor")


@pytest.mark.parametrize("what", ["schema", "database", "server"])
def test_what_is_not_there(doctor: Doctor, what: str) -> None:
    address = doctor.target.address
    if what == "schema":
        code, found = doctor("--postgres-schema", "other")
        expected = "there is no journal in schema other"
    else:
        address = (
            address.replace("/test_", "/no_test_") if what == "database" else "postgresql://127.0.0.1:1/x"
        )
        code, found = doctor(address=address)
        expected = "does not exist" if what == "database" else "can't be read: connection"
    assert code == 1
    assert expected in found[address]["text"]


def test_clocks_that_differ(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "now_us", lambda: now_us() - 5_000_000)
    code, found = doctor()
    assert (code, found["clock"]["status"]) == (0, "note")
    assert "ahead of this machine's" in found["clock"]["text"]


def test_an_answer_that_takes_long_is_no_difference_between_clocks(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = iter([-5_000_000])
    monkeypatch.setattr(checkup, "now_us", lambda: now_us() + next(before, 0))
    code, found = doctor()
    assert (code, found["clock"]["status"]) == (0, "ok")


@pytest.mark.parametrize(("format", "readable_from", "expected"), [
    (0, 0, "of an older Tightbeam: a client of this version brings it to format"),
    (1_000, 1_000, "of a newer Tightbeam: upgrade this one"),
    (1_000, 1, None),
])  # fmt: skip
def test_tables_of_another_version(
    doctor: Doctor, format: int, readable_from: int, expected: str | None
) -> None:
    """Of a newer one that says that this one can read them, too, doctor tells as ever."""
    doctor.target.do(f"UPDATE meta SET value = '{format}' WHERE name = 'format'")
    doctor.target.do(f"UPDATE meta SET value = '{readable_from}' WHERE name = 'readable_from'")
    code, found = doctor()
    assert code == (0 if expected is None else 1)
    assert (expected or f"format {format}") in found[doctor.target.address]["text"]
    assert main(["runs", doctor.target.address]) == (0 if expected is None else 2)
    assert doctor.target.query("SELECT value FROM meta WHERE name = 'format'") == [(str(format),)]
