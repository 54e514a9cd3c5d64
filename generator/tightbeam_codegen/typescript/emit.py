"""What a run asks for: the TypeScript files of one definition, of one shared file, and of all together."""

from __future__ import annotations

from collections.abc import Sequence

from tightbeam_codegen.check import Definition
from tightbeam_codegen.load import Document
from tightbeam_codegen.modules import TopicShape
from tightbeam_codegen.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.typescript.modules import channel_module, shared_module
from tightbeam_codegen.typescript.printer import TypeScriptPrinter

__all__ = ["TypeScript"]


class TypeScript:
    """Makes the files, as text by posix path inside their folder.

    Args:
        version: of the tool, for the headers.
    """

    def __init__(self, version: str) -> None:
        self._printer = TypeScriptPrinter(version)

    def channel(
        self, definition: Definition, topics: Sequence[TopicShape], named: Sequence[NamedShape]
    ) -> dict[str, str]:
        """The files of a channel definition, given its topics' shapes and the types of its own file."""
        module = channel_module(definition, topics, named)
        return {_path(module.path): self._printer.module(module)}

    def shared(
        self, document: Document, module: tuple[str, ...], named: Sequence[NamedShape]
    ) -> dict[str, str]:
        """The file for a document whose definitions channels refer to."""
        return {_path(module): self._printer.module(shared_module(document, module, named))}

    def support(self) -> dict[str, str]:
        """The files that belong to no definition."""
        return self._printer.support()


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(parts) + ".ts"
