"""Which files are definitions, and what they may not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tightbeam_codegen.problems import Problems, render
from tightbeam_codegen.read.discover import check_modules, discover, module_path, read_inside


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("{}")


def test_definitions_are_found_in_order_and_nothing_else(tmp_path: Path) -> None:
    put(
        tmp_path,
        "b.channel.json",
        "a/c.channel.yaml",
        "a/d.channel.yml",
        "a/common.json",
        "x.json",
        "channel.json",
    )
    put(tmp_path, ".hidden/e.channel.json", ".f.channel.json", "g.channel.json.bak")
    problems = Problems()
    found = discover(tmp_path, "schemas", problems)
    assert [(file.path, file.shown) for file in found] == [
        ("a/c.channel.yaml", "schemas/a/c.channel.yaml"),
        ("a/d.channel.yml", "schemas/a/d.channel.yml"),
        ("b.channel.json", "schemas/b.channel.json"),
    ]
    assert not len(problems)


def test_the_root_may_be_a_link_but_nothing_may_lead_out_of_it(tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.channel.json", "root/fine.channel.json", "root/sub/inner.channel.json")
    (tmp_path / "root/link.channel.json").symlink_to(tmp_path / "outside/secret.channel.json")
    (tmp_path / "root/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root/again").symlink_to(tmp_path / "root/sub")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    (tmp_path / "linked").symlink_to(tmp_path / "root")
    problems = Problems()
    found = discover(tmp_path / "linked", "schemas", problems)
    assert [file.path for file in found] == ["fine.channel.json", "sub/inner.channel.json"]
    assert render(problems) == (
        "schemas/folder:1:1: warning: a linked folder outside the root is skipped\n"
        "    Copy it into the root, or map it in [tool.tightbeam.refs].\n"
        "schemas/link.channel.json:1:1: error: a symbolic link out of the schema root\n"
        "    Copy it into the root, or map it in [tool.tightbeam.refs]."
    )


def test_names_that_no_terminal_should_see(tmp_path: Path) -> None:
    put(tmp_path, "a\n::error::.channel.json", "b\u202e.channel.json")
    problems = Problems()
    assert discover(tmp_path, "s", problems) == []
    assert render(problems) == (
        "s/a\\x0a::error::.channel.json:1:1: error: a file name with control characters\n"
        "    Rename the file.\n"
        "s/b\\u202e.channel.json:1:1: error: a file name with control characters\n"
        "    Rename the file."
    )


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.read.discover.MAX_FILES", 2)
    put(tmp_path, "a.channel.json", "b", "c")
    problems = Problems()
    assert discover(tmp_path, "home", problems) == []
    assert "more than 2 files in 'home'" in render(problems)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("uploads.channel.json", ("uploads",)),
        ("orders/line-item.channel.yaml", ("orders", "line_item")),
        ("LineItem.channel.yml", ("line_item",)),
        ("3d-model.channel.json", ("x3d_model",)),
    ],
)
def test_modules(path: str, module: tuple[str, ...]) -> None:
    problems = Problems()
    assert module_path(path, path, problems) == module
    assert not len(problems)


@pytest.mark.parametrize(
    "path", [".channel.json", "class.channel.json", "import/a.channel.json", "__init__.channel.json"]
)
def test_names_that_are_no_modules(path: str) -> None:
    problems = Problems()
    assert module_path(path, path, problems) is None
    assert problems.has_errors


def test_modules_that_meet() -> None:
    problems = Problems()
    definitions = [("a-b.channel.json", ("a_b",)), ("aB.channel.yaml", ("a_b",)), ("x/y.json", ("x", "y"))]
    check_modules(definitions, problems)
    assert "both become the module a_b" in render(problems)
    problems = Problems()
    check_modules(
        [("a.channel.json", ("a",)), ("a.json", ("a",)), ("a.schema.json", ("a",)), ("A.yaml", ("a",))],
        problems,
    )
    assert not problems.has_errors
    problems = Problems()
    check_modules([("strasse", ("strasse",)), ("straße", ("straße",))], problems)
    assert problems.has_errors
    problems = Problems()
    check_modules([("x.json", ("x",)), ("x/y.json", ("x", "y"))], problems)
    assert "hide the package" in render(problems)
    problems = Problems()
    check_modules([("x.json", ("x",)), ("y/x.json", ("y", "x"))], problems)
    assert not problems.has_errors


def test_reading_stays_inside(tmp_path: Path) -> None:
    put(tmp_path, "root/a.json", "secret.json")
    (tmp_path / "root/link.json").symlink_to(tmp_path / "secret.json")
    root = tmp_path / "root"
    assert read_inside(root, "a.json") == b"{}"
    for path in ("../secret.json", "link.json", str(tmp_path / "secret.json"), "/etc/passwd", "."):
        with pytest.raises(PermissionError):
            read_inside(root, path)
    with pytest.raises(FileNotFoundError):
        read_inside(root, "b.json")
