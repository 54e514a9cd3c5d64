"""`make demo` runs through, shows what it promises, and stays within two screens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def output() -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_mistake_gets_both_answers(output: str) -> None:
    blocks = output.split("\nwrong.py:")[1:]
    assert len(blocks) == 8
    for block in blocks:
        assert "\n    mypy" in block
        assert "\n    run time" in block
    assert 'expected "Status | StatusDict"' in " ".join(output.split())


def test_live_messages_repeat_and_durable_ones_do_not(output: str) -> None:
    words = " ".join(output.split())
    assert words.count('status live, again {"message":"Processing…"}') == 3
    assert words.count('{"success":true') == words.count('result durable, once {"success":true') == 1
    assert words.count('"Done."') == words.count('status durable, once {"message":"Done."}') == 1


def test_the_failures_and_the_graph_are_shown(output: str) -> None:
    assert output.count("✗ fails right after upload.py:") == 3
    assert output.count("✗ fails right after pipeline.py:") == 4
    assert "step.realtime.publish" in output
    assert "step.run" in output


def test_it_is_plain_and_short(output: str) -> None:
    assert "\x1b" not in output
    assert len(output.splitlines()) <= 120
    assert str(ROOT) not in output
