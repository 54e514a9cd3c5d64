"""Find what is public: the modules, the names in their `__all__`, and where each is documented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import griffe

PACKAGE = "tightbeam"
OPAQUE = ("tightbeam.gateway._protocol.HttpProtocol", "tightbeam.gateway._protocol.WebSocketProtocol")
"""Classes that users only hand on: their methods are the server's affair."""

INTERNAL = {"tightbeam.gateway.panel": "for the inspector alone, as its docstring says"}
"""Modules without an underscore in their names that are no part of the public API, each with the reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented object: a public name, or a member of one."""

    name: str
    """The name within its module, such as ``Client.send``."""
    module: str
    """The public module that documents it."""
    documented: griffe.Object
    members: tuple[Entry, ...] = ()
    nested_class: str | None = None
    """The path of a class that isn't public, if this is the property that has its methods below it."""

    @property
    def anchor(self) -> str:
        """Return the id of its heading."""
        return f"{self.module}.{self.name.replace('__call__', 'call')}"

    @property
    def page(self) -> str:
        """Return the page of the reference that has it."""
        return f"reference/{self.module}.md"


@dataclass(frozen=True, slots=True)
class PublicModule:
    """One public module, and its names in the order of `__all__`."""

    path: str
    documented: griffe.Module
    names: Mapping[str, griffe.Object]
    entries: list[Entry] = field(default_factory=list[Entry])
    """The names that are documented here; the others are at home in another module."""


def read_modules(runtime: str) -> list[PublicModule]:
    """Read the public modules below a folder, and decide where each name is documented.

    A name that several modules have is documented in the one that defines it, if that is public, else in the
    first of them.

    Args:
        runtime: the folder that has the package.
    """
    package = griffe.load(PACKAGE, search_paths=[runtime], resolve_aliases=True, resolve_external=False)
    assert isinstance(package, griffe.Module)
    modules = [
        PublicModule(module.path, module, {name: _object(module[name]) for name in exported(module)})
        for module in _walk(package)
    ]
    homes: dict[str, str] = {}
    for module in modules:
        for documented in module.names.values():
            defined = documented.module.path
            home = defined if any(defined == other.path for other in modules) else module.path
            homes.setdefault(documented.path, home)
    nested: set[str] = set()
    for module in modules:
        for name, documented in module.names.items():
            if homes[documented.path] == module.path:
                module.entries.append(_entry(name, module.path, documented, homes, nested))
    return modules


def exported(module: griffe.Module) -> list[str]:
    """Return the names in a module's `__all__`."""
    return [str(name) for name in module.exports or ()]


def all_entries(entries: list[Entry] | tuple[Entry, ...]) -> Iterator[Entry]:
    """Return entries and their members, however deep."""
    for entry in entries:
        yield entry
        yield from all_entries(entry.members)


def _walk(module: griffe.Module) -> Iterator[griffe.Module]:
    if module.exports is not None and module.path not in INTERNAL:
        yield module
    for name, member in sorted(module.members.items()):
        if isinstance(member, griffe.Module) and not name.startswith("_"):
            yield from _walk(member)


def _object(member: griffe.Object | griffe.Alias) -> griffe.Object:
    target = member.final_target if isinstance(member, griffe.Alias) else member
    assert isinstance(target, griffe.Object)
    return target


def _entry(
    name: str, module: str, documented: griffe.Object, homes: Mapping[str, str], nested: set[str]
) -> Entry:
    source = documented
    if isinstance(documented, griffe.Attribute):
        # A property whose class isn't public, such as `Client.realtime`: its methods stand below it.
        returned = _own_class(documented.annotation)
        if returned is None or returned.path in homes or returned.path in nested:
            return Entry(name, module, documented)
        nested.add(returned.path)
        source = returned
    if not isinstance(source, griffe.Class):
        return Entry(name, module, documented)
    members = tuple(
        _entry(f"{name}.{member.name}", module, member, homes, nested) for member in _members(source, homes)
    )
    return Entry(name, module, documented, members, None if source is documented else source.path)


def look_up(name: griffe.ExprName) -> griffe.Object | None:
    """Return the object of our package that a name in an expression stands for; None for names of others."""
    if not isinstance(name.parent, griffe.Object) or not name.canonical_path.startswith(f"{PACKAGE}."):
        return None
    try:
        return _object(name.parent.modules_collection[name.canonical_path])
    except (KeyError, griffe.AliasResolutionError):
        return None


def _own_class(annotation: str | griffe.Expr | None) -> griffe.Class | None:
    found = look_up(annotation) if isinstance(annotation, griffe.ExprName) else None
    return found if isinstance(found, griffe.Class) else None


def _members(owner: griffe.Class, homes: Mapping[str, str]) -> list[griffe.Object]:
    """Return the members of a class to document: its own, and those of bases that aren't public."""
    if owner.path in OPAQUE:
        return []
    private = [base for base in reversed(owner.mro()) if _is_private(base, homes)]
    found = {
        name: member
        for base in [*private, owner]
        for name, member in base.members.items()
        if isinstance(member, griffe.Function | griffe.Attribute) and _is_shown(name, member)
    }
    return sorted(found.values(), key=lambda member: isinstance(member, griffe.Function))


def _is_private(base: griffe.Class, homes: Mapping[str, str]) -> bool:
    return base.path not in homes and base.path.startswith(f"{PACKAGE}.")


def _is_shown(name: str, member: griffe.Object) -> bool:
    """Return whether a member is documented: what has no docstring is as in the base class."""
    if name.startswith("_") and name != "__call__":
        return False
    return member.docstring is not None or _own_class(getattr(member, "annotation", None)) is not None
