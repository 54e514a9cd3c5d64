"""Import order in long chains of modules.

Python imports a module inside the import of the module that needs it, seven frames for each. A chain of about
130 files exceeds its limit of recursion, and a shorter one does so inside a web framework. So a module at the
outer end of a long chain first imports some modules of the chain, the innermost of them first. These are the
stations: no import is then nested deeper than two stations are apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from tightbeam_codegen.read.documents import ModulePath
from tightbeam_codegen.targets.python import ir

__all__ = ["with_stations"]

_APART = 25
"""The number of modules from one station to the next."""


def with_stations(
    modules: Mapping[ModulePath, ir.Module], channels: frozenset[ModulePath]
) -> dict[ModulePath, ir.Module]:
    """Return the modules of a run; those of schema documents import stations first where they have to.

    Args:
        modules: the modules; no circle is among their imports.
        channels: the modules of channel definitions. What they import doesn't count: an incremental run
            doesn't have all of them.
    """
    depths: dict[ModulePath, int] = {}
    stations: dict[ModulePath, frozenset[ModulePath]] = {}
    for path in _innermost_first(modules, channels):
        inner = [other.module for other in modules[path].imports if other.module in depths]
        depths[path] = 1 + max((depths[other] for other in inner), default=0)
        passed = frozenset(other for other in inner if depths[other] % _APART == 0)
        stations[path] = passed.union(*(stations[other] for other in inner))
    ordered = dict(modules)
    for path, depth in depths.items():
        if depth > _APART:
            order = sorted(stations[path], key=lambda other: (depths[other], other))
            ordered[path] = dataclasses.replace(modules[path], first=tuple(order))
    return ordered


def _innermost_first(
    modules: Mapping[ModulePath, ir.Module], channels: frozenset[ModulePath]
) -> Iterator[ModulePath]:
    """Yield the modules of schema documents, each behind the modules that it imports."""
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
