"""Imported files are written all or none, and never over others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tightbeam_codegen.imports.writer import write_new
from tightbeam_codegen.problems import DefinitionErrors

FILES = {"a.json": b"a", "deep/er/b.json": b"b"}


def present(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_all_are_written_and_nothing_else_stays(tmp_path: Path) -> None:
    root = tmp_path / "new" / "schemas"
    assert sorted(write_new(root, FILES)) == [root / "a.json", root / "deep/er/b.json"]
    assert present(root) == ["a.json", "deep", "deep/er", "deep/er/b.json"]
    assert (root / "deep/er/b.json").read_bytes() == b"b"


def test_a_file_with_the_same_bytes_counts_as_written(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"a")
    assert write_new(tmp_path, FILES) == [tmp_path / "deep/er/b.json"]


def test_a_file_in_the_way_stops_all(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"mine")
    with pytest.raises(DefinitionErrors, match=r"a.json exists; nothing was changed\n +Do this."):
        write_new(tmp_path, FILES, remedy="Do this.")
    assert present(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"mine"


@pytest.mark.parametrize("target", ["a.json", "nowhere"])
def test_a_link_in_the_way_is_not_followed(tmp_path: Path, target: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json").write_bytes(b"a")
    root = tmp_path / "schemas"
    root.mkdir()
    (root / "a.json").symlink_to(outside / target)
    with pytest.raises(DefinitionErrors, match="exists"):
        write_new(root, FILES)
    assert present(outside) == ["a.json"]


def test_a_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "schemas"
    root.mkdir()
    (root / "deep").symlink_to(outside)
    with pytest.raises(DefinitionErrors, match="leads out of the schema root"):
        write_new(root, FILES)
    assert present(outside) == []
    assert present(root) == ["deep"]


def test_what_fails_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[object] = []

    def link(source: Path, target: Path, **_: object) -> None:
        linked.append(target)
        if len(linked) == 2:
            target.write_bytes(b"another process was faster")
            raise FileExistsError(17, "File exists", str(target))
        real(source, target)

    real = os.link
    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileExistsError):
        write_new(tmp_path, FILES)
    assert len(linked) == 2
    assert present(tmp_path) == ["deep", "deep/er", "deep/er/b.json"]
    assert (tmp_path / "deep/er/b.json").read_bytes() == b"another process was faster"


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_new(tmp_path, FILES)
    assert present(tmp_path) == ["a.json", "deep", "deep/er", "deep/er/b.json"]
