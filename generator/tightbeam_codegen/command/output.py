"""Standard output and standard error of a command whose reader may end, or show few characters."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from tightbeam_codegen.command.failures import WRONG

__all__ = ["Output", "print_error", "print_output"]


class Output:
    """Writes to standard output, each text at once.

    A reader that has ended, as in `… | head -1`, has what it wanted: what follows is dropped.
    """

    def __init__(self) -> None:
        self.error: str | None = None
        """Why the output is incomplete, such as a full disk."""

    def write(self, text: str) -> None:
        """Write a text; a failure is noted."""
        stream = sys.stdout
        if stream is None:  # in a process that was started with it closed
            self.error = "it is closed"
            return
        try:
            stream.write(_encodable(text, stream))
            stream.flush()
        except BrokenPipeError:
            _discard(stream)
        except OSError as error:
            self.error = error.strerror or str(error)
            _discard(stream)


def print_output(text: str, code: int) -> int:
    """Write all that a command prints on standard output.

    Args:
        text: the text.
        code: the exit code so far.

    Returns:
        The exit code: another one where the output is incomplete.
    """
    output = Output()
    output.write(text)
    if output.error is None:
        return code
    print_error(f"tightbeam: the output is incomplete: {output.error}")
    return WRONG


def print_error(text: str) -> None:
    """Print a text on standard error, if it is there and somebody reads it."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(_encodable(text, stream) + "\n")
        stream.flush()
    except OSError:
        _discard(stream)


def _encodable(text: str, stream: TextIO) -> str:
    """Return a text in which a character that the terminal can't show is an escape."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _discard(stream: TextIO) -> None:
    """Let a stream write to nowhere, so that nothing fails when Python flushes it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
