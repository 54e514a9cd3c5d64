"""The same definitions for front ends: one TypeScript module a channel, for the npm package `inngest`."""

from tightbeam_codegen.typescript.emit import TypeScript

__all__ = ["TypeScript"]
