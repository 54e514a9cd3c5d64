"""Compiles what was imported, in memory, before anything is written.

A document of others may have schemas that can't be compiled: a pattern that no engine here takes, a
reference that leads nowhere. Topics that reach such a schema are left out and named, so that the rest can be
generated as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tightbeam_codegen.imports.blame import blame, payloads_in, reach_of, topics_of
from tightbeam_codegen.imports.imported import Imported
from tightbeam_codegen.incremental.cache import open_cache
from tightbeam_codegen.model import Model
from tightbeam_codegen.pipeline import read_documents
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems, quoted
from tightbeam_codegen.read.check.metaschemas import Kind
from tightbeam_codegen.read.definitions import Unchanged, check_definitions, load_definitions
from tightbeam_codegen.read.discover import EVENT_SUFFIXES, SUFFIXES, discover
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.readable_json import with_escapes
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets import TARGETS, wanted
from tightbeam_codegen.targets.protocol import Job
from tightbeam_codegen.version import tool_version

__all__ = ["Trial", "definition_text", "try_out"]

_MOST_ROUNDS = 20
"""Each round leaves topics out; what only shows once others are gone takes another round."""
_NAMED = 5
"""How many of the topics that are left out for one reason are named."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was imported, without what can't be generated."""

    imported: Imported
    files: Mapping[str, str]
    """The texts to write, by path below the schema root."""
    copies: Mapping[str, bytes]
    """Files outside the root that the definitions refer to, by the path that they are to have below it."""
    problems: tuple[Problem, ...]
    """The warnings that generation draws."""
    counts: Mapping[str, int]
    """How many topics are left out of a definition, by its file name."""


def definition_text(definition: Mapping[str, Any], metaschema: str) -> str:
    """Return the text of a definition file, with escapes for characters that an editor would act on or hide.

    Args:
        definition: its value.
        metaschema: where an editor finds the metaschema, relative to the file.
    """
    text = json.dumps({"$schema": metaschema, **definition}, ensure_ascii=False, indent=2)
    return with_escapes(text) + "\n"


def try_out(
    imported: Imported, folder: str, metaschemas: Mapping[Kind, str], sources: Sources, settings: Settings
) -> Trial:
    """Compile what was imported together with the schema root, and leave out the topics that can't be.

    Args:
        imported: what an importer gave.
        folder: where its files will lie below the root.
        metaschemas: the names of the metaschemas' files in the root.
        sources: have read the document that it was imported from.
        settings: of the project.

    Raises:
        DefinitionErrors: nothing is left, or something is wrong that leaving out topics doesn't mend.
    """
    # Schemas that refer to each other are followed to any depth.
    return with_room(_Rounds(imported, folder, metaschemas, sources, settings).run)


