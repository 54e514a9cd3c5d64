"""`[tool.tightbeam]` of pyproject.toml: where definitions and bindings are, and what they mean by default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tightbeam_codegen.json_schema.dialects import DRAFTS, LATEST, find_draft, spellings
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import is_class_name
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems, quoted
from tightbeam_codegen.suggest import did_you_mean

__all__ = ["Option", "OptionValue", "Settings", "load_settings", "read_settings"]

_COMMON_KEYS = ("assert_formats", "assume_objects", "dialect", "names", "refs", "strict")
_RUFF_LINE_LENGTH = 88
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


OptionValue: TypeAlias = Path | bool | str


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of one target: a key of `[tool.tightbeam]`, and an option of the command."""

    key: str
    kind: Literal["folder", "flag", "choice"]
    help: str
    """For the command's `--help`."""
    example: str
    """A value, for those who gave one that can't be."""
    default: OptionValue | None = None
    """A folder without one is written to only where it is named."""
    choices: tuple[str, ...] = ()
    short: str | None = None
    """The command's option in one letter, such as `-o`."""

    @property
    def name(self) -> str:
        """The command's option."""
        return f"--{self.key.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that generation depends on besides the definitions."""

    schemas: Path = Path("schemas")
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """The options of targets, by key; one that isn't here has its default."""
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
    """The places of these entries in the file."""
    strict: bool = False
    line_length: int = _RUFF_LINE_LENGTH
    """Of generated code: that of ruff in the same pyproject.toml, else ruff's own default."""
    source: Path | None = field(default=None, compare=False)
    """The file they come from."""

    def folder(self, option: Option) -> Path | None:
        """Return the folder that an option names, None where nothing is to be written."""
        value = self.options.get(option.key, option.default)
        return value if isinstance(value, Path) else None

    def flag(self, option: Option) -> bool:
        """Return whether an option is set."""
        return self.options.get(option.key, option.default) is True

    def choice(self, option: Option) -> str:
        """Return what was chosen by an option."""
        return str(self.options.get(option.key, option.default))


def load_settings(start: Path, options: Sequence[Option]) -> Settings:
    """Read the settings of the nearest pyproject.toml in `start` or above; the defaults if there is none.

    Relative paths in it belong to its folder.

    Args:
        start: a folder.
        options: those of all targets.

    Raises:
        DefinitionErrors: that file or its table can't be used.
    """
    for folder in (start, *start.absolute().parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            return read_settings(file.read_bytes(), file, options)
    defaults = {each.key: start / each.default for each in options if isinstance(each.default, Path)}
    return Settings(schemas=start / "schemas", options=defaults)


def read_settings(
    data: bytes, file: Path, options: Sequence[Option], is_folder: Callable[[Path], bool] = Path.is_dir
) -> Settings:
    """Read the settings from the bytes of a pyproject.toml.

    Args:
        data: the bytes.
        file: where they are from; relative paths belong to its folder.
        options: those of all targets.
        is_folder: tells whether there is a folder at a path, where that isn't to be looked up on the disk.

    Raises:
        DefinitionErrors: with everything that is wrong.
    """
    shown = file.as_posix()
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
    settings = _Reader(table, text, file, problems, is_folder).settings(options, _line_length(tool))
    problems.raise_errors()
    return settings


def _line_length(tool: object) -> int:
    """Return the line length of ruff in the same file. Mistakes in ruff's table are left to ruff."""
    ruff = tool.get("ruff") if isinstance(tool, dict) else None
    value = ruff.get("line-length") if isinstance(ruff, dict) else None
    # ruff takes 320 at most, and below 60 columns ruff would change our layout.
    if isinstance(value, int) and 60 <= value <= 320:
        return value
    return _RUFF_LINE_LENGTH


def _unreadable(place: Place, message: str) -> DefinitionErrors:
    return DefinitionErrors([Problem(place, "error", message, "Correct the file.")])


def _place(text: str, shown: str, key: str) -> Place:
    """Find where a key of our tables most likely stands, since tomllib keeps no positions."""
    begin = re.search(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*tightbeam\b", text, re.MULTILINE)
    start = begin.start() if begin else 0
    spelt = re.compile(rf"^[ \t]*(['\"]?){re.escape(key)}\1[ \t]*=", re.MULTILINE)
    match = spelt.search(text, start) or begin
    at = match.start() if match else 0
    return Place(shown, text.count("\n", 0, at) + 1, 1)


class _Reader:
    """Reads the table `[tool.tightbeam]` of one file, and notes everything that is wrong with it."""

    def __init__(
        self,
        table: Mapping[str, Any],
        text: str,
        file: Path,
        problems: Problems,
        is_folder: Callable[[Path], bool],
    ) -> None:
        self.table = table
        self.text = text
        self.file = file
        self.problems = problems
        self.is_folder = is_folder

    def settings(self, options: Sequence[Option], line_length: int) -> Settings:
        """Return the settings; those that can't be used have their defaults.

        Args:
            options: those of all targets.
            line_length: of generated code.
        """
        keys = ("schemas", *(option.key for option in options), *_COMMON_KEYS)
        for key in self.table:
            if key not in keys:
                remedy = did_you_mean(key, keys) or f"The keys are {', '.join(keys)}."
                self._error(key, f"unknown setting {quoted(key)}", remedy)
        return Settings(
            schemas=self.file.parent / self._text("schemas", "schemas"),
            options=dict(self._options(options)),
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
        return _place(self.text, self.file.as_posix(), key)

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

    def _options(self, options: Sequence[Option]) -> Iterator[tuple[str, OptionValue]]:
        """Yield what is stated, and the folders that are written to in any case."""
        for option in options:
            if option.kind == "folder" and (option.key in self.table or option.default is not None):
                yield option.key, self.file.parent / self._text(option.key, option.example)
            elif option.key in self.table:
                yield (
                    option.key,
                    self._choice(option) if option.choices else self._flag(option.key, default=False),
                )

    def _choice(self, option: Option) -> str:
        value = self.table.get(option.key, option.default)
        if isinstance(value, str) and value in option.choices:
            return value
        known = ", ".join(f'"{choice}"' for choice in option.choices)
        remedy = f'As in: {option.key} = "{option.example}"'
        self._error(option.key, f"{option.key} must be one of {known}", remedy)
        return str(option.default)

    def _dialect(self) -> str:
        value = self.table.get("dialect", LATEST.uri)
        draft = find_draft(value) if isinstance(value, str) else None
        uri = draft.uri if draft else None
        if uri is None and isinstance(value, str) and self._is_mapped(value):
            # The first definition that uses it shows whether there is a metaschema at this address.
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
            elif not self.is_folder(self.file.parent / value):
                self._error(
                    prefix, f"{quoted(value)} isn't a folder", "Correct the path, or make the folder."
                )
            else:
                mapped[prefix] = self.file.parent / value
        return dict(sorted(mapped.items(), key=lambda item: (-len(item[0]), item[0])))
