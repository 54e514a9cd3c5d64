"""The protocol of targets: languages, and other forms, in which the generator prints the model.

The pipeline, the commands, the settings and the cache know targets by this protocol and by the list of them
in `tightbeam_codegen.targets`. Each run imports all targets, so a target imports what it prints with only
when it prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tightbeam_codegen.model import Model, ModulePath
    from tightbeam_codegen.problems import Problem
    from tightbeam_codegen.settings import Option, Settings
    from tightbeam_codegen.write import Language

__all__ = ["Job", "Output", "Store", "Target", "wanted"]


class Store(Protocol):
    """Keeps JSON values under keys, and may forget them."""

    def get(self, key: str) -> Any:
        """Return the value of a key, or None."""

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value under a key."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that printing depends on besides the model."""

    settings: Settings
    version: str
    """Of the tool, for the headers of files."""
    cache: Store | None = None
    """Keeps what a target works out between runs; what comes out is the same without it."""


@dataclass(frozen=True, slots=True)
class Output:
    """The files that a target prints, as text by posix path inside its folder."""

    own: Mapping[ModulePath, Mapping[str, str]]
    """Files of one channel definition each, by its module. They depend on the definition, the documents that
    it refers to, the settings and `context`, and are remembered for the next run."""
    common: Mapping[str, str]
    """All other files; they are printed in each run."""
    problems: Sequence[Problem] = ()
    """Errors, and warnings that are found again in each run."""
    warnings: Mapping[ModulePath, Sequence[Problem]] = field(default_factory=lambda: MappingProxyType({}))
    """Warnings about a definition's files, remembered with them."""
    context: str = ""
    """Everything else that files of definitions depend on. If it changes, all definitions are read again."""
    entangled: Set[ModulePath] = frozenset()
    """Definitions whose files hold parts of other files, and are printed in each run."""


class Target(Protocol):
    """Prints bindings in one language."""

    @property
    def name(self) -> str:
        """Its name in results and in the cache."""
        ...

    @property
    def language(self) -> Language:
        """How its files are told from others."""
        ...

    @property
    def exact(self) -> bool:
        """Whether it prints exact shapes."""
        ...

    @property
    def options(self) -> Sequence[Option]:
        """Its settings: keys of `[tool.tightbeam]`, and options of the command. The first is its folder."""
        ...

    @property
    def libraries(self) -> Sequence[str]:
        """The packages that it prints with: what is remembered ends with a version of theirs."""
        ...

    @property
    def example(self) -> str:
        """A command that shows what becomes of `init`'s definition, with `{folder}` in it; empty for none."""
        ...

    def check_settings(self, settings: Settings, /) -> Iterable[Problem]:
        """Return what is wrong with its settings, apart from their types."""
        ...

    def generate(self, model: Model, job: Job) -> Output:
        """Print the model's channels; pure, apart from the job's cache.

        Args:
            model: complete. Where it has errors, nothing is written, and only the problems are of use.
            job: what else the text depends on.
        """
        ...


def wanted(targets: Iterable[Target], settings: Settings) -> list[tuple[Target, Path]]:
    """Return the targets that settings ask for, each with its folder.

    Args:
        targets: all targets.
        settings: name the folders.
    """
    folders = ((target, settings.folder(target.options[0])) for target in targets)
    return [(target, folder) for target, folder in folders if folder is not None]
