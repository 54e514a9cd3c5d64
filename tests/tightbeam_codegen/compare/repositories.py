"""Git repositories for tests, which know no settings of this machine's user."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import write_files

__all__ = ["Clone", "changed", "definition"]

_VARIABLES = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def definition(*values: str, name: str = "deliveries") -> dict[str, Any]:
    """Return a definition with one topic, whose property `reason` has these values."""
    schema = {
        "type": "object",
        "properties": {"reason": {"enum": list(values)}},
        "required": ["reason"],
        "additionalProperties": False,
    }
    return {"name": name, "topics": {"eta": {"schema": schema}}}


class Clone:
    """A repository and its work tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def made(cls, folder: Path, *options: str) -> Clone:
        """Make a repository without a commit, on the branch main."""
        folder.mkdir(parents=True, exist_ok=True)
        clone = cls(folder)
        clone.git("init", "-q", "-b", "main", *options)
        return clone

    def git(self, *arguments: str) -> str:
        """Run git, which must succeed."""
        variables = {**os.environ, **_VARIABLES}
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, files: dict[str, Any]) -> None:
        """Write files; JSON values over several lines."""
        texts = {
            path: json.dumps(value, indent=2) if isinstance(value, dict) else value
            for path, value in files.items()
        }
        write_files(self.folder, texts)

    def commit(self, files: dict[str, Any]) -> str:
        """Write files, commit everything, and return the commit's id."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")


def changed(text: str) -> list[tuple[str, str, str]]:
    """Return channel, topic and order of the topics in a JSON output."""
    return [(each["channel"], each["topic"], each["order"]) for each in json.loads(text)["topics"]]
