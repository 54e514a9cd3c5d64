"""What `tsc` takes and refuses of a front end that uses the example's bindings (`types/`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.typescript.node_tools import RESOLUTIONS, needs_node, project, tsc

TYPES = Path(__file__).parent / "types"
CHANNELS = Path(__file__).parents[2] / "examples/fastapi-react/web/src/channels"
GOOD, BAD = ((TYPES / name).read_text("utf-8") for name in ("good.tsx", "bad.tsx"))

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_node() -> None:
    needs_node()


def channels() -> dict[str, str]:
    return {f"channels/{file.name}": file.read_text("utf-8") for file in CHANNELS.glob("*.ts")}


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_right_uses_compile_and_wrong_ones_do_not(resolution: str, tmp_path: Path) -> None:
    project(tmp_path, {**channels(), "good.tsx": GOOD, "bad.tsx": BAD})
    assert tsc(tmp_path, resolution=resolution) == []


def test_each_wrong_use_is_an_error(tmp_path: Path) -> None:
    """Without the marks there is an error on the line after each, and nowhere else."""
    marked = [number for number, line in enumerate(BAD.split("\n"), 1) if "@ts-expect-error" in line]
    assert len(marked) > 30
    project(tmp_path, {**channels(), "bad.tsx": BAD.replace("@ts-expect-error", "wrong")})
    assert {fault.line for fault in tsc(tmp_path)} == {number + 1 for number in marked}


def test_it_is_the_bindings_that_tell(tmp_path: Path) -> None:
    """With payloads that may be anything, every wrong payload compiles."""
    loose = {
        path: re.sub(r"(schema: payload)<.*>\(\)", r"\1<any>()", text) for path, text in channels().items()
    }
    project(tmp_path, {**loose, "bad.tsx": BAD})
    needless = [fault for fault in tsc(tmp_path) if fault.path == "bad.tsx"]
    assert {fault.code for fault in needless} == {"TS2578"}
    assert len(needless) >= 4
