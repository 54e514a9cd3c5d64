"""`tightbeam doctor`: what is well, and every way in which something isn't."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context
from tightbeam._engine.requests import MAX_DEATHS
from tightbeam._engine.sqlite import checkup
from tightbeam._engine.sqlite.schema import USER_VERSION
from tightbeam_cli import doctor, main
from tightbeam_cli.checkups import runs as checked_runs

SECRET = "nothing-that-a-report-should-hold"
DEFINITION = {
    "name": "alerts",
    "topics": {"alert": {"schema": {"type": "object", "properties": {}, "additionalProperties": False}}},
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a run that is done, one that failed, and one that waits for a function that is gone."""
    place = tmp_path / "app.db"
    client = Client(place)
    ch = job_channel(job_id="j1")

    @client.function("fine", on="app/event")
    async def fine(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.token, SECRET)

    @client.function("broken", on="app/event", retries=0)
    async def broken(ctx: Context) -> None:
        raise ValueError(SECRET)

    async def fill() -> None:
        async with client:
            runs = await client.send("app/event", {"secret": SECRET})
            await asyncio.gather(*map(client.runs.wait, runs), return_exceptions=True)

    asyncio.run(fill())
    change(place, "INSERT INTO run (id, function, event, data, state, due_at, created_at) "
           "VALUES ('waiting', 'gone', 'app/event', x'7b7d', 'ready', 1, 1)")  # fmt: skip
    return place


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def findings(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by area and subject."""
    code = main(["doctor", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert captured.err == ""
    assert SECRET not in captured.out
    told = json.loads(captured.out)
    assert told["ok"] == (code == 0) == all(one["status"] != "problem" for one in told["findings"])
    return code, {f"{one['area']} {one['subject']}": one for one in told["findings"]}


def test_all_is_well(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    code, found = findings(capsys, path)
    assert code == 0
    assert found["versions Python"]["text"].endswith(sys.platform.capitalize())
    assert {"versions pydantic", "versions jsonschema-rs", "versions orjson", "checkers mypy"} <= set(found)
    assert found["bindings schemas to generated"]["text"] == "no definitions in this folder"
    assert f"sound, format {USER_VERSION}" in found[f"journal {path}"]["text"]
    assert found["journal runs"]["text"] == "1 done, 1 failed, 1 ready"
    assert found["journal client"]["text"] == "nobody has it open"
    assert found["journal pending"]["status"] == "note"
    assert found["journal pending"]["text"].startswith("1 unfinished")
    assert found["journal failed"]["text"].endswith("of broken: ValueError")


@pytest.mark.slow
def test_the_page(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert main(["doctor", str(path)]) == 0
    page = capsys.readouterr().out
    assert [line for line in page.splitlines() if line and line[0] != " "] == [
        "versions", "checkers", "bindings", "journal",
    ]  # fmt: skip
    assert f"  ok      {path}: sound" in page
    path.write_bytes(b"no")
    assert main(["doctor", str(path)]) == 1
    assert f"  PROBLEM {path}:" in capsys.readouterr().out
    assert main(["doctor", "--nonsense"]) == 2


@pytest.mark.slow
def test_looking_changes_nothing_and_stands_in_nobodys_way(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    findings(capsys, path)
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before

    async def live() -> tuple[int, dict[str, Any]]:
        async with Client(path):
            return findings(capsys, path)

    code, found = asyncio.run(live())
    assert code == 0
    assert found["journal client"]["text"] == f"process {os.getpid()} has it open"
    assert found["journal runs"]["text"] == "1 done, 1 failed, 1 parked"
    assert found["journal parked"]["text"].startswith("1 wait for code that fits what they remember")
    assert "journal pending" not in found


@pytest.mark.slow
def test_runs_that_are_overdue_while_a_client_runs(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    async def live() -> dict[str, Any]:
        client = Client(path)

        @client.function("busy", on="app/busy", concurrency=1)
        async def busy(ctx: Context) -> None:
            await asyncio.Event().wait()

        async with client:
            await client.send("app/busy")
            await client.send("app/busy")
            change(path, "UPDATE run SET due_at = 1 WHERE state = 'ready'")
            return findings(capsys, path)[1]

    found = asyncio.run(live())
    assert found["journal pending"]["text"].startswith('runs of "busy" have been due for ')


def test_what_is_to_start_later(
    capsys: pytest.CaptureFixture[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(path, "UPDATE run SET due_at = 4102444800000000 WHERE id = 'waiting'")
    change(
        path,
        "INSERT INTO schedule (function, expression, zone, last_tick) "
        "VALUES ('nightly', '0 3 * * *', 'Europe/Berlin', 1)",
    )
    really = checked_runs.version_of
    for installed, code in (("2.8", 0), (None, 1)):
        monkeypatch.setattr(
            checked_runs, "version_of", lambda name, at=installed: at if name == "cronsim" else really(name)
        )
        ended, found = findings(capsys, path)
        assert ended == code
        assert found["journal delayed"]["status"] == "note"
        assert found["journal delayed"]["text"].startswith("1 are to begin later, the last of them at 2")
        schedules = found["journal schedules"]
        assert schedules["status"] == ("problem" if code else "ok")
        assert schedules["remedy"] == ("Run: pip install 'tightbeam[cron]'" if code else "")


def test_why_runs_are_parked(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    change(path, "UPDATE run SET state = 'parked', error_type = 'NotRegistered' WHERE id = 'waiting'")
    assert "1 of gone (NotRegistered)" in findings(capsys, path)[1]["journal parked"]["text"]


@pytest.mark.parametrize(
    ("version", "status"), [((3, 51, 2), "note"), ((3, 51, 3), "ok"), ((3, 40, 1), "note")]
)
def test_the_bug_of_sqlite(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], status: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    _, found = findings(capsys)
    assert found["versions SQLite"]["status"] == status


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.11.5", "problem"), ("3.11.6", "ok"), ("4.0rc1", "ok"), ("3.12", "ok"), (None, "problem")],
)
def test_a_package_that_will_not_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, version: str | None, status: str
) -> None:
    really = doctor.version_of
    monkeypatch.setattr(doctor, "_required", lambda: [("orjson", ">=3.11.6"), ("pydantic", ">=2.14.2,<3")])
    monkeypatch.setattr(doctor, "version_of", lambda name: version if name == "orjson" else really(name))
    _, found = findings(capsys)
    assert found["versions orjson"]["status"] == status
    if status == "problem":
        assert found["versions orjson"]["remedy"] == "Run: pip install 'orjson>=3.11.6'"
    assert found["versions pydantic"]["status"] == "ok"


def test_upper_limits() -> None:
    assert doctor._fits("0.89.3", "<0.90,>=0.89")
    assert not doctor._fits("0.90.0", "<0.90,>=0.89")
    assert doctor._fits("1.0", ">=1.0.0")
    assert not doctor._fits("0.9", ">=0.10")


def test_no_checker(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKERS", ("nobodys-checker",))
    _, found = findings(capsys)
    assert found["checkers type checkers"]["status"] == "note"


@pytest.mark.slow
def test_bindings(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    definition = project / "schemas/alerts.channel.json"
    definition.parent.mkdir()
    definition.write_text(json.dumps(DEFINITION))

    def status() -> tuple[int, str, str]:
        code, found = findings(capsys)
        one = found["bindings schemas to generated"]
        return code, one["text"], one["remedy"]

    assert status() == (1, "out of date", "Run: tightbeam generate")
    assert main(["generate"]) == 0
    capsys.readouterr()
    assert status() == (0, "in step", "")
    definition.write_text(json.dumps({**DEFINITION, "topics": {}}))
    code, text, remedy = status()
    assert (code, remedy) == (1, "See: tightbeam generate --check")
    assert text.startswith("schemas/alerts.channel.json:1:")
    (project / "pyproject.toml").write_text("[tool.tightbeam]\nschema = 1\n")
    code, found = findings(capsys)
    assert (code, found["bindings settings"]["status"]) == (1, "problem")


def scribble(path: Path) -> None:
    with path.open("rb+") as opened:
        opened.seek(path.stat().st_size - 4096)
        opened.write(b"\xa5" * 4096)


def cut(path: Path) -> None:
    os.truncate(path, 8192)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, "is not a file"),
        (lambda path: path.write_text("hello" * 50), "is not a journal"),
        (lambda path: change(path, "PRAGMA application_id = 1"), "not a journal"),
        (lambda path: change(path, f"PRAGMA user_version = {USER_VERSION + 1}"), "newer version"),
        (lambda path: change(path, "DROP TABLE step"), "table step is missing"),
        (lambda path: change(path, "DROP INDEX message_topic"), "index message_topic is missing"),
        (scribble, "damaged"),
        (cut, "damaged"),
    ],
)
def test_a_journal_that_is_not_sound(
    capsys: pytest.CaptureFixture[str], path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    damage(path)
    code, found = findings(capsys, path)
    assert code == 1
    assert found[f"journal {path}"]["status"] == "problem"
    assert re.search(words, found[f"journal {path}"]["text"])


@pytest.mark.slow
def test_what_is_wrong_around_it(
    capsys: pytest.CaptureFixture[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(0o644)
    change(path, f"UPDATE run SET deaths = {MAX_DEATHS // 2} WHERE id = 'waiting'")
    really = os.statvfs(path)
    full = os.statvfs_result((*tuple(really)[:4], 10, *tuple(really)[5:]))
    monkeypatch.setattr(checkup.os, "statvfs", lambda _: full)
    code, found = findings(capsys, path)
    assert code == 1
    wrong = {subject: one["text"] for subject, one in found.items() if one["status"] == "problem"}
    assert wrong == {
        "journal permissions": "mode 0644: other users can read payloads",
        "journal disk": f"{10 * really.f_frsize:,} bytes are free: "
        "durable publishes fail when there are none",
        "journal runs": "the process keeps dying under waiting; such a run is given up in the end",
    }


def test_a_log_that_cannot_be_moved_into_the_file(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "LARGE_LOG", 4_096)
    assert main(["doctor", str(path)]) == 0
    assert "moved into the file" not in capsys.readouterr().out
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM run")
        assert main(["doctor", str(path)]) == 1
        assert "log: " in (said := capsys.readouterr().out)
        assert "it can't be moved into the file" in said
