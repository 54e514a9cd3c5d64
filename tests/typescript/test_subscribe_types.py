"""What `tsc` takes and refuses of pages that use `subscribe`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.typescript.node_tools import bindings, needs_node, project, tsc

TYPES = Path(__file__).parent / "types"
SCHEMAS = Path(__file__).parents[2] / "schemas"
GOOD, BAD = ((TYPES / f"subscribing.{name}.ts").read_text("utf-8") for name in ("good", "bad"))
BROWSER = {"lib": ["es2022", "dom"], "types": []}
NODE = {"lib": ["es2022"], "types": ["node"]}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_node() -> None:
    needs_node()


def test_right_uses_compile_and_wrong_ones_do_not(tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS) | {"good.ts": GOOD, "bad.ts": BAD})
    assert tsc(tmp_path, more=BROWSER) == []


def test_each_wrong_use_is_an_error(tmp_path: Path) -> None:
    marked = [number for number, line in enumerate(BAD.split("\n"), 1) if "@ts-expect-error" in line]
    assert len(marked) > 25
    project(tmp_path, bindings(SCHEMAS) | {"bad.ts": BAD.replace("@ts-expect-error", "wrong")})
    assert {fault.line for fault in tsc(tmp_path, more=BROWSER)} == {number + 1 for number in marked}


def test_it_compiles_without_the_types_of_a_browser(tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS) | {"good.ts": GOOD})
    assert tsc(tmp_path, more=NODE) == []


def test_it_compiles_without_any_package(tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS) | {"good.ts": GOOD}, packages=False)
    assert tsc(tmp_path, more=BROWSER) == []
