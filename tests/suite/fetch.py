"""The JSON Schema Test Suite: folder `json/` (MIT) in the source distribution of `jsonschema` on PyPI.

Downloaded once by `make setup` into `.cache/`, which git ignores; the tests only read it there.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

__all__ = ["SUITE", "suite_folder"]

_VERSION = "4.26.0"
_SHA256 = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326"
_CACHE = Path(__file__).resolve().parents[2] / ".cache"

SUITE = _CACHE / f"json-schema-test-suite-{_VERSION}"
"""Where the suite lies: `tests/<draft>/*.json`, `remotes/`."""


def suite_folder() -> Path:
    """The suite's folder. Raises FileNotFoundError, which says what to run, where it isn't downloaded yet."""
    if not SUITE.is_dir():
        raise FileNotFoundError(
            f"the JSON Schema Test Suite isn't in {SUITE.parent.name}/: run `make setup` once, with a network"
        )
    return SUITE


def fetch() -> None:
    """Download and unpack the suite, unless it is there."""
    if SUITE.is_dir():
        return
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-binary", "jsonschema", "--dest", folder, f"jsonschema=={_VERSION}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.stderr}set-up: the JSON Schema Test Suite could not be downloaded (no network?)")
        archive = Path(folder, f"jsonschema-{_VERSION}.tar.gz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != _SHA256:
            sys.exit("set-up: the JSON Schema Test Suite that was downloaded isn't the one these tests know")
        unpacked = Path(folder, "unpacked")
        _unpack(archive, f"jsonschema-{_VERSION}/json/", unpacked)
        shutil.move(unpacked, SUITE)


def _unpack(archive: Path, prefix: str, folder: Path) -> None:
    """Write the plain files below `prefix`; links and whatever would leave the folder are left out."""
    with tarfile.open(archive) as packed:
        for member in packed:
            name = PurePosixPath(member.name.removeprefix(prefix))
            inside = member.name.startswith(prefix) and not name.is_absolute() and ".." not in name.parts
            content = packed.extractfile(member) if inside and member.isfile() else None
            if content is not None:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())


if __name__ == "__main__":
    fetch()
