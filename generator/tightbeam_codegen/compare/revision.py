"""The definitions of another revision, as a folder that can be read like that of today."""

from __future__ import annotations

import dataclasses
import errno
import os
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tightbeam_codegen.compare.files import ROOT, File, FileKey, files_of, folders_of
from tightbeam_codegen.compare.git import Entry, Repository, refused, repository_around
from tightbeam_codegen.problems import DefinitionErrors, quoted
from tightbeam_codegen.settings import Settings, load_settings, read_settings
from tightbeam_codegen.targets import OPTIONS

__all__ = ["Revision", "open_revision"]

_NO_SUCH_NAME = (errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR)
"""Names that this disk can't have, or that are one for it."""
_MERGE_BASE = "..."
"""At the end of a ref, as in `git diff main...`: where HEAD left it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The definitions of a git ref or of a folder, before anything of them is read."""

    shown: str
    """The ref or the folder, as it was named."""
    settings: Settings
    """Those of the revision; their folders are where they would be today."""
    object_ids: Mapping[FileKey, str]
    """The files, each with the id of its contents."""
    algorithm: str
    """Which ids these are: sha1 or sha256."""
    shown_folders: Mapping[str, str]
    """How messages name the schema root and the mapped folders, such as `main:schemas`."""
    note: str
    """Something to be said about how the name was understood; empty for nothing."""
    _folders: Mapping[str, Path]
    """Folders that are read where they are."""
    _files: Mapping[FileKey, File] = field(default_factory=dict)
    """Files that are known already."""
    _entries: Mapping[FileKey, Entry] = field(default_factory=dict)
    """Files that have to be got from a repository."""

    @property
    def as_today(self) -> Set[str]:
        """The mapped folders that are read as they are today, since the repository hasn't got them."""
        return self._folders.keys() if self._entries else frozenset[str]()

    @property
    def shown_root(self) -> str:
        """How messages name the schema root."""
        return self.shown_folders[ROOT]

    def contents(self, keys: Iterable[FileKey]) -> Iterator[tuple[FileKey, File]]:
        """Yield files of the revision, in any order; those that it hasn't are left out.

        Raises:
            DefinitionErrors: contents aren't in this clone.
        """
        missing: dict[Repository, list[FileKey]] = {}
        for key in keys:
            if (known := self._files.get(key)) is not None:
                yield key, known
            elif (entry := self._entries.get(key)) is not None:
                missing.setdefault(entry.repository, []).append(key)
        for repository, wanted in missing.items():
            blobs = repository.blobs(self._entries[key].object_id for key in wanted)
            for key, data in zip(wanted, blobs, strict=True):
                yield key, File(data, self._entries[key].is_link)

    @contextmanager
    def readable(self, today: Mapping[FileKey, File]) -> Generator[Settings]:
        """Provide the definitions on the disk, and yield settings with their folders.

        Args:
            today: files of which those with the same id needn't be got from the repository.

        Raises:
            DefinitionErrors: contents aren't in this clone.
        """
        if not self._entries:
            yield self._with_folders(self._folders)
            return
        with tempfile.TemporaryDirectory(prefix="tightbeam-") as made:
            top = Path(os.path.realpath(made))
            names = {name for name, _ in self._entries}
            folders = {name: top / str(number) for number, name in enumerate(sorted(names))}
            _write(self._all(today), folders)
            yield self._with_folders({**self._folders, **folders})

    def _with_folders(self, folders: Mapping[str, Path]) -> Settings:
        refs = {uri: folders.get(uri, folder) for uri, folder in self.settings.refs.items()}
        root = folders.get(ROOT, self.settings.schemas)
        return dataclasses.replace(self.settings, schemas=root, refs=refs)

    def _all(self, today: Mapping[FileKey, File]) -> Iterator[tuple[FileKey, File]]:
        """Yield all files of the commit, links last: nothing is written through one."""
        missing: list[FileKey] = []
        for key, entry in self._entries.items():
            known = today.get(key)
            if known is not None and not known.is_link and not entry.is_link and self._is_same(key, known):
                yield key, known
            else:
                missing.append(key)
        links: list[tuple[FileKey, File]] = []
        for key, file in self.contents(missing):
            if file.is_link:
                links.append((key, file))
            else:
                yield key, file
        yield from links

    def _is_same(self, key: FileKey, file: File) -> bool:
        return file.object_id(self.algorithm) == self.object_ids[key]


