"""The commands and their options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

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


_Schemas = Annotated[
    Path | None,
    typer.Argument(help="The folder of channel definitions. [default: from pyproject.toml, else schemas]"),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="The folder for the bindings. [default: from pyproject.toml, else generated]"
    ),
]


@app.callback()
def _tightbeam(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which one this is.")
    ] = False,
) -> None:
    """Typed realtime channels: definitions in JSON Schema, bindings in Python."""


@app.command()
def generate(
    schemas: _Schemas = None,
    output: _Output = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; print what would change, and exit with 1 if anything."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Generate again whenever a definition changes.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    form: Annotated[
        Literal["text", "github", "json"], typer.Option("--format", help="How problems are printed.")
    ] = "text",
) -> None:
    """Turn channel definitions into Python bindings."""
    from tightbeam_codegen.cli.generate import run_generate, run_watch
    from tightbeam_codegen.cli.request import Request

    request = Request(schemas=schemas, output=output, check=check, strict=strict, form=form)
    if watch and check:
        typer.echo("tightbeam: --watch and --check can't be used together", err=True)
        raise typer.Exit(2)
    raise typer.Exit(run_watch(request) if watch else run_generate(request))


@app.command()
def init(
    schemas: _Schemas = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A schema document in that folder: a topic for each of its shared definitions."
        ),
    ] = None,
) -> None:
    """Write a first channel definition, and say what to do next."""
    from tightbeam_codegen.cli.init import run_init, run_init_from

    raise typer.Exit(run_init(schemas) if source is None else run_init_from(schemas, source))


@app.command()
def runs(
    file: Annotated[Path, typer.Argument(help="The database file of an embedded client.")],
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="One run, shown step by step.")
    ] = None,
) -> None:
    """Show the runs in a database file, or one run's steps and messages."""
    from tightbeam_codegen.cli.runs import run_runs

    raise typer.Exit(run_runs(file, run_id))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="tightbeam", standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0 if done.code is None else 2
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them.
        sys.stderr.close()
        return 2
    return result if isinstance(result, int) else 0
