"""The commands and their options."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tightbeam_cli.runs.commands import POSTGRES_SCHEMA, report_misuse, runs
from tightbeam_codegen.command.failures import WRONG
from tightbeam_codegen.command.options import SCHEMAS, add_generate
from tightbeam_codegen.command.report import report_failure
from tightbeam_codegen.command.request import BreakingFormat
from tightbeam_codegen.version import tool_version

__all__ = ["app", "run"]

app = typer.Typer(
    name="tightbeam",
    help="Typed realtime channels: definitions in JSON Schema, bindings in Python.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tightbeam {tool_version()}")
        raise typer.Exit


@app.callback()
def _tightbeam(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("--directory", "-C", help="Run as if started there.", exists=True, file_okay=False),
    ] = None,
    version: Annotated[  # noqa: ARG001  # its callback does what there is to do
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which one this is.")
    ] = False,
) -> None:
    """Typed realtime channels: definitions in JSON Schema, bindings in Python."""
    if directory is not None:
        context.with_resource(contextlib.chdir(directory))


add_generate(app)


@app.command()
def init(
    schemas: SCHEMAS = None,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Take over what is there: a document of JSON Schema, OpenAPI or AsyncAPI, in JSON or YAML,"
            " or Pydantic models, by package.module or package.module:Model.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="Of --from, only this schema, model or channel; may be repeated."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="With --from, the channel's name, such as orders:{orderId}.")
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="With --from MODULE, write the models' schema document anew, no more."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="With --from MODULE, exit with 1 if --update would change a file."),
    ] = False,
    editor: Annotated[
        bool,
        typer.Option("--editor", help="Only write the metaschemas that editors use, over older ones."),
    ] = False,
) -> None:
    """Write a first channel definition, and say what to do next."""
    from tightbeam_codegen.command.init import run_init, run_init_editor, run_init_from

    if sources is not None and len(sources) > 1:
        typer.echo("tightbeam: --from takes one source: run the command once for each", err=True)
        raise typer.Exit(2)
    source = sources[0] if sources else None
    if source is None and (only or name is not None or update or check):
        typer.echo("tightbeam: --only, --name, --update and --check belong to --from", err=True)
        raise typer.Exit(2)
    if editor:
        raise typer.Exit(run_init_editor(schemas))
    if source is not None and (update or check):
        from tightbeam_codegen.command.refresh import run_check, run_update

        raise typer.Exit((run_check if check else run_update)(schemas, source, tuple(only or ())))
    if source is None:
        raise typer.Exit(run_init(schemas))
    raise typer.Exit(run_init_from(schemas, source, name, tuple(only or ())))


exports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(exports, name="export", help="Describe the channels in a format that others read.")


@exports.callback()
def _export() -> None:
    """Describe the channels in a format that others read."""


@exports.command("asyncapi")
def export_asyncapi(
    schemas: SCHEMAS = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. [default: standard output]")
    ] = None,
    form: Annotated[
        Literal["json", "yaml"] | None,
        typer.Option("--format", help="[default: by the file's name, else json]"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; print what would change, and exit with 1 if anything."),
    ] = False,
    title: Annotated[
        str | None, typer.Option(help="The document's title. [default: the project's name, else Channels]")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--api-version", help="[default: the project's version, else 1.0.0]")
    ] = None,
    description: Annotated[str, typer.Option(help="What the document says of the channels.")] = "",
    view: Annotated[
        Literal["publisher", "subscriber"],
        typer.Option(help="The application that is described: one that sends, or one that receives."),
    ] = "publisher",
    sources: Annotated[
        bool,
        typer.Option(
            "--sources/--no-sources", help="Put the definition files in, for `tightbeam init --from`."
        ),
    ] = True,
) -> None:
    """Write the channels as a document of AsyncAPI 3.0."""
    from tightbeam_codegen.command.export import ExportRequest, run_export

    request = ExportRequest(schemas, output, form, check, title, version, description, view, sources)
    raise typer.Exit(run_export(request))


@app.command()
def breaking(
    against: Annotated[
        str,
        typer.Option(
            metavar="REF-OR-FOLDER",
            help="What to compare with: a folder, or a git ref; main... is where HEAD left main.",
        ),
    ],
    schemas: SCHEMAS = None,
    as_written: Annotated[
        bool,
        typer.Option(
            "--as-written",
            help="Compare schemas as they stand, for readers that aren't ours.",
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for what can't be decided, too.")] = False,
    form: Annotated[
        BreakingFormat,
        typer.Option("--format", help="How it is printed; markdown is for a comment on a pull request."),
    ] = "text",
) -> None:
    """Say in which order a change of definitions can be deployed; exit with 1 if something breaks."""
    from tightbeam_codegen.command.breaking import run_breaking
    from tightbeam_codegen.command.request import BreakingRequest

    raise typer.Exit(run_breaking(BreakingRequest(against, schemas, as_written, strict, form)))


@app.command()
def docs(
    schemas: SCHEMAS = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the site.")] = Path("site"),
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REF-OR-FOLDER",
            help="A git ref or a folder: show too what has changed since, and who is affected.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; print which files would change, and exit with 1 if any."
        ),
    ] = False,
) -> None:
    """Write a static site that describes all channels, for people who read or publish messages."""
    from tightbeam_codegen.command.docs import run_docs

    raise typer.Exit(run_docs(schemas, output, against=against, check=check))


app.add_typer(runs, name="runs")


@app.command()
def backup(
    file: Annotated[
        str, typer.Argument(help="The database file of an embedded client, also of one that runs.")
    ],
    target: Annotated[str, typer.Argument(help="The copy.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier copy.")] = False,
) -> None:
    """Copy a database file, also while a client has it open, and check the copy."""
    from tightbeam_cli.backup import run_backup

    raise typer.Exit(run_backup(file, target, overwrite))


@app.command()
def restore(
    backup: Annotated[str, typer.Argument(help="The copy.")],
    file: Annotated[str, typer.Argument(help="The database file; no client may have it open.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep the file that is there under another name.")
    ] = False,
) -> None:
    """Put a copy in the place of a database file."""
    from tightbeam_cli.backup import run_restore

    raise typer.Exit(run_restore(backup, file, replace))


@app.command()
def move(
    file: Annotated[
        str, typer.Argument(help="The database file of an embedded client; no client may have it open.")
    ],
    address: Annotated[str, typer.Argument(help="postgresql://…, where no client has stored anything yet.")],
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
) -> None:
    """Copy what a database file holds, unfinished runs too, into an empty Postgres schema: all or nothing."""
    from tightbeam_cli.moving import run_move

    raise typer.Exit(run_move(file, address, postgres_schema))


@app.command()
def doctor(
    file: Annotated[
        str | None,
        typer.Argument(
            help="The database file of an embedded client, or its Postgres address, to look at it too."
        ),
    ] = None,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Look at versions, type checkers, bindings and a journal; exit with 1 if something is wrong."""
    from tightbeam_cli.doctor import run_doctor

    raise typer.Exit(run_doctor(file, postgres_schema, as_json))


