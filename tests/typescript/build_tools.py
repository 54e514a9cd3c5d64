"""The tools of front ends, each with a project of its own around the same generated modules (`builds/`)."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests import node_packages
from tests.typescript.node_tools import bindings

__all__ = ["FOLDER", "USED", "in_project", "modules", "needs_builds", "node_version", "tool"]

FOLDER = Path(__file__).parent / "builds"
USED: Mapping[str, Any] = {
    "names": ["shop:eu:7", "stock", "shop:us:8"],
    "topics": [["created", "event", "message", "empty", "anything"]] * 2 + [["level", "shelf"]],
    "refs": ["shop:eu:7 created", "stock level"],
    "total": 500,
    "valid": [True] * 6,
    "invalid": [False] * 4,
    "refused": ["TypeError", "TypeError"],
    "subscribe": "function",
}
"""What `use.ts` finds wherever it runs."""

_LIMIT = 300
_OURS = re.compile(r'(?<=from ")(\.{1,2}/[^"]+)(?=")')
_ENDINGS: Mapping[str, str] = {"none": "", "js": ".js", "ts": ".ts"}


def needs_builds() -> None:
    """Skip, or fail, without Node or the packages."""
    node_packages.require_node(FOLDER, "next", "builds of the TypeScript bindings")


@functools.cache
def modules(extension: str = "none") -> Mapping[str, str]:
    """The generated modules with validators, and the ones that use them, by path."""
    own = {name: (FOLDER / name).read_text("utf-8") for name in ("main.ts", "use.ts")}
    using = {name: _OURS.sub(rf"\1{_ENDINGS[extension]}", text) for name, text in own.items()}
    return MappingProxyType({**bindings(FOLDER / "schemas", extension, validators=True), **using})


@contextmanager
def in_project(
    name: str | None = None,
    extension: str = "none",
    *,
    package: Mapping[str, Any] = MappingProxyType({"type": "module"}),
) -> Iterator[Path]:
    """A project in which all packages are found, gone afterwards.

    It is a folder below the packages: Turbopack takes no link that leads out of the project.

    Args:
        name: the folder with the files that are particular to it, if there are any.
        extension: how modules import each other.
        package: what its package.json says.
    """
    with tempfile.TemporaryDirectory(prefix=".project-", dir=FOLDER) as temporary:
        folder = Path(temporary)
        if name is not None:
            shutil.copytree(FOLDER / name, folder, dirs_exist_ok=True)
        files = {
            **modules(extension),
            "expected.json": json.dumps(USED),
            "package.json": json.dumps(dict(package)),
        }
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        yield folder


def tool(folder: Path, *command: str, fails: bool = False) -> str:
    """Run a tool, or `node`, in a project.

    Args:
        folder: the project.
        command: the tool's name and its arguments.
        fails: whether it has to fail.

    Returns:
        What it prints.
    """
    name, *arguments = command
    program = shutil.which("node") if name == "node" else str(FOLDER / "node_modules/.bin" / name)
    assert program is not None
    telling = {
        "NEXT_TELEMETRY_DISABLED": "1",
        "NEXT_IGNORE_INCORRECT_LOCKFILE": "1",
        "CI": "1",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
        env={**os.environ, **telling},
    )
    assert (done.returncode != 0) == fails, f"{name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@functools.cache
def node_version() -> tuple[int, ...]:
    """The version of Node; (0,) where there is none."""
    if shutil.which("node") is None:
        return (0,)
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.strip().removeprefix("v").split(".")))
