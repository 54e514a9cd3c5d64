"""The catalogue: a static site of all channels, printed from the model."""

from tightbeam_codegen.catalogue.site import Site, build

__all__ = ["Site", "build"]
