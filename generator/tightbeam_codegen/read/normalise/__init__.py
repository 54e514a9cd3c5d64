"""Schemas to shapes: flattened, every object, shared enum and union under its final name."""

from tightbeam_codegen.read.normalise.naming import Names, Origin, settle
from tightbeam_codegen.read.normalise.normaliser import Normaliser, TooMuch
from tightbeam_codegen.read.normalise.shapes import AliasDefinition, Field, Name, ObjectDefinition, Shape

__all__ = [
    "AliasDefinition",
    "Field",
    "Name",
    "Names",
    "Normaliser",
    "ObjectDefinition",
    "Origin",
    "Shape",
    "TooMuch",
    "settle",
]
