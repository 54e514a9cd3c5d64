"""`[tool.tightbeam]` of pyproject.toml: where definitions and bindings are, and what they mean by default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tightbeam_codegen.json_schema.dialects import DRAFTS, LATEST, find_draft, spellings
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import is_class_name
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems, quoted
from tightbeam_codegen.suggest import did_you_mean

__all__ = ["IMPORT_EXTENSIONS", "ImportExtension", "Settings", "load_settings", "read_settings"]

ImportExtension: TypeAlias = Literal["none", "js", "ts"]
IMPORT_EXTENSIONS: tuple[ImportExtension, ...] = get_args(ImportExtension)

_KEYS = (
    "schemas",
    "output",
    "typescript",
    "typescript_validators",
    "typescript_react",
    "typescript_import_extension",
    "assert_formats",
    "assume_objects",
    "dialect",
    "names",
    "refs",
    "strict",
)
_RUFF_LINE_LENGTH = 88
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Settings:
    """What generation depends on besides the definitions."""

    schemas: Path = Path("schemas")
    output: Path = Path("generated")
    typescript: Path | None = None
    """The folder for the front end's bindings; none are written without it."""
    typescript_validators: bool = False
    """Whether there are modules among them that validate."""
    typescript_react: bool = False
    """Whether there are hooks for React among them."""
    typescript_import_extension: ImportExtension = "none"
    """How their imports name the files of each other."""
    assert_formats: bool = True
    assume_objects: bool = False
    """Whether a schema with `properties` and without `type` is an object to the types."""
    dialect: str = LATEST.uri
    """A URI; of a metaschema below a mapped folder, if it isn't one of DRAFTS."""
    refs: Mapping[str, Path] = field(default_factory=dict)
    """The local folders that stand for everything below an absolute URI; the longest prefix first."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names for classes by place: `vendor/x.json#/definitions/Y`, from the schema root or by an address."""
    name_places: Mapping[str, Place] = field(default_factory=dict, compare=False)
    """Where they stand."""
    strict: bool = False
    line_length: int = _RUFF_LINE_LENGTH
    """Of generated code: that of ruff in the same pyproject.toml, else ruff's own default."""
    source: Path | None = field(default=None, compare=False)
    """The file they come from."""


