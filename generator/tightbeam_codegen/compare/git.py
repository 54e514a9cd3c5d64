"""Read a revision by `git`, without a checkout: nothing in the work tree or in the index changes.

No command of these reads the network: a ref or an object that isn't in this clone is an error with a remedy.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tightbeam_codegen.problems import DefinitionErrors, Problem, quoted, visible

__all__ = ["Entry", "Repository", "refused", "repository_around"]

_SHOWN_LINES = 3
_SET_HEAD = "git remote set-head"
_HOPS = 40
"""Symbolic links and submodules on the way to one path."""
_LINK, _SUBMODULE = "120000", "160000"
_REGULAR = ("100644", "100755")

_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
"""Set in hooks, and relative to another folder than the one that git is called in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a symbolic link in a commit."""

    path: str
    """From the folder that was asked for."""
    object_id: str
    is_link: bool
    repository: Repository


@dataclass(frozen=True, slots=True)
class _Spot:
    """A path in a commit of a repository."""

    repository: Repository
    commit: str
    path: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a work tree."""

    top: Path
    """The top of the work tree."""
    outer: Path | None
    """The top of the repository that this one is a submodule of."""

    def path_of(self, file: Path) -> str | None:
        """Return a path from the top of the repository, empty for the top itself; None for one outside."""
        lexical = Path(os.path.normpath(file.absolute()))
        for path in (lexical, Path(os.path.realpath(file))):
            if path.is_relative_to(self.top):
                return "" if path == self.top else path.relative_to(self.top).as_posix()
        return None

    def commit(self, ref: str) -> str | None:
        """Return the id of the commit that a ref means; None where there is no such ref.

        A branch that only the remote `origin` has is found without `origin/`, as after a checkout in CI.
        """
        if ref.startswith(("-", "^")) or "\0" in ref:  # ^main is all but main
            return None
        for name in (ref, f"origin/{ref}") if _BRANCH.fullmatch(ref) and ref != "HEAD" else (ref,):
            command = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
            done = _git(self.top, command)
            if done.returncode == 0:
                return done.stdout.decode("ascii").strip()
        return None

    def merge_base(self, ref: str) -> str | None:
        """Return the commit at which HEAD left a ref; None where there is no such ref.

        Raises:
            DefinitionErrors: the histories don't meet in this clone.
        """
        commit, head = self.commit(ref), self.commit("HEAD")
        if commit is None or head is None:
            return None
        done = _git(self.top, ["merge-base", commit, head])
        if done.returncode != 0:
            raise refused(
                f"{quoted(ref)} and HEAD have no commit in common in this clone",
                "Fetch the history: git fetch --unshallow (in GitHub Actions: checkout with fetch-depth: 0).",
            )
        return done.stdout.decode("ascii").strip()

    @property
    def is_shallow(self) -> bool:
        """Whether this clone has only a part of the history."""
        return _git(self.top, ["rev-parse", "--is-shallow-repository"]).stdout.strip() == b"true"

    def files(self, commit: str, path: str) -> list[Entry]:
        """Return all files and links below a folder in a commit, also those in submodules and behind links.

        Args:
            commit: its id.
            path: from the top; empty for everything.
        """
        found = list(self._files(commit, path))
        if found or not path:
            return found
        spot = self._resolve(_Spot(self, commit, path))
        return list(spot.repository._files(spot.commit, spot.path)) if spot is not None else []

    def file(self, commit: str, path: str) -> bytes | None:
        """Return the contents of one file in a commit; None where there is no such file."""
        entries = [each for each in self._tree(commit, [path]) if each[0] in _REGULAR]
        return next(self.blobs([entries[0][1]])) if entries else None

    def _files(self, commit: str, path: str) -> Iterator[Entry]:
        prefix = f"{path}/" if path else ""
        for mode, object_id, name in self._tree(commit, [path] if path else [], "-r"):
            if not name.startswith(prefix):
                continue
            inner = name[len(prefix) :]
            if mode == _SUBMODULE:
                submodule = repository_around(self.top / name)
                if submodule is not None and submodule.top != self.top:
                    for each in submodule._files(object_id, ""):
                        yield Entry(f"{inner}/{each.path}", each.object_id, each.is_link, each.repository)
            else:
                yield Entry(inner, object_id, mode == _LINK, self)

    def _resolve(self, spot: _Spot) -> _Spot | None:
        """Follow symbolic links and submodules on the way to a path; None where it leads nowhere."""
        for _ in range(_HOPS):
            parts = PurePosixPath(spot.path).parts
            ancestors = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
            entries = {name: (mode, oid) for mode, oid, name in spot.repository._tree(spot.commit, ancestors)}
            met = next(
                (each for each in ancestors if entries.get(each, ("",))[0] in (_LINK, _SUBMODULE)), None
            )
            if met is None:
                return spot if spot.path in entries else None
            mode, object_id = entries[met]
            rest = spot.path[len(met) + 1 :]
            if mode == _SUBMODULE:
                submodule = repository_around(spot.repository.top / met)
                if submodule is None or submodule.top == spot.repository.top:
                    return None
                spot = _Spot(submodule, object_id, rest)
                if not rest:
                    return spot
            else:
                target = os.fsdecode(next(spot.repository.blobs([object_id])))
                path = os.path.normpath(PurePosixPath(met).parent / target / rest)
                if path.startswith(("/", "..")):
                    return None
                spot = _Spot(spot.repository, spot.commit, path)
        return None

    def _tree(self, commit: str, paths: Iterable[str], *options: str) -> Iterator[tuple[str, str, str]]:
        """Yield mode, object id and path of entries in a commit."""
        done = _git(self.top, ["ls-tree", "-z", "--full-tree", *options, commit, "--", *paths])
        if done.returncode != 0:
            raise _failed(done, f"the files of {commit[:12]} can't be listed")
        for line in done.stdout.split(b"\0"):
            about, _, name = line.partition(b"\t")
            if about:
                mode, _, object_id = about.decode("ascii").split(" ")
                yield mode, object_id, os.fsdecode(name)

    def blobs(self, object_ids: Iterable[str]) -> Iterator[bytes]:
        """Yield the contents of files, in the order of their ids.

        Raises:
            DefinitionErrors: one of them isn't in this clone.
        """
        ids = list(object_ids)
        if not ids:
            return
        done = _git(self.top, ["cat-file", "--batch"], "\n".join(ids).encode() + b"\n")
        data, at = done.stdout, 0
        for object_id in ids:
            end = data.find(b"\n", at)
            head = data[at:end].split(b" ")
            if end < 0 or len(head) != 3 or head[1] != b"blob":
                raise refused(
                    f"this clone has no contents for the object {object_id[:12]}",
                    "It is a partial clone: fetch without --filter, as in `git fetch --refetch --no-filter`.",
                )
            size = int(head[2])
            yield data[end + 1 : end + 1 + size]
            at = end + 1 + size + 1

    def not_there(self, ref: str) -> DefinitionErrors:
        """Return the error for a ref that this clone hasn't, with the command that fetches it."""
        fetched = _fetched(ref, self._remotes())
        if fetched.startswith(_SET_HEAD):
            return refused(f"this clone doesn't know what {quoted(ref)} is", f"Run: {fetched}")
        if self.is_shallow:
            remedy = (
                f"This is a shallow clone. Fetch it: {fetched}"
                " (in GitHub Actions: actions/checkout with fetch-depth: 0)."
            )
        else:
            remedy = (
                f"Check the name: git branch --all and git tag list them. If it is on the remote: {fetched}"
            )
        return refused(f"there is no git ref and no folder {quoted(ref)} here", remedy)

    def _remotes(self) -> list[str]:
        return _git(self.top, ["remote"]).stdout.decode("utf-8", "replace").split()


