"""A cache may forget; it may not lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tightbeam_codegen.incremental.cache import (
    Cache,
    cache_folder,
    open_cache,
    tool_digest,
)
from tightbeam_codegen.targets.python.answer import Fact
from tightbeam_codegen.targets.python.stored import FactStore
from tightbeam_codegen.targets.python.type_tree import (
    ANY,
    FLOAT,
    INT,
    NONE,
    STR,
    Constants,
    DictOf,
    Format,
    ListOf,
    Named,
    OneOf,
)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c", "salt")
    assert cache.get("key") is None
    cache.put("key", {"a": [1, None, "ä\u2028"]})
    assert cache.get("key") == {"a": [1, None, "ä\u2028"]}
    assert Cache(tmp_path / "c", "salt").get("key") == {"a": [1, None, "ä\u2028"]}
    cache.put("key", 2)
    assert cache.get("key") == 2


def test_another_version_of_the_tool_finds_nothing(tmp_path: Path) -> None:
    Cache(tmp_path, "one").put("key", 1)
    assert Cache(tmp_path, "two").get("key") is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[1]", b'{"value": 1}', b'{"key": "other", "value": 1}', b"[" * 100_000]
)
def test_what_is_damaged_counts_as_absent(data: bytes, tmp_path: Path) -> None:
    cache = Cache(tmp_path, "salt")
    cache.put("key", 1)
    (file,) = files(tmp_path)
    file.write_bytes(data)
    assert cache.get("key") is None


def test_a_cache_that_cannot_write_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "folder")
    cache.put("key", 1)
    assert cache.get("key") is None
    nothing = Cache(None)
    nothing.put("key", 1)
    assert nothing.get("key") is None


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.incremental.cache.MAX_ENTRY", 100)
    cache = Cache(tmp_path)
    cache.put("large", "x" * 200)
    assert cache.get("large") is None
    monkeypatch.setattr("tightbeam_codegen.incremental.cache.MAX_TOTAL", 1_000)
    for number in range(100):
        cache.put(str(number), "x" * 40)
    assert len(files(tmp_path)) == 100
    Cache(tmp_path).put("one more", 1)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 600


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c"
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    assert cache_folder() is None
    monkeypatch.delenv("TIGHTBEAM_CACHE_DIR")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tightbeam"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() is None


def test_a_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "c"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c").chmod(0o777)
    open_cache().put("key", 1)
    assert files(tmp_path) == []
    (tmp_path / "c").chmod(0o700)
    open_cache().put("key", 1)
    assert len(files(tmp_path)) == 1


def test_entries_are_private_json(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c", "s")
    cache.put("key", 1)
    assert (tmp_path / "c").stat().st_mode & 0o077 == 0
    (file,) = files(tmp_path)
    assert json.loads(file.read_text()) == {"key": "skey", "value": 1}


def test_the_digest_stays_the_same() -> None:
    first = tool_digest()
    tool_digest.cache_clear()
    assert tool_digest() == first


def test_facts_come_back(tmp_path: Path) -> None:
    facts = {
        "a": Fact(OneOf((INT, FLOAT)), (("ge", 0), ("le", 1.5))),
        "b": Fact(OneOf((Constants(("s0", "s1", -1, True)), NONE))),
        "c": Fact(DictOf(ListOf(OneOf((Named("R0"), Format("date-time"), ANY))))),
        "d": Fact(STR, (("pattern", "s0"),)),
    }
    cache = Cache(tmp_path)
    FactStore(cache).put(facts)
    assert FactStore(cache).get(["a", "b", "c", "d", "e"]) == facts


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "int",
        ["int"],
        ["int", [], 1],
        ["__import__('os').system('x')", []],
        ["int\n", []],
        [[], []],
        [["list"], []],
        [["list", "int", "int"], []],
        [["tuple", "int"], []],
        [["array", "int"], []],
        [["name", "print"], []],
        [["name", "R0\n"], []],
        [["format", "email"], []],
        [["constants"], []],
        [["constants", "word"], []],
        [["constants", 1.5], []],
        [["constants", ["s0"]], []],
        [["union", "int"], []],
        [["union", "int", "print()"], []],
        [["list", {"int": 1}], []],
        ["int", [["ge(", 1]]],
        ["int", [["default_factory", 1]]],
        ["int", [["ge", [1]]]],
        ["int", "rules"],
        ["int", [["ge"]]],
    ],
)
def test_facts_that_are_none_are_not_used(entry: object, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("facts-2", {"a": entry, "b": ["int", []]})  # type: ignore[dict-item]  # what a damaged file may hold
    assert FactStore(cache).get(["a", "b"]) == {"b": Fact(INT)}


def test_facts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.targets.python.stored.MAX_FACTS", 2)
    store = FactStore(Cache(tmp_path))
    store.put({"a": Fact(INT), "b": Fact(INT)})
    store.put({"c": Fact(INT)})
    assert store.get("abc") == {"c": Fact(INT)}


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    for number in range(20):
        before = set(files(tmp_path))
        cache.put(str(number), "x" * 40)
        (file,) = set(files(tmp_path)) - before
        os.utime(file, (number, number))
    monkeypatch.setattr("tightbeam_codegen.incremental.cache.MAX_TOTAL", 1_000)
    Cache(tmp_path).put("one more", 1)
    left = [number for number in range(20) if cache.get(str(number)) is not None]
    assert left == list(range(20 - len(left), 20))
    assert 0 < len(left) < 20


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("key", 1)
    (file,) = files(tmp_path)
    file.unlink()
    (file / "in the way").mkdir(parents=True)
    cache.put("key", 1)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "incremental/cache.py",
        "data/channel.schema.json",
        "targets/python/templates/module.py.jinja",
        "support/channel.ts",
    ],
)
def test_every_file_of_the_tool_counts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("one")
    monkeypatch.setattr(
        "tightbeam_codegen.incremental.cache.__file__", str(tmp_path / "incremental/cache.py")
    )
    first = tool_digest.__wrapped__()
    file.write_text("two")
    assert tool_digest.__wrapped__() != first


@pytest.mark.parametrize(
    "name", ["datamodel_code_generator", "jinja2", "jsonschema_rs", "pydantic", "pydantic_core"]
)
def test_another_version_of_a_library_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / f"{name}-1.0.dist-info").mkdir()
    first = tool_digest.__wrapped__()
    (tmp_path / f"{name}-1.0.dist-info").rename(tmp_path / f"{name}-1.1.dist-info")
    assert tool_digest.__wrapped__() != first
