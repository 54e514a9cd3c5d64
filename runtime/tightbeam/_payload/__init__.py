"""Checking, encoding and loading payloads."""
