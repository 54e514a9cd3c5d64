"""What a run asks for: the TypeScript files of one definition, of one shared file, and of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.modules import TopicShape
from tightbeam_codegen.read.normalise.shapes import Definition as NamedShape
from tightbeam_codegen.settings import ImportExtension
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.adapt import Difference
from tightbeam_codegen.targets.typescript.ajv import validators_of
from tightbeam_codegen.targets.typescript.modules import channel_module, shared_module
from tightbeam_codegen.targets.typescript.printer import TypeScriptPrinter

__all__ = ["TypeScript"]


class TypeScript:
    """Makes the files, as text by posix path inside their folder.

    Args:
        version: of the tool, for the headers.
        validators: whether there is to be a module that validates beside that of each channel.
        react: whether there are to be hooks for React.
        import_extension: how an import names the file of another module.
    """

    def __init__(
        self, version: str, *, validators: bool, react: bool, import_extension: ImportExtension
    ) -> None:
        self._printer = TypeScriptPrinter(version, import_extension)
        self._validators = validators
        self._react = react

    def channel(
        self,
        definition: Definition,
        topics: Sequence[TopicShape],
        named: Sequence[NamedShape],
        bundle: str,
        year_of: Callable[[str], int],
    ) -> tuple[dict[str, str], Sequence[tuple[str, Difference]]]:
        """The files of a channel definition, and what their validators decide otherwise than the Python side.

        Args:
            definition: the definition.
            topics: its topics, with their shapes.
            named: the types that stand in its file.
            bundle: its bundled schemas, as the Python side has them.
            year_of: the draft of a dialect, by its URI.
        """
        module = channel_module(definition, topics, named)
        files = {_path(module.path): self._printer.module(module)}
        if self._validators and module.channel is not None:
            schemas = validators_of(bundle, year_of)
            validators = ir.Validators(
                module, module.channel, schemas.text, schemas.drafts, schemas.asserts_formats
            )
            files[_path(module.path, ".validators")] = self._printer.validators(validators)
            return files, schemas.differences
        return files, ()

    def shared(
        self, document: Document, module: tuple[str, ...], named: Sequence[NamedShape]
    ) -> dict[str, str]:
        """The file for a document whose definitions channels refer to."""
        return {_path(module): self._printer.module(shared_module(document, module, named))}

    def support(self) -> dict[str, str]:
        """The files that belong to no definition."""
        return self._printer.support(validators=self._validators, react=self._react)


def _path(parts: tuple[str, ...], ending: str = "") -> str:
    return "/".join(parts) + ending + ".ts"
