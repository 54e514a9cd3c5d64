"""What `tightbeam runs` is asked to do: its first word, or what the rest of the line says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["VALUE_OPTIONS", "VERBS", "with_verb"]

VERBS: Final = ("list", "show", "retry", "cancel", "resume")
"""The subcommands. A file of such a name is written with its folder: ``./list``."""
VALUE_OPTIONS: Final = frozenset(
    {"--state", "--function", "--since", "--text", "--limit", "--url", "--postgres-schema"}
)
"""The options of all of them that take a value."""


def with_verb(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the subcommand in front.

    ``FILE`` lists, ``FILE RUN`` shows a run, ``FILE RUN --resume`` resumes it; through a gateway there is no
    ``FILE``. The subcommand may also stand after the file.

    Args:
        arguments: what follows ``tightbeam runs``.
    """
    given = list(arguments)
    places = _positionals(given)
    if not given or given[0] == "--help":
        return given
    for place in places[:2]:
        if given[place] in VERBS:
            return [given.pop(place), *given]
    if "--resume" in given:
        given.remove("--resume")
        return ["resume", *given]
    has_url = any(word.partition("=")[0] == "--url" for word in given)
    return ["show" if len(places) > (0 if has_url else 1) else "list", *given]


def _positionals(arguments: Sequence[str]) -> list[int]:
    """Return where the arguments are that are neither options nor values of options."""
    places: list[int] = []
    is_value = False
    for place, word in enumerate(arguments):
        if word == "--":
            return [*places, *range(place + 1, len(arguments))]
        if is_value or word.startswith("-"):
            is_value = not is_value and word in VALUE_OPTIONS
            continue
        places.append(place)
    return places
