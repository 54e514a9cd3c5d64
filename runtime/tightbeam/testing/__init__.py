"""A test kit for code that publishes."""
