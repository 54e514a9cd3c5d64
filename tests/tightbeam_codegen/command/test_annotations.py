"""Annotations of GitHub: they attach to the files of a pull request, wherever a command runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tightbeam_cli import main
from tightbeam_codegen.annotations import MOST, as_annotations, from_repository, log_text, step_summary
from tightbeam_codegen.problems import Place, Problem

WRONG = '{\n  "name": 1\n}'


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a service in a folder, which is the working directory."""
    for variable in ("GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    top = tmp_path / "repository"
    (top / ".git").mkdir(parents=True)
    (top / "services" / "shop" / "schemas").mkdir(parents=True)
    (top / "services" / "shop" / "schemas" / "x.channel.json").write_text(WRONG)
    monkeypatch.chdir(top / "services" / "shop")
    return top


def files(capsys: pytest.CaptureFixture[str], *arguments: str) -> set[str]:
    """The files that `generate` annotates."""
    capsys.readouterr()
    assert main(["generate", *arguments, "--format", "github"]) == 2
    return set(re.findall(r"^::error file=([^,]+),line=\d+,col=\d+,", capsys.readouterr().err, re.MULTILINE))


X = {"services/shop/schemas/x.channel.json"}


def test_from_a_folder_of_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert files(capsys) == X


@pytest.mark.parametrize("schemas", ["../shop/schemas", "./schemas/", "../../services/shop/schemas"])
def test_a_root_with_dots(schemas: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert files(capsys, schemas) == X


def test_a_root_of_a_sibling(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "web").mkdir()
    monkeypatch.chdir(repository / "web")
    assert files(capsys, "../services/shop/schemas") == X


def test_an_absolute_root(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert files(capsys, str(repository / "services" / "shop" / "schemas")) == X


def test_settings_in_a_folder_above(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = repository / "pyproject.toml"
    settings.write_text('[tool.tightbeam]\nschemas = "services/shop/schemas"\n')
    assert files(capsys) == X
    settings.write_text("[tool.tightbeam]\nschema = 1\n")
    assert files(capsys) == {"pyproject.toml"}
    monkeypatch.chdir(repository)
    assert files(capsys) == {"pyproject.toml"}


@pytest.mark.parametrize("workspace", ["link", "repository"])
@pytest.mark.parametrize("folder", ["link", "repository"])
def test_a_checkout_behind_a_link(
    workspace: str,
    folder: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    link = repository.with_name("link")
    link.symlink_to(repository)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository.with_name(workspace)))
    monkeypatch.chdir(repository.with_name(folder) / "services" / "shop")
    assert files(capsys) == X
    assert files(capsys, str(link / "services" / "shop" / "schemas")) == X


def test_a_linked_folder_is_named_where_it_lies(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pull request shows the files themselves, and a link as a file of one line."""
    (repository / "web").mkdir()
    (repository / "web" / "schemas").symlink_to("../services/shop/schemas")
    monkeypatch.chdir(repository / "web")
    assert files(capsys) == X


def test_a_link_that_leads_out_of_the_repository(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "y.channel.json").write_text(WRONG)
    Path("linked").symlink_to(tmp_path / "elsewhere")
    assert files(capsys, "linked") == {"services/shop/linked/y.channel.json"}


def test_a_checkout_in_a_folder_of_the_workspace(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by `path:` of actions/checkout: pull requests know nothing of that folder."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository.parent))
    assert files(capsys) == X


def test_a_workspace_without_a_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / ".git").rmdir()
    assert files(capsys) == {"schemas/x.channel.json"}
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    assert files(capsys) == X


def test_a_submodule_is_named_from_the_top(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".git").write_text("gitdir: ../../.git/modules/shop\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    assert files(capsys) == X


def test_what_is_in_no_repository_keeps_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_repository("schemas/x.json") == "schemas/x.json"
    assert from_repository("/x.json") == "/x.json"


def problem(number: int, severity: str = "error") -> Problem:
    return Problem(
        Place(f"{number:02}.json", number, 2),
        "error" if severity == "error" else "warning",
        "wrong",
        "Mend it.",
    )


def test_as_many_as_github_shows() -> None:
    lines = as_annotations(map(problem, range(MOST)), "t").splitlines()
    assert len(lines) == MOST
    assert lines[0] == "::error file=services/shop/00.json,line=0,col=2,title=t::wrong%0AMend it."


def test_more_than_github_shows() -> None:
    warnings = [problem(number, "warning") for number in range(MOST + 1)]
    lines = as_annotations([*map(problem, range(30)), *warnings], "t").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert [line.partition(" ")[0] for line in commands] == ["::error"] * MOST + ["::warning"] * MOST
    assert commands[MOST - 1] == "::error title=t::21 more errors: the log of this step lists them"
    assert commands[-1] == "::warning title=t::2 more warnings: the log of this step lists them"
    # Nothing is lost: each has an annotation or a line.
    assert sum("wrong" in line for line in lines) == 30 + MOST + 1
    assert not any(line.lstrip().startswith("::") for line in lines[2 * MOST :])


def test_nothing_breaks_out_of_a_command() -> None:
    evil = Problem(Place("a,b:c%.json", 3, 4), "error", "100 %\r\n::warning::x", "One\nline.")
    assert as_annotations([evil], "t: 1, 2") == (
        "::error file=services/shop/a%2Cb%3Ac%25.json,line=3,col=4,title=t%3A 1%2C 2::"
        "100 %25\\x0d\\x0a::warning::x%0AOne\\x0aline."
    )


@pytest.mark.parametrize(
    "text",
    [
        "::error::x",
        "  ::set-output name=a::b",
        "\t\u3000::add-mask::x",
        "fine\n ::stop-commands::x",
        "a\r::error::x",
        "\x0b::error::x",
        "+    '##[add-mask]x'",
        "##[error]x",
    ],
)
def test_text_in_a_log_is_no_command(text: str) -> None:
    """The runner drops blanks before `::`, and finds the older form anywhere in a line."""
    lines = re.split(r"[\r\n]", log_text(text))
    assert not any(line.strip().startswith("::") or "##[" in line for line in lines)
    assert log_text(text).replace("\u200b", "") == text


def test_other_text_in_a_log_stays() -> None:
    text = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n x: list[int] = a[::2]\n-# 1\n+## [x] std::vector\n"
    assert log_text(text) == text


def test_a_diff_says_nothing_to_the_runner(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    topic = {"schema": {"type": "string", "description": "x\n::add-mask::a\n##[add-mask]b"}}
    definition = f'{{"name": "x", "topics": {{"t": {str(topic).replace(chr(39), chr(34))}}}}}'
    Path("schemas/x.channel.json").write_text(definition)
    assert main(["generate"]) == 0
    written = Path("generated/x.py")
    assert "::add-mask::a" in written.read_text("utf-8")
    written.write_text(written.read_text("utf-8") + "x = 1\n")
    source = written.read_text("utf-8").replace("\n    ##[", "\n    x\n    ##[")
    written.write_text(source)
    capsys.readouterr()
    assert main(["generate", "--check", "--format", "github"]) == 1
    out = capsys.readouterr().out
    assert "add-mask" in out
    assert "##[" not in out
    assert not [line for line in out.splitlines() if line.strip().startswith("::")]


def test_the_summary_of_a_step_has_all(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for number in range(30):
        Path(f"schemas/y{number}.channel.json").write_text(WRONG)
    assert main(["generate", "--format", "github"]) == 2
    text = summary.read_text("utf-8")
    assert text.startswith(
        "# Before\n### tightbeam generate\n\n```text\nservices/shop/schemas/x.channel.json:"
    )
    assert text.count("'topics' is missing") == 31
    # Other forms are for other places, and a file that can't be written to changes nothing.
    assert main(["generate", "--format", "json"]) == 2
    assert main(["generate"]) == 2
    assert summary.read_text("utf-8") == text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "missing" / "summary.md"))
    assert main(["generate", "--format", "github"]) == 2
    assert "The summary of the step can't be written" in capsys.readouterr().err


def test_a_summary_stays_in_its_fence() -> None:
    text = step_summary([Problem(None, "error", "a ``` b ````` c", "")], "t")
    assert text.startswith("### t\n\n``````text\n")
    assert text.endswith("\n``````\n\n")


def test_a_summary_has_bounds() -> None:
    many = [Problem(Place("a.json", number, 1), "error", "x" * 100, "") for number in range(5_000)]
    assert len(step_summary(many, "t")) < 101_000
    assert "… and more" in step_summary(many, "t")
