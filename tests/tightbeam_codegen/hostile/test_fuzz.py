"""Random strings in every place: the bindings hold them as constants, and nothing of them is code.

`make soak` does the same with a hundred times as many.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.allowed import check_package
from tests.tightbeam_codegen.compiling import compile_files, errors
from tests.tightbeam_codegen.hostile.alphabet import strings
from tests.tightbeam_codegen.hostile.saturated import saturated

_AT_ONCE = 100
_SEED = 20_261


def check(some: list[str], folder: Path) -> None:
    """Assert all of it for some strings."""
    asked = saturated(some)
    made = compile_files(folder, asked.good)
    assert errors(made) == [], [str(problem.place) for problem in made.result.problems]
    check_package(made.files)
    constants = set(_constants(made.files["values.py"]))
    assert constants >= set(some)
    assert set(_constants(made.files["odd.py"])) >= set(some)
    for path, definition in asked.good.items():
        module = path.partition(".channel.")[0]
        if path.endswith(".channel.json") and f"_schemas/{module}.py" in made.files:
            (text,) = (text for text in _constants(made.files[f"_schemas/{module}.py"]) if text[:2] == "\n{")
            assert json.loads(text)["topics"].keys() == definition["topics"].keys()
    for path, (definition, count) in asked.bad.items():
        refused = compile_files(folder, {path: definition})
        places = {problem.place for problem in refused.result.problems if problem.severity == "error"}
        assert None not in places
        assert len(places) >= count
        assert refused.files == {}


def _constants(source: str) -> Iterator[Any]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.slow
@pytest.mark.parametrize(
    "start",
    [
        *range(0, 200, _AT_ONCE),
        *(pytest.param(start, marks=pytest.mark.slow) for start in range(200, 1_000, _AT_ONCE)),
    ],
)
def test_some_strings(start: int, tmp_path: Path) -> None:
    check(strings(_AT_ONCE, _SEED + start), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("begin", range(1_000, 101_000, 1_000))
def test_very_many_strings(begin: int, tmp_path: Path) -> None:
    for start in range(begin, begin + 1_000, _AT_ONCE):
        check(strings(_AT_ONCE, _SEED + start), tmp_path)
