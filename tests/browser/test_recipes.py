"""The pages of docs/react.md, vue.md, svelte.md and plain-page.md, as they stand there, in Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.browsing import free_port
from tests.browser.building import build, project, require_recipes
from tests.browser.test_hooks import FrontEnd, hide, requests
from tests.docs.front_end import ROOT, project_of

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

RECIPES = ("react", "vue", "svelte", "plain-page")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of all recipes, built."""
    require_recipes()
    files: dict[str, str] = {}
    for name in RECIPES:
        found = project_of(ROOT / "docs" / f"{name}.md")
        assert found is not None
        files |= {f"{name}/{path}": text for path, text in found.files.items()}
    return build(project(tmp_path_factory.mktemp("recipes"), files))


@pytest_asyncio.fixture(loop_scope="session")
async def app(pages: Path, tmp_path: Path) -> AsyncIterator[FrontEnd]:
    port = free_port()
    started = FrontEnd(
        port, "-m", "tests.browser.front_ends", str(tmp_path / "app.db"), str(port), str(pages)
    )
    await started.start()
    yield started
    await started.kill()


@pytest.mark.parametrize("recipe", RECIPES)
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


@pytest.mark.parametrize("recipe", RECIPES)
async def test_it_says_why_it_ended(recipe: str, page: Page, app: FrontEnd) -> None:
    asked = requests(page, "/token")
    await page.goto(f"{app.url}/pages/{recipe}/?upload=nobodys")
    await expect(page.get_by_role("status")).to_contain_text("The token route answered 404.")
    await page.wait_for_timeout(800)  # the first pause before another attempt is a quarter of a second
    assert len(asked) == 1
