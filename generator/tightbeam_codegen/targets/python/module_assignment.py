"""Files that refer to each other in a circle.

Modules that import each other would work at run time only with the imports behind the classes, with aliases
spelt as strings, and for a checker that looks away: basedpyright refuses import cycles, also those under
`if TYPE_CHECKING:`. So the classes of one circle stand in one module, its home, and the modules of the other
files offer them by their own names: `from .a import BAddress as Address`. Who imports them can't tell.

What a guest is called at its host's can't be seen from outside either, so where it would meet another class
there, digits made of its place tell it apart.

The home is the first file of the circle that is no channel definition, else the first. A circle is one of
files, whether or not their classes form one, so that the place of a class doesn't depend on who uses which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from tightbeam_codegen.names import pascal
from tightbeam_codegen.read.documents import ModulePath
from tightbeam_codegen.read.normalise.shapes import Name

__all__ = ["ModuleAssignment", "assign_modules"]


@dataclass(frozen=True, slots=True)
class ModuleAssignment:
    """Where the classes of each file stand."""

    _homes: Mapping[ModulePath, ModulePath] = field(default_factory=lambda: MappingProxyType({}))
    """For the modules that aren't their own home."""
    _names: Mapping[Name, str] = field(default_factory=lambda: MappingProxyType({}))
    """What guests are called that would come to the name of another class there."""

    def of(self, module: ModulePath) -> ModulePath:
        """The module in which the classes of a file's module stand."""
        return self._homes.get(module, module)

    def is_in_circle(self, module: ModulePath) -> bool:
        """Whether a file's classes stand in one module with those of others."""
        return module in self._homes or module in self._homes.values()

    def name_at_home(self, name: Name) -> str:
        """What a class is called where it stands: a guest's file name comes first, unless it does anyway."""
        if name.module not in self._homes:
            return name.name
        if (settled := self._names.get(name)) is not None:
            return settled
        *folders, last = map(pascal, name.module)
        return "".join([*folders, "" if name.name.startswith(last) else last, name.name])

    def dotted(self, name: Name) -> str:
        """Return the module and name under which a class stands, as the runtime finds it."""
        return ".".join((*self.of(name.module), self.name_at_home(name)))

    def with_names(self, digits: Mapping[Name, str]) -> ModuleAssignment:
        """Return homes in which no guest has the name of another class: digits of its place tell it apart.

        Args:
            digits: those of each class.
        """
        names: dict[Name, str] = {}
        taken = {(name.module, name.name) for name in digits if name.module not in self._homes}
        for name in sorted(digits, key=lambda name: (name.module, name.name)):
            if name.module not in self._homes:
                continue
            home, plain = self.of(name.module), self.name_at_home(name)
            tries = (f"{plain}X{digits[name][:count]}" if count else plain for count in (0, *range(6, 40)))
            called = next(free for free in tries if (home, free) not in taken)
            taken.add((home, called))
            if called != plain:
                names[name] = called
        return ModuleAssignment(self._homes, names)

    def described(self, modules: Set[ModulePath]) -> str:
        """Return text that is equal for equal homes of these modules' classes, and differs for others."""
        homes = sorted((module, home) for module, home in self._homes.items() if module in modules)
        names = sorted(((name.module, name.name), called) for name, called in self._names.items())
        return repr((homes, names))


def assign_modules(
    references: Mapping[ModulePath, Set[ModulePath]], channels: Set[ModulePath]
) -> ModuleAssignment:
    """Assign one module to the classes of all files that refer to each other in a circle.

    Args:
        references: the modules of the files that each module's files refer to.
        channels: the modules of channel definitions, which are chosen only where a circle has no others.
    """
    homes: dict[ModulePath, ModulePath] = {}
    for circle in _circles(references):
        home = min(circle, key=lambda module: (module in channels, module))
        homes |= {module: home for module in circle if module != home}
    return ModuleAssignment(homes)


def _circles(edges: Mapping[ModulePath, Set[ModulePath]]) -> Iterator[list[ModulePath]]:
    """The strongly connected components with more than one member (Tarjan's algorithm, without recursion)."""
    index: dict[ModulePath, int] = {}
    low: dict[ModulePath, int] = {}
    path: list[ModulePath] = []
    active: set[ModulePath] = set()
    for root in edges:
        work: list[tuple[ModulePath, Iterator[ModulePath]]] = []
        pending: ModulePath | None = None if root in index else root
        while pending is not None or work:
            if pending is not None:
                index[pending] = low[pending] = len(index)
                path.append(pending)
                active.add(pending)
                work.append((pending, iter(sorted(edges.get(pending, ())))))
                pending = None
            module, needed = work[-1]
            for other in needed:
                if other not in index:
                    pending = other
                    break
                if other in active:
                    low[module] = min(low[module], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[module])
                if low[module] == index[module]:
                    start = path.index(module)
                    circle, path[start:] = path[start:], []
                    active.difference_update(circle)
                    if len(circle) > 1:
                        yield circle
