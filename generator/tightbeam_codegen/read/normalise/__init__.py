"""Schemas to shapes: flattened, every object, shared enum and union under its final name."""

from tightbeam_codegen.read.normalise.naming import Claim, Names, settle
from tightbeam_codegen.read.normalise.normaliser import Normaliser, TooMuch
from tightbeam_codegen.read.normalise.shapes import AliasShape, Field, Name, ObjectShape, Shape

__all__ = [
    "AliasShape",
    "Claim",
    "Field",
    "Name",
    "Names",
    "Normaliser",
    "ObjectShape",
    "Shape",
    "TooMuch",
    "settle",
]
