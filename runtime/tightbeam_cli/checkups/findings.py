"""What `tightbeam doctor` looked at, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Literal

__all__ = ["Finding", "Status", "version_of"]

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    """``versions``, ``checkers``, ``bindings`` or ``journal``."""
    status: Status
    subject: str
    text: str
    remedy: str = ""


def version_of(name: str) -> str | None:
    """Return which version of a package is installed here, None if none is."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
