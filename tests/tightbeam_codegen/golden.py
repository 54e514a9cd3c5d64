"""The golden cases: folders with definitions and what must come of them.

`cases/<concept>/` has `schemas/`, at times a `pyproject.toml` and mapped folders, and then either

* `expected/`, the generated package, with `samples.json`: messages that each topic takes and that it refuses
  (for an event, under the name of its reference),
  and `warnings.txt` where something is to be said, or
* `stderr.txt`: everything that is said of definitions that are refused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import FACTS
from tightbeam_codegen.pipeline import Result, generate
from tightbeam_codegen.problems import render
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.targets import OPTIONS

__all__ = ["ALL", "CASES", "GOOD", "REFUSED", "UPDATE", "Case", "Sample", "samples"]

CASES = Path(__file__).parents[1] / "golden" / "cases"
UPDATE = bool(os.environ.get("TIGHTBEAM_UPDATE_CASES"))


@dataclass(frozen=True, slots=True)
class Case:
    """One folder."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it is."""
        return CASES / self.name

    @property
    def package(self) -> str:
        """A name to import the expected package by."""
        return "case_" + self.name.replace("-", "_")

    @property
    def width(self) -> int:
        """The line length that the case asks for."""
        return (
            load_settings(self.folder, OPTIONS).line_length
            if (self.folder / "pyproject.toml").exists()
            else 88
        )

    def expected(self) -> dict[str, str]:
        """The golden package."""
        root = self.folder / "expected"
        return {
            file.relative_to(root).as_posix(): file.read_text("utf-8") for file in sorted(root.rglob("*.py"))
        }

    def said(self, name: str) -> str:
        """The text of `stderr.txt` or `warnings.txt`."""
        file = self.folder / name
        return file.read_text("utf-8") if file.exists() else ""

    def run(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, str]:
        """Generate in a copy of the case, as a user would from its folder; returns what is said, too."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected"))
        monkeypatch.chdir(folder)
        settings = load_settings(Path(), OPTIONS)
        result = generate(Path("schemas"), settings, shown_root="schemas", version="0.0.0", cache=FACTS)
        said = render(result.problems)
        return result, said + "\n" if said else ""

    def update(self, result: Result, said: str) -> None:
        """Write what came out as what is expected."""
        expected = self.folder / "expected"
        shutil.rmtree(expected, ignore_errors=True)
        for path, text in result.files.get("python", {}).items():
            file = expected / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        for name in ("stderr.txt", "warnings.txt"):
            (self.folder / name).unlink(missing_ok=True)
        if said:
            (self.folder / ("warnings.txt" if result.files else "stderr.txt")).write_text(said, "utf-8")


@dataclass(frozen=True, slots=True)
class Sample:
    """One message, and whether the topic takes it."""

    case: Case
    module: str
    params: dict[str, Any]
    topic: str
    value: Any
    good: bool

    @property
    def is_event(self) -> bool:
        """Whether it is the data of an event: the `topic` then is the name of the event's reference."""
        path = self.case.folder / "expected" / f"{self.module.replace('.', '/')}.py"
        return "] = v1.event(" in path.read_text("utf-8")


def samples(case: Case) -> Iterator[Sample]:
    """Every message of a case."""
    for module, topics in json.loads((case.folder / "samples.json").read_text("utf-8")).items():
        params = topics.pop("$params", {})
        for topic, values in topics.items():
            for kind in ("good", "bad"):
                for value in values[kind]:
                    yield Sample(case, module, params, topic, value, kind == "good")


ALL = [Case(path.name) for path in sorted(CASES.iterdir())]
GOOD = [case for case in ALL if (case.folder / "samples.json").exists()]
REFUSED = [case for case in ALL if case not in GOOD]
