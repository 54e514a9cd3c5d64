"""Node, and the npm packages that tests run in it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["require_node"]


@functools.cache
def _missing(folder: Path, package: str) -> str | None:
    node = shutil.which("node")
    if node is None:
        return "there is no node"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    if int(said.removeprefix("v").partition(".")[0] or 0) < 20:
        return f"node {said.strip()} is older than 20"
    if not (folder / "node_modules" / package).is_dir():
        return f"the npm package {package} isn't installed: make setup-node"
    return None


def require_node(folder: Path, package: str, what: str) -> None:
    """Skip without Node and the package in `folder`; where TIGHTBEAM_REQUIRE_NODE says so, fail."""
    missing = _missing(folder, package)
    if missing is not None and os.environ.get("TIGHTBEAM_REQUIRE_NODE") == "1":
        pytest.fail(f"{what} can't be tested here: {missing}")
    if missing is not None:
        pytest.skip(f"left out, {what}: {missing}")
