"""docs/subscribe.md: its code compiles, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.typescript.node_tools import bindings, needs_node, project, tsc

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/subscribe.md"
SUPPORT = ROOT / "generator/tightbeam_codegen/typescript/support"


def first_column(heading: str) -> set[str]:
    section = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    (found,) = (text for text in section if text.startswith(heading))
    rows = re.findall(r"^\| (`[^|]*`) \|", found, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_reason_is_in_the_table() -> None:
    codes = re.search(
        r"export type ReasonCode =\n(.*?);", (SUPPORT / "stream.ts").read_text("utf-8"), re.DOTALL
    )
    assert codes is not None
    assert first_column("Connection and reasons") - {"code"} == set(re.findall(r'"([^"]+)"', codes[1]))


def test_every_option_is_in_the_table() -> None:
    options = re.search(
        r"export type SubscribeOptions.*? = \{\n(.*?)\n\};",
        (SUPPORT / "subscribe.ts").read_text("utf-8"),
        re.DOTALL,
    )
    assert options is not None
    assert first_column("Options") == set(re.findall(r"^  readonly (\w+)\?*:", options[1], re.MULTILINE))


@pytest.mark.slow
def test_the_page_compiles(tmp_path: Path) -> None:
    needs_node()
    files = {Path(block.title).name: block.text for block in blocks(PAGE) if block.title is not None}
    assert len(files) == sum(block.language == "ts" for block in blocks(PAGE)) == 2
    project(tmp_path, bindings(ROOT / "schemas") | files)
    assert tsc(tmp_path) == []
