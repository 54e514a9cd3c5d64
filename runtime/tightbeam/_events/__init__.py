"""Typed events: references to them, what starts functions, and how their data is encoded and loaded."""