def _write(contents: Iterator[tuple[FileKey, File]], folders: Mapping[str, Path]) -> None:
    """Write files below new folders; names of a commit that would lead out of these are left out."""
    for folder in folders.values():
        folder.mkdir()
    for (name, path), file in contents:
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/") or "\\" in path:
            continue
        target = folders[name].joinpath(*parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.is_link:
                target.symlink_to(os.fsdecode(file.data))
            else:
                target.write_bytes(file.data)
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise


def open_revision(against: str, settings: Settings, *, root_is_stated: bool = False) -> Revision:
    """Find a git ref or a folder.

    A name that can be either is the ref, unless it begins or ends as only a path does (`./main`, `main/`).

    Args:
        against: the ref or folder.
        settings: of today.
        root_is_stated: whether the schema root comes from the command line, and is the same at each ref.

    Raises:
        DefinitionErrors: there is no such revision.
    """
    folder = Path(against)
    if not against:
        raise refused("the revision to compare with has no name", "Name a git ref or a folder.")
    if against.startswith(("./", "../", "/", "~")) or against.endswith("/") or against in (".", ".."):
        if not folder.is_dir():
            raise refused(f"{quoted(against)} isn't a folder", "Name a git ref, or a folder of definitions.")
        return _at_folder(folder, settings, "")
    is_folder = folder.is_dir()
    try:
        repository = _repository_of(settings.schemas)
    except DefinitionErrors:
        if not is_folder:
            raise
        repository = None
    if repository is not None:
        name, of_merge_base = against.removesuffix(_MERGE_BASE), against.endswith(_MERGE_BASE)
        commit = repository.merge_base(name or "HEAD") if of_merge_base else repository.commit(against)
        if commit is not None:
            shown = f"{name or 'HEAD'}{_MERGE_BASE}" if of_merge_base else against
            note = f"{quoted(against)} is a git ref here; the folder is ./{against}" if is_folder else ""
            return _AtRef(repository, commit, shown, settings, root_is_stated=root_is_stated).revision(note)
    if is_folder:
        return _at_folder(folder, settings, "")
    if repository is not None:
        raise repository.not_there(against.removesuffix(_MERGE_BASE))
    raise refused(
        f"{quoted(against)} isn't a folder, and {settings.schemas.as_posix()} is in no git repository",
        "Compare with a folder of definitions, or run it in a clone.",
    )


def _repository_of(root: Path) -> Repository | None:
    """Return the repository that a ref belongs to: that of the schema root.

    A schema root in a submodule belongs to the outer repository for those who stand in this one.
    """
    repository = repository_around(root)
    here = Path(os.path.realpath(Path.cwd()))
    while repository is not None and repository.outer is not None:
        if here.is_relative_to(repository.top) or not here.is_relative_to(repository.outer):
            break
        repository = repository_around(repository.outer)
    return repository


def _at_folder(folder: Path, settings: Settings, note: str) -> Revision:
    """Return the definitions below a folder, which may also be that of a project with settings of its own."""
    file = folder / "pyproject.toml"
    own = (
        load_settings(folder, OPTIONS) if file.is_file() and b"tool.tightbeam" in file.read_bytes() else None
    )
    settings = own or dataclasses.replace(settings, schemas=folder)
    folders = folders_of(settings)
    shown = {name: each.as_posix() for name, each in folders.items()}
    files = files_of(folders)
    ids = {key: each.object_id("sha1") for key, each in files.items()}
    return Revision(folder.as_posix(), settings, ids, "sha1", shown, note, folders, files)


class _AtRef:
    """Finds the files of a commit."""

    def __init__(
        self, repository: Repository, commit: str, shown: str, settings: Settings, *, root_is_stated: bool
    ) -> None:
        self._repository = repository
        self._commit = commit
        self._shown = shown
        self._today = settings
        self._root_is_stated = root_is_stated

    def revision(self, note: str) -> Revision:
        settings = self._settings()
        before, today = settings.schemas, self._today.schemas
        if before != today and not self._has_files(before) and self._has_files(today):
            # The commit's settings name another schema root, and the definitions were in today's already.
            settings = dataclasses.replace(settings, schemas=today)
        entries: dict[FileKey, Entry] = {}
        folders: dict[str, Path] = {}
        shown: dict[str, str] = {}
        for name, folder in folders_of(settings).items():
            path = self._repository.path_of(folder)
            found = self._repository.files(self._commit, path) if path is not None else []
            shown[name] = f"{self._shown}:{path or '.'}" if found or name == ROOT else folder.as_posix()
            if not found and name != ROOT:
                # It is outside of the repository, or git ignores it: it is read as it is today.
                folders[name] = folder
            for entry in found:
                entries[name, entry.path] = entry
        ids = {key: entry.object_id for key, entry in entries.items()}
        algorithm = "sha256" if len(self._commit) == 64 else "sha1"
        return Revision(self._shown, settings, ids, algorithm, shown, note, folders, {}, entries)

    def _has_files(self, folder: Path) -> bool:
        path = self._repository.path_of(folder)
        return path is not None and bool(self._repository.files(self._commit, path))

    def _settings(self) -> Settings:
        """Return the settings as they were in the commit; today's where the commit can't have them.

        Raises:
            DefinitionErrors: they can't be used.
        """
        today = self._today
        source = today.source.absolute() if today.source is not None else None
        if source is not None and self._repository.path_of(source) is None:
            return today
        start = source.parent if source is not None else Path.cwd()
        settings = self._settings_near(start)
        if settings is None:
            # Without settings a root has the usual name, unless the command line named today's.
            usual = start / Settings().schemas
            is_moved = not self._has_files(today.schemas) and self._has_files(usual)
            settings = Settings(schemas=usual if is_moved else today.schemas, options=today.options)
        if self._root_is_stated:
            settings = dataclasses.replace(settings, schemas=today.schemas)
        return settings

    def _settings_near(self, start: Path) -> Settings | None:
        for folder in (start, *start.parents):
            file = folder / "pyproject.toml"
            path = self._repository.path_of(file)
            if path is None:
                return None
            data = self._repository.file(self._commit, path)
            if data is not None:
                try:
                    return read_settings(data, file, OPTIONS, _exists_there)
                except DefinitionErrors as errors:
                    raise _elsewhere(errors, f"{self._shown}:{path}") from None
        return None


def _exists_there(_folder: Path) -> bool:
    """Take every mapped folder for one that exists: the disk has those of today."""
    return True


def _elsewhere(errors: DefinitionErrors, path: str) -> DefinitionErrors:
    """Return errors of a settings file with the path by which the user knows it."""
    return DefinitionErrors(
        dataclasses.replace(each, place=dataclasses.replace(each.place, path=path) if each.place else None)
        for each in errors.problems
    )
