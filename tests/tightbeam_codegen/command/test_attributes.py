"""`tightbeam init` and `.gitattributes`: written where there is none, never changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tightbeam_cli import main

LINE = "generated/** linguist-generated\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def generated(path: str) -> bool:
    """Whether git knows a file as generated."""
    command = ["git", "check-attr", "linguist-generated", "--", path]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.endswith(": linguist-generated: set\n")


def test_init_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert "Wrote .gitattributes, so that pull requests fold generated files\n" in capsys.readouterr().out
    assert Path(".gitattributes").read_text() == LINE
    assert generated("generated/_schemas/hello.py")
    assert not generated("schemas/hello.channel.json")


def test_every_folder_that_is_written_to(tmp_path: Path) -> None:
    settings = '[tool.tightbeam]\noutput = "src/my shop [eu]/bindings"\ntypescript = "web/src/channels"\n'
    Path("pyproject.toml").write_text(settings)
    assert main(["init"]) == 0
    assert generated("src/my shop [eu]/bindings/x.py")
    assert generated("web/src/channels/x.ts")
    assert not generated("src/my shop e/bindings/x.py")


@pytest.mark.parametrize("present", ["*.png binary\n", "", "generated/** text\n"])
def test_one_that_is_there_stays(present: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".gitattributes").write_text(present)
    assert main(["init"]) == 0
    assert Path(".gitattributes").read_text() == present
    said = capsys.readouterr().out
    assert f"In .gitattributes, so that pull requests fold generated files:\n\n    {LINE}" in said


@pytest.mark.parametrize("present", [LINE, "*.png binary\ngenerated/** -diff linguist-generated=true\n"])
def test_one_that_says_so_already(present: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".gitattributes").write_text(present)
    assert main(["init"]) == 0
    assert "gitattributes" not in capsys.readouterr().out


def test_it_lies_beside_the_settings(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = repository / "services" / "shop"
    (service / "deep").mkdir(parents=True)
    (service / "pyproject.toml").write_text("[tool.tightbeam]\n")
    monkeypatch.chdir(service / "deep")
    assert main(["init"]) == 0
    assert (service / ".gitattributes").read_text() == LINE
    assert not (repository / ".gitattributes").exists()
    assert generated("../generated/x.py")


def test_where_there_is_nothing_to_say(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "inner").mkdir()
    (repository / "inner" / "pyproject.toml").write_text('[tool.tightbeam]\noutput = "../elsewhere"\n')
    (tmp_path / "bare").mkdir()
    for folder in (repository / "inner", tmp_path / "bare"):
        monkeypatch.chdir(folder)
        assert main(["init"]) == 0
        assert not Path(".gitattributes").exists()
    assert "gitattributes" not in capsys.readouterr().out


def test_files_of_others_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schemas").mkdir()
    Path("schemas/a.json").write_text('{"type": "string", "title": "A"}')
    assert main(["init", "--from", "schemas/a.json"]) == 0
    assert Path(".gitattributes").read_text() == LINE
