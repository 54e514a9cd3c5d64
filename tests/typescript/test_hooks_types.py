"""The hooks for React compile with the types of React 18 and 19, and tell wrong uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.building import FOLDER as WITH_REACT_19
from tests.browser.building import require_recipes
from tests.typescript.node_tools import IMPORT_EXTENSION, RESOLUTIONS, bindings, needs_node, project, tsc

SCHEMAS = Path(__file__).parents[2] / "schemas"
USES = (Path(__file__).parent / "types" / "hooks.tsx").read_text("utf-8")

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_node() -> None:
    needs_node()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_react_18(resolution: str, tmp_path: Path) -> None:
    extension = IMPORT_EXTENSION[resolution]
    uses = USES if extension == "none" else re.sub(r'(?<=from ")(\./[^"]+)', rf"\1.{extension}", USES)
    project(tmp_path, bindings(SCHEMAS, extension, react=True) | {"hooks.tsx": uses})
    assert tsc(tmp_path, resolution=resolution) == []


def test_react_19(tmp_path: Path) -> None:
    require_recipes()
    (tmp_path / "node_modules").symlink_to(WITH_REACT_19 / "node_modules")
    project(tmp_path, bindings(SCHEMAS, react=True) | {"hooks.tsx": USES})
    assert tsc(tmp_path) == []


def test_each_wrong_use_is_an_error(tmp_path: Path) -> None:
    marked = [number for number, line in enumerate(USES.split("\n"), 1) if "@ts-expect-error" in line]
    assert len(marked) >= 10
    project(
        tmp_path, bindings(SCHEMAS, react=True) | {"hooks.tsx": USES.replace("@ts-expect-error", "wrong")}
    )
    assert {fault.line for fault in tsc(tmp_path)} == {number + 1 for number in marked}
