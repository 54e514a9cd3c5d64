"""From schemas that a document offers to a channel definition with a topic for each that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tightbeam_codegen.imports.imported import Imported, Source, Wanted, refusal
from tightbeam_codegen.imports.topics import Topics
from tightbeam_codegen.names import snake
from tightbeam_codegen.phrases import counted
from tightbeam_codegen.problems import Problem, quoted
from tightbeam_codegen.read.check.templates import placeholders
from tightbeam_codegen.read.load import Pointer
from tightbeam_codegen.suggest import did_you_mean

__all__ = ["Candidate", "channel_of"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schema of a document that can become a topic."""

    name: str
    pointer: Pointer
    is_root: bool = False
    """Whether it is the document itself."""


def channel_of(
    source: Source,
    wanted: Wanted,
    candidates: Sequence[Candidate],
    *,
    notes: Sequence[str] = (),
    left_out: Sequence[Problem] = (),
) -> Imported:
    """Return a definition of one channel, with a topic for each schema that is wanted.

    Args:
        source: the document.
        wanted: what the command line asks for.
        candidates: the schemas that the document offers.
        notes: sentences for the author.
        left_out: what can't be taken from the document.

    Raises:
        DefinitionErrors: a schema that was asked for isn't there.
    """
    chosen = _chosen(source, wanted, candidates)
    topics = Topics()
    for each in chosen:
        topics.add(each.name, {"schema": {"$ref": source.reference(each.pointer)}})
    file = source.file
    stem = file.rpartition(".")[0].removesuffix(".schema")
    name = wanted.name or snake(file.partition(".")[0]).replace("_", "-")
    definition = {"name": name, "topics": topics.schemas}
    if params := {param: {"type": "string"} for param in placeholders(name)}:
        definition = {"name": name, "params": params, "topics": topics.schemas}
    written = f"{stem}-topics.channel.json"
    more = () if wanted.name else ("Keep in the definition what you publish, and give the channel its name.",)
    return Imported(
        definitions={written: definition},
        summaries={written: _summary(source, chosen)},
        notes=(*notes, *more),
        left_out=tuple(left_out),
    )


def _chosen(source: Source, wanted: Wanted, candidates: Sequence[Candidate]) -> list[Candidate]:
    if not wanted.only:
        return list(candidates)
    known = {each.name for each in candidates}
    for name in wanted.only:
        if name not in known:
            message = f"no schema {quoted(name)} in {source.file}"
            remedy = did_you_mean(name, known) or f"It has {', '.join(map(quoted, sorted(known)[:10]))}."
            raise refusal(source.document, (), message, remedy)
    return [each for each in candidates if each.name in wanted.only]


def _summary(source: Source, chosen: Sequence[Candidate]) -> str:
    path = source.file
    has_root = any(each.is_root for each in chosen)
    shared = len(chosen) - has_root
    schemas = counted(shared, "schema")
    each = f"{schemas} in it" if has_root else f"{schemas} in {path}"
    if not shared:
        return f"1 topic, for {path} itself."
    topics = counted(len(chosen), "topic")
    return f"{topics}, for {path} itself and {each}." if has_root else f"{topics}, for {each}."
