"""Whether generated packages run anything: all of them are visited in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tightbeam_codegen.hostile.attacks import CANARY

__all__ = ["runs", "visit"]

_VISITOR = Path(__file__).with_name("visitor.py")


def visit(folder: Path) -> str:
    """Import and look at every package in `folder`; what can't be used. Asserts that nothing was run."""
    _put_canary(folder)
    done = _python(_VISITOR, folder)
    assert not (folder / "fired").exists(), "the canary fired"
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


def runs(program: bytes, folder: Path) -> bool:
    """Whether a program imports the canary."""
    _put_canary(folder)
    (folder / "program.py").write_bytes(program)
    _python("-c", f"import sys; sys.path.insert(0, {str(folder)!r}); import program")
    fired = (folder / "fired").exists()
    (folder / "fired").unlink(missing_ok=True)
    return fired


def _put_canary(folder: Path) -> None:
    (folder / "canary.py").write_text(CANARY, "utf-8")


def _python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-W", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
