"""The same definitions for front ends: one TypeScript module a channel, for the npm package `inngest`."""

from tightbeam_codegen.targets.typescript.emit import TypeScript
from tightbeam_codegen.targets.typescript.scripts import Scripts, define_uses, uses_of

__all__ = ["Scripts", "TypeScript", "define_uses", "uses_of"]
