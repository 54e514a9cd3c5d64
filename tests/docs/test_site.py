"""The site of the documentation: every page is in its navigation, every public name in its reference."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tightbeam
from docs.site import check, llms, pages
from docs.site.__main__ import navigation
from docs.site.public import INTERNAL

ROOT = Path(__file__).parents[2]


def listed() -> list[str]:
    return [page for _, members in navigation() for page in members]


def test_each_page_of_docs_is_in_the_navigation_once() -> None:
    found = listed()
    assert sorted(found) == sorted(set(found))
    assert sorted(page for page in found if not page.startswith("reference/")) == sorted(
        pages.sources(ROOT).values()
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; its links are checked as part of the build."""
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, "-W", "error", "-m", "docs.site", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def public_modules() -> list[str]:
    """The modules of the package that no underscore marks as private, found by walking through it."""
    walked = pkgutil.walk_packages(tightbeam.__path__, "tightbeam.")
    names = [module.name for module in walked if "._" not in module.name]
    return ["tightbeam", *(name for name in names if name not in INTERNAL)]


@pytest.mark.slow
def test_the_reference_has_exactly_the_public_names(site: Path) -> None:
    modules = public_modules()
    reference = {f"reference/{module}.md" for module in modules}
    assert reference == {page for page in listed() if page.startswith("reference/")}
    texts = {page: (site / page).read_text(encoding="utf-8") for page in reference}
    for module in modules:
        overview = set(re.findall(r"^\| \[`(\w+)`\]\(", texts[f"reference/{module}.md"], re.MULTILINE))
        assert overview == set(importlib.import_module(module).__all__)
    headings = [name for text in texts.values() for name in re.findall(r"^#+ `(.*)`", text, re.MULTILINE)]
    assert [name for name in headings if re.search(r"(^|\.)_", name)] == []


@pytest.mark.slow
def test_each_documented_name_has_a_docstring_below_its_signature(site: Path) -> None:
    for page in sorted((site / "reference").glob("*.md")):
        _, *parts = re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for part in parts:
            text = part.split("```\n", 1)[1].strip()
            assert text, f"{page.name}: {part.splitlines()[0]} has no docstring"


@pytest.mark.slow
def test_guides_lead_to_the_reference(site: Path) -> None:
    runtime = (site / "runtime.html").read_text(encoding="utf-8")
    for target in (
        "reference/tightbeam.html#tightbeam.Client.send",
        "reference/tightbeam.html#tightbeam.Client.realtime.publish_sync",
        "reference/tightbeam.errors.html#tightbeam.errors.StepError",
    ):
        assert f'href="{target}"' in runtime
    inngest = (site / "inngest.html").read_text(encoding="utf-8")
    assert 'href="reference/tightbeam.inngest.html#tightbeam.inngest.Client"' in inngest


@pytest.mark.slow
def test_signatures_lead_to_the_types_in_them(site: Path) -> None:
    client = (site / "reference" / "tightbeam.html").read_text(encoding="utf-8")
    gateway = (site / "reference" / "tightbeam.gateway.html").read_text(encoding="utf-8")
    assert '<a href="#tightbeam.Subscription">Subscription</a>' in client
    assert '<a href="tightbeam.html#tightbeam.Client.realtime">ClientRealtime</a>' in gateway
    assert "Channels</a>" not in client


@pytest.mark.slow
def test_the_page_for_wrong_addresses_asks_for_nothing(site: Path) -> None:
    """It is shown at any depth, below any path of a host."""
    text = (site / "404.html").read_text(encoding="utf-8")
    assert "There is no such page" in text
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["index.html"]


@pytest.mark.slow
def test_what_steers_the_tests_is_not_shown(site: Path) -> None:
    for page in listed():
        assert "<!-- " not in pages.outside_fences((site / page).read_text(encoding="utf-8"), lambda _: "")
        html = (site / page).with_suffix(".html").read_text(encoding="utf-8")
        assert "&lt;!--" not in re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL), page


MARKUP = re.compile(r"^\s*[*-] \w|\*\*|`|\]\(|^\s*\|.*\|\s*$|\{ [#.]", re.MULTILINE)


@pytest.mark.slow
def test_no_page_shows_its_markup(site: Path) -> None:
    """GitHub reads lists without a blank line before them, and pipes in tables, in its own way."""
    for page in sorted(site.rglob("*.html")):
        for article in re.findall(r"<article.*?</article>", page.read_text(encoding="utf-8"), re.DOTALL):
            text = re.sub(r"<pre.*?</pre>", "", article, flags=re.DOTALL)
            assert "\\|" not in text, page.name
            text = re.sub(r"<[^>]+>", "", re.sub(r"<code.*?</code>", "", text, flags=re.DOTALL))
            assert MARKUP.findall(text) == [], page.name


LISTS = """\
One
paragraph
* item
lazy
* item

  Further.
* item

```text
  * code
```
Other
- item
"""


