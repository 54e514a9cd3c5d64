"""Assignment of modules to the classes of files that refer to each other in a circle.

Modules that import each other work at run time only with the imports behind the classes and with aliases
spelt as strings, and basedpyright refuses import cycles, also those under `if TYPE_CHECKING:`. So all classes
of a circle of files are declared in the module of one of them, and the modules of the other files re-export
them under their own names: `from .a import BAddress as Address`. Code that imports them sees no difference.

A class that is declared in another file's module gets that file's name in front of its own. Where that is the
name of another class there, digits made of its place tell the two apart.

The module is that of the first file of the circle that is no channel definition, or else of the first file. A
circle is one of files, whether or not their classes form one, so that the module of a class doesn't depend on
which classes refer to it.
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
    """The module in which the classes of each file are declared."""

    _moved: Mapping[ModulePath, ModulePath] = field(default_factory=lambda: MappingProxyType({}))
    """The module of a file -> the other module in which its classes are declared."""
    _names: Mapping[Name, str] = field(default_factory=lambda: MappingProxyType({}))
    """The names of moved classes that need digits."""

    def of(self, module: ModulePath) -> ModulePath:
        """Return the module in which the classes of a file's module are declared."""
        return self._moved.get(module, module)

    def is_in_circle(self, module: ModulePath) -> bool:
        """Return whether a file's classes are declared in one module with those of other files."""
        return module in self._moved or module in self._moved.values()

    def declared_name(self, name: Name) -> str:
        """Return the name under which a class is declared: with its file's in front where it is moved."""
        if name.module not in self._moved:
            return name.name
        if (with_digits := self._names.get(name)) is not None:
            return with_digits
        *folders, last = map(pascal, name.module)
        return "".join([*folders, "" if name.name.startswith(last) else last, name.name])

    def dotted(self, name: Name) -> str:
        """Return the module and name of a class, as the runtime finds it."""
        return ".".join((*self.of(name.module), self.declared_name(name)))

    def with_names(self, digits: Mapping[Name, str]) -> ModuleAssignment:
        """Return an assignment in which no two classes of a module have one name.

        Args:
            digits: the digits of each class's place.
        """
        names: dict[Name, str] = {}
        taken = {(name.module, name.name) for name in digits if name.module not in self._moved}
        for name in sorted(digits, key=lambda name: (name.module, name.name)):
            if name.module not in self._moved:
                continue
            module, plain = self.of(name.module), self.declared_name(name)
            tries = (f"{plain}X{digits[name][:count]}" if count else plain for count in (0, *range(6, 40)))
            free = next(each for each in tries if (module, each) not in taken)
            taken.add((module, free))
            if free != plain:
                names[name] = free
        return ModuleAssignment(self._moved, names)

    def described(self, modules: Set[ModulePath]) -> str:
        """Return text that is equal for two assignments exactly if they are, as far as these modules go."""
        moved = sorted((module, to) for module, to in self._moved.items() if module in modules)
        names = sorted(((name.module, name.name), declared) for name, declared in self._names.items())
        return repr((moved, names))


def assign_modules(
    references: Mapping[ModulePath, Set[ModulePath]], channels: Set[ModulePath]
) -> ModuleAssignment:
    """Assign one module to the classes of all files that refer to each other in a circle.

    Args:
        references: the modules of the files that each module's files refer to.
        channels: the modules of channel definitions, which are chosen only where a circle has no others.
    """
    moved: dict[ModulePath, ModulePath] = {}
    for circle in _circles(references):
        first = min(circle, key=lambda module: (module in channels, module))
        moved |= {module: first for module in circle if module != first}
    return ModuleAssignment(moved)


def _circles(edges: Mapping[ModulePath, Set[ModulePath]]) -> Iterator[list[ModulePath]]:
    """Yield strongly connected components of several modules (Tarjan's algorithm, without recursion)."""
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
