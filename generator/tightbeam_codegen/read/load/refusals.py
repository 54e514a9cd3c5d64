"""Errors for what JSON and YAML text may contain and a definition may not."""

from __future__ import annotations

from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.load.limits import MAX_DIGITS
from tightbeam_codegen.read.load.positions import Lines, Spot

__all__ = ["encodable", "refuse_digits", "refuse_duplicate", "refuse_half_character", "refuse_large_number"]


def encodable(text: str) -> bool:
    """Return whether `text` has no lone surrogate, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse_half_character(offset: int, lines: Lines, problems: Problems) -> None:
    """Report a string with a lone surrogate."""
    problems.error(
        lines.place(offset),
        "half of a surrogate pair, which is no character",
        "Write the character itself, or both halves of its escape.",
    )


def refuse_duplicate(key: str, first: Spot, offset: int, lines: Lines, problems: Problems) -> None:
    """Report a key that stands twice in one object.

    Args:
        key: the key.
        first: the value that it has first.
        offset: where the key stands the second time.
        lines: finds places in the text.
        problems: takes the error.
    """
    line = lines.place(first.key_offset if first.key_offset is not None else first.offset).line
    problems.error(
        lines.place(offset),
        f"duplicate key {quoted(key)}",
        f"It is already on line {line}; remove or rename one of them.",
    )


def refuse_digits(offset: int, lines: Lines, problems: Problems) -> None:
    """Report an integer with too many digits."""
    message = f"an integer with more than {MAX_DIGITS} digits"
    problems.error(lines.place(offset), message, "Use a smaller number.")


def refuse_large_number(token: str, offset: int, lines: Lines, problems: Problems) -> None:
    """Report a number that no float can hold."""
    message = f"the number {quoted(token)} is too large"
    problems.error(lines.place(offset), message, "Use a number below 1.8e308.")
