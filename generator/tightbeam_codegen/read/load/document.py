"""One definition file: its value, its digest, and a line and column for everything in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load.json_text import locate, read_json, scan
from tightbeam_codegen.read.load.limits import MAX_BYTES, MAX_DOCUMENT_BYTES
from tightbeam_codegen.read.load.positions import Lines, Spot, find
from tightbeam_codegen.read.load.values import JsonValue

__all__ = ["Document", "parse"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FEW_PLACES = 20
"""How many places are looked up one by one before the whole text is scanned for all places."""


class _Positions:
    """The places in one text. Those of JSON are found when they are needed: most files have no problem."""

    __slots__ = ("_lines", "_lookups", "_root", "_text")

    def __init__(self, text: str, shown: str, root: Spot | None) -> None:
        self._text = text
        self._lines = Lines(text, shown)
        self._root = root
        self._lookups = 0

    def place(self, pointer: Sequence[str | int], *, key: bool) -> Place:
        if self._root is None:
            self._lookups += 1
            if self._lookups <= _FEW_PLACES:
                return self._lines.place(locate(self._text, pointer, key=key))
            self._root = scan(self._text, self._lines, Problems())
        return self._lines.place(find(self._root, pointer, key=key))


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A parsed definition file. Its value is shared and must not be changed."""

    path: str
    """Posix path relative to the schema root."""
    shown: str
    """The path as messages show it."""
    uri: str
    """The absolute URI that references resolve against."""
    value: JsonValue
    digest: str
    """SHA-256 of the file's bytes, in hexadecimal."""
    positions: _Positions

    def place(self, pointer: Sequence[str | int], *, key: bool = False) -> Place:
        """Return where a value begins, or the nearest value around it.

        Args:
            pointer: the way to the value.
            key: whether the place of its key is wanted.
        """
        return self.positions.place(pointer, key=key)


def parse(data: bytes, path: str, shown: str, uri: str) -> Document:
    """Read JSON, or YAML where the path ends in `.yaml` or `.yml`.

    YAML that is no definition file is read as other tools read it: keys may be numbers and aliases, entries
    may be merged, tags are passed over.

    Args:
        data: the bytes of the file.
        path: the posix path of the file in its root.
        shown: the path as messages show it.
        uri: the URI of the document.

    Raises:
        DefinitionErrors: the text can't be read without loss or doubt. It has bad syntax or encoding,
            duplicate keys, or numbers or nesting beyond the limits; each problem has a place.
    """
    digest = hashlib.sha256(data).hexdigest()
    is_definition = is_definition_uri(uri)
    # Definitions are read by more tools than this one; documents of other tools may have a byte order mark.
    if len(data) > (limit := MAX_BYTES if is_definition else MAX_DOCUMENT_BYTES):
        remedy = f"Split it; {limit // (1024 * 1024)} MiB is the limit for one file."
        raise _refused(Place(shown, 1, 1), f"the file is too large ({len(data)} bytes)", remedy)
    text = _decode(data if is_definition else data.removeprefix(_BYTE_ORDER_MARK), shown)
    problems = Problems()
    lines = Lines(text, shown)
    root: Spot | None = None
    value: JsonValue
    if path.endswith((".yaml", ".yml")):
        # PyYAML takes 15 ms to import, and most roots hold JSON only.
        from tightbeam_codegen.read.load.yaml_text import read_yaml

        value, root = read_yaml(text, lines, problems, lenient=not is_definition)
    else:
        value = read_json(text, lines, problems)
    problems.raise_errors()
    return Document(path, shown, uri, value, digest, _Positions(text, shown, root))


def _decode(data: bytes, shown: str) -> str:
    if data.startswith(_BYTE_ORDER_MARK):
        raise _refused(
            Place(shown, 1, 1), "the file begins with a byte order mark", "Save it as UTF-8 without one."
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(Place(shown, 1, 1), "the file is UTF-16", "Save it as UTF-8.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # The place is the end of the text before the bad byte.
        good = data[: error.start].decode()
        place = Lines(good, shown).place(len(good))
        raise _refused(
            place, f"byte 0x{data[error.start]:02x} isn't UTF-8", "Save the file as UTF-8."
        ) from None


def _refused(place: Place, message: str, remedy: str) -> DefinitionErrors:
    return DefinitionErrors([Problem(place, "error", message, remedy)])
