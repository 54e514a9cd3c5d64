"""Shapes to Python types, decided by datamodel-code-generator behind a fence.

No text of a schema reaches it: names, fixed strings and patterns go in as numbered tokens and come back out
of its answer the same way, so equal shapes are asked about once, whatever their words.
"""

from tightbeam_codegen.targets.python.typed.facts import Fact
from tightbeam_codegen.targets.python.typed.types import FactCache, type_facts

__all__ = ["Fact", "FactCache", "type_facts"]
