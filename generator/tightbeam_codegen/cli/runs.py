"""`tightbeam runs`: the runs in a database file, or one run's steps and messages."""

from __future__ import annotations

from pathlib import Path

__all__ = ["run_runs"]


def run_runs(file: Path, run_id: str | None) -> int:
    """Print the runs in `file`, or one of them; the exit code."""
    raise NotImplementedError
