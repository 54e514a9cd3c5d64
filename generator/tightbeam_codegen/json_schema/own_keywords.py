"""Keywords of Tightbeam in schemas and definitions."""

__all__ = ["ALLOW_BREAKING"]

ALLOW_BREAKING = "x-tightbeam-allow-breaking"
"""Says why a change may break programs: `tightbeam breaking` lists it, and doesn't fail for it."""
