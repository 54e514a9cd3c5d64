"""Long chains of modules that import each other.

Python imports a module inside the import of the one that asks for it, seven frames for each. A chain of some
hundred and thirty files would end at its limit of recursion, one of fewer files deep inside a web framework.
So a module far from the innermost one imports stations on the way first, from the innermost outwards: no
import is then nested deeper than two stations are apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from tightbeam_codegen.read.documents import ModulePath
from tightbeam_codegen.targets.python import ir

__all__ = ["with_stations"]

_APART = 25
"""Modules from one station to the next."""


def with_stations(
    modules: Mapping[ModulePath, ir.Module], channels: frozenset[ModulePath]
) -> dict[ModulePath, ir.Module]:
    """Return modules in which those of schema documents import stations first where they need them.

    Args:
        modules: those of one run; none of them imports itself over others.
        channels: those of channel definitions. They lead nowhere here, since not all of them are compiled in
            each run.
    """
    depths: dict[ModulePath, int] = {}
    stations: dict[ModulePath, frozenset[ModulePath]] = {}
    for path in _innermost_first(modules, channels):
        inner = [other.module for other in modules[path].imports if other.module in depths]
        depths[path] = 1 + max((depths[other] for other in inner), default=0)
        passed = frozenset(other for other in inner if depths[other] % _APART == 0)
        stations[path] = passed.union(*(stations[other] for other in inner))
    made = dict(modules)
    for path, depth in depths.items():
        if depth > _APART:
            order = sorted(stations[path], key=lambda other: (depths[other], other))
            made[path] = dataclasses.replace(modules[path], first=tuple(order))
    return made


def _innermost_first(
    modules: Mapping[ModulePath, ir.Module], channels: frozenset[ModulePath]
) -> Iterator[ModulePath]:
    """Yield the modules of schema documents, each after those that it imports."""
    seen: set[ModulePath] = set(channels)
    for start in modules:
        stack = [(start, False)]
        while stack:
            path, is_complete = stack.pop()
            if is_complete:
                yield path
            elif path in modules and path not in seen:
                seen.add(path)
                stack.append((path, True))
                stack.extend((other.module, False) for other in modules[path].imports)
