"""The targets, in the order in which they are written: a new one has its entry here, and files of its own."""

from tightbeam_codegen.targets.protocol import Target, wanted
from tightbeam_codegen.targets.python.target import PYTHON
from tightbeam_codegen.targets.typescript.target import TYPESCRIPT

__all__ = ["OPTIONS", "TARGETS", "Target", "wanted"]

TARGETS: tuple[Target, ...] = (PYTHON, TYPESCRIPT)

OPTIONS = tuple(option for target in TARGETS for option in target.options)
"""The settings of all targets."""
