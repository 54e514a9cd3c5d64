"""`[tool.tightbeam]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tightbeam_codegen.problems import DefinitionErrors
from tightbeam_codegen.settings import Settings, load_settings, read_settings
from tightbeam_codegen.targets import OPTIONS


def refusal(text: str, tmp_path: Path) -> str:
    with pytest.raises(DefinitionErrors) as raised:
        read_settings(text.encode(), tmp_path / "pyproject.toml", OPTIONS)
    return str(raised.value)


def test_everything_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "vendor/v2").mkdir(parents=True)
    text = """
[tool.ruff]
line-length = 100

[tool.tightbeam]
schemas = "definitions"
output = "src/app/channels"
assert_formats = false
dialect = "draft-07"
strict = true

[tool.tightbeam.refs]
"https://schemas.example.com/" = "vendor"
"https://schemas.example.com/v2/" = "vendor/v2"
"""
    file = tmp_path / "pyproject.toml"
    assert read_settings(text.encode(), file, OPTIONS) == Settings(
        schemas=tmp_path / "definitions",
        options={"output": tmp_path / "src/app/channels"},
        assert_formats=False,
        dialect="http://json-schema.org/draft-07/schema",
        refs={
            "https://schemas.example.com/v2/": tmp_path / "vendor/v2",
            "https://schemas.example.com/": tmp_path / "vendor",
        },
        strict=True,
        line_length=100,
        source=file,
    )
    assert list(read_settings(text.encode(), file, OPTIONS).refs) == [
        "https://schemas.example.com/v2/",
        "https://schemas.example.com/",
    ]


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.tightbeam]\nschemas = "s"\n')
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    assert load_settings(inner, OPTIONS).schemas == tmp_path / "s"
    (inner / "pyproject.toml").write_text("")
    assert load_settings(inner, OPTIONS) == Settings(
        schemas=inner / "schemas", options={"output": inner / "generated"}
    )


def test_paths_stay_relative_where_the_file_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    assert load_settings(Path(), OPTIONS).schemas == Path("schemas")


def test_a_metaschema_in_a_mapped_folder_is_a_dialect(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    text = (
        'tool.tightbeam = { dialect = "https://x.example/meta", refs = { "https://x.example/" = "vendor" } }'
    )
    assert (
        read_settings(text.encode(), tmp_path / "pyproject.toml", OPTIONS).dialect == "https://x.example/meta"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[tool.tightbeam]\n\nouptut = 'x'",
            "pyproject.toml:3:1: error: unknown setting 'ouptut'\n    Did you mean 'output'?",
        ),
        ("[tool.tightbeam]\nschemas = 1", "pyproject.toml:2:1: error: schemas must be a path"),
        ("[tool.tightbeam]\noutput = ''", "output must be a path"),
        ("[tool.tightbeam]\nassert_formats = 'no'", "assert_formats must be true or false"),
        ("[tool.tightbeam]\ndialect = 'draft-3'", "unknown dialect 'draft-3'"),
        ("[tool.tightbeam]\ndialect = 7", "unknown dialect of this type"),
        ("[tool.tightbeam]\nrefs = []", "refs must be a table"),
        ("[tool.tightbeam.refs]\n'https://a/#x' = 'v'", "isn't the beginning of an absolute URI"),
        ("[tool.tightbeam.refs]\n'https://tightbeam.invalid/' = 'v'", "stands for the schema root"),
        ("[tool.tightbeam.refs]\n'https://tightbeam.invalid' = 'v'", "stands for the schema root"),
        ("[tool.tightbeam.refs]\n'https://a/' = 1", "must be mapped to a folder"),
        ("[tool]\ntightbeam = 1", "tool.tightbeam must be a table"),
        ("[tool.tightbeam\n", "pyproject.toml:1:16: error: not valid TOML"),
        ("a = 1\n[tool.tightbeam]\nschemas = \n", "pyproject.toml:3:11: error: not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(text, tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors, match="isn't UTF-8"):
        read_settings(b"\xff", tmp_path / "pyproject.toml", OPTIONS)


@pytest.mark.parametrize("length", ["0", "400", "'88'", "true"])
def test_what_ruff_would_refuse_is_ruffs_business(length: str, tmp_path: Path) -> None:
    text = f"[tool.ruff]\nline-length = {length}\n"
    assert read_settings(text.encode(), tmp_path / "pyproject.toml", OPTIONS).line_length == 88
