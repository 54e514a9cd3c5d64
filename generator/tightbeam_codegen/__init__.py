"""Compiles definitions of channels and events into typed bindings; `pipeline.py` has the passes in order."""
