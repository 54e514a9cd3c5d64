"""`tightbeam runs retry`, `cancel` and `resume`."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from typing import Any

from tightbeam_cli.runs.asked import MOST, Selection, Where
from tightbeam_cli.runs.output import Output, RunsFailed, error_object
from tightbeam_cli.runs.places import Place, place_of
from tightbeam_cli.runs.source import Action, whole_id
from tightbeam_codegen.problems import visible

__all__ = ["run_action"]

_DONE = {
    "retry": "is tried again",
    "cancel": "is cancelled",
    "resume": "goes on",
}
_LATER = " when a client is entered"
_STATES: dict[Action, tuple[str, ...]] = {
    "retry": ("failed",),
    "cancel": ("ready", "running", "sleeping", "parked"),
    "resume": ("parked",),
}
"""The states that ``--all`` is about, unless others are named."""
_HOPELESS = ("JournalRefused", "GatewayRefused", "NotEntered", "RequestFailed")
"""Errors that the next run would meet as well."""


def run_action(
    action: Action, arguments: list[str], where: Where, selection: Selection, *, every: bool, as_json: bool
) -> int:
    """Retry, cancel or resume runs, and print what became of each.

    Args:
        action: what to do.
        arguments: the journal, unless there is a URL, and ids of runs, or how they begin.
        where: the URL, and the schema of a database.
        selection: which runs, with ``every``.
        every: whether to take the runs of the selection instead of ids.
        as_json: whether to print one JSON document: ``ok``, ``runs``, each with ``id`` and
            ``error``, and whether there are ``more``.

    Returns:
        The exit code: 0 if all of them could be changed.
    """
    output = Output(as_json)
    try:
        place = place_of(arguments, where)
        run_ids, more = _chosen(action, place, selection, every=every)
    except RunsFailed as error:
        return output.failed(error)
    done: list[dict[str, Any]] = []
    with closing(place.source):
        for run_id in run_ids:
            done.append(_one(action, place, run_id, output))
            if done[-1]["error"] is not None and done[-1]["error"]["type"] in _HOPELESS:
                break
    ok = all(one["error"] is None for one in done)
    if as_json:
        output.document({"ok": ok, "runs": done, "more": more})
    elif not done:
        sys.stdout.write("no such runs\n")
    elif more:
        sys.stdout.write(f"{len(done):,} runs; there are more: run it again\n")
    return 0 if ok else 2


def _chosen(action: Action, place: Place, selection: Selection, *, every: bool) -> tuple[list[str], bool]:
    """Return the runs that are meant, oldest first, and whether there are more of a selection."""
    if not every:
        if not selection.is_all or selection.limit != MOST:
            raise RunsFailed(
                f"--state, --function, --since, --text and --limit choose runs for `{action} --all`",
                "Add --all, or leave them out and name runs.",
            )
        if not place.runs:
            raise RunsFailed(f"{action} takes runs, or --all", f"See: tightbeam runs {action} --help")
        return [whole_id(place.source, run_id) for run_id in place.runs], False
    if place.runs:
        raise RunsFailed(f"{action} takes either runs or --all", f"See: tightbeam runs {action} --help")
    if action == "cancel" and selection.is_all:
        states = " ".join(f"--state {state}" for state in _STATES[action])
        raise RunsFailed(
            "cancel --all without a filter would cancel every run that hasn't ended",
            f"Say which: by --function, --since or --text, or if all are meant by {states}",
        )
    found, more = place.source.runs(replace(selection, states=selection.states or _STATES[action]))
    return [run.id for run in found][::-1], more


def _one(action: Action, place: Place, run_id: str, output: Output) -> dict[str, Any]:
    try:
        place.source.act(action, run_id)
    except RunsFailed as error:
        if not output.as_json:
            output.failed(error)
        return {"id": run_id, "error": error_object(error)}
    if not output.as_json:
        when = _LATER if place.kind == "file" and action != "cancel" else ""
        sys.stdout.write(f"run {visible(run_id)} {_DONE[action]}{when}\n")
    return {"id": run_id, "error": None}
