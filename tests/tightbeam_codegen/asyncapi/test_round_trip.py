"""What is exported and imported again gives the same bindings, to the byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tightbeam_codegen.golden import GOOD, Case
from tightbeam_cli import main
from tightbeam_codegen.version import tool_version

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> None:
    assert main(list(arguments)) == 0


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def imported_again(project: Path, schemas: Path, form: str) -> Path:
    """Export definitions, and import the document in a folder where there is nothing else."""
    document = project / "elsewhere" / f"channels.{form}"
    document.parent.mkdir()
    run("export", "asyncapi", str(schemas), "--output", str(document))
    run("init", "again", "--from", str(document))
    for kind in ("channel", "event"):
        (project / "again" / f"{kind}.schema.json").unlink(missing_ok=True)
    return project / "again"


@pytest.mark.parametrize("form", ["json", pytest.param("yaml", marks=pytest.mark.slow)])
def test_the_project_s_own_definitions(project: Path, form: str) -> None:
    shutil.copyfile(ROOT / "pyproject.toml", project / "pyproject.toml")
    again = imported_again(project, ROOT / "schemas", form)
    assert files_below(again) == files_below(ROOT / "schemas")
    run("generate", "again", "--output", "generated")
    expected = files_below(ROOT / "generated")
    assert files_below(project / "generated") == {k: v for k, v in expected.items() if "__pycache__" not in k}


def files_of(case: Case) -> dict[str, bytes]:
    """Return the files of a golden case that its definitions lead to."""
    return files_below(case.folder / "schemas")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "form"), [(case, "yaml" if at % 2 else "json") for at, case in enumerate(GOOD)]
)
def test_golden_cases(case: Case, form: str, project: Path) -> None:
    """Every golden case comes back: none has something that a document can't carry."""
    for path in case.folder.iterdir():
        if path.is_dir() and path.name not in ("schemas", "expected", "typescript"):
            shutil.copytree(path, project / path.name)
        elif path.name == "pyproject.toml":
            shutil.copyfile(path, project / path.name)
    again = imported_again(project, case.folder / "schemas", form)
    found, expected = files_below(again), files_of(case)
    unread = {path for path in expected if path not in found}
    assert found == {path: content for path, content in expected.items() if path not in unread}
    # What no definition leads to isn't part of the channels.
    assert not any(".channel." in path for path in unread)
    run("generate", "again", "--output", "expected")
    made = {
        path: text.replace(f"by tightbeam {tool_version()}".encode(), b"by tightbeam 0.0.0")
        for path, text in files_below(project / "expected").items()
    }
    assert made == {path: text.encode() for path, text in case.expected().items()}


@pytest.mark.parametrize("rewrite", ["indent", "yaml", "javascript"])
def test_a_document_that_is_only_laid_out_otherwise_is_the_same(project: Path, rewrite: str) -> None:
    """Formatters and converters write the same values otherwise; JavaScript writes 1.0 as 1."""
    definition = {
        "name": "x",
        "topics": {"t": {"schema": {"type": "number", "maximum": 1.0, "minimum": -1e3}}},
    }
    (project / "schemas").mkdir()
    (project / "schemas/x.channel.json").write_text(json.dumps(definition))
    run("export", "asyncapi", "--output", "a.json")
    value = json.loads(Path("a.json").read_text())
    if rewrite == "yaml":
        Path("b.yaml").write_text(yaml.safe_dump(value))
    elif rewrite == "javascript":
        text = Path("a.json").read_text().replace('"maximum": 1.0', '"maximum": 1')
        Path("b.json").write_text(text.replace('"minimum": -1000.0', '"minimum": -1000'))
    else:
        Path("b.json").write_text(json.dumps(value, indent=8, sort_keys=True))
    run("init", "again", "--from", "b.yaml" if rewrite == "yaml" else "b.json")
    assert Path("again/x.channel.json").read_bytes() == Path("schemas/x.channel.json").read_bytes()


def changed(document: dict[str, Any]) -> None:
    document["components"]["messages"]["x.t"]["payload"]["properties"]["b"] = {"type": "integer"}


def test_a_document_that_was_changed_is_taken_as_it_is_now(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    definition = {
        "name": "x/{n}/{o}",
        "separator": "/",
        "params": {"n": {"type": "integer", "minimum": 1, "description": "N."}, "o": {"enum": ["a", "b"]}},
        "topics": {"t": {"schema": schema}},
    }
    (project / "schemas").mkdir()
    (project / "schemas/x.channel.json").write_text(json.dumps(definition))
    run("export", "asyncapi", "--output", "a.json")
    document = json.loads(Path("a.json").read_text())
    changed(document)
    Path("a.json").write_text(json.dumps(document))
    run("init", "again", "--from", "a.json")
    assert "The document was changed since it was exported" in capsys.readouterr().out
    written = json.loads(Path("again/x.channel.json").read_text())
    assert (written["name"], written["separator"]) == ("x/{n}/{o}", "/")
    assert written["params"] == definition["params"]
    assert written["topics"] == {"t": {"schema": {"$ref": "a.json#/components/messages/x.t/payload"}}}
    run("generate", "again")
    assert "b: " in Path("generated/a.py").read_text()


def test_without_its_files_a_document_is_one_like_others(project: Path) -> None:
    shutil.copytree(ROOT / "schemas", project / "schemas")
    run("export", "asyncapi", "--output", "a.json", "--no-sources")
    assert '"files"' not in Path("a.json").read_text()
    run("init", "again", "--from", "a.json")
    names = sorted(path.name for path in Path("again").glob("*.channel.json"))
    assert names == [
        "alerts.channel.json",
        "orders.channel.json",
        "pipeline.channel.json",
        "uploads.channel.json",
    ]
    orders = json.loads(Path("again/orders.channel.json").read_text())
    assert orders["params"]["orderId"] == {
        "type": "integer",
        "minimum": 1,
        "description": "The order's number, counted per shop.",
    }
    run("generate", "again", "--strict")
