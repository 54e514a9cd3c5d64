"""The version of the tool, as the header of generated files names it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["tool_version"]


def tool_version() -> str:
    """The version in the checkout this runs from, else that of the installed distribution.

    The checkout comes first: what an editable install recorded may be older.
    """
    project = Path(__file__).parents[2] / "pyproject.toml"
    try:
        text = project.read_text("utf-8")
    except OSError:
        text = ""
    if re.search(r'^name = "tightbeam"$', text, re.MULTILINE):
        found = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
        if found:
            return found[1]
    from importlib import metadata

    return metadata.version("tightbeam")
