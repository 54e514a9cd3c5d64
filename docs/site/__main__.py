"""Build the site of the documentation, and check it: `python -m docs.site [FOLDER]`, `build` by default."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from docs.site import check, llms, pages, spellings
from docs.site.public import read_modules
from docs.site.reference import Reference, read_reference

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "zensical.toml"
Navigated: TypeAlias = "str | list[Navigated] | dict[str, Navigated]"
"""A page, several of them, or groups with titles."""


def navigation() -> list[tuple[str, list[str]]]:
    """Return the groups of the navigation with their pages, as the settings have them."""
    entries: list[dict[str, Navigated]] = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"][
        "nav"
    ]
    return [(group, list(_listed(members))) for entry in entries for group, members in entry.items()]


def _listed(member: Navigated) -> Iterator[str]:
    if isinstance(member, str):
        yield member
        return
    for inner in member.values() if isinstance(member, dict) else member:
        yield from _listed(inner)


def stage(folder: Path, reference: Reference) -> dict[str, str]:
    """Write what the generator reads: the pages, the reference, pictures and styles.

    Args:
        folder: where to, emptied first.
        reference: the documented names.

    Returns:
        The pages, by their places on the site.
    """

    def name(page: str, span: str) -> str | None:
        found = spellings.find(span, page, reference)
        return None if found is None else reference.link(found, page)

    staged = pages.staged(ROOT, name) | reference.pages(as_html=True)
    shutil.rmtree(folder, ignore_errors=True)
    for place, text in staged.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    for source, place in pages.pictures(ROOT).items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, folder / place)
    shutil.copytree(Path(__file__).parent / "theme", folder / "theme")
    return staged


def build(folder: Path) -> int:
    """Build the site; print what is wrong with it.

    Args:
        folder: where to; the site is in ``site`` below it.

    Returns:
        The exit code: 0 if all is well.
    """
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"]
    site = folder / settings["site_dir"]
    reference = read_reference(read_modules(str(ROOT / "runtime")))
    staged = stage(folder / settings["docs_dir"], reference)
    shutil.rmtree(site, ignore_errors=True)
    # Zensical empties the folder .cache beside its settings: at the top of the project that would be ours.
    shutil.copy(SETTINGS, folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    sys.stdout.flush()
    done = subprocess.run(command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, check=False)
    if done.returncode:
        return done.returncode
    if "site_url" not in settings:
        # The generator's own asks for styles at the top of the host, where they are only without a path.
        shutil.copy(Path(__file__).parent / "404.html", site)
    texts = staged | reference.pages(as_html=False)
    for place, text in texts.items():
        (site / place).write_text(llms.plain(text), encoding="utf-8")
    listed = navigation()
    description = settings["site_description"]
    (site / "llms.txt").write_text(llms.list_of_pages(listed, texts, description), encoding="utf-8")
    (site / "llms-full.txt").write_text(llms.full_text(listed, texts), encoding="utf-8")
    found = check.faults(site)
    print(*(f"error: {fault}" for fault in found), f"{site}: {len(staged)} pages", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()))
