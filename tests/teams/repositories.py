"""Git repositories for tests: a team's own, and this project as a repository that others name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SHIPPED = (
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "action",
    "action.yml",
    "constraints.txt",
    "generator",
    "pyproject.toml",
    "runtime",
)

GIT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{
        f"GIT_{role}_{what}": "t@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}
"""The environment of git and of what runs it: nothing of this machine's settings."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree."""

    folder: Path

    def git(self, *arguments: str) -> str:
        """Run git, and return what it printed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=GIT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.rstrip("\n")

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by path."""
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything past all hooks, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def repository(folder: Path) -> Repository:
    """Make an empty repository with the branch `main`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Repository(folder)
    made.git("init", "--quiet", "--initial-branch", "main")
    # As on GitHub: whoever has the number of a commit can ask for it.
    made.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


def this_project(folder: Path) -> tuple[Repository, str]:
    """Make a repository of what is in this work tree, as a user would name it; return its commit, too."""
    made = repository(folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in _SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    return made, made.commit("this work tree")
