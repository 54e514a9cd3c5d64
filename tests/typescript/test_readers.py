"""Validators in TypeScript read messages of newer publishers as Python does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.reader_cases import FILES, INVALID_MESSAGES, READ
from tests.typescript.node_tools import compiled_for_node, run

pytestmark = pytest.mark.slow

PROGRAM = """
const { xChannel } = await import("./js/x.validators.js");
const said = input.map(([topic, value]) => {
  const { validate } = xChannel.topics[topic].schema["~standard"];
  const before = JSON.stringify(value);
  const found = validate(value);
  const exact = validate(value, { libraryOptions: { exact: true } });
  return {
    kept: found.issues === undefined && found.value === value && JSON.stringify(value) === before,
    paths: found.issues?.map((issue) => `/${issue.path.join("/")}`),
    messages: found.issues?.map((issue) => issue.message),
    exact: exact.issues === undefined,
  };
});
console.log(JSON.stringify(said));
"""

AWKWARD: list[tuple[str, Any]] = [
    ("flat", {"a": 1, "__proto__": 1, "a/b~c": 2, "": 3, "toString": 4}),
    ("nested", {"inner": {"deep": {"a": 1, "x/y": {"~": [{}]}}}}),
    ("flat", {"a": 1, **{f"new{n}": n for n in range(5_000)}}),
    ("array", [{"a": n, "new": n} for n in range(1_000)]),
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("readers")
    compiled_for_node(folder, FILES)
    return lambda given: run(folder, PROGRAM, given)


def test_undeclared_properties_are_passed_over_and_handed_on(ask: Any) -> None:
    sent = [(topic, value) for topic, value, _ in READ] + AWKWARD
    for given, said in zip(sent, ask(sent), strict=True):
        assert said["kept"], given[0]
        assert not said["exact"], given[0]


def test_everything_else_is_refused_at_its_place(ask: Any) -> None:
    sent = [(topic, value) for topic, value, _ in INVALID_MESSAGES]
    for (topic, value, pointer), said in zip(INVALID_MESSAGES, ask(sent), strict=True):
        assert not said["kept"], (topic, value)
        wanted = pointer.rpartition("/")[0] if "/" not in pointer[1:] and pointer else pointer
        assert any(path.rstrip("/").startswith(wanted) for path in said["paths"]), (topic, value, said)
        if topic == "flat":
            assert not any("additional" in message for message in said["messages"])
