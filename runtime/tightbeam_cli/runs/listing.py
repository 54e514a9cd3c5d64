"""`tightbeam runs list`."""

from __future__ import annotations

from rich.text import Text

from tightbeam._wire.run_json import run_object
from tightbeam_cli.runs.asked import Selection, Where
from tightbeam_cli.runs.output import Output, RunsFailed
from tightbeam_cli.runs.places import place_of
from tightbeam_cli.runs.tables import run_table

__all__ = ["run_list"]


def run_list(journal: str | None, where: Where, selection: Selection, *, as_json: bool) -> int:
    """Print the latest runs of a selection.

    Args:
        journal: the journal; None if the URL says where.
        where: the URL, and the schema of a database.
        selection: which runs.
        as_json: whether to print one JSON document: ``runs``, newest first, and whether there are ``more``.

    Returns:
        The exit code.
    """
    output = Output(as_json)
    try:
        place = place_of([] if journal is None else [journal], where)
        if place.runs or (place.kind == "gateway" and journal is not None):
            raise RunsFailed("both a journal and --url are named", "Name a journal, or --url, not both.")
        found, more = place.source.runs(selection)
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
