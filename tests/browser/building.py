"""Pages of front ends, built with Vite: that of tests/browser/recipes, and those that the docs show."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests import node_packages
from tests.browser.browsing import ROOT
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import Settings

__all__ = ["FOLDER", "bindings", "build", "project", "require_recipes", "run_tool"]

FOLDER = Path(__file__).parent / "recipes"


def require_recipes() -> None:
    """Skip, or fail, without Node or the packages."""
    node_packages.require_node(FOLDER, "vite", "the recipes")


def bindings(schemas: Path = ROOT / "schemas") -> dict[str, str]:
    """Generate the bindings for a front end with React and validators, by path in `channels/`."""
    settings = Settings(
        options={"typescript": Path("web"), "typescript_validators": True, "typescript_react": True}
    )
    result = generate(schemas, settings, shown_root="schemas", version="0.0.0")
    assert not [problem for problem in result.problems if problem.severity == "error"]
    return {f"channels/{path}": text for path, text in result.files["typescript"].items()}


def project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files to a folder in which the packages are found."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    return folder


def run_tool(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the packages, or of the system, in a project's folder."""
    tool = folder / "node_modules/.bin" / command[0]
    return subprocess.run(
        [str(tool) if tool.exists() else command[0], *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


def build(folder: Path) -> Path:
    """Build the pages of a project, one for each folder with an index.html. Returns the built folder."""
    shutil.copyfile(FOLDER / "vite.config.js", folder / "vite.config.js")
    done = run_tool(folder, "vite", "build", "--mode", "development", NODE_ENV="development")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"
