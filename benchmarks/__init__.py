"""Measurements beside peers and limits of the same run: `make bench`; results are in docs/benchmarks.md."""