def repository_around(folder: Path) -> Repository | None:
    """Return the repository that a folder is in, or the nearest folder around it that exists; None for none.

    Raises:
        DefinitionErrors: there is no git, or it refuses the repository.
    """
    existing = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    command = ["rev-parse", "--show-toplevel", "--show-superproject-working-tree"]
    done = _git(existing, command)
    if done.returncode == 0:
        lines = [os.fsdecode(line) for line in done.stdout.splitlines()]
        return Repository(Path(lines[0]), Path(lines[1]) if len(lines) > 1 else None)
    if b"not a git repository" in done.stderr:
        return None
    raise _failed(done, "the repository can't be read")


def refused(message: str, remedy: str) -> DefinitionErrors:
    """Return an error without a place."""
    return DefinitionErrors([Problem(None, "error", message, remedy)])


def _failed(done: subprocess.CompletedProcess[bytes], what: str) -> DefinitionErrors:
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = visible(" ".join(lines[:_SHOWN_LINES]))
    return refused(f"{what}; git says: {said}", "Correct that, and run it again.")


_BRANCH = re.compile(r"[\w./-]+")
_VERSION = re.compile(r"v?\d+(\.\d+)+\S*")
_OBJECT_ID = re.compile(r"[0-9a-f]{7,64}")


def _fetched(ref: str, remotes: Iterable[str]) -> str:
    """Return the command that most likely fetches a ref."""
    name = re.split(r"[~^@:]", ref, maxsplit=1)[0]
    for remote in remotes:
        if name.startswith(f"{remote}/"):
            branch = name[len(remote) + 1 :]
            if branch == "HEAD":
                # The default branch of a remote is noted by `git clone` only.
                return f"{_SET_HEAD} {remote} --auto"
            return f"git fetch --depth=1 {remote} {branch}:refs/remotes/{remote}/{branch}"
    if name != ref:
        return "git fetch --unshallow" if name in ("", "HEAD") else f"git fetch --deepen=50 origin {name}"
    if _VERSION.fullmatch(name):
        return f"git fetch --depth=1 origin tag {name}"
    if _OBJECT_ID.fullmatch(name):
        return f"git fetch --depth=1 origin {name}"
    name = name.removeprefix("origin/")
    return f"git fetch --depth=1 origin {name}:refs/remotes/origin/{name}"


def _git(folder: Path, arguments: list[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder.

    Raises:
        DefinitionErrors: there is no git.
    """
    variables = {key: value for key, value in os.environ.items() if key not in _LOCAL}
    variables |= {
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    # Objects that a partial clone hasn't would be fetched: older versions know only this way to refuse it.
    command = ["git", "-c", "protocol.allow=never", *arguments]
    try:
        return subprocess.run(
            command, cwd=folder, env=variables, input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise refused(
            "git isn't installed, and a ref is read by it",
            "Install git, or compare with a folder: --against ./before",
        ) from None
