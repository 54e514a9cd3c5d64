"""Everything README and docs/ show is executed: Python, commands and their output, definitions."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
OURS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
"""Those for who works on Tightbeam, too."""
FAST = {"README.md"}
"""Pages that run every time."""


def run(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("run_page.py"), page],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "page",
    [page if page.name in FAST else pytest.param(page, marks=pytest.mark.slow) for page in PAGES],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_page(page: Path, tmp_path: Path) -> None:
    for folder in ("schemas", "generated"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stderr


NAMED = re.compile(r"`((?:runtime|generator|tests|benchmarks|docs|examples)/[\w./-]*[\w/])(?=[`:])")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}, which isn't there"
        assert not anchor or anchor in anchors(file), f"{page.name} links to #{anchor} of {file.name}"


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    """What stands in backticks and begins with one of our folders, whole or up to a placeholder."""
    for named in NAMED.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), f"{page.name} names {named}, which isn't there"


def test_each_page_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {target for target, _ in LINK.findall(readme)}
    pages = {page.relative_to(ROOT).as_posix() for page in OURS if page.name != "README.md"}
    assert pages <= linked


def anchors(page: Path) -> set[str]:
    """What headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


GOOD = """
<!-- python
greeting = "hello"
-->
```python
import asyncio
await asyncio.sleep(0)
print(greeting)
```
<!-- output -->
```text
h…o
```
<!-- raises: ValueError -->
```python
int("x")
```
```python title="shown/there.py"
HERE = 1
```
```python
from shown.there import HERE
```
```console
$ pip install something
$ python -c 'print("a b")'
a b
```
<!-- not run: it is only an example -->
```python
import nothing_of_that_name
```
"""


def test_the_conventions_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(GOOD)
    done = run(page, tmp_path)
    assert (done.stdout, done.stderr) == ("7 blocks hold\n", "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\n```python\n1 / 0\n```\n", "page.md:3: Traceback"),
        (
            "```python\nprint(1)\n```\n<!-- output -->\n```text\n2\n```\n",
            "the block before this one printed:\n1",
        ),
        ("<!-- raises: KeyError -->\n```python\n1\n```\n", "no KeyError was raised"),
        ("<!-- raises: KeyError -->\n```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```console\n$ python -c 'print(1)'\n2\n```\n", "printed (exit 0):\n1"),
        ("```console\n$ python -c 'exit(3)'\n```\n", "failed with 3"),
        ("```json\n{]\n```\n", "not json"),
        (
            '```json\n{"name": "a:{b}", "topics": {"t": {"schema": {"type": "string"}}}}\n```\n',
            "has no parameter",
        ),
        (
            "```python\nimport warnings; warnings.warn('old', DeprecationWarning)\n```\n",
            "DeprecationWarning: old",
        ),
    ],
)
def test_a_page_that_is_wrong_is_found_out(tmp_path: Path, text: str, complaint: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    done = run(page, tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr
