"""Channels, topics and the messages that come from them."""
