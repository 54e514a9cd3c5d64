"""Check name templates: each placeholder has a parameter, and each parameter a placeholder."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.check.names import unprintable
from tightbeam_codegen.suggest import did_you_mean

if TYPE_CHECKING:
    from tightbeam_codegen.problems import Problems
    from tightbeam_codegen.read.check.model import Definition, ParamKind
    from tightbeam_codegen.read.load import Document

__all__ = ["check_overlaps", "check_separator", "check_template", "placeholders"]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(name: str) -> tuple[str, ...]:
    """Return the placeholders of a name template, each once, in order."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(name)))


def check_separator(document: Document, separator: str, problems: Problems) -> None:
    """Refuse a separator that can be part of a parameter's value."""
    if len(separator) != 1 or separator.isalnum() or separator in "{}" or not separator.isprintable():
        remedy = "Use one punctuation character, such as ':', '/' or '.'."
        problems.error(
            document.place(("separator",)), f"the separator {quoted(separator)} can't be used", remedy
        )
    elif separator.isspace() or not separator.isascii():
        problems.error(
            document.place(("separator",)), "the separator must be visible ASCII", "Use ':' or '/'."
        )


def check_template(
    document: Document, name: str, separator: str, param_names: Iterable[str], problems: Problems
) -> None:
    """Refuse a name template that can't be used, and parameters without a placeholder.

    Args:
        document: the definition file.
        name: the template.
        separator: the character between placeholders.
        param_names: the names of the parameters.
        problems: takes the errors.
    """
    param_names = list(param_names)
    found = _PLACEHOLDER.findall(name)
    # A place is looked up only for a problem: the first one in a file costs a walk over its text.
    for message, remedy in _template_faults(name, found, separator, param_names):
        problems.error(document.place(("name",)), message, remedy)
    for param in param_names:
        if param not in found:
            message = f"the parameter {quoted(param)} has no placeholder in the name"
            known = did_you_mean(param, filter(None, found))
            remedy = known or "Add it to `name` in braces, or remove it."
            problems.error(document.place(("params", param), key=True), message, remedy)


def _template_faults(
    name: str, found: list[str], separator: str, param_names: list[str]
) -> Iterator[tuple[str, str]]:
    if unprintable(name):
        yield "the name has control characters", "Remove them."
    literals = _PLACEHOLDER.sub("", name)
    if "{" in literals or "}" in literals:
        yield f"a brace in {quoted(name)} belongs to no placeholder", "Write {placeholder}."
    for part in name.split(separator):
        if len(_PLACEHOLDER.findall(part)) > 1:
            message = f"no separator {quoted(separator)} between the placeholders in {quoted(part)}"
            yield message, "Put one between them, so that the name can be read back."
    for placeholder in dict.fromkeys(found):
        if not placeholder:
            yield "a placeholder without a name", "Name the parameter between the braces."
        elif placeholder not in param_names:
            known = did_you_mean(placeholder, param_names)
            remedy = known or f"Add {quoted(placeholder)} to `params`."
            yield f"the placeholder {quoted(placeholder)} has no parameter", remedy
        if found.count(placeholder) > 1:
            yield f"the placeholder {quoted(placeholder)} stands twice", "Remove one of them."


def check_overlaps(definitions: Iterable[Definition], problems: Problems) -> None:
    """Refuse definitions whose templates can give the same channel name."""
    from tightbeam._channels.template import Template
    from tightbeam_codegen.read.overlap import ChannelNames, overlap

    def names(definition: Definition) -> ChannelNames:
        kinds: dict[str, ParamKind] = {param.name: param.kind for param in definition.params}
        enums = {param.name: param.enum for param in definition.params if param.enum is not None}
        return ChannelNames(Template(definition.name, kinds, definition.separator), enums)

    # Two templates can only overlap if the text before the first placeholder of one begins that of the other.
    # Sorted by this text, those that can overlap stand together: of 500,000 pairs few are left.
    ordered = sorted(definitions, key=lambda each: (_literal_start(each.name), each.document.path))
    starts = [_literal_start(each.name) for each in ordered]
    named = [names(each) for each in ordered]
    for index, definition in enumerate(ordered):
        start = starts[index]
        # Everything that begins with `start` follows without a gap.
        end = bisect_left(starts, True, lo=index + 1, key=lambda text: not text.startswith(start))
        for other_index in range(index + 1, end):
            example = overlap(named[index], named[other_index])
            if example is not None:
                _report(definition, ordered[other_index], example, problems)


def _literal_start(name: str) -> str:
    return name.partition("{")[0]


def _report(left: Definition, right: Definition, example: str, problems: Problems) -> None:
    first, second = sorted((left, right), key=lambda each: each.document.path)
    problems.error(
        second.document.place(("name",)),
        f"the name {quoted(second.name)} overlaps with {quoted(first.name)} in {first.document.shown}:"
        f" both can be {quoted(example)}",
        "Make a part that isn't a placeholder different.",
    )
