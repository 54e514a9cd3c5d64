"""One text in every place at once; places that are refused are taken out until the rest is compiled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import FACTS, write_files
from tests.tightbeam_codegen.hostile.places import MAPPED, PLACES, Place
from tightbeam_codegen.pipeline import Result, generate
from tightbeam_codegen.problems import Problem, visible
from tightbeam_codegen.settings import Settings

__all__ = ["Outcome", "everywhere"]

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a text."""

    files: Mapping[str, str]
    """What was generated for all places together; the modules of a place are in a package of its own."""
    folders: Mapping[str, str]
    """The package of each place."""
    refused: Mapping[str, list[Problem]] = field(default_factory=dict)
    """Why not, for the places that were."""
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Likewise what was generated for a front end, where that was asked for."""


def everywhere(
    text: str, folder: Path, places: Mapping[str, Place] = PLACES, *, typescript: bool = False
) -> Outcome:
    """Compile a text in every place. Asserts that every refusal says where and why, in plain characters."""
    folders = {name: f"p{index}" for index, name in enumerate(places)}
    refused: dict[str, list[Problem]] = {}
    for _ in range(_ROUNDS):
        left = {name: place for name, place in places.items() if name not in refused}
        result = _generated(text, folder / str(len(left)), left, folders, typescript=typescript)
        for problem in result.problems:
            assert visible(problem.message + problem.remedy) == problem.message + problem.remedy
            if problem.severity == "error":
                assert problem.place, problem
                assert problem.message
                refused.setdefault(_place_of(problem, folders), []).append(problem)
        if result.files:
            return Outcome(result.files["python"], folders, refused, result.files.get("typescript", {}))
    raise AssertionError(f"not all that is wrong was said in {_ROUNDS} rounds")


def _generated(
    text: str, folder: Path, places: Mapping[str, Place], folders: Mapping[str, str], *, typescript: bool
) -> Result:
    root, mapped = folder / "root", folder / "mapped"
    mapped.mkdir(parents=True)
    for name, place in places.items():
        for path, content in place(text).items():
            where = mapped if path.startswith("mapped:") else root
            own = path.removeprefix("mapped:")
            write_files(where / folders[name], {own: _in_folder(content, folders[name])})
    scripts = folder / "scripts" if typescript else None
    options = {"typescript": scripts} if scripts else {}
    flags = {"typescript_validators": typescript, "typescript_import_extension": "js"}
    settings = Settings(root, {**options, **flags}, refs={MAPPED: mapped})
    return generate(root, settings, shown_root="root", version="0.0.0", cache=FACTS)


def _in_folder(content: Any, folder: str) -> Any:
    """A definition under a name that no other place has."""
    if isinstance(content, str):
        return re.sub(r'^(\{?"?name"?: "?)', rf"\1{folder}.", content, count=1, flags=re.MULTILINE)
    if "name" in content:
        content = {**content, "name": f"{folder}.{content['name']}"}
    return json.loads(json.dumps(content).replace(f"{MAPPED}PLACE", f"{MAPPED}{folder}"))


def _place_of(problem: Problem, folders: Mapping[str, str]) -> str:
    assert problem.place
    parts = problem.place.path.split("/")
    known = {folder: name for name, folder in folders.items()}
    return next(known[part] for part in parts if part in known)
