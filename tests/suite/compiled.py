"""Schemas to topics: definitions written to a folder, compiled, and imported as a user would."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import Facts
from tightbeam import TopicRef
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.problems import Problem
from tightbeam_codegen.settings import OptionValue, Settings
from tightbeam_codegen.targets.protocol import Store

__all__ = ["Compiled", "Facts", "Refused", "compile_topics"]


class Refused(Exception):
    """The definitions have errors."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Compiled:
    """A generated package on disk, whose channels have one topic `t` each."""

    folder: Path
    package: str
    problems: tuple[Problem, ...]
    files: Mapping[str, str]
    typescript: Mapping[str, str]
    """The front end's, where they were asked for."""

    def topic(self, name: str) -> TopicRef[..., str, Any]:
        """The topic for one of the schemas."""
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        module = importlib.import_module(f"{self.package}.{name}")
        ref: TopicRef[..., str, Any] = getattr(module, f"{name}_channel").t
        return ref


def compile_topics(
    folder: Path,
    package: str,
    schemas: Mapping[str, Any],
    *,
    dialect: str,
    inline: bool = False,
    refs: Mapping[str, Path] | None = None,
    assert_formats: bool = False,
    cache: Store | None = None,
    typescript: bool = False,
) -> Compiled:
    """Compile a channel for each schema, its topic's schema being in a file of its own or `inline`.

    Raises Refused, with every error, where a definition isn't taken.
    """
    root = folder / "schemas"
    (root / "payloads").mkdir(parents=True)
    for name, schema in schemas.items():
        payload = {"$ref": f"payloads/{name}.json"}
        if inline:
            # With `$schema` it is its own root, so that `#` in it means what it means in the suite.
            payload = {"$schema": dialect, **schema} if isinstance(schema, dict) else schema
        else:
            (root / "payloads" / f"{name}.json").write_text(json.dumps(schema))
        definition = {"name": name.replace("_", "-"), "topics": {"t": {"schema": payload}}}
        (root / f"{name}.channel.json").write_text(json.dumps(definition))
    web: dict[str, OptionValue] = {"typescript": folder / "web"} if typescript else {}
    checks: dict[str, OptionValue] = {"typescript_validators": True, "typescript_import_extension": "js"}
    settings = Settings(
        root,
        {"output": folder / package, **web, **checks},
        refs=dict(refs or {}),
        dialect=dialect,
        assert_formats=assert_formats,
    )
    result = generate(root, settings, shown_root="schemas", version="0.0.0", cache=cache)
    if errors := [problem for problem in result.problems if problem.severity == "error"]:
        raise Refused(errors)
    for path, text in result.files["python"].items():
        file = folder / package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    importlib.invalidate_caches()
    scripts = result.files.get("typescript", {})
    return Compiled(folder, package, result.problems, result.files["python"], scripts)
