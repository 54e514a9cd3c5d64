"""Limits of one file: far above files written by hand, so that a file made to do harm is refused early."""

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_DIGITS", "MAX_DOCUMENT_BYTES", "MAX_NODES"]

MAX_BYTES = 8 * 1024 * 1024
"""Size of one definition file."""

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Size of one file that is no definition. What describes a large API, such as GitHub's, has 14 MiB."""

MAX_DEPTH = 100
"""Objects and arrays inside one another."""

MAX_DIGITS = 1_000
"""Digits of one integer: the time to read them grows with the square of their number."""

MAX_NODES = 1_000_000
"""Values in one YAML file, with those of its aliases."""
