"""Definitions in, `{path: text}` out: the passes of the generator, in order.

Nothing is written here: `tightbeam_codegen.write` puts files on disk, `tightbeam_cli` has the words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tightbeam_codegen.compile import Checked, OutOfStep, Run
from tightbeam_codegen.incremental.incremental import Made, Memory
from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.json_schema.metaschemas import named_metaschemas
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems
from tightbeam_codegen.read.check import check_definition, check_overlaps
from tightbeam_codegen.read.discover import discover
from tightbeam_codegen.read.load import Document, JsonValue
from tightbeam_codegen.read.near_misses import near_misses
from tightbeam_codegen.read.normalise.places import module_of
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.resolve.references import outgoing
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets.python.render import Printer
from tightbeam_codegen.targets.python.typed import FactCache
from tightbeam_codegen.targets.typescript import TypeScript

__all__ = ["Result", "generate"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: the files by posix path inside the output folder, and everything worth saying.

    There are no files where a problem is an error.
    """

    files: Mapping[str, str]
    typescript: Mapping[str, str]
    """Likewise for the front end's folder; empty unless the settings name one."""
    problems: tuple[Problem, ...]
    inputs: Mapping[str, str]
    """Every file that was read, as shown, with its SHA-256."""


def generate(
    root: Path,
    settings: Settings,
    *,
    shown_root: str,
    version: str,
    cache: FactCache | None = None,
    memory: Memory | None = None,
) -> Result:
    """Compile all channel definitions below `root`.

    What is wrong with a definition raises nothing: that is in the result's problems.

    Args:
        root: the schema root.
        settings: what generation depends on besides.
        shown_root: how messages name the root.
        version: of the tool, for the generated headers.
        cache: types that were worked out before.
        memory: definitions that were compiled before; without it the result is the same, and later.
    """

    def work() -> Result:
        with contextlib.suppress(OutOfStep):
            return _generate(root, settings, shown_root, version, cache, memory, recall=memory is not None)
        return _generate(root, settings, shown_root, version, cache, memory, recall=False)

    return with_room(work)


def _generate(
    root: Path,
    settings: Settings,
    shown_root: str,
    version: str,
    cache: FactCache | None,
    memory: Memory | None,
    *,
    recall: bool,
) -> Result:
    problems = Problems()
    sources = Sources(root, shown_root, settings.refs)
    documents = _load(root, shown_root, sources, problems)
    kept = memory.recall(documents, sources) if memory and recall else {}
    if memory and kept:
        _look_again_at_targets(documents, kept, memory.used_once(kept), sources)
    checked = _check([d for d in documents if d.path not in kept], sources, settings, problems)
    definitions = [each.definition for each in checked] + [made.definition for made in kept.values()]
    check_overlaps(definitions, problems)
    files: Mapping[str, str] = {}
    scripts: Mapping[str, str] = {}
    if problems.has_errors:
        Run(checked, [], sources, settings, problems).diagnose()
    else:
        run = Run(checked, list(kept.values()), sources, settings, problems)
        compiled = run.compile(Printer(version, settings.line_length), cache, _typescript(version, settings))
        files, scripts = run.files, run.typescript
        if memory:
            memory.remember([*compiled, *kept.values()])
    for each in kept.values():
        problems.extend(each.problems)
    inputs = {document.shown: document.digest for document in sources.files()}
    if documents:
        read = {document.path for document in sources.files() if document.uri.startswith(ROOT_URI)}
        problems.extend(near_misses(root, shown_root, read))
    if problems.has_errors:
        files, scripts = {}, {}
    return Result(files, scripts, problems.sorted(), inputs)


def _typescript(version: str, settings: Settings) -> TypeScript | None:
    if settings.typescript is None:
        return None
    return TypeScript(
        version,
        validators=settings.typescript_validators,
        react=settings.typescript_react,
        import_extension=settings.typescript_import_extension,
    )


def _load(root: Path, shown_root: str, sources: Sources, problems: Problems) -> list[Document]:
    documents: list[Document] = []
    for found in discover(root, shown_root, problems):
        try:
            documents.append(sources.at(found.path))
        except DefinitionErrors as error:
            problems.extend(error.problems)
        except OSError as error:
            problems.error(
                None,
                f"{found.shown} can't be read: {error.strerror or 'it is no regular file'}",
                "Check the file's permissions.",
            )
    if not documents and not problems.has_errors:
        likely = min(
            near_misses(root, shown_root, frozenset()), key=lambda each: str(each.place), default=None
        )
        problems.error(
            likely.place if likely else None,
            f"no *.channel.json or *.channel.yaml below {shown_root}"
            + (", but this looks like one" if likely else ""),
            likely.remedy if likely else "Start with `tightbeam init`.",
        )
    return documents


def _check(
    documents: Iterable[Document], sources: Sources, settings: Settings, problems: Problems
) -> list[Checked]:
    documents = list(documents)
    metaschemas: dict[str, JsonValue] = named_metaschemas(documents, sources, problems)
    checked: list[Checked] = []
    for document in documents:
        known = len(problems)
        definition = check_definition(document, settings, problems, metaschemas=metaschemas)
        if definition is not None:
            checked.append(Checked(definition, problems.after(known)))
    return checked


def _look_again_at_targets(
    documents: Iterable[Document], kept: dict[str, Made], used_once: Iterable[str], sources: Sources
) -> None:
    """Compile those anew whose modules may hold something else now.

    These are definitions that a changed one refers to, itself or over other files: their modules hold what it
    uses of them. Those that it referred to before, whose modules may hold what it doesn't use any more. And
    those that are one module with a schema document that it refers to.
    """
    paths = {document.uri: document.path for document in documents}
    modules = {made.definition.module: path for path, made in kept.items()}
    pending = [document for document in documents if document.path not in kept]
    pending += [made.definition.document for uri in used_once if (made := kept.pop(paths.get(uri, ""), None))]
    seen = {document.uri for document in pending}
    while pending and kept:
        document = pending.pop()
        for uri in outgoing(document.value, document.uri, LATEST):
            if uri in seen:
                continue
            seen.add(uri)
            with contextlib.suppress(DefinitionErrors):  # said where it is loaded to be compiled
                if (found := sources.find(uri)) is not None:
                    pending.append(found)
                    made = kept.pop(modules.get(module_of(found), ""), None)
                    if made is not None and made.definition.document is not found:
                        pending.append(made.definition.document)
