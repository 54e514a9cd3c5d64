"""Runs by id: what `client.runs` is, over an engine in this process or a gateway elsewhere."""
