"""The TypeScript on the page compiles beside what the page generates; what it shows is what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.typescript.node_tools import needs_node, project, tsc
from tightbeam_cli import main

PAGE = Path(__file__).parents[2] / "docs/typescript.md"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the page's last command writes, with its titled blocks of TypeScript."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    page = {block.title: block.text for block in blocks(PAGE) if block.title is not None}
    for title, text in page.items():
        Path(title).parent.mkdir(parents=True, exist_ok=True)
        Path(title).write_text(text, "utf-8")
    assert (
        main(
            ["generate", "--typescript", "web/src/channels", "--typescript-validators", "--typescript-react"]
        )
        == 0
    )
    return {path.name: path.read_text("utf-8") for path in Path("web/src").rglob("*.ts*")}


def test_the_excerpts_are_what_is_written(written: dict[str, str]) -> None:
    excerpts = [block.text for block in blocks(PAGE) if block.language == "ts" and block.title is None]
    for excerpt, path in zip(excerpts, ("uploads.ts", "upload.ts"), strict=True):
        assert excerpt in written[path]


@pytest.mark.slow
def test_the_page_compiles(written: dict[str, str]) -> None:
    needs_node()
    assert tsc(project(Path("web").absolute(), {})) == []
    assert {"Progress.tsx", "checked.ts", "send.ts"} <= written.keys()