def test_lists_are_written_for_the_generators_markdown(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for source in pages.PLACES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text(f"{LISTS}| `a \\| b` | \\| |\n")
    assert pages.staged(tmp_path, lambda *_: None)["index.md"] == (
        "One\nparagraph\n\n* item\nlazy\n* item\n\n"
        "    Further.\n\n* item\n\n```text\n  * code\n```\nOther\n\n- item\n"
        "| `a | b` | \\| |\n"
    )


@pytest.mark.slow
def test_llms_txt_lists_each_page_with_a_sentence(site: Path) -> None:
    lines = re.findall(r"^- \[(.+?)\]\((.+?)\): (.+)$", (site / "llms.txt").read_text(), re.MULTILINE)
    assert [target for _, target, _ in lines] == listed()
    for title, target, sentence in lines:
        assert (site / target).read_text(encoding="utf-8").startswith("# ")
        assert len(title) > 2
        assert len(sentence) > 20, target
    whole = (site / "llms-full.txt").read_text(encoding="utf-8")
    assert "```python\nasync def send(" in whole
    assert "data-toc-label" not in whole


BROKEN = {
    '<a href="b.html">': "links to b.html, which isn't there",
    '<a href="a.html#x">': "links to a.html#x, and a.html has no such heading",
    '<a href="#x">': "links to #x, and a.html has no such heading",
    '<img src="images/a.png">': "links to images/a.png, which isn't there",
    '<script src="https://example.com/a.js"></script>': "asks for https://example.com/a.js",
    '<link rel="stylesheet" href="//example.com/a.css">': "asks for //example.com/a.css",
    '<img src="http://example.com/a.png">': "asks for http://example.com/a.png",
}


@pytest.mark.parametrize("markup", BROKEN)
def test_a_fault_of_a_built_page_is_found(markup: str, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f'<h1 id="top">A</h1>{markup}')
    assert check.faults(tmp_path) == [f"a.html: {BROKEN[markup]}"]


def test_a_style_that_asks_another_server_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('p { background: url("https://example.com/a.png") url(data:x) }')
    assert check.faults(tmp_path) == ["a.css: asks for https://example.com/a.png"]


def test_links_that_lead_somewhere_are_no_faults(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.html").write_text('<h1 id="top"><a href="../b.html#ü"></a><a href="#top"></a>')
    (tmp_path / "b.html").write_text(
        '<p id="ü"><a href="in/a.html#top"></a><a href="https://example.com"></a>'
    )
    assert check.faults(tmp_path) == []


PAGE = """\
# A page

See `Thing` and [`Thing`](../README.md#use-it), [there](other.md), [that](../pyproject.toml).

```python
# [no link](other.md), <!-- no comment --> `Thing`
```
<!-- python
hidden
-->
<!-- output -->
```text
shown
```

## `Thing` again

`Thing`, `Thing`
"""


def test_a_page_is_staged_with_links_of_the_site_and_without_comments(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for source in pages.PLACES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text("# Page\n")
    (tmp_path / "docs" / "page.md").write_text(PAGE)
    (tmp_path / "docs" / "other.md").write_text("# Other\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    staged = pages.staged(tmp_path, lambda page, span: f"r.md#{page}" if span == "Thing" else None)
    assert staged["source/pyproject.toml.md"] == "# pyproject.toml\n\n````toml\n[project]\n````\n"
    assert staged["page.md"] == (
        "# A page\n\n"
        "See [`Thing`](r.md#page.md) and [`Thing`](index.md#use-it), [there](other.md),"
        " [that](source/pyproject.toml.md).\n\n"
        "```python\n# [no link](other.md), <!-- no comment --> `Thing`\n```\n"
        '```text title="Output"\nshown\n```\n\n'
        "## `Thing` again\n\n"
        "[`Thing`](r.md#page.md), `Thing`\n"
    )


def test_the_first_sentence_of_a_page() -> None:
    assert (
        llms.summary("# A\n\n![x](y)\n\n```text\nb.\n```\n\nOne [two](x.md)\nthree. Four.\n")
        == "One two three."
    )
    assert llms.title("# `tightbeam` { #x }\n") == "tightbeam"


def test_a_picture_is_shown_in_the_readers_scheme(tmp_path: Path) -> None:
    (tmp_path / "docs" / "images").mkdir(parents=True)
    for source in pages.PLACES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        text = "![A](docs/images/a-light.png)\n![B](docs/images/b-dark.png)\n"
        (tmp_path / source).write_text(text if source == "README.md" else "# Page\n")
    for name in ("a-light", "a-dark", "b-dark"):
        (tmp_path / "docs" / "images" / f"{name}.png").touch()
    assert pages.staged(tmp_path, lambda *_: None)["index.md"] == (
        "![A](images/a-light.png#only-light) ![A](images/a-dark.png#only-dark)\n![B](images/b-dark.png)\n"
    )
