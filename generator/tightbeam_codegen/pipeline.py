"""The generator: `read` has its passes in order, `generate` prints what they give.

Nothing is written here: `write.py` puts files on disk, and the commands talk to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from tightbeam_codegen.incremental.definitions import (
    CompiledDefinition,
    IncrementalCache,
    compiled_definitions,
    context_of,
)
from tightbeam_codegen.model import ChannelModel, EventModel, Model
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.check import Definition, EventDefinition, check_event_names, check_overlaps
from tightbeam_codegen.read.chosen_names import choose_names, warn_of_unused_names
from tightbeam_codegen.read.definitions import (
    Unchanged,
    check_definitions,
    load_definitions,
    refuse_empty_root,
    warn_of_near_misses,
)
from tightbeam_codegen.read.described import describe
from tightbeam_codegen.read.discover import discover
from tightbeam_codegen.read.documents import find_reached, resolve
from tightbeam_codegen.read.event_data import check_event_data
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise import TooMuch
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.topics import NO_SHAPES, check_modules_of, normalise
from tightbeam_codegen.read.validators import check_validators
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets import TARGETS, Target, wanted
from tightbeam_codegen.targets.protocol import Job, Output, Store

__all__ = ["Recall", "Result", "generate", "read", "read_documents"]

Recall: TypeAlias = Callable[[Sequence[Document], Sources], Mapping[str, Unchanged]]
"""Returns those of some definition files, by path, that need no reading."""


def read(
    root: Path,
    settings: Settings,
    *,
    shown_root: str,
    exact: bool = False,
    recall: Recall | None = None,
) -> Model:
    """Read the definitions below a schema root, pass by pass.

    What is wrong with definitions raises nothing: the model's problems have it, each with place and remedy.

    Args:
        root: the schema root.
        settings: what reading depends on besides.
        shown_root: how messages name the root.
        exact: whether exact shapes are wanted too.
        recall: returns definitions that are as they were in an earlier run, with all they refer to.
    """
    problems = Problems()
    sources = Sources(root, shown_root, settings.refs)
    documents = load_definitions(discover(root, shown_root, problems), sources, problems)
    refuse_empty_root(root, shown_root, documents, problems)
    recalled = recall(documents, sources) if recall else {}
    changed = [document for document in documents if document.path not in recalled]
    model = read_documents(changed, tuple(recalled.values()), sources, settings, problems, exact=exact)
    warn_of_near_misses(root, shown_root, documents, sources, problems)
    return replace(model, problems=problems.sorted())


def read_documents(
    documents: Sequence[Document],
    unchanged: tuple[Unchanged, ...],
    sources: Sources,
    settings: Settings,
    problems: Problems,
    *,
    exact: bool = False,
) -> Model:
    """Read definitions, pass by pass.

    Args:
        documents: the definition files.
        unchanged: other definitions of the root, which need no reading.
        sources: read what definitions refer to.
        settings: what reading depends on besides.
        problems: takes what is wrong; what it has already counts too.
        exact: whether exact shapes are wanted too.
    """
    checked = check_definitions(documents, sources, settings, problems)
    definitions = [each.definition for each in checked]
    everything = (*definitions, *(each.definition for each in unchanged))
    check_overlaps([each for each in everything if isinstance(each, Definition)], problems)
    check_event_names([each for each in everything if isinstance(each, EventDefinition)], problems)
    is_complete = not problems.has_errors
    resolved = resolve(definitions, unchanged, sources, settings, problems)
    reached = find_reached(definitions, resolved, sources, problems)
    chosen = choose_names(settings, sources, problems)
    shapes, exact_shapes = NO_SHAPES, None
    if not (resolved.is_sound and all(each.is_sound for each in reached.values())):
        return Model((), (), unchanged, resolved, shapes, exact_shapes, problems.sorted(), is_complete=False)
    try:
        shapes = normalise(definitions, unchanged, resolved, chosen.names, problems)
        check_event_data(definitions, shapes, problems)
        if exact and is_complete:
            exact_shapes = normalise(definitions, unchanged, resolved, shapes.names, problems, exact=True)
    except TooMuch:
        is_complete = False
    described: tuple[ChannelModel | EventModel, ...] = ()
    if is_complete:
        check_modules_of(shapes, everything, problems)
        described = describe(checked, reached, chosen, shapes, resolved)
        warn_of_unused_names(chosen, shapes.names, unchanged, settings, problems)
        if not problems.has_errors:
            for each in described:
                check_validators(each.definition, each.bundle.text(), problems)
    problems.extend(problem for each in unchanged for problem in each.problems)
    return Model(
        tuple(each for each in described if isinstance(each, ChannelModel)),
        tuple(each for each in described if isinstance(each, EventModel)),
        unchanged,
        resolved,
        shapes,
        exact_shapes,
        problems.sorted(),
        is_complete,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """The files of a run, and its problems. If one of these is an error, there are no files."""

    files: Mapping[str, Mapping[str, str]]
    """By target: text by posix path inside the target's folder."""
    problems: tuple[Problem, ...]
    channels: int
    """How many channel definitions there are."""
    events: int
    """How many event definitions there are."""


def generate(
    root: Path,
    settings: Settings,
    *,
    shown_root: str,
    version: str,
    targets: Sequence[Target] = TARGETS,
    cache: Store | None = None,
    remembered: IncrementalCache | None = None,
) -> Result:
    """Read the definitions below a schema root, and print them for the targets that settings ask for.

    Args:
        root: the schema root.
        settings: what generation depends on besides.
        shown_root: how messages name the root.
        version: of the tool, for the generated headers.
        targets: those that there are.
        cache: keeps what targets work out between runs; with it runs are faster and give the same.
        remembered: the definitions of earlier runs; likewise.
    """
    asked_for = [target for target, _ in wanted(targets, settings)]
    job = Job(settings, version, cache)

    def run(recall: Recall | None) -> tuple[Model, dict[str, Output]]:
        exact = any(target.exact for target in asked_for)
        model = read(root, settings, shown_root=shown_root, exact=exact, recall=recall)
        return model, {t.name: t.generate(model, job) for t in asked_for} if model.is_complete else {}

    def work() -> Result:
        unchanged: dict[str, CompiledDefinition] = {}

        def recall(documents: Sequence[Document], sources: Sources) -> Mapping[str, CompiledDefinition]:
            unchanged.update(remembered.recall(documents, sources) if remembered else {})
            return unchanged

        model, outputs = run(recall)
        context = context_of(model, outputs)
        if model.is_complete and any(each.context != context for each in unchanged.values()):
            # Names have changed that are in the files of unchanged definitions.
            unchanged.clear()
            model, outputs = run(None)
        compiled = [*compiled_definitions(model, outputs), *unchanged.values()]
        result = _result(model, outputs, compiled)
        if remembered and result.files:
            remembered.remember(compiled)
        return result

    return with_room(work)


def _result(model: Model, outputs: Mapping[str, Output], compiled: Sequence[CompiledDefinition]) -> Result:
    """Merge the files and the problems of targets and definitions."""
    problems = Problems()
    problems.extend(model.problems)
    files: dict[str, dict[str, str]] = {}
    for name, output in outputs.items():
        problems.extend(output.problems)
        for warnings in output.warnings.values():
            problems.extend(warnings)
        # Shared classes of an unchanged definition are in its own files, which take precedence.
        files[name] = dict(output.common)
        for each in compiled:
            files[name] |= each.files[name]
    events = sum(isinstance(each, EventDefinition) for each in model.definitions)
    channels = len(model.definitions) - events
    return Result({} if problems.has_errors else files, problems.sorted(), channels, events)
