"""The command `tightbeam`: arguments, printing and exit codes; what it does is done elsewhere."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

__all__ = ["main"]

_MISSING = """\
tightbeam: the command line needs more packages
    To generate: pip install 'tightbeam[codegen]'. Only to operate what runs: pip install 'tightbeam[cli]'.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 drift, 2 bad input or usage.

    Args:
        arguments: what follows the command's name; None for those of this process, which is over after it.
    """
    is_last = arguments is None
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    from tightbeam_codegen.command.report import asks_for_json, report_usage

    if not (_is_installed("typer") and _is_installed("rich")):
        sys.stderr.write(_MISSING)
        if asks_for_json(arguments):
            report_usage("the command line needs more packages")
        return 2
    command = _plain_command(arguments)
    if command is not None:
        if not is_last:
            return command()
        # Collecting garbage takes a tenth of a cold run, and the process ends right after it.
        gc.disable()
        try:
            return command()
        finally:
            gc.freeze()
    from tightbeam_cli.app import run

    return run(arguments)


def _plain_command(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return what a command line asks for, if it is one of those that are read without typer."""
    from tightbeam_codegen.command.plain import plain_breaking, plain_request

    if (request := plain_request(arguments)) is not None:
        from tightbeam_codegen.command.generate import run_generate

        return partial(run_generate, request)
    if (asked := plain_breaking(arguments)) is not None:
        from tightbeam_codegen.command.breaking import run_breaking

        return partial(run_breaking, asked)
    return None


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        return False
