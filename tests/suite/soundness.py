"""The suite's instances as publish calls, one a line: which of them type checkers must take and refuse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
from pydantic import BaseModel

from tests.suite.compiled import Compiled
from tests.suite.expressible import allows_object, expressible
from tests.suite.groups import Group, remotes
from tests.typing import checkers
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

__all__ = ["Call", "Verdict", "calls", "judge", "write_calls"]

_HEAD = """\
from __future__ import annotations

from tightbeam import Client

client = Client()
publish = client.realtime.publish_sync
"""


@dataclass(frozen=True, slots=True)
class Call:
    """An instance that is published, and whether a type checker should take it."""

    group: Group
    description: str
    data: Any
    right: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker made of the calls."""

    right: int
    wrong: int
    refused: tuple[Call, ...]
    """Right ones that it refuses."""
    missed: tuple[Call, ...]
    """Wrong ones that it takes."""


def calls(compiled: Compiled, groups: Iterable[Group], dialect: str) -> Iterator[Call]:
    """The calls for the groups whose schema says it is about objects.

    Right is a valid object without undeclared keys and without 1.0 for an integer; wrong is what breaks
    a rule that Python's types can express. The other cases say nothing about types.
    """
    for group in groups:
        if not allows_object(group.schema):
            continue
        ref = compiled.topic(group.name)
        try:
            skeleton = _validator(expressible(group.schema), dialect)
        except (ValueError, jsonschema_rs.ReferencingError):
            continue  # its references need what was taken out
        for case in group.cases:
            if not case.valid:
                if not skeleton.is_valid(case.data):
                    yield Call(group, case.description, case.data, right=False)
            elif isinstance(case.data, dict) and not _integral_floats(case.data):
                loaded = load(ref, encode(ref, case.data))
                if not any(model.model_extra for model in _models(loaded)):
                    yield Call(group, case.description, case.data, right=True)


def _validator(schema: Any, dialect: str) -> jsonschema_rs.Validator:
    registry = jsonschema_rs.Registry(list(_remotes()))
    stated = schema if "$schema" in schema else {"$schema": dialect, **schema}
    return jsonschema_rs.validator_for(stated, registry=registry, offline=True, validate_formats=False)


def _remotes() -> Iterator[tuple[str, Any]]:
    for prefix, folder in remotes().items():
        for path in sorted(folder.rglob("*.json")):
            if "draft-next" not in path.parts:
                yield prefix + path.relative_to(folder).as_posix(), json.loads(path.read_text("utf-8"))


def _integral_floats(value: Any) -> bool:
    match value:
        case dict():
            return any(map(_integral_floats, value.values()))
        case list():
            return any(map(_integral_floats, value))
        case _:
            return isinstance(value, float) and value.is_integer()


def _models(value: Any) -> Iterator[BaseModel]:
    match value:
        case BaseModel():
            yield value
            for _, inner in value:
                yield from _models(inner)
        case dict():
            for inner in value.values():
                yield from _models(inner)
        case list():
            for inner in value:
                yield from _models(inner)


def write_calls(compiled: Compiled, made: Iterable[Call], file: Path) -> dict[int, Call]:
    """Write a module that makes the calls, to stand beside the package; gives the calls by line."""
    made = list(made)
    names = sorted({call.group.name for call in made})
    imports = [f"from {compiled.package}.{name} import {name}_channel" for name in names]
    head = [*_HEAD.splitlines(), *imports, ""]
    lines = [f"publish({call.group.name}_channel.t, {call.data!r})" for call in made]
    file.write_text("\n".join([*head, *lines, ""]), "utf-8")
    return {len(head) + 1 + index: call for index, call in enumerate(made)}


def judge(findings: Iterable[checkers.Finding], file: str, lines: dict[int, Call]) -> Verdict:
    """What a checker that reported `findings` says of the calls in a file."""
    flagged = {one.line for one in findings if one.path == file}
    if not flagged <= lines.keys():
        raise AssertionError(f"{file}: not only calls are refused")
    right = [line for line, call in lines.items() if call.right]
    wrong = [line for line, call in lines.items() if not call.right]
    return Verdict(
        len(right),
        len(wrong),
        tuple(lines[line] for line in right if line in flagged),
        tuple(lines[line] for line in wrong if line not in flagged),
    )