class _Rounds:
    def __init__(
        self,
        imported: Imported,
        folder: str,
        metaschemas: Mapping[Kind, str],
        sources: Sources,
        settings: Settings,
    ) -> None:
        self._imported = imported
        self._prefix = f"{folder}/" if folder else ""
        up = "../" * (folder.count("/") + 1 if folder else 0)
        self._metaschemas = {kind: f"{up}{name}" for kind, name in metaschemas.items()}
        self._sources = sources
        self._settings = settings
        self._shown_root = settings.schemas.as_posix()
        self._topics = {file: payloads_in(definition) for file, definition in imported.definitions.items()}
        """What is left of each definition; an event's one payload counts as a topic."""
        self._left_out: dict[Problem, list[str]] = {}

    def run(self) -> Trial:
        present = self._present()
        errors: list[Problem] = []
        for _ in range(_MOST_ROUNDS):
            files = self._files()
            documents = self._documents(files)
            problems = Problems()
            model = self._compiled(documents, present, problems)
            errors = [problem for problem in problems if problem.severity == "error"]
            if not errors:
                return self._trial(files, documents, model, problems)
            blamed = dict(blame(errors, documents, model))
            if not blamed or not self._leave_out(blamed):
                raise DefinitionErrors(errors)
        raise DefinitionErrors(errors)

    def _files(self) -> dict[str, str]:
        """Return the texts of all files, by path below the root, without the topics that are left out."""
        files = {f"{self._prefix}{path}": text for path, text in self._imported.documents.items()}
        for file, definition in self._imported.definitions.items():
            if topics := self._topics[file]:
                value = {**definition, "topics": topics} if "topics" in definition else definition
                metaschema = self._metaschemas["event" if file.endswith(EVENT_SUFFIXES) else "channel"]
                files[f"{self._prefix}{file}"] = definition_text(value, metaschema)
        return files

    def _documents(self, files: Mapping[str, str]) -> list[Document]:
        """Return the definitions among files; all files count as files of the root."""
        added = {
            path: self._sources.add(path, f"{self._shown_root}/{path}", text.encode())
            for path, text in files.items()
        }
        return [document for path, document in added.items() if path.endswith(SUFFIXES)]

    def _present(self) -> list[Unchanged]:
        """Return the definitions that the root has already, for names and modules that meet."""
        root, unheard = self._settings.schemas, Problems()
        if not root.is_dir():
            return []
        sources = Sources(root, self._shown_root, self._settings.refs)
        documents = load_definitions(discover(root, self._shown_root, unheard), sources, unheard)
        checked = check_definitions(documents, sources, self._settings, unheard)
        return [
            Unchanged(definition=each.definition, uses=(), exact_uses=(), chosen=(), problems=())
            for each in checked
        ]

    def _compiled(
        self, documents: Sequence[Document], present: Sequence[Unchanged], problems: Problems
    ) -> Model:
        new = {document.path for document in documents}
        others = tuple(each for each in present if each.definition.document.path not in new)
        targets = [target for target, _ in wanted(TARGETS, self._settings)]
        exact = any(target.exact for target in targets)
        model = read_documents(documents, others, self._sources, self._settings, problems, exact=exact)
        if not problems.has_errors:
            job = Job(self._settings, tool_version(), open_cache())
            for target in targets:
                problems.extend(target.generate(model, job).problems)
        return model

    def _leave_out(self, blamed: Mapping[Problem, Iterable[tuple[str, str]]]) -> bool:
        """Leave out topics, each for the first error that concerns it; return whether there were any."""
        known = sum(map(len, self._left_out.values()))
        for error, topics in blamed.items():
            for path, topic in topics:
                file = path.removeprefix(self._prefix)
                if file in self._topics and self._topics[file].pop(topic, None) is not None:
                    self._left_out.setdefault(error, []).append(topic)
        return sum(map(len, self._left_out.values())) > known

    def _trial(
        self, files: Mapping[str, str], documents: Iterable[Document], model: Model, problems: Problems
    ) -> Trial:
        if not any(path.endswith(SUFFIXES) for path in files):
            raise DefinitionErrors(self._left_out)
        definitions = self._imported.definitions.values()
        events = {definition["name"] for definition in definitions if "topics" not in definition}
        left_out = [
            _left_out(error, topics, "event" if events.issuperset(topics) else "topic")
            for error, topics in self._left_out.items()
        ]
        imported = replace(self._imported, left_out=(*self._imported.left_out, *left_out))
        reaches = [reach_of(document, topics_of(document), model) for document in documents]
        copies = {
            document.path: self._sources.added[uri]
            for reach in reaches
            for uri, document in (reach.documents.items() if reach is not None else ())
            if uri in self._sources.added and document.path not in files
        }
        counts = {
            file: len(payloads_in(definition)) - len(self._topics[file])
            for file, definition in self._imported.definitions.items()
        }
        return Trial(imported, files, copies, problems.sorted(), counts)


def _left_out(error: Problem, topics: Sequence[str], noun: str) -> Problem:
    names = ", ".join(map(quoted, topics[:_NAMED])) + (", …" if len(topics) > _NAMED else "")
    what = f"the {noun} {names} is" if len(topics) == 1 else f"{len(topics)} {noun}s ({names}) are"
    return Problem(error.place, "warning", f"{what} left out: {error.message}", error.remedy)
