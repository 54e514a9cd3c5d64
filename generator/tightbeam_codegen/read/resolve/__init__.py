"""From a `$ref` to the schema it means, inside the schema root and the mapped folders only."""

from tightbeam_codegen.read.resolve.sources import Sources
from tightbeam_codegen.read.resolve.store import Node, SchemaStore
from tightbeam_codegen.read.resolve.unresolved import Unresolved

__all__ = ["Node", "SchemaStore", "Sources", "Unresolved"]
