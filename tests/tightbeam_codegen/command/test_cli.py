"""The command line: what is printed where, exit codes, and what is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

import tightbeam
from tests.tightbeam.engine.samples import job_channel
from tightbeam_cli import main
from tightbeam_codegen.command import generate as generating
from tightbeam_codegen.command.generate import run_watch
from tightbeam_codegen.command.plain import plain_request
from tightbeam_codegen.command.request import Request

FINE = {
    "name": "uploads:{uploadId}",
    "params": {"uploadId": {"type": "string"}},
    "topics": {
        "status": {
            "schema": {
                "type": "object",
                "properties": {"message": {"type": "string"}},
                "required": ["message"],
                "additionalProperties": False,
            }
        }
    },
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "schemas").mkdir()
    return tmp_path


def define(definition: object, name: str = "uploads") -> None:
    Path(f"schemas/{name}.channel.json").write_text(json.dumps(definition, indent=2))


def out() -> dict[str, str]:
    return {path.as_posix(): path.read_text() for path in sorted(Path("generated").rglob("*.py"))}


def test_generate_says_what_it_did_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    assert main(["generate"]) == 0
    assert capsys.readouterr() == ("Generated 1 channel in generated: 4 files written.\n", "")
    define(FINE | {"name": "more:{uploadId}"}, "more")
    assert main(["generate"]) == 0
    assert capsys.readouterr().out == "Generated 2 channels in generated: 3 files written.\n"
    Path("schemas/more.channel.json").unlink()
    assert main(["generate"]) == 0
    assert capsys.readouterr().out == "Generated 1 channel in generated: 1 file written, 2 files removed.\n"


def test_generate_is_done_once(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    assert main(["generate"]) == 0
    capsys.readouterr()
    written = out()
    assert "generated/uploads.py" in written
    assert main(["generate", "schemas", "--output", "generated"]) == 0
    assert out() == written
    assert capsys.readouterr() == ("Nothing to do: generated is up to date.\n", "")


def test_check_shows_the_drift_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    assert main(["generate", "--check"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("--- /dev/null\n+++ b/generated/__init__.py\n")
    assert said.err == "The bindings are out of date; run `tightbeam generate`.\n"
    assert not Path("generated").exists()

    assert main(["generate"]) == 0
    capsys.readouterr()
    assert main(["generate", "--check"]) == 0
    assert capsys.readouterr() == ("", "")

    Path("generated/uploads.py").write_text(Path("generated/uploads.py").read_text() + "x = 1\n")
    assert main(["generate", "--check"]) == 1
    assert "-x = 1\n" in capsys.readouterr().out
    assert main(["generate"]) == 0

    define(FINE | {"name": "more:{uploadId}"}, "more")
    assert main(["generate", "--check"]) == 1
    assert "+++ b/generated/more.py" in capsys.readouterr().out


def test_bad_input_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    assert main(["generate"]) == 0
    before = out()
    define(FINE | {"topics": {}})
    assert main(["generate"]) == 2
    assert "schemas/uploads.channel.json:8:13: error:" in capsys.readouterr().err
    assert out() == before


def test_a_file_in_the_way_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    Path("generated").mkdir()
    Path("generated/uploads.py").write_text("mine = 1\n")
    assert main(["generate"]) == 2
    assert "error: 'generated/uploads.py' is in the way" in capsys.readouterr().err
    assert out() == {"generated/uploads.py": "mine = 1\n"}


def test_warnings_are_repeated_and_fatal_only_under_strict(capsys: pytest.CaptureFixture[str]) -> None:
    schema = FINE["topics"]["status"]["schema"] | {"nullable": True}  # type: ignore[index]  # it is a dict
    define(FINE | {"topics": {"status": {"schema": schema}}})
    assert main(["generate"]) == 0
    first = capsys.readouterr().err
    assert "warning: unknown keyword 'nullable'" in first
    assert main(["generate"]) == 0
    assert capsys.readouterr().err == first
    assert main(["generate", "--strict"]) == 2
    assert capsys.readouterr().err == first + "Nothing was written: warnings are errors under --strict.\n"


@pytest.mark.parametrize("cached", [False, True])
def test_nothing_is_remembered_that_no_longer_holds(cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not cached:
        monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    define(FINE)
    assert main(["generate"]) == 0
    written = out()
    changes: list[Callable[[], object]] = [
        lambda: Path("generated/uploads.py").unlink(),
        lambda: Path("generated/uploads.py").write_text("# Generated by tightbeam, then changed\n"),
        lambda: Path("generated/stale.py").write_text("# Generated by tightbeam, once\n"),
    ]
    for change in changes:
        change()
        assert out() != written
        assert main(["generate"]) == 0
        assert out() == written
    Path("pyproject.toml").write_text("[tool.tightbeam]\nassert_formats = false\n")
    assert main(["generate"]) == 0
    assert out() != written


def test_a_new_file_can_change_what_a_reference_means(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE | {"topics": {"status": {"schema": {"$ref": "common.json"}}}})
    assert main(["generate"]) == 2
    Path("schemas/common.json").write_text('{"type": "string"}')
    assert main(["generate"]) == 0
    before = out()
    Path("schemas/common.json").write_text('{"type": "integer"}')
    assert main(["generate"]) == 0
    assert out() != before


def test_nothing_outside_the_root_is_opened(project: Path) -> None:
    define(FINE)
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "private.json").write_text("{}")
    Path("schemas/link.json").symlink_to(elsewhere / "private.json")
    Path("schemas/folder").symlink_to(elsewhere)
    code = (
        "import sys\n"
        "seen = ('open', 'socket.connect')\n"
        "sys.addaudithook(lambda event, args: event in seen and print(event, args[0]))\n"
        "from tightbeam_cli import main\n"
        "main(['generate']), main(['generate', '--check'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    opened = done.stdout.splitlines()
    assert any("uploads.channel.json" in line for line in opened)
    touched = ("elsewhere", "link.json", "socket.connect")
    assert not [line for line in opened if any(word in line for word in touched)]


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE | {"nmae": 1})
    assert main(["generate", "--format", "github"]) == 2
    assert capsys.readouterr().err.startswith("::error file=schemas/uploads.channel.json,line=")
    assert main(["generate", "--format=json"]) == 2
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert not found["ok"]
    assert [problem["message"] for problem in found["problems"]] == ["unknown key 'nmae'"]
    assert "unknown key 'nmae'" in said.err
    assert main(["generate", "--format", "xml"]) == 2


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the one JSON document on standard output."""
    capsys.readouterr()
    code = main(["generate", "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_json_is_one_document_whatever_the_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)
    files = ["__init__", "_schemas/__init__", "_schemas/uploads", "uploads"]
    added = [{"file": f"generated/{name}.py", "change": "added"} for name in files]
    code, found = as_json(capsys, "--check")
    assert (code, found["ok"], found["problems"], found["changed"]) == (1, False, [], added)
    assert found["diff"].startswith("--- /dev/null\n+++ b/generated/__init__.py\n")
    nothing: dict[str, Any] = {"ok": True, "problems": [], "changed": [], "diff": ""}
    assert as_json(capsys) == (0, {**nothing, "changed": added})
    assert as_json(capsys) == (0, nothing)
    assert as_json(capsys, "--check") == (0, nothing)
    Path("generated/old.py").write_text("# Generated by tightbeam, once\n")
    Path("generated/uploads.py").write_text("# Generated by tightbeam, then changed\n")
    changed = [
        {"file": "generated/old.py", "change": "removed"},
        {"file": "generated/uploads.py", "change": "changed"},
    ]
    code, found = as_json(capsys, "--check")
    assert (code, found["changed"]) == (1, changed)
    assert as_json(capsys)[1]["changed"] == changed
    code, found = as_json(capsys, "--output", "no-name")
    assert (code, found["ok"], found["problems"][0]["file"]) == (2, False, None)


def test_annotations_name_files_from_the_top_of_the_repository(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    service = project / "services" / "shop"
    (service / "schemas").mkdir(parents=True)
    (service / "schemas" / "x.channel.json").write_text('{"name": 1}')
    monkeypatch.chdir(service)

    def place() -> str:
        assert main(["generate", "--format", "github"]) == 2
        return capsys.readouterr().err.partition(",")[0]

    assert place() == "::error file=schemas/x.channel.json"
    (project / ".git").mkdir()
    assert place() == "::error file=services/shop/schemas/x.channel.json"
    (project / ".git").rmdir()
    (project / ".git").write_text("gitdir: elsewhere\n")  # a worktree's
    assert place() == "::error file=services/shop/schemas/x.channel.json"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project / "services"))
    assert place() == "::error file=shop/schemas/x.channel.json"
    monkeypatch.setenv("GITHUB_WORKSPACE", "/somewhere/else")
    assert place() == "::error file=services/shop/schemas/x.channel.json"


@pytest.mark.parametrize(("options", "severity"), [([], "warning"), (["--strict"], "error")])
def test_what_fails_the_run_is_annotated_as_an_error(
    options: list[str], severity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    define({"name": "x", "topics": {"t": {"schema": {"type": "string", "misspelt": 1}}}})
    assert main(["generate", "--format", "github", *options]) == (2 if options else 0)
    assert capsys.readouterr().err.startswith(f"::{severity} file=schemas/uploads.channel.json,line=")


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--nope"],
        ["generate", "a", "b"],
        ["generate", "--watch", "--check"],
        ["nope"],
        [],
        ["runs"],
        ["generate", "--output"],
    ],
)
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--help"]) == 0
    assert "--check" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["generate"], Request()),
        (["generate", "s"], Request(schemas=Path("s"))),
        (
            ["generate", "--check", "s", "--output", "o", "--strict"],
            Request(Path("s"), {"output": Path("o")}, check=True, strict=True),
        ),
        ([], None),
        (["runs"], None),
        (["generate", "--help"], None),
        (["generate", "--", "-s"], None),
        (["generate", "--output", "--check"], None),
        (["generate", "--output=o"], None),
        (["generate", "--check", "--check"], None),
        (["generate", ""], None),
        (["generate", "a", "b"], None),
    ],
)
def test_everyday_forms_are_read_without_typer(arguments: list[str], request_: Request | None) -> None:
    assert plain_request(arguments) == request_


