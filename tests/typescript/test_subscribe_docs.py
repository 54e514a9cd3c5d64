"""docs/subscribe.md: its code compiles, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.typescript.node_tools import bindings, needs_node, project, tsc

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/subscribe.md"
SUPPORT = ROOT / "generator/tightbeam_codegen/targets/typescript/support"


def first_column(page: Path, heading: str) -> set[str]:
    section = re.split(r"^#{2,3} ", page.read_text("utf-8"), flags=re.MULTILINE)
    (found,) = (text for text in section if text.startswith(heading))
    rows = re.findall(r"^\| (`[^|]*`) \|", found, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def options(file: str, *types: str) -> set[str]:
    """Return the names of the options that these types declare in a support file."""
    text = (SUPPORT / file).read_text("utf-8")
    bodies = [
        re.search(rf"export type {name}<.*? = [^=]*?\{{\n(.*?)\n\}};", text, re.DOTALL) for name in types
    ]
    return {
        name
        for body in bodies
        if body
        for name in re.findall(r"^  readonly (\w+)\?*:", body[1], re.MULTILINE)
    }


def test_every_reason_is_in_the_table() -> None:
    codes = re.search(
        r"export type ReasonCode =\n(.*?);", (SUPPORT / "stream.ts").read_text("utf-8"), re.DOTALL
    )
    assert codes is not None
    assert first_column(PAGE, "Connection and reasons") - {"code"} == set(re.findall(r'"([^"]+)"', codes[1]))


COMMON = {"topics", "pauseOnHidden", "onMessage", "onReset"}


def test_every_option_is_in_the_table() -> None:
    assert options("subscribe.ts", "CommonOptions") == COMMON
    own = options("subscribe.ts", "SubscribeOptions")
    assert "token" in own
    assert first_column(PAGE, "Options") == COMMON | own


def test_every_option_of_the_hooks_is_in_their_table() -> None:
    own = options("received.ts", "ReceiveOptions")
    assert "enabled" in own
    table = first_column(ROOT / "docs/react.md", "Options")
    assert table == COMMON | own | options("useChannel.ts", "UseChannelOptions")
    assert table == COMMON | own | options("useChannels.ts", "UseChannelsOptions")


@pytest.mark.slow
def test_the_page_compiles(tmp_path: Path) -> None:
    needs_node()
    files = {Path(block.title).name: block.text for block in blocks(PAGE) if block.title is not None}
    assert len(files) == sum(block.language == "ts" for block in blocks(PAGE)) == 2
    project(tmp_path, bindings(ROOT / "schemas") | files)
    assert tsc(tmp_path) == []
