"""The pages of docs/react.md, vue.md, svelte.md and plain-page.md, as they stand there, in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.browsing import free_port
from tests.browser.building import build, project, require_recipes
from tests.browser.test_hooks import FrontEnd, hide, requests
from tests.docs.blocks import blocks
from tests.docs.front_end import ROOT, project_of

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

RECIPES = ("react", "vue", "svelte", "plain-page")
PAGES = (*RECIPES, "no-build")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of all recipes, built."""
    require_recipes()
    files: dict[str, str] = {}
    for name in RECIPES:
        found = project_of(ROOT / "docs" / f"{name}.md")
        assert found is not None
        files |= {f"{name}/{path}": text for path, text in found.files.items()}
    built = build(project(tmp_path_factory.mktemp("recipes"), files))
    unbuilt(project(tmp_path_factory.mktemp("unbuilt"), {}), built / "no-build")
    return built


def unbuilt(folder: Path, target: Path) -> None:
    """Make the page without a build, with the commands that docs/plain-page.md shows."""
    shown = list(blocks(ROOT / "docs" / "plain-page.md"))
    (page,) = [block for block in shown if block.title == "static/upload.html"]
    (commands,) = [block for block in shown if block.language == "console"]
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    lines = [line.removeprefix("$ ") for line in commands.text.splitlines()]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "static" / "index.html").write_text(page.text, "utf-8")
    shutil.copytree(folder / "static", target)


@pytest_asyncio.fixture(loop_scope="session")
async def app(pages: Path, tmp_path: Path) -> AsyncIterator[FrontEnd]:
    port = free_port()
    started = FrontEnd(
        port, "-m", "tests.browser.front_ends", str(tmp_path / "app.db"), str(port), str(pages)
    )
    await started.start()
    yield started
    await started.kill()


@pytest.mark.parametrize("recipe", PAGES)
async def test_it_resumes_where_it_was(recipe: str, page: Page, app: FrontEnd) -> None:
    await page.goto(f"{app.url}/pages/{recipe}/?upload=u7")
    await expect(page.get_by_role("status")).to_have_text("open")
    await app.send("app/upload", uploadId="u7", file="one")
    await expect(page.locator("li")).to_have_text(["one begun"])
    await app.kill()
    await expect(page.get_by_role("status")).not_to_have_text("open")
    await app.start()
    await app.go_on("one")
    await expect(page.locator("li")).to_have_text(["one begun", "/files/one"])
    await hide(page, hidden=True)
    await app.go_on("two")
    await app.send("app/upload", uploadId="u7", file="two")
    await hide(page, hidden=False)
    await expect(page.locator("li")).to_have_text(["one begun", "/files/one", "two begun", "/files/two"])
    await expect(page.get_by_role("status")).to_have_text("open")


@pytest.mark.parametrize("recipe", PAGES)
async def test_it_says_why_it_ended(recipe: str, page: Page, app: FrontEnd) -> None:
    asked = requests(page, "/token")
    await page.goto(f"{app.url}/pages/{recipe}/?upload=nobodys")
    await expect(page.get_by_role("status")).to_contain_text("The token route answered 404.")
    await page.wait_for_timeout(800)  # the first pause before another attempt is a quarter of a second
    assert len(asked) == 1
