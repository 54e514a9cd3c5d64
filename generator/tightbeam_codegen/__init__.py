"""Compiles channel definitions into typed bindings; `pipeline.py` has the passes in order."""