def load_settings(start: Path) -> Settings:
    """The settings of the nearest pyproject.toml in `start` or above; the defaults if there is none.

    Relative paths in it belong to its folder.
    Raises DefinitionErrors if that file or its table can't be used.
    """
    for folder in (start, *start.absolute().parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            return read_settings(file.read_bytes(), file)
    return Settings(schemas=start / "schemas", output=start / "generated")


def read_settings(data: bytes, file: Path) -> Settings:
    """The settings in the bytes of `file`; raises DefinitionErrors with all that is wrong."""
    shown = file.name
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        raise _unreadable(Place(shown, 1, 1), "the file isn't UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        place = Place(shown, int(where[1]), int(where[2])) if where else Place(shown, 1, 1)
        raise _unreadable(place, f"not valid TOML: {str(error).partition(' (at ')[0]}") from None
    tool = document.get("tool")
    table = tool.get("tightbeam", {}) if isinstance(tool, dict) else {}
    problems = Problems()
    if not isinstance(table, dict):
        problems.error(
            _place(text, shown, "tightbeam"), "tool.tightbeam must be a table", "Write [tool.tightbeam]."
        )
        table = {}
    reader = _Reader(table, text, file, problems)
    settings = reader.settings(_line_length(tool))
    problems.raise_errors()
    return settings


def _line_length(tool: object) -> int:
    """What ruff will format generated code to. Its own table isn't ours to complain about."""
    ruff = tool.get("ruff") if isinstance(tool, dict) else None
    value = ruff.get("line-length") if isinstance(ruff, dict) else None
    # Up to what ruff takes; in less than 60 columns no layout of ours is stable.
    if isinstance(value, int) and 60 <= value <= 320:
        return value
    return _RUFF_LINE_LENGTH


def _unreadable(place: Place, message: str) -> DefinitionErrors:
    return DefinitionErrors([Problem(place, "error", message, "Correct the file.")])


def _place(text: str, shown: str, key: str) -> Place:
    """Where a key of our tables most likely stands; tomllib keeps no positions."""
    begin = re.search(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*tightbeam\b", text, re.MULTILINE)
    start = begin.start() if begin else 0
    spelt = re.compile(rf"^[ \t]*(['\"]?){re.escape(key)}\1[ \t]*=", re.MULTILINE)
    found = spelt.search(text, start) or begin
    at = found.start() if found else 0
    return Place(shown, text.count("\n", 0, at) + 1, 1)


class _Reader:
    def __init__(self, table: Mapping[str, Any], text: str, file: Path, problems: Problems) -> None:
        self.table = table
        self.text = text
        self.file = file
        self.problems = problems

    def settings(self, line_length: int) -> Settings:
        """The settings as far as they can be used; the rest keeps its default."""
        for key in self.table:
            if key not in _KEYS:
                remedy = did_you_mean(key, _KEYS) or f"The keys are {', '.join(_KEYS)}."
                self._error(key, f"unknown setting {quoted(key)}", remedy)
        folder = self.file.parent
        return Settings(
            schemas=folder / self._text("schemas", "schemas"),
            output=folder / self._text("output", "generated"),
            typescript=folder / self._text("typescript", "web") if "typescript" in self.table else None,
            typescript_validators=self._flag("typescript_validators", default=False),
            typescript_react=self._flag("typescript_react", default=False),
            typescript_import_extension=self._import_extension(),
            assert_formats=self._flag("assert_formats", default=True),
            assume_objects=self._flag("assume_objects", default=False),
            dialect=self._dialect(),
            refs=self._refs(),
            names=self._names(),
            name_places={entry: self._place(entry) for entry in self._table("names")},
            strict=self._flag("strict", default=False),
            line_length=line_length,
            source=self.file,
        )

    def _place(self, key: str) -> Place:
        return _place(self.text, self.file.name, key)

    def _error(self, key: str, message: str, remedy: str) -> None:
        self.problems.error(self._place(key), message, remedy)

    def _text(self, key: str, default: str) -> str:
        value = self.table.get(key, default)
        if isinstance(value, str) and value:
            return value
        self._error(key, f"{key} must be a path", f'As in: {key} = "{default}"')
        return default

    def _flag(self, key: str, *, default: bool) -> bool:
        value = self.table.get(key, default)
        if isinstance(value, bool):
            return value
        self._error(key, f"{key} must be true or false", f"As in: {key} = true")
        return default

    def _import_extension(self) -> ImportExtension:
        key = "typescript_import_extension"
        value = self.table.get(key, "none")
        for known in IMPORT_EXTENSIONS:
            if value == known:
                return known
        named = ", ".join(f'"{known}"' for known in IMPORT_EXTENSIONS)
        self._error(key, f"{key} must be one of {named}", f'As in: {key} = "js"')
        return "none"

    def _dialect(self) -> str:
        value = self.table.get("dialect", LATEST.uri)
        draft = find_draft(value) if isinstance(value, str) else None
        uri = draft.uri if draft else None
        if uri is None and isinstance(value, str) and self._is_mapped(value):
            # Whether there is a metaschema at this place shows when it is used.
            uri = value
        if uri is None:
            short = [draft.short for draft in DRAFTS.values()]
            suggestion = did_you_mean(value, spellings()) if isinstance(value, str) else ""
            shown = quoted(value) if isinstance(value, str) else "of this type"
            self._error(
                "dialect", f"unknown dialect {shown}", suggestion or f"Use one of {', '.join(short)}."
            )
        return uri or LATEST.uri

    def _is_mapped(self, uri: str) -> bool:
        refs = self.table.get("refs")
        return isinstance(refs, dict) and any(uri.startswith(prefix) for prefix in refs)

    def _table(self, key: str) -> dict[str, Any]:
        value = self.table.get(key, {})
        return value if isinstance(value, dict) else {}

    def _names(self) -> dict[str, str]:
        if not isinstance(self.table.get("names", {}), dict):
            remedy = 'As in: names = { "vendor/x.json#/definitions/Y" = "Name" }'
            self._error("names", "names must be a table", remedy)
        names: dict[str, str] = {}
        for entry, value in self._table("names").items():
            if isinstance(value, str) and is_class_name(value):
                names[entry] = value
                continue
            shown = quoted(value) if isinstance(value, str) else "of this type"
            remedy = "It is in CamelCase, and doesn't end in Message, Dict or Channel."
            self._error(entry, f"the name {shown} for {quoted(entry)} can't be a class's", remedy)
        return names

    def _refs(self) -> dict[str, Path]:
        if not isinstance(self.table.get("refs", {}), dict):
            self._error("refs", "refs must be a table", 'As in: refs = { "https://example.com/" = "vendor" }')
        mapped: dict[str, Path] = {}
        for prefix, value in self._table("refs").items():
            if not _SCHEME.match(prefix) or "#" in prefix:
                remedy = 'As in: "https://schemas.example.com/" = "vendor/schemas"'
                self._error(prefix, f"{quoted(prefix)} isn't the beginning of an absolute URI", remedy)
            elif prefix.startswith(ROOT_URI.removesuffix("/")):
                self._error(prefix, f"{ROOT_URI} stands for the schema root", "Use another prefix.")
            elif not isinstance(value, str) or not value:
                self._error(prefix, f"{quoted(prefix)} must be mapped to a folder", "Name a folder.")
            elif not (self.file.parent / value).is_dir():
                self._error(
                    prefix, f"{quoted(value)} isn't a folder", "Correct the path, or make the folder."
                )
            else:
                mapped[prefix] = self.file.parent / value
        return dict(sorted(mapped.items(), key=lambda item: (-len(item[0]), item[0])))
