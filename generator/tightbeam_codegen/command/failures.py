"""Exit codes of commands, and the failures that any of them may meet."""

from __future__ import annotations

import errno

from tightbeam_codegen.problems import DefinitionErrors, Problem

__all__ = ["DRIFT", "FINE", "INTERRUPTED", "WRONG", "missing_package", "system_problem"]

FINE = 0
DRIFT = 1
"""The exit code of `--check` where a run would change something."""
WRONG = 2
"""The exit code for bad input, a wrong call, or an outcome that can't be written."""
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

_REMEDIES = {
    errno.ENOSPC: "Make room on the disk and run it again: nothing was changed.",
    errno.EDQUOT: "Make room in your quota and run it again: nothing was changed.",
    errno.ENOTDIR: "A file is where a folder has to be: name another output folder, or move the file away.",
    errno.EEXIST: "A file is where a folder has to be: name another output folder, or move the file away.",
    errno.EACCES: "Check the permissions of the folder.",
    errno.EPERM: "Check the permissions of the folder.",
    errno.EROFS: "Name an output folder that can be written to.",
}


def system_problem(error: OSError) -> Problem:
    """Return why files can't be read or written, with what can be done about it."""
    where = f"{error.filename}: " if error.filename else ""
    return Problem(None, "error", f"{where}{error.strerror or error}", _REMEDIES.get(error.errno or 0, ""))


def missing_package(error: ModuleNotFoundError, doing: str) -> DefinitionErrors:
    """Return the error for a package of the extra `codegen` that isn't installed.

    Args:
        error: raised by the import of the package.
        doing: what needs it, such as "generating".

    Raises:
        ModuleNotFoundError: the module is one of our own, so that no installation brings it.
    """
    if (error.name or "").startswith("tightbeam"):
        raise error
    message = f"{doing} needs the package {error.name}"
    return DefinitionErrors([Problem(None, "error", message, "Run: pip install 'tightbeam[codegen]'")])
