"""Names that come from elsewhere never become paths: file names of definitions are safe everywhere."""

from __future__ import annotations

import re

import pytest

from tightbeam_codegen.imports import file_name
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.discover import module_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("orders", "orders.channel.json"),
        ("orders/{orderId}/placed", "orders-order-id-placed.channel.json"),
        ("smartylighting.streetlights.1.0", "smartylighting-streetlights-1-0.channel.json"),
        ("user-signedup", "user-signedup.channel.json"),
    ],
)
def test_an_ordinary_name_is_the_files_name(name: str, file: str) -> None:
    assert file_name(name) == file


HOSTILE = [
    *("../x", "..", "/etc/passwd", "C:\\x", "a\0b", "con", "CON", "nul.txt", "lpt1", "", " ", ".", "-"),
    *("a" * 5000, "ﬁx", "\u0441on", "日本", "x\u202ey", "a\nb", "class", "__init__", "\ud800"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_gives_a_safe_file(name: str) -> None:
    file = file_name(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.channel\.json", file)
    assert len(file) < 100
    assert file.partition(".")[0] not in ("con", "nul", "lpt1", "class")
    assert module_path(file, file, Problems()) is not None


def test_different_names_give_different_files() -> None:
    taken: set[str] = set()
    for name in [*HOSTILE, "orders", "Orders", "ORDERS", "orders/", "o-rders", "órders"]:
        taken.add(file_name(name, taken))
    assert len(taken) == len(HOSTILE) + 6


def test_one_name_gives_as_many_files_as_are_asked_for() -> None:
    taken: set[str] = set()
    for _ in range(100):
        taken.add(file_name("orders", taken))
    assert len(taken) == 100
    assert all(re.fullmatch(r"orders(-[0-9a-f]+)*\.channel\.json", file) for file in taken)
