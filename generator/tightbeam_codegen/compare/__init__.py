"""Compare two revisions of channel definitions."""
