"""Well-known schemas, each with documents that its own users wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from tests.corpus.own_documents import FHIR, SARIF, STAC_COLLECTION, STAC_ITEM, VEGA_LITE
from tests.corpus.packages import PACKAGES
from tests.corpus.store import schemas as schemastore

__all__ = ["SUBJECTS", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A schema, what it refers to, and documents for it."""

    name: str
    text: Callable[[], bytes]
    """The schema's text."""
    documents: Callable[[], list[Any]]
    """Documents, most of them right."""
    least: int
    """How many of them are right, at least."""
    vendored: Callable[[Path], dict[str, Path]] = lambda _: {}
    """Writes what the schema refers to below a folder; gives the setting `refs`."""
    pointer: str = ""
    """The definition that is the topic's schema; the whole document if empty."""


class _Yaml(yaml.SafeLoader):
    """YAML whose only booleans are `true` and `false`: `on` is a key of GitHub's workflows."""

    yaml_implicit_resolvers: ClassVar = {
        first: [rule for rule in rules if first in "tTfF" or rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _file(package: str, path: str) -> Callable[[], bytes]:
    return (PACKAGES[package].folder / path).read_bytes


def _parsed(package: str, pattern: str) -> list[Any]:
    """Parse the JSON and YAML files of a package that match."""
    files = sorted(PACKAGES[package].folder.glob(pattern))
    return [_plain(yaml.load(file.read_text("utf-8"), _Yaml)) for file in files]


def _plain(value: Any) -> Any:
    """Give what YAML made of a document as JSON has it: dates as text, keys too."""
    return json.loads(json.dumps(value, default=str))


def _cyclonedx(folder: Path) -> dict[str, Path]:
    shutil.copytree(PACKAGES["cyclonedx"].folder / "cyclonedx/schema/_res", folder)
    return {"http://cyclonedx.org/schema/": folder}


def _stac(folder: Path) -> dict[str, Path]:
    schemas = PACKAGES["stac"].folder / "pystac/validation/jsonschemas"
    shutil.copytree(schemas / "geojson", folder / "geojson")
    for kind in ("item", "collection"):
        shutil.copytree(schemas / "stac-spec/v1.1.0", folder / f"stac/v1.1.0/{kind}-spec/json-schema")
    return {
        "https://schemas.stacspec.org/": folder / "stac",
        "https://geojson.org/schema/": folder / "geojson",
    }


def _from_schemastore(url: str) -> Callable[[], bytes]:
    return lambda: dict(schemastore())[url]


def _asyncapi(version: str) -> list[Any]:
    return [
        one for one in _parsed("asyncapi-examples", "assets/examples/*") if one.get("asyncapi") == version
    ]


def _notebooks() -> list[Any]:
    found = _parsed("nbformat", "tests/*.ipynb")
    return [one for one in found if (one.get("nbformat"), one.get("nbformat_minor")) == (4, 5)]


def _webhooks() -> Iterator[Subject]:
    """One subject for each kind of event that GitHub sends."""
    if not PACKAGES["octokit-examples"].folder.is_dir():
        return
    index = json.loads(_file("octokit-examples", "api.github.com/index.json")())
    known = json.loads(_file("octokit", "schema.json")())["definitions"]
    for event in index:
        name = f"{event['name']}_event"
        if name in known:
            yield Subject(
                f"octokit {event['name']}",
                _file("octokit", "schema.json"),
                lambda event=event: event["examples"],  # type: ignore[misc]  # mypy: event
                0,
                pointer=f"#/definitions/{name}",
            )


def _hook(kind: str) -> list[Any]:
    return _parsed("check-jsonschema", f"tests/example-files/hooks/positive/{kind}/[!_]*.[jy]*[nl]")


_VENDOR = "src/check_jsonschema/builtin_schemas/vendor"

SUBJECTS: tuple[Subject, ...] = (
    Subject("nbformat 4.5", _file("nbformat", "nbformat/v4/nbformat.v4.5.schema.json"), _notebooks, 2),
    Subject(
        "CycloneDX 1.7",
        _file("cyclonedx", "cyclonedx/schema/_res/bom-1.7.SNAPSHOT.schema.json"),
        lambda: _parsed("cyclonedx", "tests/_data/schemaTestData/1.7/*.json"),
        40,
        _cyclonedx,
    ),
    Subject("vega-lite 6", _file("vega-lite", "build/vega-lite-schema.json"), lambda: VEGA_LITE, 5),
    Subject(
        "STAC item",
        lambda: b'{"$ref": "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"}',
        lambda: STAC_ITEM,
        1,
        _stac,
    ),
    Subject(
        "STAC collection",
        lambda: (
            b'{"$ref": "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json"}'
        ),
        lambda: STAC_COLLECTION,
        1,
        _stac,
    ),
    Subject("AsyncAPI 3.0", _file("asyncapi", "schemas/3.0.0.json"), lambda: _asyncapi("3.0.0"), 10),
    Subject("AsyncAPI 2.4", _file("asyncapi", "schemas/2.4.0.json"), lambda: _asyncapi("2.4.0"), 0),
    Subject(
        "SARIF 2.1.0", _from_schemastore("https://json.schemastore.org/sarif-2.1.0.json"), lambda: SARIF, 1
    ),
    Subject(
        "OpenAPI 3.1",
        _file("openapi", "schemas/v3.1/schema.json"),
        lambda: _parsed("openapi-examples", "3.1/json/*.json"),
        10,
    ),
    Subject("FHIR R4", _file("fhir", "fhir.schema.json"), lambda: FHIR, 2),
    Subject("renovate", _file("check-jsonschema", f"{_VENDOR}/renovate.json"), lambda: _hook("renovate"), 1),
    Subject(
        "azure-pipelines",
        _file("check-jsonschema", f"{_VENDOR}/azure-pipelines.json"),
        lambda: _hook("azure-pipelines"),
        2,
    ),
    Subject(
        "github-workflows",
        _file("check-jsonschema", f"{_VENDOR}/github-workflows.json"),
        lambda: _hook("github-workflows"),
        2,
    ),
    *_webhooks(),
)
