"""Definitions given as values, compiled in a folder of their own and imported as a user would."""

from __future__ import annotations

import importlib
import itertools
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tightbeam_codegen.pipeline import Result, generate
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets import OPTIONS

__all__ = [
    "FACTS",
    "Compiled",
    "Facts",
    "channel",
    "compile_files",
    "errors",
    "event",
    "settings_of",
    "warnings",
    "write_files",
]

_NUMBERS = itertools.count()


class Facts:
    """A cache for one process: types worked out for one test needn't be worked out for another."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._known.get(key)

    def put(self, key: str, value: Any) -> None:
        self._known[key] = value


FACTS = Facts()
_OF_TARGETS = {option.key for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of some definitions; the package is written out and imported at first use."""

    folder: Path
    package: str
    result: Result

    @property
    def files(self) -> Mapping[str, str]:
        """Generated text by path."""
        return self.result.files.get("python", {})

    @property
    def typescript(self) -> Mapping[str, str]:
        """Likewise for the front end."""
        return self.result.files.get("typescript", {})

    def module(self, name: str) -> ModuleType:
        """One of the generated modules, imported."""
        if not (self.folder / self.package).exists():
            write_files(self.folder / self.package, self.files)
            importlib.invalidate_caches()
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        return importlib.import_module(f"{self.package}.{name}")


def write_files(folder: Path, files: Mapping[str, Any]) -> None:
    """Write texts, bytes or JSON values below a folder."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def settings_of(root: Path, **stated: Any) -> Settings:
    """Return settings, those of targets by their keys too."""
    options = {key: value for key, value in stated.items() if key in _OF_TARGETS}
    return Settings(root, options, **{key: value for key, value in stated.items() if key not in options})


def compile_files(folder: Path, files: Mapping[str, Any], **settings: Any) -> Compiled:
    """Compile the definitions among `files`, given as text, bytes or JSON values by path.

    Nothing is asserted about the outcome: what is wrong is in the result's problems.
    """
    number = next(_NUMBERS)
    root = folder / f"schemas{number}"
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    write_files(root, files)
    result = generate(root, settings_of(root, **settings), shown_root="schemas", version="0.0.0", cache=FACTS)
    return Compiled(folder, f"made{number}", result)


def channel(name: str = "x", /, **topics: Any) -> dict[str, Any]:
    """A definition with these topics, given as schemas by topic name."""
    return {"name": name, "topics": {topic: {"schema": schema} for topic, schema in topics.items()}}


def event(name: str = "app/x", /, **parts: Any) -> dict[str, Any]:
    """An event definition with these keys, such as `schema`."""
    return {"name": name, **parts}


def errors(compiled: Compiled) -> list[str]:
    """The messages of all errors."""
    return [problem.message for problem in compiled.result.problems if problem.severity == "error"]


def warnings(compiled: Compiled) -> list[str]:
    """The messages of all warnings."""
    return [problem.message for problem in compiled.result.problems if problem.severity == "warning"]
