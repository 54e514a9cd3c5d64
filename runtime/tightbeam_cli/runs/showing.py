"""`tightbeam runs show`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tightbeam._wire.run_json import detail_object
from tightbeam_cli.runs.asked import Where
from tightbeam_cli.runs.output import Output, RunsFailed
from tightbeam_cli.runs.places import place_of
from tightbeam_cli.runs.source import RunSource, whole_id
from tightbeam_cli.runs.tables import graph, payload

if TYPE_CHECKING:
    from tightbeam._engine.details import RunDetail

__all__ = ["Payloads", "run_show"]

_UNSEEN = "A step is stored when it has ended. While its program runs, its gateway (--url) shows it before."


@dataclass(frozen=True, slots=True)
class Payloads:
    """The payloads that are shown besides."""

    data: bool = False
    """The data of the event."""
    result: bool = False
    """What the run returned."""
    steps: bool = False
    """What each step returned."""


def run_show(arguments: list[str], where: Where, wanted: Payloads, *, as_json: bool) -> int:
    """Print one run.

    Args:
        arguments: the journal, unless there is a URL, and the run.
        where: the URL, and the schema of a database.
        wanted: the payloads that are printed.
        as_json: whether to print one JSON document.

    Returns:
        The exit code.
    """
    output = Output(as_json)
    try:
        place = place_of(arguments, where)
        if len(place.runs) != 1:
            raise RunsFailed("show takes one run", "See: tightbeam runs show --help")
        detail = place.source.run(whole_id(place.source, place.runs[0]))
        if as_json:
            output.document(_document(place.source, detail, wanted))
        else:
            output.show(
                *graph(detail), *(payload(name, raw) for name, raw in _kept(place.source, detail, wanted))
            )
            if place.kind != "gateway" and detail.summary.state == "running":
                output.show(Text(_UNSEEN, "dim"))
    except RunsFailed as error:
        return output.failed(error)
    return 0


def _kept(source: RunSource, detail: RunDetail, wanted: Payloads) -> Iterator[tuple[str, bytes | None]]:
    run_id = detail.summary.id
    if wanted.data:
        yield "input", source.part(run_id, "event")
    if wanted.result:
        yield "result", source.part(run_id, "result")
    if wanted.steps:
        for step in detail.steps:
            yield f"step {step.id}", _result_of(source, run_id, step.id, step.result_size)


def _result_of(source: RunSource, run_id: str, step: str, size: int | None) -> bytes | None:
    return None if size is None else source.part(run_id, "step", step)


def _document(source: RunSource, detail: RunDetail, wanted: Payloads) -> dict[str, Any]:
    run_id = detail.summary.id
    found = detail_object(detail)
    if wanted.data:
        found["input"] = _value(source.part(run_id, "event"))
    if wanted.result:
        found["result"] = _value(source.part(run_id, "result"))
    if wanted.steps:
        for step, described in zip(detail.steps, found["steps"], strict=True):
            described["result"] = _value(_result_of(source, run_id, step.id, step.result_size))
    return found


def _value(raw: bytes | None) -> Any:
    return None if raw is None else json.loads(raw)
