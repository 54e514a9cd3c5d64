"""Definition files as plain values in which everything still knows its line and column."""

from tightbeam_codegen.read.load.document import Document, JsonValue, Pointer, parse

__all__ = ["Document", "JsonValue", "Pointer", "parse"]