@app.command()
def serve(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:NAME",
            help="A client, or a gateway; or a Postgres address, to execute no functions.",
        ),
    ],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any.")] = 8288,
    channels: Annotated[
        str, typer.Option(help="The generated package, if it serves a client or an address.")
    ] = "generated",
    dev: Annotated[
        bool | None,
        typer.Option("--dev", help="Take any server key, make up a token secret; this machine only."),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(help="The origin under which browsers find it.", envvar="TIGHTBEAM_PUBLIC_URL"),
    ] = None,
    trusted_proxies: Annotated[
        str | None, typer.Option(help="Addresses of proxies whose X-Forwarded-* are believed, with commas.")
    ] = None,
    access_log: Annotated[bool, typer.Option(help="Log requests, without their tokens.")] = True,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
) -> None:
    """Serve a client's channels to browsers and other processes."""
    from tightbeam_cli.serve import Target, run_serve

    served = Target(target, channels, dev, public_url, postgres_schema)
    raise typer.Exit(run_serve(served, host, port, trusted_proxies, access_log))


@app.command()
def tail(
    channel: Annotated[str, typer.Argument(help="A channel's name, such as uploads:u1.")],
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be repeated.")] = None,
    url: Annotated[
        str, typer.Option(help="The gateway's origin, or a Postgres address.", envvar="TIGHTBEAM_URL")
    ] = "http://127.0.0.1:8288",
    token: Annotated[
        str | None,
        typer.Option(
            help="A subscription token, instead of the key in TIGHTBEAM_SERVER_KEY.", envvar="TIGHTBEAM_TOKEN"
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Show durable messages after this position first, or from the start.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="End after so many messages; 0 for never.")] = 0,
    postgres_schema: POSTGRES_SCHEMA = "tightbeam",
) -> None:
    """Show the messages of a channel as they come."""
    from tightbeam_cli.tail import Followed, run_tail

    followed = Followed(channel, topic or [], after, url, token, postgres_schema)
    raise typer.Exit(run_tail(followed, as_json, limit))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="tightbeam", standalone_mode=False)
    except _Refusal as refusal:
        from tightbeam._engine.addresses import hide_passwords

        # It may quote an address among the arguments.
        refusal.message = hide_passwords(refusal.message or "", arguments)
        refusal.show()
        report_failure(arguments, refusal.format_message())
        report_misuse(arguments, refusal.format_message())
        return WRONG
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0 if done.code is None else 2
    except BrokenPipeError:
        # The program that read the output has ended, so that no message would reach it.
        sys.stderr.close()
        return 2
    return result if isinstance(result, int) else 0


# click's ClickException, of which typer's public names show only this descendant.
_Refusal: Any = typer.BadParameter.__mro__[2]
