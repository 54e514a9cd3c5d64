"""The version of the tool, as the header of generated files names it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["tool_version"]


def tool_version() -> str:
    """Return the version in the checkout this runs from, else that of the installed distribution.

    An editable install may have recorded an older version than the checkout has.
    """
    project = Path(__file__).parents[2] / "pyproject.toml"
    try:
        text = project.read_text("utf-8")
    except OSError:
        text = ""
    if re.search(r'^name = "tightbeam"$', text, re.MULTILINE):
        match = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
        if match:
            return match[1]
    from importlib import metadata

    return metadata.version("tightbeam")
