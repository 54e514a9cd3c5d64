"""What validators in TypeScript say is wrong: one branch of a union, in bounded time, no values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed
from tests.typescript.node_tools import compiled_for_node, run
from tests.typescript.union_cases import EVENTS, NAMES, REFERRED

pytestmark = pytest.mark.slow

PROGRAM = """
const { xChannel } = await import("./js/x.validators.js");
const said = input.map(([topic, value, exact]) => {
  const options = { libraryOptions: { exact } };
  const { issues = [] } = xChannel({ id: "a" }).topics[topic].schema["~standard"].validate(value, options);
  return issues.map(({ path, message }) => `/${path.join("/")}: ${message}`);
});
const names = ["B", "abcdef"].map((id) => {
  try {
    return xChannel({ id }).name;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
});
console.log(JSON.stringify({ said, names }));
"""

LETTERS = "abcdefgh"


def node(kind: str) -> dict[str, Any]:
    """A class of a union that is recursive before its tag is looked at."""
    return closed("kind", next={"$ref": "#/$defs/Node"}, other={"$ref": "#/$defs/Node"}, kind={"const": kind})


TOPICS: dict[str, Any] = {
    "event": {"oneOf": REFERRED},
    "chain": {"$ref": "#/$defs/Node"},
    "large": {"oneOf": [closed("kind", kind={"const": f"K{n}"}, n=INTEGER) for n in range(300)]},
    "list": {"type": "array", "items": INTEGER},
    "secret": closed("", text={"type": "string", "pattern": "^a+$"}, map={"additionalProperties": STRING}),
}
DEFINITIONS = {**NAMES, "Node": {"oneOf": [node(letter) for letter in LETTERS]}}
# In a channel definition there is `$defs` alone.
FILE = {
    **channel("x:{id}", **TOPICS),
    "params": {"id": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5}},
    "$defs": DEFINITIONS,
}


def chain(last: str, length: int) -> dict[str, Any]:
    """A chain of nodes."""
    value: dict[str, Any] = {"kind": last}
    for n in range(length):
        value = {"kind": LETTERS[n % len(LETTERS)], "next": value}
    return value


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The issues of each payload below, and the names of channels."""
    folder: Path = tmp_path_factory.mktemp("reasons")
    text = {"x.channel.json": _with_defs(FILE)}
    compiled_for_node(folder, text, assert_formats=True)
    answers: dict[str, Any] = run(folder, PROGRAM, [payload for payload, _ in PAYLOADS])
    return answers


def _with_defs(value: Any) -> Any:
    """The same, references leading to `$defs`."""
    if isinstance(value, dict):
        return {key: _with_defs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_defs(item) for item in value]
    return value.replace("#/definitions/", "#/$defs/") if isinstance(value, str) else value


DATE_TIME = "must be a date-time with an offset, such as 2026-01-31T12:00:00Z (no leap seconds)"
WRONG_ITEMS = ["/1: must be an integer, not a number", "/2: must be an integer, not a string"]
PAYLOADS: list[tuple[tuple[str, Any, bool], list[str]]] = [
    (("event", EVENTS[0], True), [f"/at: {DATE_TIME}"]),
    (("event", {**EVENTS[0], "unknown": 1}, False), [f"/at: {DATE_TIME}"]),
    (("event", {**EVENTS[0], "unknown": 1}, True), [f"/at: {DATE_TIME}", "/unknown: is not declared"]),
    (("event", {"kind": "lost"}, False), ["/kind: must be one of: paid, shipped, sent, cancelled"]),
    (("event", {"a": 1}, False), ["/kind: is required (must be one of: paid, shipped, sent, cancelled)"]),
    (("chain", chain("h", 200), True), []),
    (("chain", chain("z", 60), True), ["/" + "next/" * 60 + "kind: must be one of: a, b, c, d, e, f, g, h"]),
    (("chain", {**chain("h", 200), "new": 1}, False), []),
    (("large", {"kind": "K299", "n": "secret"}, True), ["/n: must be an integer, not a string"]),
    (("list", [1, 2.5, "secret"], True), WRONG_ITEMS),
    (
        ("secret", {"text": "secret", "map": {"k": 1}}, False),
        ["/text: must match the pattern ^a+$", "/map/k: must be a string, not an integer"],
    ),
]  # fmt: skip


def test_issues_say_the_place_and_what_the_schema_asks_for(said: dict[str, Any]) -> None:
    assert said["said"] == [issues for _, issues in PAYLOADS]


def test_a_wrong_parameter_is_told_in_the_same_words(said: dict[str, Any]) -> None:
    assert said["names"] == [
        'TypeError: parameter "id" must match the pattern ^[a-z]+$',
        'TypeError: parameter "id" must have at most 5 characters',
    ]
