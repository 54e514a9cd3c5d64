"""What a search for a value gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tightbeam_codegen.read.load import JsonValue

__all__ = ["NOTHING", "Found", "Nothing", "Outcome", "Unknown"]


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no such value."""


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Found:
    """A value was found; with a doubt, it may still be a wrong one."""

    value: JsonValue
    doubt: str = ""
    """Why it may be wrong."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither was a value found nor that there is none."""

    reason: str


Outcome: TypeAlias = Nothing | Found | Unknown
