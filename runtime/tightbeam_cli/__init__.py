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
    from tightbeam_codegen.command.failures import INTERRUPTED, WRONG
    from tightbeam_codegen.command.report import report_failure

    if not (_is_installed("typer") and _is_installed("rich")):
        sys.stderr.write(_MISSING)
        report_failure(arguments, "the command line needs more packages")
        return WRONG
    try:
        code = _run(arguments, is_last)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001  # Python would end with 1, which means drift, or a change that breaks
        return _report_bug(arguments, error)
    if code == INTERRUPTED:
        report_failure(arguments, "interrupted")
    return code


def _run(arguments: Sequence[str], is_last: bool) -> int:
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


def _report_bug(arguments: Sequence[str], error: Exception) -> int:
    import traceback

    from tightbeam._engine.addresses import hide_passwords
    from tightbeam_codegen.command.failures import WRONG
    from tightbeam_codegen.command.output import print_error
    from tightbeam_codegen.command.report import report_failure

    message = f"a bug of Tightbeam's: {type(error).__name__}"
    trace = hide_passwords("".join(traceback.format_exception(error)), arguments)
    print_error(f"{trace}error: {message}\n    Please report it, with these lines.")
    report_failure(arguments, message)
    return WRONG


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
