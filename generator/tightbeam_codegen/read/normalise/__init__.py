"""Schemas to shapes: flattened, every object, shared enum and union under its final name."""

from tightbeam_codegen.read.normalise.naming import Names, Origin, settle
from tightbeam_codegen.read.normalise.normaliser import Normaliser, TooMuch
from tightbeam_codegen.read.normalise.shapes import AliasShape, Field, Name, ObjectShape, Shape

__all__ = [
    "AliasShape",
    "Field",
    "Name",
    "Names",
    "Normaliser",
    "ObjectShape",
    "Origin",
    "Shape",
    "TooMuch",
    "settle",
]
