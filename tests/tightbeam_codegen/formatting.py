"""What `ruff format` would change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["formatting_changes"]


def formatting_changes(target: Path | str, width: int = 88) -> str:
    """The difference that formatting would make to a folder, or to source given as text; empty for none."""
    options = ["--isolated", "--no-cache", "--line-length", str(width), "--target-version", "py311"]
    given = target if isinstance(target, str) else None
    where = "-" if given is not None else str(target)
    done = subprocess.run(
        [Path(sys.executable).parent / "ruff", "format", "--diff", *options, where],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout
