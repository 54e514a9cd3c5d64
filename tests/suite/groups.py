"""The suite's groups: a schema and its cases each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.suite.fetch import suite_folder

__all__ = ["DIALECTS", "Case", "Group", "groups", "remotes", "same_json"]

DIALECTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema",
    "draft6": "http://json-schema.org/draft-06/schema",
    "draft4": "http://json-schema.org/draft-04/schema",
}
"""The suite's folder of each draft -> its metaschema."""


@dataclass(frozen=True, slots=True)
class Case:
    """An instance and whether it is valid."""

    description: str
    data: Any
    valid: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A schema with its cases. `name` tells it from all others of its draft, and is a word of Python."""

    name: str
    file: str
    description: str
    schema: Any
    cases: tuple[Case, ...]


def groups(draft: str, folder: str = "") -> list[Group]:
    """The groups of one draft: the required ones, or those of a folder such as `optional/format`."""
    found = []
    for path in sorted((suite_folder() / "tests" / draft / folder).glob("*.json")):
        for index, stated in enumerate(json.loads(path.read_text("utf-8"))):
            name = f"{re.sub('[^a-z0-9]+', '_', path.stem.lower())}_{index}"
            cases = tuple(Case(case["description"], case["data"], case["valid"]) for case in stated["tests"])
            found.append(Group(name, path.stem, stated["description"], stated["schema"], cases))
    return found


def remotes() -> dict[str, Any]:
    """The folder that stands for the documents which schemas of the suite refer to."""
    return {"http://localhost:1234/": suite_folder() / "remotes"}


def same_json(a: Any, b: Any) -> bool:
    """Equality as JSON has it: numbers by value, but true is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
