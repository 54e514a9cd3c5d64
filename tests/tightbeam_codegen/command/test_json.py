"""`generate --format json`: one object on standard output, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import STRING, closed
from tightbeam_cli import main
from tightbeam_codegen.command import generate as generating
from tightbeam_codegen.command import report

KEYS = ["ok", "problems", "changed", "diff"]
COMMAND = [sys.executable, "-c", "import sys; from tightbeam_cli import main; sys.exit(main())", "generate"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    write_files(tmp_path / "schemas", {"x.channel.json": channel("x", t=closed(a=STRING))})
    return tmp_path


def the_object(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the one object on standard output, and what people read."""
    capsys.readouterr()
    code = main(["generate", *arguments])
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert list(found) == KEYS
    assert found["ok"] is (code == 0)
    return code, found, said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "json", "--nope"], "--nope"),
        (["--nope", "--format=json"], "--nope"),
        (["--format", "json", "a", "b"], "b"),
        (["--format", "json", "--output"], "--output"),
        (["--format", "json", "--typescript-import-extension", "mjs"], "mjs"),
        (["--format", "json", "--watch"], "--watch and --format json can't be used together"),
        (["--format", "json", "--watch", "--check"], "--watch and --check can't be used together"),
        (["--format", "json", "nowhere"], "the schema root 'nowhere' isn't a folder"),
        (["--format", "json", "schemas/x.channel.json"], "isn't a folder"),
        (["--format", "json", "--output", "no-name"], "no name in Python"),
    ],
)
def test_wrong_calls(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, read = the_object(capsys, *arguments)
    assert code == 2
    (problem,) = found["problems"]
    assert message in problem["message"]
    assert message in read
    assert (found["changed"], found["diff"]) == ([], "")
    assert not Path("generated").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[tool.tightbeam]\nouptut = 1\n", "unknown setting 'ouptut'"),
        ("[tool.tightbeam\n", "not valid TOML"),
        ("tool = 1\n\x00", "not valid TOML"),
    ],
)
def test_wrong_settings(settings: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text(settings)
    code, found, _ = the_object(capsys, "--format", "json")
    assert (code, found["problems"][0]["file"]) == (2, "pyproject.toml")
    assert message in found["problems"][0]["message"]


def test_a_disk_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tightbeam_codegen.write.os.open", refuses)
    code, found, _ = the_object(capsys, "--format", "json")
    assert (code, found["problems"][0]["message"]) == (2, "No space left on device")


@pytest.mark.parametrize("form", ["json", "text", "github"])
def test_a_bug_is_no_drift(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code for an exception is 1, which means drift here."""

    def fails(*_: object) -> None:
        raise RecursionError("how deep")

    monkeypatch.setattr(generating, "compare", fails)
    assert main(["generate", "--check", "--format", form]) == 2
    said = capsys.readouterr()
    assert "in fails" in said.err
    assert "error: a bug of Tightbeam's: RecursionError\n    Please report it" in said.err
    if form == "json":
        (problem,) = json.loads(said.out)["problems"]
        assert problem["message"] == "a bug of Tightbeam's: RecursionError"


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generating, "compare", interrupted)
    code, found, _ = the_object(capsys, "--format", "json")
    assert (code, found["problems"][0]["message"]) == (130, "interrupted")


def test_packages_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    code, found, read = the_object(capsys, "--format", "json")
    assert (code, found["problems"][0]["message"]) == (2, "the command line needs more packages")
    assert "pip install 'tightbeam[codegen]'" in read
    assert main(["runs", "--format", "json"]) == 2
    assert capsys.readouterr().out == ""


def test_drift_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("schemas"), {"x.channel.json": channel("x", t=closed(a=STRING | {"nullable": True}))})
    code, found, read = the_object(capsys, "--format", "json", "--check")
    assert (code, [each["severity"] for each in found["problems"]]) == (1, ["warning"])
    assert {each["change"] for each in found["changed"]} == {"added"}
    assert found["diff"].startswith("--- /dev/null\n+++ b/generated/__init__.py\n")
    assert "The bindings are out of date" in read
    code, found, _ = the_object(capsys, "--format", "json", "--check", "--strict")
    assert (code, found["changed"]) == (2, [])
    code, found, _ = the_object(capsys, "--format", "json")
    assert (code, found["ok"], len(found["problems"]), len(found["changed"])) == (0, True, 1, 4)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["generate", "--format", "json"], "generate"),
        (["-C", "x", "generate", "--format=json", "--check"], "generate"),
        (["breaking", "--format", "json"], "breaking"),
        (["generate", "--format", "text"], None),
        (["generate", "--format"], None),
        (["generate", "json"], None),
        (["generate", "--format", "json", "--help"], None),
        ([], None),
    ],
)
def test_who_asks_for_it(arguments: list[str], asked: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    report.report_failure(arguments, "no")
    said = capsys.readouterr().out
    assert (json.loads(said)["problems"][0]["remedy"] if said else None) == (
        asked and f"See `tightbeam {asked} --help`."
    )


@pytest.mark.parametrize("arguments", [["--nope"], [], ["--against", "main", "--format", "jsn"]])
def test_wrong_calls_of_another_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["breaking", "--format", "json", *arguments]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], len(found["problems"]), found["topics"], found["code"]) == (False, 1, [], [])


@pytest.mark.parametrize(("raised", "code"), [(ZeroDivisionError, 2), (KeyboardInterrupt, 130)])
def test_bugs_and_interruptions_of_another_command(
    raised: type[BaseException],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("tightbeam_codegen.command.breaking.compare_with", fails)
    assert main(["breaking", "--against", "main", "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["ok"] is False


# -- as a process --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("closed_by", ["| true", ">&-", ">/dev/full"])
def test_output_that_nobody_takes(form: str, closed_by: str) -> None:
    """A reader that has ended changes no exit code; an outcome that can't be written does."""
    command = f'"$0" -c "$1" generate --check --format {form} {closed_by}; exit ${{PIPESTATUS[0]}}'
    # As most people run it, Python flushes what it keeps at its end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", command, COMMAND[0], COMMAND[2]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if closed_by == "| true" else 2), done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("standard output can't be written to" in done.stderr) is (closed_by != "| true")


@pytest.mark.slow
def test_jq_reads_it() -> None:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("there is no jq (Debian: apt-get install jq)")

    def asked(question: str, *arguments: str) -> str:
        done = subprocess.run([*COMMAND, *arguments, "--format", "json"], capture_output=True, check=False)
        # `--slurp` makes a list of all values there are: it must be one.
        answer = subprocess.run(
            [jq, "--slurp", "--compact-output", f"if length == 1 then .[0] | {question} else error end"],
            input=done.stdout,
            capture_output=True,
            check=False,
        )
        assert answer.returncode == 0, (done, answer)
        return answer.stdout.decode().strip()

    assert asked('[.changed[] | "\\(.change) \\(.file)"] | .[-1]', "--check") == '"added generated/x.py"'
    assert asked(".ok") == "true"
    assert asked("[.ok, .diff, .changed]", "--check") == '[true,"",[]]'
    assert asked("[.problems[].severity]", "--nope") == '["error"]'
    Path("schemas/x.channel.json").write_bytes(b'{"name": "\\ud800\\u0000\xff')
    assert asked('[.problems[] | has("line")] | all') == "true"


@pytest.mark.slow
def test_a_folder_whose_name_isnt_unicode() -> None:
    done = subprocess.run(
        [*COMMAND, "--output", os.fsdecode(b"\xff/out"), "--check", "--format", "json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["changed"][0]["change"] == "added"


def test_watching_in_other_forms_prints_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    def changes() -> Iterator[object]:
        yield None
        raise KeyboardInterrupt

    assert generating.run_watch(generating.Request(form="github"), changes()) == 0
    assert capsys.readouterr().out.startswith("Generated 1 channel in generated:")