def test_watch_goes_on_after_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    define(FINE)

    def changes() -> Iterator[object]:
        assert "generated/uploads.py" in out()
        define({"name": 1})
        yield None
        assert "error" in capsys.readouterr().err
        define(FINE | {"description": "Now with words."})
        yield None
        assert "Now with words." in out()["generated/uploads.py"]
        raise KeyboardInterrupt

    assert run_watch(Request(), changes()) == 0
    assert capsys.readouterr().out.endswith("Generated 1 channel in generated: 2 files written.\n")


def test_watch_needs_a_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "nowhere", "--watch"]) == 2


def test_init_writes_what_generates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "first"]) == 0
    said = capsys.readouterr().out
    assert "Wrote first/hello.channel.json" in said
    assert "[tool.tightbeam]" in said
    assert main(["generate", "first", "--strict"]) == 0
    assert capsys.readouterr().err == ""
    assert "def hello_channel(" in Path("generated/hello.py").read_text()


def test_init_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schemas/hello.channel.json").write_text("mine")
    assert main(["init"]) == 2
    assert "exists; nothing was changed" in capsys.readouterr().err
    assert Path("schemas/hello.channel.json").read_text() == "mine"
    Path("file").write_text("")
    assert main(["init", "file"]) == 2


def test_without_typer_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(["generate"]) == 2
    assert "pip install 'tightbeam[codegen]'" in capsys.readouterr().err


