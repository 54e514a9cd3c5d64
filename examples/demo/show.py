"""How the demo prints: plain text anywhere, colours on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

WIDTH = min(shutil.get_terminal_size((110, 40)).columns, 120)
COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, style: str) -> str:
    """The text in a colour, where there are colours; no style leaves it as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if COLOURED and style else text


def heading(text: str) -> None:
    """A new part."""
    print(f"\n{paint(text, 'bold')}\n{paint('─' * WIDTH, 'dim')}")


def command(text: str) -> None:
    """What a person would type."""
    print(paint(f"$ {text}", "cyan"))


def said(who: str, text: str, style: str) -> None:
    """What somebody says about a line, under it."""
    label = f"    {who:<9}"
    wrapped = [textwrap.wrap(line, WIDTH - len(label), break_on_hyphens=False) for line in text.splitlines()]
    for number, line in enumerate(line for lines in wrapped for line in lines):
        print(paint(label if number == 0 else " " * len(label), "dim") + paint(line, style))
