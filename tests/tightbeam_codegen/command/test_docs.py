"""`tightbeam docs`: what it writes, leaves alone, removes, says and returns."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam_cli import main
from tightbeam_codegen.command.docs import run_docs


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two channels and a shared type."""
    files = {
        "orders.channel.json": channel("orders", placed=closed(price=ref("common.json#/$defs/Money"))),
        "uploads.channel.json": channel("uploads", status=STRING),
        "common.json": {"$defs": {"Money": closed(cents=INTEGER)}},
    }
    write_files(tmp_path / "schemas", files)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_site_is_written_checked_and_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "--output", "site", "--check"]) == 1
    assert not (project / "site").exists()
    assert "added site/channels/orders.html\n" in capsys.readouterr().out
    assert main(["docs", "schemas", "--output", "site"]) == 0
    assert capsys.readouterr().out == "Described 2 channels in site: 10 files written.\n"
    first = files_of(project / "site")
    assert main(["docs", "--output", "site"]) == 0
    assert capsys.readouterr().out == "Described 2 channels in site: nothing changed.\n"
    assert main(["docs", "--output", "site", "--check"]) == 0
    assert files_of(project / "site") == first


def test_stale_pages_go_and_files_of_others_stay(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_docs(None, Path("site")) == 0
    foreign = {"CNAME": "docs.example.com", "own.html": "<p>mine", "channels/own.css": "p {}", "x/a.js": "1"}
    write_files(project / "site", foreign)
    (project / "schemas" / "orders.channel.json").unlink()
    (project / "schemas" / "common.json").unlink()
    capsys.readouterr()
    assert run_docs(None, Path("site"), check=True) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "removed site/channels/orders.html",
        "changed site/channels/uploads.html",
        "changed site/index.html",
        "changed site/search/0.js",
        "removed site/types.html",
        "removed site/types/common.html",
    ]
    assert err == "The site is out of date; run `tightbeam docs`.\n"
    assert run_docs(None, Path("site")) == 0
    present = files_of(project / "site")
    assert {path: present[path].decode() for path in foreign} == foreign
    assert "channels/orders.html" not in present
    assert "types.html" not in present


def test_a_file_in_the_way_is_not_written_over(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(project / "site", {"index.html": "<p>mine", "catalogue.css": "p {}"})
    assert run_docs(None, Path("site")) == 2
    assert files_of(project / "site") == {"index.html": b"<p>mine", "catalogue.css": b"p {}"}
    err = capsys.readouterr().err
    assert "'site/index.html' is in the way" in err
    assert "'site/catalogue.css' is in the way" in err


def test_definitions_with_errors_leave_the_site_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_docs(None, Path("site")) == 0
    before = files_of(project / "site")
    broken = {"name": "orders", "topics": {"placed": {"schema": {"type": "text"}}}}
    (project / "schemas" / "orders.channel.json").write_text(json.dumps(broken), "utf-8")
    capsys.readouterr()
    assert run_docs(None, Path("site")) == 2
    assert "schemas/orders.channel.json:1:" in capsys.readouterr().err
    assert files_of(project / "site") == before


def test_a_folder_that_cannot_be_written_to(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "site").write_text("a file")
    assert run_docs(None, Path("site")) == 2
    assert "A file is where a folder has to be" in capsys.readouterr().err


def test_places_are_named_from_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever the command is run, and on every machine."""
    (project / "pyproject.toml").write_text("[tool.tightbeam]\n")
    assert run_docs(None, Path("site")) == 0
    first = files_of(project / "site")
    assert b"schemas/orders.channel.json:1:" in first["channels/orders.html"]
    monkeypatch.chdir(project / "schemas")
    assert run_docs(None, project / "site", check=True) == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run_docs(project / "schemas", Path("site")) == 0
    assert files_of(Path("site")) == first


def changed(project: Path) -> None:
    """Leave the definitions of before in a folder, and change those of today."""
    shutil.copytree(project / "schemas", project / "before")
    files = {
        "orders.channel.json": channel(
            "orders", placed=closed("price", price=ref("common.json#/$defs/Money"))
        ),
        "news.channel.json": channel("news", item=STRING),
    }
    write_files(project / "schemas", files)


def test_changes_are_shown_in_the_words_of_breaking(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(project)
    assert main(["docs", "--output", "site", "--against", "before"]) == 0
    assert capsys.readouterr().out == "Described 3 channels in site: 12 files written.\n"
    assert main(["breaking", "--against", "before"]) == 1
    said = capsys.readouterr().out
    pages = {path: words(content.decode()) for path, content in files_of(project / "site").items()}
    for sentence in (
        "New readers can't take every old message. The smallest one found that they refuse:",
        "Deploy all publishers first, then the readers, which can't load older messages that are stored.",
        '"price" is a required property',
        "`news` is a new channel. Deploy gateways and publishers before its readers.",
        "Compared with `before`: 1 topic breaks; callers must change for 1 reason.",
    ):
        assert sentence in said
        assert sentence.replace("`", "") in pages["changes.html"], sentence
    assert "orders, topic placed publishers first" in pages["changes.html"]
    assert "Since before publishers first" in pages["channels/orders.html"]
    assert "Refused by schemas/orders.channel.json:1:" in pages["channels/orders.html"]
    assert "Since before" not in pages["channels/uploads.html"]
    assert "orders callers must change" in pages["index.html"]
    assert "news new" in pages["index.html"]
    assert main(["docs", "--output", "site", "--against", "before", "--check"]) == 0
    assert main(["docs", "--output", "site"]) == 0
    assert not (project / "site" / "changes.html").exists()


def test_a_revision_that_cannot_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(project)
    assert main(["docs", "--against", "no-such-folder"]) == 2
    assert "no-such-folder" in capsys.readouterr().err
    (project / "before" / "orders.channel.json").write_text("{")
    assert main(["docs", "--against", "before"]) == 2
    err = capsys.readouterr().err
    assert "before/orders.channel.json:1:" in err
    assert "The definitions at before don't compile." in err
    assert not (project / "site").exists()


def test_text_of_changes_stays_text(project: Path) -> None:
    """Names, payloads and reasons of both sides."""
    text = "</code><img src=x onerror=alert(1)>`[a](javascript:alert(1))"
    old = channel("orders", **{text: closed(**{text: {"enum": [text, "a"]}}), "gone": STRING})
    new = channel("orders", **{text: closed(**{text: {"enum": ["a"]}}), text + text: STRING})
    new["x-tightbeam-allow-breaking"] = text
    write_files(project / "before", {"orders.channel.json": old})
    write_files(project / "schemas", {"orders.channel.json": new})
    assert run_docs(None, Path("site"), against="before") == 0
    for page in ("changes.html", "channels/orders.html", "index.html"):
        content = (project / "site" / page).read_text("utf-8")
        assert "&lt;img" in content
        assert set(re.findall(r"<img [^>]*>", content)) == {
            f'<img src="{"../" * page.count("/")}mark.svg" alt="" width="22" height="22">'
        }
        assert not re.search(r"href=.?javascript", content)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
