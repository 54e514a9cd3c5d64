"""`tightbeam runs list`."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from tightbeam._wire.run_json import run_object
from tightbeam_cli.runs.asked import Selection
from tightbeam_cli.runs.output import Output, RunsFailed
from tightbeam_cli.runs.places import source_for
from tightbeam_cli.runs.tables import run_table

__all__ = ["run_list"]


def run_list(file: Path | None, url: str | None, selection: Selection, *, as_json: bool) -> int:
    """Print the latest runs of a selection.

    Args:
        file: the journal; None for those behind a gateway.
        url: the gateway's.
        selection: which runs.
        as_json: whether to print one JSON document: ``runs``, newest first, and whether there are ``more``.

    Returns:
        The exit code.
    """
    output = Output(as_json)
    try:
        found, more = source_for(file, url).runs(selection)
    except RunsFailed as error:
        return output.failed(error)
    if as_json:
        output.document({"runs": [run_object(run) for run in found], "more": more})
    elif not found:
        output.show(Text("no runs yet" if selection.is_all else "no such runs"))
    else:
        output.show(run_table(found[::-1]))
        if more:
            output.show(Text(f"the latest {len(found):,}; --limit shows more", "dim"))
    return 0
