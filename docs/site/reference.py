"""Write the reference of the Python API: a page for each public module, from its docstrings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import relpath

import griffe

from docs.site import docstrings
from docs.site.public import PACKAGE, Entry, PublicModule, all_entries
from docs.site.signatures import SHOWN_OVERLOADS, aliases, highlighted, signatures, types_in


@dataclass(frozen=True, slots=True)
class Reference:
    """The documented names: where each is, by the path of its object and by the way users write it."""

    modules: Sequence[PublicModule]
    by_path: Mapping[str, Entry]
    by_name: Mapping[str, Entry]

    def pages(self, *, as_html: bool) -> dict[str, str]:
        """Return the Markdown of each page, by its path.

        Args:
            as_html: whether signatures are HTML with links, or blocks of Python.
        """
        return {f"reference/{module.path}.md": self._page(module, as_html) for module in self.modules}

    def link(self, entry: Entry, page: str) -> str:
        """Return the link to an entry from a page."""
        other = "" if entry.page == page else relpath(entry.page, page.rpartition("/")[0] or ".")
        return f"{other}#{entry.anchor}"

    def _page(self, module: PublicModule, as_html: bool) -> str:
        page = f"reference/{module.path}.md"

        def link(name: str) -> str | None:
            found = self.find(name, module.path, "")
            return None if found is None else self.link(found, page)

        parts = [
            f"# `{module.path}`",
            docstrings.markdown(module.documented, link),
            self._overview(module, page),
        ]
        for entry in module.entries:
            parts.extend(self._entry(entry, page, 2, as_html))
        return "\n\n".join(parts) + "\n"

    def _overview(self, module: PublicModule, page: str) -> str:
        """List all names of the module with their first sentences, also those that another page has."""
        groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": [], "Types": []}
        for name, documented in module.names.items():
            entry = self.by_path[documented.path]
            shown = self._summary(entry, page).replace("|", "\\|")
            groups[_group(documented)].append(f"| [`{name}`]({self.link(entry, page)}) | {shown} |")
        return "\n\n".join(
            "\n".join([f"| {group} | |", "|---|---|", *rows]) for group, rows in groups.items() if rows
        )

    def _summary(self, entry: Entry, page: str) -> str:
        docstring = entry.documented.docstring
        sentence = docstrings.first_sentence(docstring.value if docstring is not None else "")
        return docstrings.linked(sentence, lambda name: self._target(name, entry, page))

    def _entry(self, entry: Entry, page: str, level: int, as_html: bool) -> list[str]:
        calls = "()" if isinstance(entry.documented, griffe.Function) else ""
        name = entry.name.removesuffix(".__call__")
        label = f"{name.rpartition('.')[2]}{calls}"
        parts = [
            f'{"#" * level} `{name}{calls}` {{ #{entry.anchor} data-toc-label="{label}" }}',
            self._signature(entry, page) if as_html else self._code(entry),
            docstrings.markdown(entry.documented, lambda name: self._target(name, entry, page)),
        ]
        for member in entry.members:
            parts.extend(self._entry(member, page, min(level + 1, 4), as_html))
        return [part for part in parts if part]

    def _code(self, entry: Entry) -> str:
        blocks = [*signatures(entry), *aliases(entry, self.by_path.__contains__)]
        return "\n".join(["```python", "\n\n".join(blocks), "```"])

    def _signature(self, entry: Entry, page: str) -> str:
        """Return the signatures, linked; of many overloads all but the first few can be unfolded."""
        types = {name: target.path for name, target in types_in(entry).items()}

        def link(name: str) -> str | None:
            found = self.by_path.get(types.get(name, ""))
            return None if found in (None, entry) else self.link(found, page).replace(".md#", ".html#")

        found = signatures(entry)
        known = aliases(entry, self.by_path.__contains__)
        shown = highlighted("\n\n".join([*found[:SHOWN_OVERLOADS], *known]), link)
        if len(found) <= SHOWN_OVERLOADS:
            return shown
        rest = found[SHOWN_OVERLOADS:]
        unfolded = highlighted("\n\n".join(rest), link)
        return f"{shown}\n\n<details><summary>{len(rest)} more overloads</summary>{unfolded}</details>"

    def _target(self, name: str, entry: Entry, page: str) -> str | None:
        found = self.find(name, entry.module, entry.name)
        return None if found is None or found is entry else self.link(found, page)

    def find(self, name: str, module: str, scope: str) -> Entry | None:
        """Return what a name in a docstring stands for: a member of the class around it, or a public name.

        Args:
            name: the name, with or without its module.
            module: the public module in whose page it is.
            scope: the documented object, such as ``Client.send``.
        """
        parts = scope.split(".") if scope else []
        scopes = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        candidates = [f"{module}.{outer}.{name}" for outer in scopes]
        candidates += [f"{module}.{name}", f"{PACKAGE}.{name}", name]
        return next((self.by_name[each] for each in candidates if each in self.by_name), None)


def _group(documented: griffe.Object) -> str:
    if isinstance(documented, griffe.Function):
        return "Functions"
    if not isinstance(documented, griffe.Class):
        return "Types"
    bases = {documented.path, *(base.path for base in documented.mro())}
    return "Errors" if f"{PACKAGE}.errors.TightbeamError" in bases else "Classes"


def read_reference(modules: Sequence[PublicModule]) -> Reference:
    """Find the page and anchor of each public name.

    Args:
        modules: the public modules.
    """
    entries = [entry for module in modules for entry in all_entries(module.entries)]
    by_path = {entry.documented.path: entry for entry in reversed(entries)}
    for entry in entries:
        if entry.nested_class is not None:
            by_path.setdefault(entry.nested_class, entry)
    by_name = {entry.anchor: entry for entry in entries}
    for module in modules:
        for name, documented in module.names.items():
            home = by_path[documented.path]
            by_name[f"{module.path}.{name}"] = home
            for member in all_entries(home.members):
                by_name[f"{module.path}.{name}{member.name.removeprefix(home.name)}"] = member
    return Reference(modules, by_path, by_name)
