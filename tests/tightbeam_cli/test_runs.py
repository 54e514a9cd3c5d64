"""`tightbeam runs` on a file: filters, JSON, payloads on demand, and retry, cancel and resume."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.tightbeam.engine.conftest import until
from tightbeam import Client, Context
from tightbeam._engine.backends import journal_file_at
from tightbeam._engine.details import RunDetail, RunSummary, StepDetail
from tightbeam._engine.requests import ListRuns
from tightbeam_cli import main
from tightbeam_cli.runs.tables import graph

PRIVATE = "what-only-the-one-who-asks-may-see"


def program(path: Path, *, is_broken: bool, has_sleeper: bool = True) -> Client:
    """Return one release of a program."""
    client = Client(path)

    async def first() -> dict[str, str]:
        return {"kept": PRIVATE}

    async def store() -> str:
        if is_broken:
            raise ConnectionError("the [storage] didn't answer")
        return "stored"

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> str:
        await ctx.step.run("first", first)
        return PRIVATE + await ctx.step.run("store", store)

    if has_sleeper:

        @client.function("sleeper", on="app/sleep")
        async def sleeper(ctx: Context) -> None:
            await ctx.step.sleep("nap", timedelta(days=1))

    return client


def states(path: Path) -> dict[str, str]:
    """The state of each run, by its id."""
    return {run.id: run.state for run in journal_file_at(path).read(ListRuns(100))}


def go(client: Client, path: Path, *events: str, done: Callable[[list[str]], bool]) -> None:
    """Enter the client, send events, and leave it when the states of all runs are as wanted."""

    async def live() -> None:
        async with client:
            for event in events:
                await client.send(event, {"secret": PRIVATE})
            await until(lambda: done(sorted(states(path).values())))

    asyncio.run(live())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with two failed runs and one that sleeps; no client has it open."""
    path = tmp_path / "app.db"
    wanted = ["failed", "failed", "sleeping"]
    go(
        program(path, is_broken=True),
        path,
        "app/work",
        "app/sleep",
        "app/work",
        done=lambda now: now == wanted,
    )
    return path


@pytest.fixture
def ids(path: Path) -> list[str]:
    """Of the runs, in the order in which they were added: failed, sleeping, failed."""
    return list(states(path))


