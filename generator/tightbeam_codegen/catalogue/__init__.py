"""The catalogue: a static site of all channels, printed from the model."""

from tightbeam_codegen.catalogue.changes import Changes
from tightbeam_codegen.catalogue.site import Site, build

__all__ = ["Changes", "Site", "build"]
