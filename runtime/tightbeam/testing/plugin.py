"""The pytest plugin that the entry point names."""