class Command:
    """`tightbeam runs` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        code = main(["runs", *map(str, arguments)])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def document(self, *arguments: object) -> tuple[int, Any]:
        code, out, _ = self(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def runs(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_filters(runs: Command, path: Path, ids: list[str]) -> None:
    failed, sleeping, latest = ids
    for options, wanted in (
        ([], ids[::-1]),
        (["--state", "failed"], [latest, failed]),
        (["--state", "failed", "--state", "sleeping"], ids[::-1]),
        (["--function", "sleeper"], [sleeping]),
        (["--since", "1h"], ids[::-1]),
        (["--since", "2999-01-01T00:00Z"], []),
        (["--text", "STORAGE answer"], [latest, failed]),
        (["--text", f"storage {failed}"], [failed]),
        (["--limit", "1"], [latest]),
        (["--limit", "1", "--state", "sleeping"], [sleeping]),
        (["--state", "cancelled"], []),
    ):
        code, found = runs.document(path, *options)
        assert (code, [run["id"] for run in found["runs"]]) == (0, wanted), options
        assert found["more"] is (options == ["--limit", "1"])


@pytest.mark.slow
def test_the_table_says_when_a_run_goes_on_and_that_there_are_more(
    runs: Command, path: Path, ids: list[str]
) -> None:
    code, page, _ = runs(path)
    lines = [line for line in page.splitlines() if "app/" in line]
    assert code == 0
    assert [line.split()[0] for line in lines] == ids  # oldest first
    assert "sleeping until 2" in lines[1]
    assert "ConnectionError: the [storage] didn't answer" in lines[0]
    assert "--limit shows more" in runs(path, "--limit", "1")[1]
    assert "no such runs" in runs(path, "--state", "done")[1]


def test_no_payload_is_shown_unasked(runs: Command, path: Path, ids: list[str]) -> None:
    for arguments in ([path], [path, ids[0]], [path, "--json"], ["show", path, ids[0], "--json"]):
        code, out, err = runs(*arguments)
        assert code == 0
        assert PRIVATE not in out + err


@pytest.mark.slow
def test_payloads_on_demand(runs: Command, path: Path, ids: list[str]) -> None:
    code, found = runs.document("show", path, ids[0], "--input", "--result", "--steps")
    assert code == 0
    assert (found["input"], found["result"]) == ({"secret": PRIVATE}, None)
    assert {step["id"]: step["result"] for step in found["steps"]} == {
        "first": {"kept": PRIVATE},
        "store": None,
    }
    code, page, _ = runs("show", path, ids[0], "--input", "--steps")
    assert f'  "secret": "{PRIVATE}"' in page
    assert f'  "kept": "{PRIVATE}"' in page
    assert "step store  none" in page
    assert "result" not in page.split("input")[1]


@pytest.mark.slow
def test_one_run_as_json(runs: Command, path: Path, ids: list[str]) -> None:
    code, found = runs.document("show", path, ids[0])
    assert code == 0
    assert found["error"] == {
        "type": "StepError",
        "text": 'Step "store" failed: ConnectionError: the [storage] didn\'t answer',
    }
    assert [(step["id"], step["state"]) for step in found["steps"]] == [
        ("first", "done"),
        ("store", "failed"),
    ]
    assert found["traceback"].startswith("Traceback")
    assert all(found[name].endswith("Z") for name in ("created_at", "started_at", "ended_at", "due_at"))
    (listed,) = runs.document(path, "--text", ids[0])[1]["runs"]
    assert {name: found[name] for name in listed} == listed


def test_retry_after_a_fix(runs: Command, path: Path, ids: list[str]) -> None:
    failed, sleeping, latest = ids
    code, page, _ = runs("retry", path, failed)
    assert (code, page) == (0, f"run {failed} is tried again when a client is entered\n")
    assert states(path)[failed] == "ready"
    done = lambda now: now == ["done", "failed", "sleeping"]  # noqa: E731 - a condition
    go(program(path, is_broken=False), path, done=done)
    assert states(path) == {failed: "done", sleeping: "sleeping", latest: "failed"}
    steps = {step["id"]: step["attempts"] for step in runs.document("show", path, failed)[1]["steps"]}
    assert steps["first"] == 1
    # Its first step is older than its latest start.
    assert " -" not in runs("show", path, failed)[1].partition("took")[2]


@pytest.mark.slow
def test_all_of_a_filter(runs: Command, path: Path, ids: list[str]) -> None:
    assert runs.document("retry", path, "--all", "--function", "sleeper") == (
        0,
        {"ok": True, "runs": [], "more": False},
    )
    code, done = runs.document("retry", path, "--all", "--since", "1h")
    assert (code, done["ok"]) == (0, True)
    assert done["runs"] == [{"id": ids[0], "error": None}, {"id": ids[2], "error": None}]
    code, page, _ = runs("cancel", path, "--all", "--since", "1h")
    assert (code, page.splitlines()) == (0, [f"run {run_id} is cancelled" for run_id in ids])
    assert set(states(path).values()) == {"cancelled"}
    limited = runs.document("retry", path, "--all", "--state", "cancelled", "--limit", "1")[1]
    assert limited == {"ok": True, "runs": [{"id": ids[2], "error": None}], "more": True}
    assert (
        "there are more: run it again"
        in runs("retry", path, "--all", "--state", "cancelled", "--limit", "1")[1]
    )


@pytest.mark.slow
def test_a_value_that_is_nested_deeply(runs: Command, tmp_path: Path) -> None:
    path = tmp_path / "deep.db"
    client = Client(path)

    @client.function("deep", on="app/deep")
    async def deep(ctx: Context) -> Any:
        value: Any = 1
        for _ in range(900):
            value = [value]
        return value

    go(client, path, "app/deep", done=lambda now: now == ["done"])
    (run_id,) = states(path)
    code, found = runs.document("show", path, run_id, "--result")
    assert code == 0
    assert json.dumps(found["result"]).startswith("[" * 900)
    assert "[" * 100 in "".join(runs("show", path, run_id, "--result")[1].split())


@pytest.mark.slow
def test_parked_runs(runs: Command, path: Path, ids: list[str]) -> None:
    wanted = ["failed", "failed", "parked"]
    go(program(path, is_broken=True, has_sleeper=False), path, done=lambda now: now == wanted)
    (found,) = runs.document(path, "--state", "parked")[1]["runs"]
    assert (found["id"], found["error"]["type"]) == (ids[1], "NotRegistered")
    for spelling in (["resume", path, ids[1]], [path, ids[1], "--resume"], [path, "resume", ids[1]]):
        code, out, err = runs(*spelling)
        if spelling[0] == "resume":
            assert (code, out) == (0, f"run {ids[1]} goes on when a client is entered\n")
            assert states(path)[ids[1]] in ("ready", "sleeping")
        else:
            assert code == 2
            assert "parked" in err


@pytest.mark.slow
@pytest.mark.parametrize("action", ["retry", "cancel", "resume"])
def test_a_run_that_cant_be_changed(action: str, runs: Command, path: Path, ids: list[str]) -> None:
    run_id = {"retry": ids[1], "cancel": ids[0], "resume": ids[0]}[action]
    before = states(path)
    code, done = runs.document(action, path, run_id, "0" * 26)
    assert (code, done["ok"]) == (2, False)
    assert [one["error"]["type"] for one in done["runs"]] == ["RunStateError", "NoSuchRun"]
    code, out, err = runs(action, path, run_id)
    assert (code, out) == (2, "")
    assert err.startswith(f"tightbeam: run {run_id} is {before[run_id]}")
    assert states(path) == before


@pytest.mark.slow
@pytest.mark.parametrize("action", ["retry", "cancel", "resume"])
def test_a_file_that_a_client_has_open(action: str, runs: Command, path: Path, ids: list[str]) -> None:
    async def live() -> None:
        async with program(path, is_broken=True):
            code, done = runs.document(action, path, *ids)
            (refused,) = done["runs"]  # the others would be refused alike
            assert (code, refused["error"]["type"]) == (2, "JournalRefused")
            assert f"process {os.getpid()} has {path} open" in refused["error"]["message"]
            assert f"tightbeam runs {action} RUN --url" in refused["error"]["remedy"]
            assert runs.document(path)[0] == 0  # looking is fine

    asyncio.run(live())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list"], "no runs are named"),
        (["retry"], "no runs are named"),
        (["retry", "FILE"], "retry takes runs, or --all"),
        (["retry", "FILE", "RUN", "--all"], "either runs or --all"),
        (["cancel", "FILE", "--all"], "would cancel every run"),
        (["cancel", "FILE", "RUN", "--function", "work"], "choose runs for `cancel --all`"),
        (["show", "FILE"], "show takes one run"),
        (["show", "FILE", "RUN", "RUN"], "show takes one run"),
        (["show", "FILE", "nobody"], "there is no run nobody"),
        (["show", "FILE", "0"], "runs begin with 0"),
        (["missing.db"], "is not a file"),
        (["FILE", "--state", "lost"], "there is no state lost"),
        (["FILE", "--since", "yesterday"], "yesterday is no time"),
        (["FILE", "--limit", "0"], "limit"),
        (["FILE", "--nonsense"], "nonsense"),
        (["--url", "nonsense"], "URL"),
        (["list", "FILE", "--url", "http://127.0.0.1:9"], "both"),
        (["FILE", "--url", "http://127.0.0.1:9"], "both"),
        (["retry", "FILE", "RUN", "--url", "http://127.0.0.1:9"], "both"),
        (["show", "--url", "http://127.0.0.1:1", "RUN"], "no answer"),
    ],
)
def test_what_is_refused(arguments: list[str], words: str, runs: Command, path: Path, ids: list[str]) -> None:
    given = [str(path) if one == "FILE" else ids[0] if one == "RUN" else one for one in arguments]
    code, out, err = runs(*given)
    assert (code, out) == (2, "")
    assert words in err
    code, found = runs.document(*given)
    assert code == 2
    assert words in found["error"]["message"]
    assert set(found["error"]) == {"type", "message", "remedy"}


@pytest.mark.slow
def test_what_a_run_says_moves_no_cursor(runs: Command, tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    client = Client(path)

    @client.function("odd\x1b[2J", on="app/odd", retries=0)
    async def odd(ctx: Context) -> None:
        raise ValueError("\x1b[2J[bold]\r\n" + "x" * 100)

    go(client, path, "app/odd", done=lambda now: now == ["failed"])
    (run_id,) = states(path)
    for arguments in ([path], [path, run_id, "--json"], ["show", path, run_id, "--input"]):
        code, out, err = runs(*arguments)
        assert code == 0
        assert "\x1b" not in out + err
        assert "\r" not in out


def test_a_wait_without_a_timeout_has_no_date() -> None:
    now = datetime.now(UTC)
    endless, dated = now + timedelta(days=3650), now + timedelta(days=3)
    for due_at, shown in ((endless, "sleeping"), (dated, f"sleeping until {dated.astimezone():%Y-%m-%d}")):
        run = RunSummary("r", "order", "app/order", "sleeping", 0, 1, 0, now, now, None, due_at, None, None)
        console = Console(width=240, record=True, file=io.StringIO())
        step = StepDetail(
            "paid",
            "step.invoke",
            None,
            "pay",
            "waiting",
            1,
            now - timedelta(minutes=5),
            None,
            due_at,
            None,
            None,
            None,
        )  # older than the latest start, as after a retry
        for part in graph(RunDetail(run, 0, None, 2, None, (step,), ())):
            console.print(part)
        text = console.export_text()
        assert shown in text
        assert ("until" in text) is (due_at == dated)
        assert "waiting for pay" in text
        assert "-300" not in text
