"""The command `tightbeam`: arguments, printing and exit codes; what it does is done elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 drift, 2 bad input or usage."""
    try:
        from tightbeam_codegen.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich", "click"):
            raise
        sys.stderr.write(
            "tightbeam: the command line needs more packages: pip install 'tightbeam[cli,codegen]'\n"
        )
        return 2
    return run(sys.argv[1:] if arguments is None else list(arguments))
