"""What a definition file may cost. Hand-written ones stay far below; those made to hurt are refused early."""

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_DIGITS", "MAX_NODES"]

MAX_BYTES = 8 * 1024 * 1024
"""Size of one file."""

MAX_DEPTH = 100
"""Objects and arrays inside one another."""

MAX_DIGITS = 1_000
"""Digits of one integer; reading them takes time that grows with their square."""

MAX_NODES = 1_000_000
"""Values in one YAML file once its aliases are written out."""
