"""Run as a program: the command `tightbeam`, with a note of every file and folder it opens and all it starts.

Arguments: where to put the notes, then those of the command. The exit code is the command's.
"""

from __future__ import annotations

import json
import os
import sys

NOTED = ("open", "os.scandir", "os.listdir", "os.chdir")
STARTED = (
    *("socket.", "subprocess.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "pty."),
    *("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "signal.pthread_kill"),
)

CURRENT = os.getcwd()  # noqa: PTH109 - before the hook, and not inside it
notes: list[tuple[str, str]] = []


def note(event: str, arguments: tuple[object, ...]) -> None:
    """The hook: what is opened by path, and whatever leads out of the process."""
    if event in NOTED:
        path = arguments[0]
        if isinstance(path, str | bytes | os.PathLike):
            text = os.fsdecode(path)
            notes.append((event, text if text.startswith("/") else f"{CURRENT}/{text}"))
        elif path is None:
            notes.append((event, CURRENT))
    elif event.startswith(STARTED):
        notes.append((event, repr(arguments)))


if __name__ == "__main__":
    where, command = sys.argv[1], sys.argv[2:]
    sys.path[0] = ""
    sys.addaudithook(note)
    from tightbeam_cli import main

    code = main(command)
    found = json.dumps(notes)
    with open(where, "w", encoding="utf-8") as file:  # noqa: PTH123 - nothing is imported that needn't be
        file.write(found)
    sys.exit(code)
