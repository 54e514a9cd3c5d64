"""Hooks: what watches and surrounds what a client does (public as `tightbeam.hooks`)."""
