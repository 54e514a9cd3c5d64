"""The subcommands of `tightbeam runs` and their options."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from tightbeam_cli.runs.asked import MOST, Selection, Where
from tightbeam_cli.runs.moments import since as moment_of
from tightbeam_cli.runs.verbs import with_verb
from tightbeam_codegen.problems import visible

__all__ = ["report_misuse", "runs"]


class _WithVerb(TyperGroup):
    """Takes ``FILE``, ``FILE RUN`` and ``FILE RUN --resume`` as well, without a subcommand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_verb(args))


runs = typer.Typer(
    cls=_WithVerb,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, show, retry, cancel and resume runs: those in a journal, which is a database FILE or a"
    " Postgres address (postgresql://…), or behind a gateway (--url).",
)

# Written out: the help would load the runtime for it.
_STATES = ("ready", "running", "sleeping", "parked", "done", "failed", "cancelled")
PLACE_AND_RUNS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE] RUN...",
        help="The database file or the Postgres address, unless there is --url; then ids of runs.",
    ),
]
URL = Annotated[
    str | None,
    typer.Option(
        "--url", help="Ask the gateway of this origin, with the server key in TIGHTBEAM_SERVER_KEY."
    ),
]
POSTGRES_SCHEMA = Annotated[
    str,
    typer.Option(
        "--postgres-schema",
        metavar="NAME",
        envvar="TIGHTBEAM_POSTGRES_SCHEMA",
        help="Of an address: the schema of the client's tables.",
    ),
]
AS_JSON = Annotated[bool, typer.Option("--json", help="One JSON document, for programs; errors too.")]
STATES = Annotated[
    list[str] | None,
    typer.Option("--state", help=f"Only runs in this state; may be repeated: {', '.join(_STATES)}."),
]
FUNCTION = Annotated[str | None, typer.Option("--function", help="Only runs of this function.")]
SINCE = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Only runs created since: 15m, 2h, 7d ago, or an ISO 8601 time."
    ),
]
TEXT = Annotated[
    str | None,
    typer.Option(
        "--text", metavar="WORDS", help="Only runs with all these words in id, function, event or error."
    ),
]
LIMIT = Annotated[int, typer.Option("--limit", min=1, help="At most so many, the latest.")]
ALL = Annotated[
    bool, typer.Option("--all", help="Instead of ids: all runs that the options above name, see `list`.")
]


@runs.command("list")
def list_runs(
    file: Annotated[
        str | None,
        typer.Argument(
            help="The database file of an embedded client, or its Postgres address, unless there is --url."
        ),
    ] = None,
    state: STATES = None,
    function: FUNCTION = None,
    since: SINCE = None,
    text: TEXT = None,
    limit: LIMIT = MOST,
    url: URL = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: AS_JSON = False,
) -> None:
    """List the latest runs, oldest first; no payload is shown."""
    from tightbeam_cli.runs.listing import run_list

    raise typer.Exit(
        run_list(
            file,
            Where(url, postgres_schema),
            _selection(state, function, since, text, limit),
            as_json=as_json,
        )
    )


@runs.command()
def show(
    place: PLACE_AND_RUNS = None,
    data: Annotated[bool, typer.Option("--input", help="The data of its event, too.")] = False,
    result: Annotated[bool, typer.Option("--result", help="What it returned, too.")] = False,
    steps: Annotated[bool, typer.Option("--steps", help="What each step returned, too.")] = False,
    url: URL = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: AS_JSON = False,
) -> None:
    """Show one run: its steps, attempts, errors, traceback and messages; payloads only where asked for."""
    from tightbeam_cli.runs.showing import Payloads, run_show

    raise typer.Exit(
        run_show(place or [], Where(url, postgres_schema), Payloads(data, result, steps), as_json=as_json)
    )


@runs.command()
def retry(
    place: PLACE_AND_RUNS = None,
    every: ALL = False,
    function: FUNCTION = None,
    since: SINCE = None,
    text: TEXT = None,
    state: STATES = None,
    limit: LIMIT = MOST,
    url: URL = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: AS_JSON = False,
) -> None:
    """Try failed or cancelled runs again, with their finished steps remembered. --all: the failed ones."""
    _act(
        "retry",
        place,
        every,
        _selection(state, function, since, text, limit),
        Where(url, postgres_schema),
        as_json,
    )


@runs.command()
def cancel(
    place: PLACE_AND_RUNS = None,
    every: ALL = False,
    function: FUNCTION = None,
    since: SINCE = None,
    text: TEXT = None,
    state: STATES = None,
    limit: LIMIT = MOST,
    url: URL = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: AS_JSON = False,
) -> None:
    """End runs that haven't ended: an await is interrupted at once, a plain step at its end."""
    _act(
        "cancel",
        place,
        every,
        _selection(state, function, since, text, limit),
        Where(url, postgres_schema),
        as_json,
    )


@runs.command()
def resume(
    place: PLACE_AND_RUNS = None,
    every: ALL = False,
    function: FUNCTION = None,
    since: SINCE = None,
    text: TEXT = None,
    limit: LIMIT = MOST,
    url: URL = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: AS_JSON = False,
) -> None:
    """Let parked runs be tried again."""
    _act(
        "resume",
        place,
        every,
        _selection(None, function, since, text, limit),
        Where(url, postgres_schema),
        as_json,
    )


def _act(
    action: Literal["retry", "cancel", "resume"],
    place: list[str] | None,
    every: bool,
    selection: Selection,
    where: Where,
    as_json: bool,
) -> None:
    from tightbeam_cli.runs.acting import run_action

    raise typer.Exit(run_action(action, place or [], where, selection, every=every, as_json=as_json))


def _selection(
    states: list[str] | None, function: str | None, since: str | None, text: str | None, limit: int
) -> Selection:
    if unknown := [state for state in states or () if state not in _STATES]:
        raise typer.BadParameter(
            f"there is no state {visible(unknown[0])}; the states are {', '.join(_STATES)}",
            param_hint="--state",
        )
    try:
        moment = None if since is None else moment_of(since, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    return Selection(tuple(states or ()), function, moment, tuple((text or "").split()), limit)


def report_misuse(arguments: Sequence[str], message: str) -> None:
    """Print the JSON document of a call with wrong arguments, if it is one of `tightbeam runs --json`.

    Args:
        arguments: the whole command line.
        message: what is wrong; people have read it already.
    """
    words = list(arguments)
    if words[:1] in (["-C"], ["--directory"]):
        words = words[2:]
    if words[:1] == ["runs"] and "--json" in words:
        from tightbeam_cli.runs.output import Output, RunsFailed, error_object

        error = RunsFailed(message, "See: tightbeam runs --help")
        Output(as_json=True).document({"error": error_object(error)})
