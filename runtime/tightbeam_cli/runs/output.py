"""Where a command's answer goes: tables or one JSON document on standard output, refusals for both."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType

from tightbeam._engine.addresses import hide_passwords
from tightbeam_codegen.problems import visible

__all__ = ["Output", "RunsFailed", "error_object", "laid_out"]

# A pipe has no width; what reads from it wants whole lines.
_WIDTH_OF_A_PIPE = 240


class RunsFailed(Exception):
    """The command can't do what it was asked for."""

    def __init__(self, message: str, remedy: str = "", *, kind: str = "Usage") -> None:
        """Describe it.

        Args:
            message: what is wrong.
            remedy: what to do.
            kind: the name of the error, for programs.
        """
        self.remedy = remedy
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Output:
    """Prints for people, or one JSON document for programs, whatever happens."""

    as_json: bool

    def document(self, value: dict[str, Any]) -> None:
        """Print the JSON document."""
        sys.stdout.write(laid_out(value, ensure_ascii=True) + "\n")

    def show(self, *parts: RenderableType) -> None:
        """Print tables and texts."""
        console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE, highlight=False)
        for part in parts:
            console.print(part)

    def failed(self, error: RunsFailed) -> int:
        """Print why it can't be done; the sentence for people goes to standard error.

        Returns:
            The exit code.
        """
        if self.as_json:
            self.document({"error": error_object(error)})
        remedy = f"\n    {visible(error.remedy)}" if error.remedy else ""
        sys.stderr.write(f"tightbeam: {visible(hide_passwords(str(error)))}{remedy}\n")
        return 2


def laid_out(value: Any, *, ensure_ascii: bool) -> str:
    """Return JSON over several lines; in one line what is nested too deeply for that.

    Args:
        value: the value.
        ensure_ascii: whether to escape all characters but those of ASCII.
    """
    try:
        return json.dumps(value, indent=2, ensure_ascii=ensure_ascii)
    except RecursionError:
        return json.dumps(value, ensure_ascii=ensure_ascii)


def error_object(error: RunsFailed) -> dict[str, str]:
    """Return an error as programs read it."""
    return {"type": error.kind, "message": hide_passwords(str(error)), "remedy": error.remedy}
