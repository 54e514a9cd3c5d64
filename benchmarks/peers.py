"""The libraries Tightbeam is measured beside and doesn't depend on: `make bench` has them in `.cache/`."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

__all__ = ["PEERS", "environment", "json2ts", "json2ts_version", "peer"]

PEERS = Path(".cache/peers")
_NPM = Path(".cache/npm")


def peer(name: str) -> Any:
    """A module of a peer, or None where it isn't installed."""
    folder = str(PEERS.absolute())
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: what both have is ours
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def environment(**more: str) -> dict[str, str]:
    """For a child process: nothing of the caller's settings that changes what is measured."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TIGHTBEAM"))}
    return {**kept, **more}


def json2ts_version() -> str | None:
    """Which json-schema-to-typescript is installed, if it is."""
    package = _NPM / "node_modules/json-schema-to-typescript/package.json"
    return str(json.loads(package.read_bytes())["version"]) if package.is_file() else None


def json2ts() -> list[str] | None:
    """The command of json-schema-to-typescript, or None where it isn't installed."""
    script = (_NPM / "node_modules/json-schema-to-typescript/dist/src/cli.js").absolute()
    node = shutil.which("node")
    return [node, str(script)] if node and script.is_file() else None
