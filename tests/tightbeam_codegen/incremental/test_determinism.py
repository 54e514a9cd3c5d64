"""The same definitions give the same bytes, whoever generates where, in which order and beside whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import write_files
from tests.tightbeam_codegen.edits import RandomProject


@pytest.fixture(scope="module")
def definitions() -> Mapping[str, Any]:
    """A project with all that the generator has to put in order: sets, circles, shared files, folders."""
    project = RandomProject(Random(7), circles=True)
    for _ in range(40):
        project.edit()
    return project.files


def checkout(folder: Path, definitions: Mapping[str, Any], *, backwards: bool = False) -> Path:
    """The project in a folder, its files made in one order or the other."""
    paths = sorted(definitions, reverse=backwards)
    write_files(folder / "schemas", {path: json.dumps(definitions[path]) for path in paths})
    return folder


def started(
    folder: Path, arguments: list[str], *, seed: str = "0", cache: Path | None = None, cwd: Path | None = None
) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "TIGHTBEAM_CACHE_DIR": str(cache or ""),
    }
    program = "import sys; from tightbeam_cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(
        command, cwd=cwd or folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def made(folder: Path) -> dict[str, bytes]:
    root = folder / "generated"
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*.py"))}


def run(folder: Path, arguments: list[str] | None = None, **how: Any) -> dict[str, bytes]:
    process = started(folder, arguments or ["generate"], **how)
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    return made(folder)


@pytest.fixture(scope="module")
def expected(definitions: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one run gives."""
    found = run(checkout(tmp_path_factory.mktemp("expected"), definitions))
    assert len(found) > 10
    return found


@pytest.mark.slow
def test_another_hash_seed_place_and_order(
    definitions: Mapping[str, Any], expected: dict[str, bytes], tmp_path: Path
) -> None:
    folder = checkout(tmp_path / "elsewhere" / "naïve folder", definitions, backwards=True)
    assert run(folder, seed="12345") == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2", "random"])
def test_other_hash_seeds(
    seed: str, definitions: Mapping[str, Any], expected: dict[str, bytes], tmp_path: Path
) -> None:
    assert run(checkout(tmp_path, definitions), seed=seed) == expected


@pytest.mark.slow
def test_another_working_folder(
    definitions: Mapping[str, Any], expected: dict[str, bytes], tmp_path: Path
) -> None:
    folder = checkout(tmp_path / "project", definitions)
    (tmp_path / "cwd").mkdir()
    arguments = ["generate", "../project/schemas", "--output", "../project/generated"]
    assert run(folder, arguments, cwd=tmp_path / "cwd") == expected
    arguments = ["generate", str(folder / "schemas"), "--output", str(folder / "generated"), "--check"]
    assert run(folder, arguments, cwd=Path("/")) == expected


@pytest.mark.slow
def test_with_and_without_a_cache(
    definitions: Mapping[str, Any], expected: dict[str, bytes], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for name in ("first", "second"):
        assert run(checkout(tmp_path / name, definitions), cache=cache) == expected
        assert run(tmp_path / name, cache=cache) == expected
    for file in [path for path in cache.rglob("*") if path.is_file()]:
        file.write_bytes(b"{")
    assert run(checkout(tmp_path / "third", definitions), cache=cache) == expected


@pytest.mark.slow
def test_several_processes_at_once(
    definitions: Mapping[str, Any], expected: dict[str, bytes], tmp_path: Path
) -> None:
    """Into folders of their own with one cache, and into one folder."""
    cache = tmp_path / "cache"
    folders = [checkout(tmp_path / name, definitions) for name in ("a", "b", "same")]
    processes = [started(folder, ["generate"], cache=cache) for folder in (*folders, folders[-1])]
    for process in processes:
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 0, said
    assert [made(folder) == expected for folder in folders] == [True, True, True]
