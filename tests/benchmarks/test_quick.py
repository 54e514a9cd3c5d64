"""Every benchmark runs, and finds nothing far off its bounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.report import Bound, Report, Table, as_page, as_text, too_far
from tests.postgres.server import require_programs

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_run(name: str) -> None:
    if name == "postgres":
        require_programs()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bounds" in done.stdout


@pytest.mark.slow
def test_where_the_cost_goes(tmp_path: Path) -> None:
    picture = tmp_path / "cost.svg"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost", "--quick", "--svg", str(picture)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    committed = (ROOT / "docs" / "cost.svg").read_text("utf-8")
    for part in (
        "schema check",
        "write and sync",
        "back to the event loop",
        "recover the runs",
        "execute them",
    ):
        assert all(part in text for text in (done.stdout, picture.read_text("utf-8"), committed))


def report(*bounds: Bound) -> Report:
    return Report("speed", "How fast.", [Table("Times", ("", "µs"), (("ours", "1.0"),))], list(bounds))


def test_only_ratios_far_off_are_failures() -> None:
    near = Bound("near", 1.9, "≤", 1.0)
    far = Bound("far", 2.1, "≤", 1.0)
    slow = Bound("slow", 0.4, "≥", 1.0)
    absolute = Bound("absolute", 1000.0, "≤", 1.0, " µs", None)
    assert too_far(report(near, far, slow, absolute)) == [far, slow]
    assert not near.holds


def test_text_and_page_have_all_figures() -> None:
    shown = report(Bound("ours ÷ theirs", 0.5, "≤", 1.0))
    for text in (as_text(shown), as_page([shown])):
        assert all(word in text for word in ("speed", "Times", "1.0", "ours ÷ theirs", "≤ 1", "holds"))


def test_the_page_names_no_place_and_no_host() -> None:
    import platform

    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert platform.node() not in page.split()
    assert str(ROOT) not in page
