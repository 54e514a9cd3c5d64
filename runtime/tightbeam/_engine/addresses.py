"""The address of a Postgres database, which may hold a password: shown without it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from tightbeam.errors import JournalRefused

__all__ = ["PATTERN", "Address", "hide_passwords", "is_address", "other_scheme"]

PATTERN = "postgresql://user:password@host:port/database"
"""How an address is written, for messages."""

_OTHER_SCHEME = re.compile(r"([A-Za-z][\w+.-]*)://")
_SCHEME = re.compile(r"postgres(?:ql)?(\+\w*)?://", re.IGNORECASE)
_PARTS = re.compile(
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^/?]*))?@)?"
    r"(?P<hosts>(?:\[[0-9A-Fa-f:.%\w]*\]|[^:@/?\[\]])*"
    r"(?::[0-9]*(?:,(?:\[[0-9A-Fa-f:.%\w]*\]|[^:@/?\[\]])*)?)*)"
    r"(?P<database>/[^?@]*)?(?:\?(?P<options>[^?@]*))?"
)
_SHOWN_OPTIONS = ("host", "hostaddr", "port", "user", "dbname")
_SECRET = re.compile(r"password|secret|key\Z|passwd", re.IGNORECASE)
_HIDDEN = "…"
_ONE_SLASH = re.compile(r":/(?!/)")
"""What a path makes of the two slashes of an address."""
_IN_TEXT = re.compile(r"postgres(?:ql)?(?:\+\w*)?:/+[^\s'\"]+", re.IGNORECASE)


def is_address(path: object) -> bool:
    """Return whether a path is the address of a Postgres database instead of a file's name."""
    return isinstance(path, str) and _SCHEME.match(path) is not None


def hide_passwords(text: str, given: Iterable[str] = ()) -> str:
    """Return a text with each address in it as it may be shown.

    Args:
        text: what is about to be printed.
        given: words that the text may quote, such as the arguments of a command: an address among them is
            found whatever characters its password has.
    """
    for word in given:
        if (found := _SCHEME.search(word)) is not None:  # an option may stand before it: --url=postgresql://…
            address = word[found.start() :]
            for spelling in (address, str(Path(address)), repr(address)[1:-1]):
                text = text.replace(spelling, _shown(address))
    return _IN_TEXT.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if found[0].startswith(PATTERN):  # of a message that says how it is written
        return found[0]
    return _shown(_ONE_SLASH.sub("://", found[0], count=1))


def other_scheme(path: object) -> str | None:
    """Return the scheme of an address of another kind, such as ``mysql://…``; None of a file's path."""
    matched = _OTHER_SCHEME.match(path) if isinstance(path, str) and not is_address(path) else None
    return None if matched is None else matched[1]


class Address:
    """A database as libpq finds it; its text and its representation hold no password."""

    def __init__(self, text: str) -> None:
        """Read the address; no server is asked.

        Args:
            text: ``postgresql://user:password@host:port/database?options``, as libpq has it.

        Raises:
            JournalRefused: the scheme names a driver, or the text holds a NUL.
        """
        matched = _SCHEME.match(text)
        if matched is None or "\0" in text:
            raise JournalRefused("the address of a database begins with postgresql://, and holds no NUL")
        self._shown = _shown(text)
        if matched[1]:
            raise JournalRefused(f"{self._shown} names a driver: leave {matched[1]} out of its scheme")
        self._conninfo = f"postgresql://{text[matched.end() :]}"

    @property
    def conninfo(self) -> str:
        """The whole address, for libpq only."""
        return self._conninfo

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Address({self._shown!r})"

    def scrub(self, text: str) -> str:
        """Return what libpq or a server has said without the passwords of this address."""
        text = text.replace(self._conninfo, self._shown)
        for secret in self._secrets:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HIDDEN, text)
        return text

    @cached_property
    def _secrets(self) -> list[str]:
        """The passwords, as they stand in the address and as they are meant; and that of the environment."""
        found = [os.environ.get("PGPASSWORD", "")]
        if (parts := _PARTS.fullmatch(self._conninfo.partition("://")[2])) is not None:
            found.append(parts["password"] or "")
            found += [value for name, value in _options(parts["options"]) if _SECRET.search(name)]
        return sorted({each for raw in found if raw for each in (raw, unquote(raw))}, key=len, reverse=True)


def _shown(text: str) -> str:
    """Return an address without passwords and options; its scheme where parts can't be told apart."""
    scheme, _, rest = text.partition("://")
    parts = _PARTS.fullmatch(rest)
    if parts is None:
        return f"{scheme}://{_HIDDEN}"
    user = f"{parts['user']}@" if parts["user"] else ""
    options = [f"{name}={value}" for name, value in _options(parts["options"]) if name in _SHOWN_OPTIONS]
    query = f"?{'&'.join(options)}" if options else ""
    return f"{scheme}://{user}{parts['hosts']}{parts['database'] or ''}{query}"


def _options(text: str | None) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in (text or "").split("&") if each)
    return [(name, value) for name, _, value in pairs]
