"""Files as plain values, of which each has a line and a column."""

from tightbeam_codegen.read.load.document import Document, parse
from tightbeam_codegen.read.load.values import JsonValue, Pointer

__all__ = ["Document", "JsonValue", "Pointer", "parse"]