def test_importing_the_command_brings_little_along() -> None:
    code = "import sys, tightbeam_codegen.command.generate; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {
        "typer",
        "rich",
        "pydantic",
        "jsonschema",
        "jsonschema_rs",
        "yaml",
        "jinja2",
        "datamodel_code_generator",
    }
    assert heavy.isdisjoint(loaded)


async def record(file: Path) -> None:
    client = tightbeam.Client(file)
    tries = 0

    @client.function("do-[job]", on="app/job", retries=1)
    async def job(ctx: tightbeam.Context) -> int:
        async def work() -> int:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ValueError("no [red]luck\x1b[31m")
            return tries

        await ctx.step.run("work", work)
        await ctx.step.realtime.publish("tell", job_channel(job_id="j1").status, {"message": "done"})
        return 1

    @client.function("fails")
    async def fails(ctx: tightbeam.Context) -> None:
        raise tightbeam.NonRetriableError("broken [bold]\x1b[2J")

    async with client:
        await client.run(job)
        with pytest.raises(tightbeam.NonRetriableError):
            await client.run(fails)


def test_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(record(project / "app.db"))
    capsys.readouterr()
    assert main(["runs", "app.db"]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert table[0] == ["run", "function", "event", "state", "attempt", "started", "took", "error"]
    done, failed = table[2:]
    assert (done[4], failed[4]) == ("2", "1")  # as a person counts
    assert "do-[job]" in done
    assert "done" in done
    assert "failed" in failed
    assert "\\x1b[2J" in failed[-1]

    for arguments, found in (
        (["--state", "failed"], [failed[0]]),
        (["--function", "do-[job]"], [done[0]]),
        (["--function", "do-[job]", "--state", "failed"], []),
    ):
        assert main(["runs", "app.db", *arguments]) == 0
        said = capsys.readouterr().out
        assert [one for one in (done[0], failed[0]) if one in said] == found
    assert main(["runs", "app.db", "--state", "broken"]) == 2
    assert "ready, running, sleeping, parked, done, failed" in capsys.readouterr().err

    assert main(["runs", "app.db", failed[0]]) == 0
    said = capsys.readouterr().out
    assert "in fails" in said
    assert "NonRetriableError: broken [bold]\\x1b[2J" in said
    assert "\x1b" not in said

    assert main(["runs", "app.db", done[0]]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    steps = [line.split() for line in said.splitlines() if "├─" in line or "└─" in line]
    assert [step[:3] for step in steps] == [
        ["├─", "work", "step.run"],
        ["└─", "tell", "step.realtime.publish"],
    ]
    assert steps[0][3:5] == ["done", "2"]
    assert steps[1][-4:] == ["job:j1", "status", "18", "bytes"]

    assert main(["runs", "app.db", "no such run"]) == 2
    assert "no such run" in capsys.readouterr().err


def test_resuming_a_parked_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(record(project / "app.db"))
    with contextlib.closing(sqlite3.connect(project / "app.db")) as connection, connection:
        ((run_id,),) = connection.execute(
            "UPDATE run SET state = 'parked', ended_at = NULL WHERE function = 'fails' RETURNING id"
        )
    capsys.readouterr()
    assert main(["runs", "app.db", run_id[:20], "--resume"]) == 0
    assert f"run {run_id} goes on when a client is entered" in capsys.readouterr().out
    assert main(["runs", "app.db", run_id, "--resume"]) == 2
    assert f"run {run_id} is ready: only a parked run can be resumed" in capsys.readouterr().err
    assert main(["runs", "app.db", "--resume"]) == 2
    assert "resume takes runs, or --all" in capsys.readouterr().err


def test_runs_of_what_is_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.db").write_text("not a database" * 100)
    assert main(["runs", "app.db"]) == 2
    assert main(["runs", "missing.db"]) == 2
    assert capsys.readouterr().err.count("tightbeam: ") == 2
    assert not Path("missing.db").exists()


def test_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"tightbeam \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_links_in_a_circle_are_passed_over(project: Path) -> None:
    define(FINE)
    Path("schemas/loop").symlink_to("loop")
    assert main(["generate"]) == 0
    Path("schemas/loop.channel.json").symlink_to("loop.channel.json")
    assert main(["generate"]) == 2


def test_a_file_by_another_name_is_another_module() -> None:
    define(FINE)
    assert main(["generate"]) == 0
    Path("schemas/uploads.channel.json").rename("schemas/uploads_too.channel.json")
    assert main(["generate"]) == 0
    assert "generated/uploads_too.py" in out()
    assert "generated/uploads.py" not in out()


def test_what_changes_during_a_run_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    define(FINE)
    assert main(["generate"]) == 0
    before = out()
    pipeline = generating._pipeline

    def edited(*arguments: object) -> object:
        define(FINE | {"description": "Saved while it ran."})
        return pipeline(*arguments)  # type: ignore[arg-type]  # as they came

    define(FINE | {"description": "New."})
    with monkeypatch.context() as patched:
        patched.setattr(generating, "_pipeline", edited)
        assert main(["generate"]) == 0
    assert "Saved while it ran." in out()["generated/uploads.py"]
    define(FINE | {"description": "New."})
    assert main(["generate"]) == 0
    assert "New." in out()["generated/uploads.py"]
    define(FINE)
    assert main(["generate"]) == 0
    assert out() == before


def test_a_mapped_file_is_an_input(project: Path) -> None:
    Path("vendor").mkdir()
    Path("vendor/level.json").write_text('{"type": "string"}')
    Path("pyproject.toml").write_text('[tool.tightbeam.refs]\n"https://example.com/" = "vendor"\n')
    define(FINE | {"topics": {"status": {"schema": {"$ref": "https://example.com/level.json"}}}})
    assert main(["generate"]) == 0
    before = out()
    Path("vendor/level.json").write_text('{"type": "integer"}')
    assert main(["generate"]) == 0
    assert out() != before


def test_where_a_link_leads_is_an_input() -> None:
    for name, type_ in (("a", "string"), ("b", "integer")):
        Path(f"schemas/{name}.json").write_text(json.dumps({"type": type_}))
    Path("schemas/level.json").symlink_to("a.json")
    define(FINE | {"topics": {"status": {"schema": {"$ref": "level.json"}}}})
    assert main(["generate"]) == 0
    before = out()
    Path("schemas/level.json").unlink()
    Path("schemas/level.json").symlink_to("b.json")
    assert main(["generate"]) == 0
    assert out() != before


def test_warnings_of_what_did_not_change_are_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    define({"name": "loose", "topics": {"t": {"schema": {"type": "string", "nullable": True}}}}, "loose")
    define(FINE)
    assert main(["generate"]) == 0
    first = capsys.readouterr().err
    assert "schemas/loose.channel.json" in first
    define(FINE | {"description": "Another one."})
    assert main(["generate"]) == 0
    assert capsys.readouterr().err == first
    define(FINE)
    assert main(["generate", "--strict"]) == 2


def test_the_settings_can_be_strict(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text("[tool.tightbeam]\nstrict = true\n")
    define(FINE | {"topics": {"status": {"schema": {"type": "string", "nullable": True}}}})
    assert main(["generate"]) == 2
    assert "warnings are errors under --strict" in capsys.readouterr().err
    assert not Path("generated").exists()


def test_what_is_watched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def watch(*folders: Path, watch_filter: Callable[[object, str], bool], **_: object) -> Iterator[object]:
        asked.update(folders=[folder.resolve() for folder in folders], is_input=watch_filter)
        return iter(())

    monkeypatch.setattr(watchfiles, "watch", watch)
    Path("vendor").mkdir()
    Path("pyproject.toml").write_text(
        '[tool.tightbeam]\noutput = "schemas/made"\ntypescript = "schemas/web"\n'
        '[tool.tightbeam.refs]\n"https://example.com/" = "vendor"\n'
    )
    define(FINE)
    assert main(["generate", "--watch"]) == 0
    assert asked["folders"] == [project / "schemas", project / "vendor", project / "pyproject.toml"]
    is_input = asked["is_input"]
    assert callable(is_input)
    names = ("uploads.channel.json", "made/uploads.py", "web/uploads.ts", "__pycache__/x.pyc", "madeup.json")
    seen = [name for name in names if is_input("modified", str(project / "schemas" / name))]
    assert seen == ["uploads.channel.json", "madeup.json"]


def test_a_terminal_that_cannot_show_a_character_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stderr", said)
    define(FINE | {"größe": 1})
    assert main(["generate"]) == 2
    said.seek(0)
    assert "unknown key 'gr\\xf6\\xdfe'" in said.read()


def test_garbage_is_collected_afterwards() -> None:
    define(FINE)
    gc.enable()  # the process of another test may have been told that it ends
    assert main(["generate"]) == 0
    assert gc.isenabled()
    define({"name": 1})
    assert main(["generate"]) == 2
    assert gc.isenabled()


def test_what_is_remembered_brings_no_names_along(project: Path) -> None:
    define(FINE | {"x-tightbeam-name": "Sent"})
    assert main(["generate"]) == 0
    before = out()
    entries = [file for file in (project / "cache").rglob("*") if file.is_file()]
    changed = [file for file in entries if '"Sent"' in file.read_text()]
    assert changed
    for file in changed:
        file.write_text(file.read_text().replace('"Sent"', '"x = 1; import os"'))
    Path("generated/__init__.py").unlink()
    assert main(["generate"]) == 0
    assert out() == before


def test_a_definition_for_a_document_generates_whatever_its_definitions_are_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ["a-b", "AB", "a~b", "a/b", "a%2Fb", "a~1b", "name", "", "a b#c"]
    shared = {name: {"type": "string", "description": f"It is {name!r}."} for name in names}
    Path("schemas/all of it.json").write_text(json.dumps({"$defs": shared}))
    assert main(["init", "--from", "schemas/all of it.json"]) == 0
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    made = Path("generated/all_of_it_topics.py").read_text()
    assert all(f"It is {name!r}." in made for name in names)


def test_a_definition_for_a_document_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schemas/level.json").write_text('{"type": "string"}')
    Path("schemas/level-topics.channel.json").write_text("mine")
    assert main(["init", "--from", "schemas/level.json"]) == 2
    assert "exists; nothing was changed" in capsys.readouterr().err
    assert Path("schemas/level-topics.channel.json").read_text() == "mine"
